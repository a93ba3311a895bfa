# The demo's server and folder: it is nobody else's folder, it remembers its PostgreSQL, it deletes what it made; trading days and exact bars; and what a second run shows.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
chmod 711 .

# demo FOLDER ARGUMENT … : leaves what it said in $said and its exit status in $status.
demo() {
	status=0
	said=$(AGGREGATION_DEMO=$1 "$AGGREGATION_RUN" demo "${@:2}" 2>&1) || status=$?
}

mkdir mine
echo precious >mine/notes
for action in '' --stop --remove; do
	# shellcheck disable=SC2086
	demo "$PWD/mine" $action
	like "$status $said" '^1 .*is not empty' "somebody's folder is refused: demo $action"
done
is "$(ls -A mine)" notes 'and nothing in it is touched'

folder="$PWD/a stranger's demo"
trap 'AGGREGATION_DEMO=$folder "$AGGREGATION_RUN" demo --remove >/dev/null 2>&1' EXIT
demo "$folder"
is "$status" 0 'a demo in a folder with blanks and an apostrophe'
like "$said" '1w  ' 'shows bars of a week'
like "$said" 'Stop it: +AGGREGATION_DEMO=[^ ]*a\\ stranger\\'"'"'s\\ demo [^ ]+ demo --stop' 'and a command that can be pasted'
page=$(sed -n 's/^In the browser: *//p' <<<"$said")
if [ -n "$page" ]; then
	is "$page $(grep -c '"symbol" : "DXY"' "$page")" "$folder/demo.html 8" 'a page for the browser, with all bars of DXY'
else
	like "$said" 'No page was written:.*chart library.*Hint' 'without the chart library it says why there is no page'
fi
bars_of() { grep -oE "^ *$1 +\| +[0-9]+" <<<"$said" | grep -oE '[0-9]+$'; }
hours=$(bars_of 1h)

database() { bash -c 'source "$ROOT/scripts/packages.sh"; source "$ROOT/scripts/server.sh"; server_at "$1"; psql -X -q -A -t -d demo -c "$2"' - "$folder" "$1"; }
new_york="to_char(ts_utc AT TIME ZONE 'America/New_York', 'HH24:MI')"
live='FROM derived_data_bars WHERE deleted_at IS NULL'
like "$said" 'calendar fx.*17:00 in New York.*exact' 'it says whose days these are, and what bars are made of'
like "$said" '2025-09-08 \| Sun 2025-09-07 17:00 ' "Monday's day begins on Sunday"
is "$(database "SELECT count(*), count(*) FILTER (WHERE (calendar, source_timeframe) = ('fx', '1m')) FROM data_agg_state")" '49|49' 'all tasks have the currency market'"'"'s calendar and read minutes'
is "$(database "SELECT timeframe, string_agg(DISTINCT $new_york, ' '), count(*) $live AND timeframe IN ('1d', '1w') GROUP BY 1 ORDER BY 1")" $'1d|17:00|35\n1w|17:00|7' 'days and weeks begin at 17:00 in New York'
is "$(database "SELECT timeframe, count(*), sum(source_candles), min(quality_score) $live AND canonical_symbol = 'EURUSD' AND timeframe IN ('1d', '1w') GROUP BY 1 ORDER BY 1")" $'1d|5|7200|2\n1w|1|7200|2' 'a full week scores 2'
is "$(grep -c 'market was closed' <<<"$said")" 0 'no bar lies in a weekend'
is "$(database "SELECT sum(outside_minutes), sum(expected_minutes - missing_minutes - present_minutes) FROM v_aggregation_completeness")" '0|0' 'no minute is outside of the sessions'
is "$(database 'SELECT count(*) FROM agg_verify()')" 0 'the proof finds nothing'
bars="SELECT md5(string_agg(format('%s %s %s %s %s %s %s %s %s/%s %s', canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, source_candles, expected_candles, quality_score), ' ' ORDER BY canonical_symbol, timeframe, ts_utc)) $live"
made=$(database "$bars")

