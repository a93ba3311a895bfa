#!/usr/bin/env bash
# Builds the extension and runs every suite against a private server that is thrown away.
# A suite is a file in scripts/suites/, sourced in a subshell; it appends its counts to $COUNTS.
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
ROOT=$(dirname -- "$here")
all_suites=(unit regress pgtap managed hypertables adopted adoption security reference isolation sessions upgrade histories crash worker adversity monitoring citus import data report scripts documents)
# Only by name: they take what time they are given, or another compiler's flags.
extra_suites=(fuzz sanitized package)

usage() {
	cat <<TEXT
usage: ./run test [SUITE …]

Installs what is missing, builds and installs the extension, starts a private PostgreSQL in a
folder of its own, runs the suites and stops it again. The last line says how many tests passed
and failed; the exit status is 1 if any failed or none ran.

Suites: ${all_suites[*]}
Only by name: ${extra_suites[*]}
  unit       core and operations without a server, also under sanitizers    regress  the SQL surface
  pgtap      behaviour                                                       import   the importer
  adopted    behaviour on tables that were there before                      adoption   an older system's database, taken over and given back
  managed    tables that another extension manages
  hypertables  TimescaleDB's, where it is installed
  security   attacks as a hostile role would write them
  reference  bit by bit against a PL/pgSQL reference                         scripts  the commands
  isolation  races, step by step                                             documents  what README and docs/ print
  sessions   several sessions at once, dump and restore
  upgrade    from 1.0 to this release, beside a session with the old library, out of a dump
  worker     the background worker and pg_cron
  histories  random histories of concurrent sessions (AGGREGATION_HISTORY_ROUNDS, AGGREGATION_SEED)
  crash      runners and servers killed at random moments (AGGREGATION_CRASH_ROUNDS, AGGREGATION_SEED)
  adversity  too little memory, disk, locks; a standby
  report     the page of ./run report, in a headless Chromium
  monitoring agg_metrics(), alerts and dashboard, with Debian's Prometheus and exporter
  citus      several nodes, where Citus is installed
  fuzz       random input (AGGREGATION_FUZZ_SECONDS, AGGREGATION_SEED)       sanitized  pgtap and reference under sanitizers
  package    Debian packages, built and installed in clean systems (AGGREGATION_DEBIAN)
  data       real market data in \$AGGREGATION_DATA (default ../shared/data), skipped without

PG_CONFIG chooses the PostgreSQL (default: the newest that is installed with its headers, else the
one that the system's release packages).
TEXT
}

suites=()
for suite in "$@"; do
	case " ${all_suites[*]} ${extra_suites[*]} " in
	*" $suite "*) suites+=("$suite") ;;
	*)
		case $suite in
		-h | --help)
			usage
			exit 0
			;;
		esac
		printf 'test: there is no suite "%s"\n' "$suite" >&2
		printf 'Hint: the suites are %s\n' "${all_suites[*]} ${extra_suites[*]}" >&2
		exit 2
		;;
	esac
done
if [ ${#suites[@]} -eq 0 ]; then suites=("${all_suites[@]}"); fi

source "$here/progress.sh"
source "$here/packages.sh"
source "$here/server.sh"
source "$here/build.sh"
source "$here/tap.sh"

scratch_folder
trap 'interrupted_apt >&2 || true; exit 130' INT
trap 'exit 143' TERM HUP
choose_postgresql
need_build
need_archives
need_tests
install_missing

echo "Building and installing the extension for $("$PG_CONFIG" --version)"
build_and_install "$ROOT"

folder=$(mktemp -d /tmp/aggregation-test.XXXXXX)
server_folder=$folder/server
server_socket=
cleanup() {
	# What a server still runs on is not deleted under it.
	if server_remove; then rm -rf -- "$folder"; fi
	give_back "$ROOT"
	scratch_remove
}
trap cleanup EXIT
# The server's owner must get through to its folder.
chmod 711 "$folder"

server_make "$folder/server"
server_start fsync=off synchronous_commit=off max_connections=50 autovacuum_naptime=10s

passed=0 failed=0 skipped=0
summary=()
for suite in "${suites[@]}"; do
	echo
	echo "== $suite"
	COUNTS=$folder/counts
	: >"$COUNTS"
	export COUNTS ROOT
	started=$SECONDS
	# A suite that breaks off is a failure of its own.
	status=0
	(
		set +e
		# pg_prove takes an interrupt for itself: without this the next file would follow.
		trap 'exit 130' INT
		source "$here/suites/$suite.sh"
		exit 0
	) || status=$?
	if [ "$status" -ne 0 ]; then count 0 1; fi
	read -r p f s < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$COUNTS")
	if [ $((p + f + s)) -eq 0 ]; then echo "  nothing to run"; fi
	summary+=("$(printf '%-10s %5d passed %5d failed %5d skipped  %4d s' "$suite" "$p" "$f" "$s" $((SECONDS - started)))")
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

echo
printf '%s\n' "${summary[@]}"
cleanup
trap - EXIT
line="$passed passed, $failed failed"
if [ "$skipped" -gt 0 ]; then line+=", $skipped skipped"; fi
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
