# The worker in Python that examples/ shows: two of them make what the runner would make, and a failure is recorded.
source "$(dirname -- "${BASH_SOURCE[0]}")/../tap.sh"
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# Debian's package is Debian's Python's, which need not come first.
python=
for candidate in python3 /usr/bin/python3; do
	if "$candidate" -c 'import psycopg' 2>/dev/null; then python=$candidate; fi
done
if [ -z "$python" ]; then skip_all 'python3-psycopg is not installed'; fi
psql -X -q -d postgres -c 'SET client_min_messages = warning' -c 'DROP DATABASE IF EXISTS test_python WITH (FORCE)' -c 'CREATE DATABASE test_python'
export PGDATABASE=test_python
trap 'kill $workers 2>/dev/null; psql -X -q -d postgres -c "DROP DATABASE IF EXISTS test_python WITH (FORCE)" -c "DROP ROLE IF EXISTS test_python_worker"' EXIT
sql -c 'CREATE EXTENSION aggregation' -c 'SELECT * FROM agg_setup()' >/dev/null
sql -c 'DROP ROLE IF EXISTS test_python_worker' -c 'CREATE ROLE test_python_worker LOGIN' \
	-c 'GRANT EXECUTE ON FUNCTION agg_get_due_tasks, agg_start, agg_bootstrap_cursor, catchup_aggregation_range, agg_heartbeat, agg_finish TO test_python_worker' 2>/dev/null
sql >/dev/null <<'SQL'
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) SELECT s, '{"agg": {"optional": ["15m", "4h"]}}' FROM unnest(ARRAY['EURUSD', 'GBPUSD']) AS s;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT s, '1m', t, 1.08, 1.09, 1.07, 1.08, 10 FROM unnest(ARRAY['EURUSD', 'GBPUSD']) AS s, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-08 23:59+00', '1 minute') AS t;
SELECT sync_agg_state_from_registry('prod');
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) VALUES ('EURUSD', '2h', '45m');
SQL
workers=
for _ in 1 2; do
	"$python" "$ROOT/examples/worker.py" "user=test_python_worker" >>worker.log 2>&1 &
	workers+=" $!"
done
for ((i = 0; i < 600; ++i)); do
	[ "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE timeframe IN ('1h', '4h')")" = 480 ] && break
	# Who came to 4h before the other one was done with 1h waits for his run interval: workers outside have no runner that wakes him.
	if ((i % 50 == 49)); then sql -c "UPDATE data_agg_state SET next_run_at = NULL WHERE status = 'idle' AND waiting_since_utc IS NOT NULL"; fi
	sleep 0.1
done
is "$(sql -F ' ' -c "SELECT timeframe, count(*) FROM derived_data_bars GROUP BY 1 ORDER BY 2 DESC")" '5m 4608
15m 1536
1h 384
4h 96' 'two workers make the bars'
is "$(sql -c "SELECT count(*) FROM agg_verify('GBPUSD') WHERE explanation IS NULL")" 0 'and they are right'
like "$(cat worker.log)" 'EURUSD/2h: task EURUSD/2h cannot be built from source_timeframe "45m"' 'a task that makes no sense is told of'
# shellcheck disable=SC2086
is "$(kill -0 $workers 2>&1)" '' 'and ends no worker'
# shellcheck disable=SC2086
kill $workers
done_testing
