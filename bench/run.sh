#!/usr/bin/env bash
# Measures the extension beside what it replaces and beside what cannot be undercut, on tables that hold the same rows, in one run.
#
# It works in the database that PGHOST, PGPORT, PGUSER and PGDATABASE name, which must be empty and on a server of its own (./run bench
# prepares both). Each row has a folder of contenders, one SQL file each; a contender runs in a new session, cleans up before its clock
# starts, and leaves its time in the table bench.sample. In each round every contender runs once, in a shuffled order.
set -euo pipefail
shopt -s inherit_errexit

usage() {
	cat <<'TEXT'
usage: ./run bench [--rounds N] [--quick] [--only ROW[,ROW…]] [--csv FILE]

  --rounds N   rounds a contender runs (default 5; the slow PL/pgSQL baselines at most 3)
  --quick      small sizes: shows that everything works, its figures mean nothing
  --only ROW   one_year, unchanged, due_tasks, runner, dxy, ingest, month, calendars, tick, hour, memory; only when named, since they take
               minutes: freshness, freshness_load, late_bar, holiday, backfill, reading, candlestick
  --csv FILE   where the results go as CSV (default: a new file in the folder for temporary files)
TEXT
}

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
rounds=5 quick=no only=one_year,unchanged,due_tasks,runner,dxy,ingest,month,calendars,tick,hour,memory
csv=${TMPDIR:-/tmp}/aggregation-bench-$(date +%Y%m%d-%H%M%S).csv
while [ $# -gt 0 ]; do
	case $1 in
	--rounds | --only | --csv)
		[ $# -ge 2 ] || { printf 'bench: %s needs a value\n' "$1" >&2; exit 2; }
		case $1 in --rounds) rounds=$2 ;; --only) only=$2 ;; --csv) csv=$2 ;; esac
		shift
		;;
	--quick) quick=yes ;;
	-h | --help) usage; exit 0 ;;
	*) printf 'bench: there is no option "%s"\n\n' "$1" >&2; usage >&2; exit 2 ;;
	esac
	shift
done
[[ $rounds =~ ^[1-9][0-9]{0,2}$ ]] || { printf 'bench: --rounds must be a number from 1 to 999, not "%s"\n' "$rounds" >&2; exit 2; }
for row in ${only//,/ }; do
	case $row in
	one_year | unchanged | due_tasks | runner | freshness | freshness_load | dxy | ingest | month | calendars | tick | hour | backfill | late_bar | holiday | reading | candlestick | memory) ;;
	*) printf 'bench: there is no row "%s"\n\n' "$row" >&2; usage >&2; exit 2 ;;
	esac
done

if [ $quick = yes ]; then
	year_minutes=20160 tasks=500 dxy_minutes=10080 memory_minutes=86400 late_symbols=120 late_year=20160 month=5 calls=50 ticks=200000
else
	year_minutes=525600 tasks=10000 dxy_minutes=132480 memory_minutes=5258880 late_symbols=1000 late_year=525600 month=30 calls=1000 ticks=10000000
fi

# Said now rather than after minutes: that file cannot be written.
: >"$csv"

export PGTZ=UTC PGAPPNAME=bench
sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }
wanted() { [[ ,$only, == *,$1,* ]]; }

# run_round ROW ROUND GROUP… : each group of contenders once, the groups in an order of this round's own. Within a group, joined by +, the
# order is fixed.
run_round() {
	local row=$1 round=$2 group contender
	shift 2
	# The same order on every machine: the bytes that shuf draws from come from the row's name and the round's number.
	for group in $(shuf -e --random-source=<(scrambled "$row$round") -- "$@"); do
		for contender in ${group//+/ }; do
			if [[ $contender == plpgsql* && $round -gt 3 ]]; then continue; fi
			printf '  %s, round %s: %s\n' "$row" "$round" "$contender" >&2
			sql -v measure="$row" -v contender="$contender" -v round="$round" -v folder="$folder" \
				-v minutes="${minutes-0}" -f "$here/$row/$contender.sql" >/dev/null
		done
	done
}
scrambled() { for ((i = 0; i < 64; i++)); do sha256sum <<<"$1 $i"; done | cut -c 1-64; }

header() {
	sql -c "SELECT version()"
	printf '%s cores, %s MB of memory, load %s, extension %s\n' "$(nproc)" \
		"$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
		"$(sql -c "SELECT coalesce((SELECT extversion FROM pg_extension WHERE extname = 'aggregation'), 'missing')")"
	sql -c "SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) FROM pg_settings WHERE name IN ('shared_buffers',
		'work_mem', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'max_wal_size', 'checkpoint_timeout', 'jit', 'wal_compression', 'data_checksums')"
}

