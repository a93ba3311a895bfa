# ./run report as it is called: wrong words, databases that it cannot read, a file that is there, no network.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# report ARGUMENT … : leaves what it said in $said and its exit status in $status.
report() {
	status=0
	said=$("$AGGREGATION_RUN" report "$@" 2>&1) || status=$?
}

trap 'sql -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS test_report WITH (FORCE)"' EXIT
sql -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS test_report WITH (FORCE)' -c 'CREATE DATABASE test_report'
export PGDATABASE=test_report PGOPTIONS='-c client_min_messages=warning'

report --help
like "$status $said" '^0 usage: ./run report' 'help'
report
like "$status $said" '^1 report: this database does not have the extension.*Hint: .*CREATE EXTENSION' 'a database without the extension'
report -d no_such_database
like "$status $said" '^1 report: .*"no_such_database" does not exist.*Hint: -d' 'no such database'
sql -c 'CREATE EXTENSION aggregation' -c 'SELECT agg_setup()' >/dev/null
sql -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-01', 1, 1, 1, 1)"
while IFS='|' read -r arguments wanted; do
	# shellcheck disable=SC2086
	report $arguments
	like "$status $said" "^2 report: $wanted" "refused: $arguments"
done <<'TEXT'
--dance|there is no option "--dance"
EURUSD|"EURUSD" is not understood
--symbol|--symbol needs a value
--from=|--from is empty
--from yesterdayish|--from "yesterdayish" is no time
--to 2025-13-01|--to "2025-13-01" is no time
--from 2025-07-02 --to 2025-07-01|--from "2025-07-02" is not before --to
--bars 0|--bars is a number
--bars many|--bars is a number
--bars 1000001|--bars is a number
--out /tmp|"/tmp" is a folder
--out nowhere/report.html|there is no folder "nowhere"
TEXT
report --symbol eurusd
like "$status $said" '^2 report: symbol "eurusd" does not exist.*Hint: ' 'a symbol that is not there'
is "$(ls)" '' 'nothing was written by any of these'

report
like "$status $said" '^0 Wrote aggregation-report.html \([0-9.]+KB\)' 'without arguments it writes into the folder where one is'
is "$(ls)" aggregation-report.html 'one file, and nothing beside it'
is "$(grep -c 'https\?://' <(sed -n '/<style>/,/<\/style>/p' aggregation-report.html))" 0 'with no style from elsewhere'
like "$(cat aggregation-report.html)" 'Apache License.*Version 2.0' "and with the chart library's licence"
echo old >'my report.html'
chmod 640 'my report.html'
ln 'my report.html' reader
report --symbol EURUSD --symbol=EURUSD --from 2025-07-01 --to 2025-07-02T00:00Z --bars 10 --out 'my report.html'
is "$status $(cat reader) $(stat -c %a 'my report.html')" '0 old 640' 'a file is replaced by another one, whole, and keeps its mode'
like "$(cat 'my report.html')" '"symbol": "EURUSD"' 'with the symbol'
rm reader aggregation-report.html
echo old >'my report.html'
mkdir programs
printf '#!/bin/sh\nexit 1\n' >programs/psql
printf '#!/bin/sh\necho "npm error code ENOTFOUND" >&2\nexit 1\n' >programs/npm
chmod +x programs/*
AGGREGATION_CACHE=$PWD/cache PATH=$PWD/programs:$PATH report --out 'my report.html'
is "$status $(cat 'my report.html')" '1 old' 'where psql fails, the old file stays'
rm programs/psql
AGGREGATION_CACHE=$PWD/cache PATH=$PWD/programs:$PATH report --out 'my report.html'
like "$status $said" "^1 The chart library .*could not be fetched: npm error code ENOTFOUND.*Hint: on a machine with a network run \"npm pack lightweight-charts@[0-9.]+\", and put the file that it makes into $PWD/cache\$" 'no network and no copy: what to do'
mkdir -p cache
bash -c 'source "$ROOT/scripts/chart_library.sh"; cp "$chart_archive" cache/'
AGGREGATION_CACHE=$PWD/cache PATH=$PWD/programs:$PATH report --out 'my report.html'
is "$status" 0 'a copy that was put there is enough'
printf x >>cache/*.tgz
AGGREGATION_CACHE=$PWD/cache PATH=$PWD/programs:$PATH report --out 'my report.html'
is "$status" 1 'one that was changed is not taken'
is "$(cd "$ROOT" && grep -rlE '(registry|npm)[a-z]*\.[a-z]+\.(org|com)|npm[j]s' --exclude-dir=.git --exclude-dir=build . | head -n 3)" '' 'no registry is named in the repository'
done_testing
