# sqlsmith's random queries over the tables, views and functions of a small world, beside a runner and a feed: no crash, and no internal error
# that comes from a file of this extension. AGGREGATION_FUZZ_SECONDS (default 10) says for how long, AGGREGATION_SEED repeats it.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
source "$(dirname -- "${BASH_SOURCE[0]}")/../own_server.sh"

seconds=${AGGREGATION_FUZZ_SECONDS:-10}
seed=${AGGREGATION_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "# AGGREGATION_SEED=$seed AGGREGATION_FUZZ_SECONDS=$seconds"
own_server fsync=off synchronous_commit=off log_min_messages=error log_error_verbosity=verbose statement_timeout=2s lock_timeout=1s max_connections=10 track_functions=all \
	log_line_prefix="'%e '"
sql -f "$ROOT/test/fuzz/world.sql" >/dev/null
sql -c "DROP SCHEMA fuzz CASCADE" >/dev/null 2>&1
# Its role may do all that a worker may, and read and write the tables; what PostgreSQL keeps for superusers it keeps from it.
sql -c 'CREATE ROLE smith LOGIN' -c 'GRANT ALL ON ALL TABLES IN SCHEMA public TO smith' -c 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO smith' \
	-c 'GRANT pg_read_all_stats TO smith'

# Somebody writes and somebody aggregates meanwhile.
(
	trap 'exit 0' TERM
	for n in $(seq 100000); do
		psql -X -q -c "INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', '2025-07-04'::timestamptz + $n * interval '7 minutes', 1, 1, 1, 1 ON CONFLICT DO NOTHING" \
			-c "CALL agg_run(p_time_budget => '1 second', p_now_utc => '2025-09-01 00:00+00')" >/dev/null 2>&1 || sleep 0.2
		sleep 0.2
	done
) &
beside=$!
timeout "$seconds" sqlsmith --target="host=$PGHOST port=$PGPORT user=smith dbname=postgres" --seed="$seed" --exclude-catalog --verbose >"$own_folder/smith" 2>&1 || true
kill "$beside" 2>/dev/null
wait "$beside" 2>/dev/null
eventually 60 'SELECT true'
# A dot is a query that was answered, a letter one that was not.
marks=$(grep -E '^[.eEtSC]+$' "$own_folder/smith" | tr -d '\n')
answered=${marks//[^.]/}
functions=$(sql -c "SELECT format('%s calls of %s functions of this extension', sum(s.calls), count(*)) FROM pg_stat_user_functions AS s JOIN pg_proc AS p ON p.oid = s.funcid WHERE p.probin LIKE '%aggregation'")
echo "# ${#marks} queries, ${#answered} of them answered; $functions (the runner's and the triggers' among them); errors by SQLSTATE:"
grep -oE '^[0-9A-Z]{5} ERROR' "$server_folder/log" | sort | uniq -c | sort -rn | head -n 8 | sed 's/^/#/'
is "$(server_crashes)" '' 'the server has not crashed'
# The place of an internal error is a line below it.
is "$(grep -A 12 -E '^XX[0-9A-Z]{3} (ERROR|FATAL)' "$server_folder/log" | grep -E 'LOCATION: .*(driver|query|bulk_write|capture|partitions|table_spans|table_owner|timeframes|values|wake|worker|launcher)\.c:' | sort | uniq -c | head -n 5)" '' \
	'nothing internal was raised by this extension'
done_testing