timescale_is_there() {
	[ "$(sql -c "SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb')
		AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'")" = t ]
}

timescale_groups() {
	timescale_is_there || return 0
	sql -f "$here/timescale/setup.sql" >/dev/null
	echo timescale_default timescale_best
}

measure_one_year() {
	local groups='ours+ours_again' round minutes=$year_minutes
	sql -v minutes="$minutes" -v folder="$folder" -f "$here/one_year/setup.sql" >/dev/null
	if wanted one_year; then
		groups+=" plpgsql set_based floor_read+floor_copy $(timescale_groups)"
	fi
	for ((round = 1; round <= rounds; round++)); do
		# shellcheck disable=SC2086 # a list of words
		run_round one_year $round $groups
		if wanted one_year && [ "$round" -eq 1 ]; then sql -v round=1 -f "$here/one_year/check.sql"; fi
	done
}

measure_due_tasks() {
	local round
	sql -v tasks=$tasks -v rounds="$rounds" -v folder="$folder" -f "$here/due_tasks/setup.sql" >/dev/null
	for ((round = 0; round <= rounds; round++)); do
		run_round due_tasks $round plpgsql set_based floor ours
		if [ "$round" -eq 1 ]; then sql -v round=1 -f "$here/due_tasks/check.sql"; fi
	done
}

measure_runner() {
	local round
	sql -v tasks=$tasks -v rounds="$rounds" -v folder="$folder" -f "$here/runner/setup.sql" >/dev/null
	for ((round = 0; round <= rounds; round++)); do
		run_round runner $round plpgsql+plpgsql_claims floor one+two
	done
}

measure_freshness() {
	sql -v symbols=1000 -v rounds="$(((rounds + 1) / 2))" -v database="$PGDATABASE" -f "$here/freshness/measure.sql" >/dev/null
}

# Ten times as many rows are ten times as many symbols: a busy market makes more trades, but a bar of a minute comes once a minute.
measure_freshness_load() {
	local symbols
	for symbols in $tasks $((10 * tasks)); do
		sql -v symbols="$symbols" -v minutes="$((2 * ((rounds + 1) / 2) + 1))" -v database="$PGDATABASE" -f "$here/freshness_load/measure.sql" >/dev/null
	done
}

measure_dxy() {
	local round minutes=$dxy_minutes
	sql -v minutes="$minutes" -f "$here/dxy/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		run_round dxy $round seed_sql ours
		sql -v round=$round -f "$here/dxy/check.sql"
	done
}

measure_ingest() {
	local round
	sql -v minutes=$year_minutes -v folder="$folder" -f "$here/ingest/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		run_round ingest $round copy_with copy_without live_with live_without single_with single_without
	done
}

measure_month() {
	local round
	sql -f "$here/month/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		run_round month $round first+corrected+all_corrected
	done
}

measure_calendars() {
	local round
	sql -v minutes=$year_minutes -f "$here/calendars/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		run_round calendars $round utc fx chained exact
	done
}

measure_tick() {
	local round timescale=
	sql -v tasks=$tasks -v rounds="$rounds" -v folder="$folder" -f "$here/tick/setup.sql" >/dev/null
	if timescale_is_there; then
		sql -f "$here/tick/setup_timescale.sql" >/dev/null
		timescale='timescale_default timescale_best'
	fi
	for ((round = 0; round <= rounds; round++)); do
		sql -v round=$round -f "$here/tick/feed.sql"
		# shellcheck disable=SC2086 # a list of words
		run_round tick $round ours two floor probes_floor $timescale
		sql -v round=$round -f "$here/tick/check.sql"
	done
}

measure_hour() {
	local source round
	for source in chained exact; do
		sql -v tasks=$tasks -v source=$source -f "$here/hour/setup.sql" >/dev/null
		for ((round = 0; round <= rounds; round++)); do
			run_round hour $round ${source}_one ${source}_two
		done
	done
}

measure_backfill() {
	local round
	minutes=$year_minutes
	sql -v minutes="$minutes" -f "$here/backfill/setup.sql" >/dev/null
	for ((round = 1; round <= (rounds < 3 ? rounds : 3); round++)); do
		run_round backfill $round one two four
	done
}

measure_late_bar() {
	sql -v symbols=$late_symbols -v week=10080 -v year=$late_year -f "$here/late_bar/measure.sql" >/dev/null
	timescale_is_there || return 0
	late_bar_of_timescale 'a week of 10 symbols' 10 10080
	late_bar_of_timescale 'a week of 100 symbols' 100 10080
	late_bar_of_timescale "a week of $late_symbols symbols" $late_symbols 10080
	late_bar_of_timescale 'one symbol, a year' 1 $late_year
	late_bar_of_timescale 'one symbol, ten years' 1 $((10 * late_year))
}

late_bar_of_timescale() {
	sql -v world="$1" -v symbols="$2" -v minutes="$3" -f "$here/late_bar/timescale.sql" >/dev/null
}

# Each call is a query of its own from one connection, prepared once, and its answer comes to the client. Of a round's calls the median counts as
# its time, and beside it stands what one call in a hundred exceeds.
measure_reading() {
	local round pair what who timescale=
	sql -v minutes=$year_minutes -f "$here/reading/setup.sql" >/dev/null
	if timescale_is_there; then
		sql -f "$here/reading/setup_timescale.sql" >/dev/null
		timescale='week+timescale newest+timescale month_45m+timescale watchlist+timescale'
	fi
	for ((round = 0; round <= rounds; round++)); do
		# shellcheck disable=SC2086 # a list of words
		for pair in $(shuf -e --random-source=<(scrambled "reading$round") -- week+ours week+scan newest+ours month_45m+ours month_45m+scan watchlist+ours $timescale); do
			what=${pair%+*} who=${pair#*+}
			printf '  reading, round %s: %s of %s\n' "$round" "$what" "$who" >&2
			time_calls "$what" "$who" "$round" $((round == 0 ? 10 : calls))
		done
	done
}

time_calls() {
	local measure=reading_$1 file=$here/reading/$1_$2.sql log
	log=$(mktemp -d)
	pgbench -n -M prepared -t "$4" -D days=$((year_minutes / 1440)) -D month=$month -l --log-prefix="$log/calls" -f "$file" >"$log/said" 2>&1 ||
		{ cat "$log/said" >&2; rm -rf -- "$log"; return 1; }
	# Microseconds, the shortest first.
	awk '{ print $3 }' "$log"/calls.* | sort -n | awk -v measure="$measure" -v who="$2" -v round="$3" '{ us[NR] = $1 }
		END { printf "INSERT INTO bench.sample VALUES (\x27%s\x27, \x27%s\x27, %d, %.7f);\n", measure, who, round, us[int((NR + 1) / 2)] / 1e6
		      printf "INSERT INTO bench.fact VALUES (\x27%s\x27, \x27%s: ms that 1 call in 100 exceeds\x27, %d, %.3f);\n", measure, who, round, us[NR - int(NR / 100)] / 1e3 }' >"$log/sql"
	sql -f "$log/sql"
	rm -rf -- "$log"
}

measure_candlestick() {
	local round
	sql -v ticks=$ticks -f "$here/candlestick/setup.sql" >/dev/null
	for ((round = 1; round <= rounds; round++)); do
		run_round candlestick $round ours four by_hand minutes_ours minutes_four minutes_by_hand
	done
}

cleanup() {
	[ -z "${folder-}" ] || sql -c "COPY (SELECT 1) TO PROGRAM 'rm -rf -- $folder'" || true
}
trap cleanup EXIT

for file in prepare data set_based seed_aggregation seed_due_tasks seed_dxy report; do
	sql -f "$here/$file.sql" >/dev/null
done
header
# A folder for the floor's files: the server's own, since the server reads them.
folder=$(sql -c "CREATE TEMP TABLE made (folder text)" -c "COPY made FROM PROGRAM 'mktemp -d /tmp/aggregation-floor.XXXXXX'" -c "TABLE made")

if wanted one_year || wanted unchanged; then measure_one_year; fi
if wanted due_tasks; then measure_due_tasks; fi
if wanted runner; then measure_runner; fi
if wanted freshness; then measure_freshness; fi
if wanted freshness_load; then measure_freshness_load; fi
if wanted dxy; then measure_dxy; fi
if wanted ingest; then measure_ingest; fi
if wanted month; then measure_month; fi
if wanted calendars; then measure_calendars; fi
if wanted tick; then measure_tick; fi
if wanted hour; then measure_hour; fi
if wanted backfill; then measure_backfill; fi
if wanted late_bar; then measure_late_bar; fi
if wanted holiday; then sql -v year=$late_year -f "$here/holiday/measure.sql" >/dev/null; fi
if wanted reading; then measure_reading; fi
if wanted candlestick; then measure_candlestick; fi
if wanted memory; then
	# shellcheck source=bench/memory/watch.sh
	. "$here/memory/watch.sh"
	measure_memory "$memory_minutes" $((rounds < 3 ? rounds : 3))
fi

sql -f "$here/print.sql"
sql -c "COPY (SELECT * FROM bench.report ORDER BY kind DESC, measure, what) TO STDOUT (FORMAT csv, HEADER)" >"$csv"
printf 'CSV: %s\n' "$csv"
if [ $quick = yes ]; then echo 'These were small sizes: the figures show that it works, not how fast.'; fi
