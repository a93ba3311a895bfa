# What a command leaves behind, and what it says while it works. Sourced.

# scratch_folder : from here on mktemp works in a folder that goes when the command ends, however it ends.
scratch_folder() {
	TMPDIR=$(mktemp -d /tmp/aggregation-scratch.XXXXXX)
	# The server's owner must get through to what is in it.
	chmod 711 "$TMPDIR"
	export TMPDIR
	scratch=$TMPDIR
	trap scratch_remove EXIT
}

scratch_remove() { if [ -n "${scratch:-}" ]; then rm -rf -- "$scratch"; fi; }

# progress WHAT LOG COMMAND … : runs COMMAND, what it says goes to LOG. On a terminal a line says every second how long it
# has worked and what it said last. Answers with its exit status.
progress() {
	local what=$1 log=$2 status=0 ticker=
	shift 2
	: >"$log"
	if [ -t 2 ]; then
		tick "$what" "$log" &
		ticker=$!
	fi
	# (In a subshell: a trap of ours would speak into the log.)
	("$@") >"$log" 2>&1 </dev/null || status=$?
	if [ -n "$ticker" ]; then
		kill "$ticker" 2>/dev/null || true
		wait "$ticker" 2>/dev/null || true
		printf '\r\033[K' >&2
	fi
	return "$status"
}

# tick WHAT LOG : the line itself, until it is killed or the command is gone.
tick() {
	local started=$SECONDS last width
	width=$(tput cols 2>/dev/null || echo 80)
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		last=$(tail -c 4000 -- "$2" 2>/dev/null | LC_ALL=C tr -cd '\12\40-\176' | grep . | tail -n 1 || true)
		# Of a compiler's line the file is enough.
		case $last in *' -c '*) last=${last##* } ;; esac
		last="$1, $((SECONDS - started)) s: $last"
		printf '\r\033[K%s' "${last:0:$((width - 1))}" >&2
	done
}
