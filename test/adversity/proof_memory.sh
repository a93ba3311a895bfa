# The proof's memory is that of a stretch of bars: not of the tasks, nor of the time between bars, nor of what it finds.
#
# Measured is the peak of the backend's address space, before and after: shared memory is in it from the beginning, whatever is touched.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "${ROOT:?}/scripts/packages.sh"
source "$ROOT/scripts/tap.sh"

export PGDATABASE=proof_memory
fresh_database "$PGDATABASE"

# grown CALL… : by how many MB the calls raise the backend's peak of memory, and what they say.
grown() {
	local call
	{
		echo "SET search_path = public; SELECT count(*) FROM agg_verify('MANY1', '5m', '1999-01-01', '1999-01-02');"
		echo "SELECT peak() AS before \\gset"
		for call in "$@"; do echo "$call;"; done
		echo "SELECT (peak() - :before) / 1024 AS grown \\gset"
		echo "\\echo grown :grown"
	} | psql -X -q -A -t -v ON_ERROR_STOP=1 2>&1
}

psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION aggregation;
SELECT FROM agg_setup();
CREATE FUNCTION peak() RETURNS bigint LANGUAGE sql AS $$
	SELECT (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status', 0, 100000), 'VmPeak:\s+(\d+) kB'))[1]::bigint
$$;
CREATE PROCEDURE tasks(prefix text, n int, starts timestamptz DEFAULT '-infinity') LANGUAGE sql AS $$
	INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe, agg_start_utc, last_agg_bar_ts_utc)
	SELECT prefix || i, '5m', '1m', starts, '200000-02-01 00:00+00' FROM generate_series(1, n) AS i
$$;
CREATE PROCEDURE minutes(prefix text, n int, first timestamptz, how_many int) LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT prefix || i, '1m', first + make_interval(mins => m), 1, 1, 1, 1, 1 FROM generate_series(1, n) AS i, generate_series(0, how_many - 1) AS m
$$;
SET aggregation.tracking = off;
CALL tasks('MANY', 2000);
CALL minutes('MANY', 2000, '2025-07-01', 60);
CALL tasks('APART', 1);
CALL minutes('APART', 1, '0025-07-01', 500);
CALL minutes('APART', 1, '2025-07-01', 500);
CALL tasks('ENDS', 1);
CALL minutes('ENDS', 1, '4599-01-02 00:00+00 BC', 500);
CALL minutes('ENDS', 1, '200000-01-01', 500);
CALL tasks('WRONG', 1);
CALL minutes('WRONG', 1, '2024-01-01', 100000);
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'WRONG1', '5m', t, 2, 2, 2, 2 FROM generate_series('2024-01-01'::timestamptz, '2024-03-10', '5 min') AS t;
VACUUM ANALYZE;
SQL

small() {
	local said=$1 grown
	grown=$(sed -n 's/^grown //p' <<<"$said")
	if [ "${grown:-1000000}" -le "$2" ]; then echo "grows little"; else echo "$said" | tail -n 3; fi
	echo "# grown by ${grown:-?} MB: $3" >&3
}
exec 3>&1
is "$(small "$(grown "SELECT count(*) FROM agg_verify() WHERE canonical_symbol LIKE 'MANY%'")" 32 '2,000 tasks with an hour of bars')" 'grows little' '2,000 tasks with an hour of bars'
is "$(small "$(grown "SELECT count(*) FROM agg_verify('APART1')")" 8 'two groups of bars, 2,000 years apart')" 'grows little' 'two groups of bars, 2,000 years apart'
is "$(small "$(grown "SELECT count(*) FROM agg_verify('ENDS1')")" 8 'bars in 4599 BC and in 200000 AD')" 'grows little' 'bars in 4599 BC and in 200000 AD'
is "$(small "$(grown "SELECT count(*) FROM agg_verify('WRONG1')")" 40 'hundreds of thousands of differences')" 'grows little' 'hundreds of thousands of differences'
is "$(small "$(grown "SELECT agg_verify_sample(1, '10 minutes', 1)")" 40 'a whole sample')" 'grows little' 'a sample of everything'
is "$(psql -X -q -A -t -c "SELECT count(*) FROM agg_verify('WRONG1')" -c "SELECT count(*) FROM agg_verify('APART1')" -c "SELECT count(*) FROM agg_verify('ENDS1')" -c "SELECT count(*) FROM agg_verify() WHERE canonical_symbol LIKE 'MANY%'")" '99492
200
200
24000' 'and nothing is overlooked'
psql -X -q -d postgres -c "DROP DATABASE $PGDATABASE WITH (FORCE)"
done_testing
