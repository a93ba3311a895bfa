# A server of a test's own, besides the one that all tests share: for tests that kill, restart or preload. Sourced, after tap.sh.
#
# own_server [SETTING=VALUE…] makes and starts one; it goes when the test ends. ROOT and PG_CONFIG come from the suite.
source "${ROOT:?}/scripts/packages.sh" || exit 1
source "$ROOT/scripts/server.sh" || exit 1

own_server() {
	own_folder=$(mktemp -d /tmp/aggregation-own.XXXXXX)
	chmod 711 "$own_folder"
	server_folder=$own_folder/server
	server_socket=
	trap 'server_remove; rm -rf -- "$own_folder"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	server_make "$own_folder/server" || exit 1
	own_settings=("$@")
	server_start "${own_settings[@]}" || exit 1
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# eventually SECONDS QUERY : polls until the query answers t; false if it does not in time (a server that restarts answers nothing).
eventually() {
	local until=$((SECONDS + $1))
	while [ $SECONDS -lt $until ]; do
		[ "$(sql -c "$2" 2>/dev/null || true)" = t ] && return 0
		sleep 0.05
	done
	return 1
}

# happens SECONDS QUERY DESCRIPTION : the same as a test.
happens() {
	local outcome=never
	if eventually "$1" "$2"; then outcome=yes; fi
	is "$outcome" yes "$3"
}

# log_lines PATTERN : how many lines of the server's log match.
log_lines() { grep -cE -- "$1" "$server_folder/log" || true; }
