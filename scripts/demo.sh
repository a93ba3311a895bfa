#!/usr/bin/env bash
# From nothing to bars of every timeframe: packages, build, a private server that stays,
# data, DXY, tasks, and a report. Run again, it reuses whatever is there.
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(dirname -- "$here")
source "$here/progress.sh"
source "$here/packages.sh"
source "$here/server.sh"
source "$here/build.sh"
source "$here/archives.sh"
source "$here/recognise.sh"
source "$here/chart_library.sh"

usage() {
	cat <<'TEXT'
usage: ./run demo [--data FOLDER] [--fresh]
       ./run demo --stop | --remove

Installs missing packages, builds the extension and installs it into the PostgreSQL that it finds (other
servers of that PostgreSQL get the same library). Starts a private server on a Unix socket in a folder of
its own, and leaves it running. Loads 1-minute bars, makes DXY and bars of 5m, 15m, 30m, 1h, 4h, 1d and 1w
with the extension's own functions, and shows the result, on the terminal and in a page for the browser.

  --data FOLDER  load the 1-minute files in FOLDER (./run import --help lists the formats). The symbol and
                 the format come from a file's name and content; all other files are left alone and named.
                 Without it, the demo generates six pairs: five trading days, always the same.
  --fresh        start with an empty database instead of reusing what is there
  --stop         stop the server (its data stays)
  --remove       stop the server and delete what it made in its folder

The server's folder is $AGGREGATION_DEMO, by default ~/.local/state/aggregation-demo
(/var/lib/aggregation-demo for root): a folder that does not exist, or an empty one. The folder remembers
its PostgreSQL. PG_CONFIG chooses it for a new folder (default: the newest that is installed with its
headers, else the one that the system's release packages).
TEXT
}

data='' fresh=no action=show
while [ $# -gt 0 ]; do
	case $1 in
	--data=*)
		data=${1#*=}
		shift
		;;
	--data)
		[ $# -ge 2 ] || { echo "demo: --data needs a folder" >&2; exit 2; }
		data=$2
		shift 2
		;;
	--fresh) fresh=yes; shift ;;
	--stop) action=stop; shift ;;
	--remove) action=remove; shift ;;
	-h | --help) usage; exit 0 ;;
	*)
		printf 'demo: "%s" is not understood\n\n' "$1" >&2
		usage >&2
		exit 2
		;;
	esac
done
if [ -n "$data" ]; then
	[ -d "$data" ] || { printf 'demo: there is no folder "%s"\n' "$data" >&2; exit 2; }
	data=$(readlink -f -- "$data")
fi

if [ -n "${AGGREGATION_DEMO:-}" ]; then
	folder=$AGGREGATION_DEMO
elif [ "$(id -u)" -eq 0 ]; then
	folder=/var/lib/aggregation-demo
else
	folder=${XDG_STATE_HOME:-$HOME/.local/state}/aggregation-demo
fi
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac

refuse_folder() {
	echo "demo: the folder $folder $1" >&2
	echo "Hint: set AGGREGATION_DEMO to a folder that does not exist; the demo makes it." >&2
	exit 1
}

if problem=$(server_folder_problem "$folder"); then refuse_folder "$problem"; fi
# The folder remembers its PostgreSQL.
if [ -z "${PG_CONFIG:-}" ] && [ -e "$folder/programs" ]; then
	PG_CONFIG=$(server_programs "$folder")/pg_config
	if [ "$action" = show ] && [ ! -x "$PG_CONFIG" ]; then
		echo "demo: the server in $folder was made by the PostgreSQL in $(dirname -- "$PG_CONFIG"), which is not there any more" >&2
		echo "Hint: set AGGREGATION_DEMO to another folder, or delete this one." >&2
		exit 1
	fi
fi

if [ "$action" != show ]; then
	if [ ! -e "$folder/data/PG_VERSION" ]; then
		echo "There is no demo server in $folder."
		exit 0
	fi
	if [ ! -e "$folder/programs" ]; then choose_postgresql; fi
	server_at "$folder"
	if [ "$action" = remove ]; then
		server_remove || { echo "demo: nothing was deleted" >&2; exit 1; }
		rm -f -- "$folder"/demo*.html
		rmdir -- "$folder" 2>/dev/null || true
		if [ -d "$folder" ]; then
			echo "The demo server is stopped and deleted. What it did not make stays in $folder."
		else
			echo "The demo server is stopped and $folder is gone."
		fi
	else
		server_stop || exit 1
		echo "The demo server is stopped. Its data stays in $folder; ./run demo starts it again."
	fi
	exit 0
