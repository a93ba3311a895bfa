#!/usr/bin/env bash
# Prepares a private server and lets bench/run.sh measure on it; all arguments are bench/run.sh's.
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(dirname -- "$here")
source "$here/progress.sh"
source "$here/packages.sh"
source "$here/server.sh"
source "$here/build.sh"

case ${1-} in
-h | --help)
	cat <<'TEXT'
usage: ./run bench [ARGUMENT …]

Measures the extension beside a PL/pgSQL reference, set-based SQL and the floor, all in one run on
the same rows, in a private PostgreSQL that is thrown away. bench/README.md says what is measured;
arguments go to bench/run.sh. TimescaleDB joins in where it is installed.
TEXT
	exit 0
	;;
esac

scratch_folder
trap 'interrupted_apt >&2 || true; exit 130' INT
trap 'exit 143' TERM HUP
choose_postgresql
need_build
install_missing
build_and_install "$root"

folder=$(mktemp -d /tmp/aggregation-bench.XXXXXX)
chmod 711 "$folder"
server_folder=$folder/server
server_socket=
cleanup() {
	if server_remove; then rm -rf -- "$folder"; fi
	give_back "$root"
	scratch_remove
}
trap cleanup EXIT

settings=(max_wal_size=4GB checkpoint_timeout=30min)
libraries=
if [ -e "$("$PG_CONFIG" --pkglibdir)/timescaledb.so" ]; then libraries=timescaledb; fi
# The background worker, and the time of each commit, are for its freshness alone.
case " $* " in
*freshness*)
	libraries+=${libraries:+,}aggregation
	settings+=(track_commit_timestamp=on)
	;;
esac
settings+=("shared_preload_libraries='$libraries'")
server_make "$folder/server"
server_start "${settings[@]}"
psql -X -q -d postgres -c 'CREATE DATABASE bench'
export PGDATABASE=bench
bash "$root/bench/run.sh" "$@"