# A folder of the time before calendars: UTC days, bars of bars, and no flat minutes.
database "UPDATE core_asset_registry_all SET metadata = jsonb_set(metadata, '{agg}', metadata -> 'agg' || '{\"source\": \"chain\", \"calendar\": \"utc\", \"start_utc\": \"2025-09-01T00:00:00Z\"}')" >/dev/null
database "DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND vol = 0; DELETE FROM data_bars WHERE canonical_symbol = 'GBPUSD' AND ts_utc >= '2025-09-09 10:00+00' AND ts_utc < '2025-09-09 16:00+00'" >/dev/null
database "SELECT sync_agg_state_from_registry('prod')" >/dev/null
database 'CALL agg_run()' >/dev/null 2>&1
is "$(database "SELECT string_agg(DISTINCT $new_york, ' ') $live AND timeframe = '1d'")" 20:00 'an old folder has UTC days'
is "$(database "SELECT count(*) $live AND canonical_symbol = 'GBPUSD' AND timeframe = '1h' AND ts_utc >= '2025-09-09 10:00+00' AND ts_utc < '2025-09-09 16:00+00'")" 0 'minutes are taken away, and their hours go'
demo "$folder"
is "$status $(bars_of 1h)" "0 $hours" 'the next demo brings the minutes back and makes their hours'
is "$(database "$bars")" "$made" 'and all bars as in a new folder'
is "$(database 'SELECT count(*) FROM agg_verify()')" 0 'what it shows is finished'

# Five days in New York's hours, read as UTC-5: in June, Friday's last hour comes out as the first one of the weekend.
mkdir files
for day in 05 06 07 08 09; do
	for minute in {0..1019}; do printf '202306%s %02d%02d00;1.1;1.2;1.0;1.1;0\n' "$day" $((minute / 60)) $((minute % 60)); done
done >files/DAT_ASCII_EURUSD_M1_202306.csv
demo "$folder" --data files
like "$status $said" '^0 .*12 bars of 5m lie where their market was closed \(EURUSD\)' 'a wrong time zone is noticed'
like "$said" 'last trading days of EURUSD \(America/New_York\)' 'where there is no DXY, days of a pair are shown'

# Without PG_CONFIG, or with another one, it is the server that was started.
status=0
said=$(AGGREGATION_DEMO=$folder PG_CONFIG=/nowhere/pg_config "$AGGREGATION_RUN" demo --stop 2>&1) || status=$?
like "$status $said" '^0 .*is stopped' 'stopped whatever PG_CONFIG says'
is "$(ls "$folder/data/postmaster.pid" 2>&1 | grep -c 'No such')" 1 'really'
echo /nowhere >other_programs
cp "$folder/programs" programs
cat other_programs >"$folder/programs"
for action in --stop --remove; do
	demo "$folder" $action
	like "$status $said" '^1 .*Cannot tell' "a server whose programs are gone: $action fails"
done
is "$(ls "$folder/data/PG_VERSION")" "$folder/data/PG_VERSION" 'and deletes nothing'
cat programs >"$folder/programs"
touch "$folder/mine, too"
demo "$folder" --remove
like "$status $said" '^0 .*did not make stays' 'what was put beside it stays'
is "$(ls -A "$folder")" 'mine, too' 'alone'
rm -r -- "$folder"

# Interrupted at any moment it says so and leaves no temporary file.
mkdir temporary
for seconds in 0.3 0.8 1.5 2.5; do
	before=$(find /tmp -maxdepth 1 -name 'aggregation-scratch.*' | sort)
	# (A command in the background ignores an interrupt, unless somebody has it listen.)
	AGGREGATION_DEMO=$PWD/short perl -e 'setpgrp; $SIG{INT} = "DEFAULT"; exec @ARGV' "$AGGREGATION_RUN" demo >interrupted 2>&1 &
	sleep "$seconds"
	kill -INT -- -$!
	status=0
	wait $! || status=$?
	said="$status $(wc -c <interrupted) $(grep -c Interrupted interrupted)"
	like "$said" '^(130 [0-9]{1,4} 1|0 .*)$' "interrupted after $seconds s: a word, not pages"
	is "$(find /tmp -maxdepth 1 -name 'aggregation-scratch.*' | sort)" "$before" 'and nothing is left behind'
done
AGGREGATION_DEMO=$PWD/short "$AGGREGATION_RUN" demo --remove >/dev/null 2>&1

done_testing
