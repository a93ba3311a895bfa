# TAP in bash, for the tests beside this file. Sourced: set up a symbol's bars with the
# importer, then compare what it said and what is stored.

tests_run=0
tests_failed=0

is() {
	tests_run=$((tests_run + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests_run - $3"
	else
		tests_failed=$((tests_failed + 1))
		echo "not ok $tests_run - $3"
		printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2" | sed 's/^/#   /'
	fi
}

like() {
	tests_run=$((tests_run + 1))
	if [[ $1 =~ $2 ]]; then
		echo "ok $tests_run - $3"
	else
		tests_failed=$((tests_failed + 1))
		echo "not ok $tests_run - $3"
		printf 'got:\n%s\nwanted something like:\n%s\n' "$1" "$2" | sed 's/^/#   /'
	fi
}

done_testing() { echo "1..$tests_run"; }

# skip_all WHY : the whole file counts as one skipped test.
skip_all() {
	echo "ok 1 # SKIP $1"
	echo "1..1"
	exit 0
}

# import ARGUMENT… : leaves what it said in $said and its exit status in $status.
import() {
	status=0
	said=$("$AGGREGATION_RUN" import "$@" 2>&1) || status=$?
}

# bars SYMBOL : one line a stored minute.
bars() {
	psql -X -q -A -t -F ' ' -v symbol="$1" <<'SQL'
SET timezone = 'UTC';
SELECT to_char(ts_utc, 'YYYY-MM-DD HH24:MI:SS'), open, high, low, close, vol, vwap, trade_count
FROM data_bars WHERE canonical_symbol = :'symbol' AND timeframe = '1m' ORDER BY ts_utc;
SQL
}