fi

explain_interruption() {
	trap - INT TERM
	if interrupted_apt >&2; then exit 130; fi
	cat >&2 <<TEXT

Interrupted. Work that was begun is rolled back; what was finished is kept. Nothing needs mending:
  ./run demo            goes on from there     ./run demo --stop   stops the server, if it runs
TEXT
	exit 130
}
trap explain_interruption INT TERM
scratch_folder
choose_postgresql

need_build
need_archives
need_chart_library
install_missing
server_reachable "$folder" || refuse_folder "cannot be reached"

echo "Building and installing the extension for $("$PG_CONFIG" --version)"
build_and_install "$root"

server_make "$folder"
server_start
echo "The private server runs in $folder."

# Generated and real bars never share a database, nor do two folders of real ones.
database=demo
if [ -n "$data" ]; then
	short=$(basename -- "$data" | LC_ALL=C tr -cd 'a-zA-Z0-9' | cut -c 1-20)
	database=demo_${short,,}_$(printf '%s' "$data" | cksum | cut -d ' ' -f 1)
fi
if [ "$fresh" = yes ]; then
	psql -X -q -d postgres -c 'SET client_min_messages = warning' -c "DROP DATABASE IF EXISTS $database WITH (FORCE)"
fi
if [ -z "$(psql -X -A -t -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$database'")" ]; then
	psql -X -q -d postgres -c "CREATE DATABASE $database"
fi
export PGDATABASE=$database
# (An error's context may be pages of SQL.)
query() { psql -X -q -A -t -P pager=off -v ON_ERROR_STOP=1 -v SHOW_CONTEXT=never "$@"; }
query -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS aggregation' \
	-c 'ALTER EXTENSION aggregation UPDATE' -c 'SELECT * FROM agg_setup()' >/dev/null

if [ -n "$data" ]; then
	echo "Loading 1-minute bars from $data into the database $database"
	declare -A found=()
	loaded=0
	while IFS= read -r -d '' file; do
		if what=$(recognise "$file"); then
			found[$what]+=$file$'\n'
		else
			echo "  left alone: ${file#"$data"/} $what"
		fi
	done < <(find "$data" -type f -print0 | sort -z)
	for what in $(printf '%s\n' "${!found[@]}" | sort | tr ' ' ':'); do
		format=${what%%:*} symbol=${what#*:}
		mapfile -t files < <(printf '%s' "${found[${what/:/ }]}")
		if bash "$here/import.sh" --format "$format" --symbol "$symbol" -- "${files[@]}" | sed -e '/^  no task makes/,/sync_agg_state/d' -e '/^  its tasks make/,/sync_agg_state/d' -e "s/^/  $format /"; then
			loaded=$((loaded + 1))
		fi
	done
	if [ "$loaded" -eq 0 ]; then
		echo "demo: no 1-minute file in $data could be loaded" >&2
		exit 1
	fi
else
	echo "Loading GENERATED bars of six pairs into the database $database (raw says {\"generated\": true})"
	query -f "$here/demo/generate.sql"
fi
query -c "SELECT format('1m: %s bars of %s symbols, %s to %s UTC', count(*), count(DISTINCT canonical_symbol), min(ts_utc) AT TIME ZONE 'UTC', max(ts_utc) AT TIME ZONE 'UTC') FROM data_bars WHERE source <> 'synthetic'"
query -f "$here/demo/register.sql"
psql -X -q -v ON_ERROR_STOP=1 -v SHOW_CONTEXT=never -P pager=off -f "$here/demo/work.sql"

# The page is beside the server, one for each database. Without the chart library the demo is as good.
if bash "$here/report.sh" --out "$folder/$database.html" >"$scratch/report" 2>&1; then
	echo "In the browser: $folder/$database.html"
else
	echo "No page was written:"
	sed 's/^/  /' "$scratch/report"
fi

again=$(printf '%q' "$root/run")
if [ -n "${AGGREGATION_DEMO:-}" ]; then again="AGGREGATION_DEMO=$(printf '%q' "$folder") $again"; fi
cat <<TEXT
Look around:   $(printf '%q' "$(command -v psql)") -h $(printf '%q' "$PGHOST") -U postgres $database
Stop it:       $again demo --stop       Delete it:   $again demo --remove
TEXT
