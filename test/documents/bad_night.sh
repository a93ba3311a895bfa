# docs/bad-night.md: each symptom is produced, its steps are taken, and all is well afterwards.
source "$(dirname -- "${BASH_SOURCE[0]}")/include/blocks.sh"
open_page docs/bad-night.md

health() { sql -c 'SELECT status FROM agg_health()'; }
alarms() { sql -c "SELECT string_agg(DISTINCT alert, ' ' ORDER BY alert) FROM v_aggregation_alerts"; }
rewind() { sql -c "UPDATE data_agg_state SET last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '2 hours', next_run_at = now() - interval '10 minutes' WHERE timeframe = '5m' AND canonical_symbol $1"; }

run first.1
is "$(head -n 1 "$said")" 'green|||0|0|0|0' 'a quiet night'

rewind "IS NOT NULL"
sql -c 'DELETE FROM agg_next_due'
is "$(alarms) $(health)" 'late no_runner red' 'nobody makes bars'
run nobody-makes-bars.1
is "$(health)" green 'but this call'
run nobody-makes-bars.2
like "$(cat "$said")" '^stored' 'and the window is there'

rewind "= 'EURUSD'"
sql -c "UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_error = '22003: out of range' WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m'"
like "$(alarms) $(health)" 'stopped.* red' 'a task is stopped'
run one-symbol-stands-still.1
like "$(cat "$said")" 'EURUSD\|5m\|STOPPED' 'it is found'
like "$(cat "$said")" '22003: out of range' 'and its error'
run one-symbol-stands-still.2
is "$(health)" green 'and it goes on'

psql -X -q -c 'BEGIN' -c 'LOCK TABLE data_agg_state' -c 'SELECT pg_sleep(5)' >/dev/null &
until [ "$(sql -c "SELECT count(*) FROM pg_locks WHERE relation = 'data_agg_state'::regclass AND mode = 'AccessExclusiveLock' AND granted")" = 1 ]; do sleep 0.1; done
psql -X -q -c 'SELECT count(*) FROM data_agg_state' >/dev/null &
until [ "$(sql -c "SELECT count(*) FROM pg_locks WHERE relation = 'data_agg_state'::regclass AND NOT granted")" = 1 ]; do sleep 0.1; done
run somebody-waits-for-a-lock.1
like "$(cat "$said")" 'SELECT count\(\*\) FROM data_agg_state.*pg_sleep' 'who waits, and for whom'
sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()" >/dev/null
wait 2>/dev/null

sql -c "CREATE TABLE away AS SELECT * FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc >= now() - interval '2 hours' AND ts_utc < now() - interval '1 hour'" \
	-c 'DELETE FROM data_bars AS b USING away AS a WHERE (b.canonical_symbol, b.ts_utc) = (a.canonical_symbol, a.ts_utc)' -c 'CALL agg_run()'
run the-feed-was-away.1
like "$(cat "$said")" '\+00\|60'$'\n' 'the hour that is missing'
sql -c 'INSERT INTO data_bars SELECT * FROM away' -c 'CALL agg_run()'
is "$(sql -c 'SELECT count(*) FROM agg_verify()')" 0 'delivered again, all is as it was'

sql -c "UPDATE data_bars SET high = 1000000 WHERE canonical_symbol = 'EURUSD' AND ts_utc = date_trunc('hour', now()) - interval '1 hour'" -c 'CALL agg_run()'
is "$(sql -c 'SELECT count(*) > 0 FROM derived_data_bars WHERE high = 1000000')" t 'nonsense comes through'
run the-feed-wrote-nonsense.1
like "$(cat "$said")" '1000000' 'it is found'
is "$(sql -c 'SELECT count(*) FROM derived_data_bars WHERE high = 1000000 AND deleted_at IS NULL')" 0 'and gone from all timeframes'
run the-feed-wrote-nonsense.2
like "$(cat "$said")" '"bars_restored": 2|"restored": 2' 'bars are hidden and shown again'
sql -c 'CALL agg_run()'

sql -c "CREATE TABLE backup AS SELECT * FROM data_bars WHERE ts_utc >= '2025-07-01' AND ts_utc < '2025-07-03'" -c "DELETE FROM data_bars WHERE ts_utc >= '2025-07-01' AND ts_utc < '2025-07-03'"
run somebody-deleted-minutes.1
bars=$(sql -c "SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL")
sql -c 'CALL agg_run()'
is "$(sql -c "SELECT count(*) FROM derived_data_bars WHERE deleted_at IS NULL")" "$bars" 'no bar goes with the minutes'
sql -c 'INSERT INTO data_bars SELECT * FROM backup'
run somebody-deleted-minutes.2
is "$(tail -n 1 "$said" | grep -c '^EURUSD')" 0 'the minutes are back, and the bars are true'

sql -c 'ALTER TABLE data_bars DISABLE TRIGGER ALL' -c "UPDATE data_bars SET high = high + 1 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:01'" -c 'CALL agg_run()'
is "$(alarms) $(health)" 'capture red' 'nobody notices a correction'
run corrections-do-not-come-through.1
is "$(health) $(sql -c 'SELECT count(*) FROM agg_verify()')" 'green 0' 'but now'

sql -c "UPDATE derived_data_bars SET close = close + 1 WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' AND ts_utc = '2025-07-01 10:00'"
run are-the-bars-true.1
like "$(cat "$said")" 'EURUSD\|5m\|2025-07-01 10:00:00\+00\|differs\|close' 'a bar that somebody edited is found'
is "$(sql -c 'SELECT count(*) FROM agg_verify()')" 0 'and mended'

sql -c "SELECT agg_partition_by_month('data_bars', 4, '2200-01-01')" -c "UPDATE agg_partitions SET last_error = '55P03 canceling statement due to lock timeout', failing_since = now() - interval '2 hours'" >/dev/null
is "$(alarms) $(health)" 'partitions yellow' 'partitions cannot be made'
run there-is-no-partition.1
like "$(cat "$said")" 'yellow\|partitions of data_bars cannot be made: 55P03' 'the table and the error'
is "$(health)" green 'now they can'

run tables-grow.1
run after-a-crash.1
close_page
done_testing
