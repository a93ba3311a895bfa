-- The cursor runbook's queries, in its order: cursors that ran ahead of their source, the reset, the health view, the way back.
\ir include/tap.psql
\ir include/refusals.psql
SET TimeZone = 'UTC';
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
\ir include/worker.psql
SELECT no_plan();
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('DXY');
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00') \g /dev/null
SELECT world.minutes(s, date_trunc('minute', now()) - interval '1 day', 1440 - 2) FROM unnest(ARRAY['EURUSD', 'DXY']) AS s \g /dev/null

-- Pre-flight 1: cursors ahead of their source, and few bars a run.
UPDATE data_agg_state SET last_agg_bar_ts_utc = now() + interval '3 hours', total_runs = 1000, total_bars_created = 10;
CREATE VIEW ahead AS
WITH latest AS (
  SELECT canonical_symbol, MAX(ts_utc) AS latest_1m
  FROM data_bars WHERE timeframe='1m'
  GROUP BY canonical_symbol
)
SELECT
  s.canonical_symbol,
  s.timeframe,
  s.last_agg_bar_ts_utc AS cursor,
  l.latest_1m AS max_source,
  s.last_agg_bar_ts_utc - l.latest_1m AS gap,
  s.total_runs,
  s.total_bars_created,
  ROUND(s.total_bars_created::numeric / NULLIF(s.total_runs, 0), 2) AS bars_per_run
FROM data_agg_state s
JOIN latest l USING (canonical_symbol)
WHERE s.timeframe='5m'
ORDER BY s.canonical_symbol;
SELECT results_eq('SELECT canonical_symbol, gap > interval ''0'', bars_per_run FROM ahead', $$VALUES ('DXY', true, 0.01), ('EURUSD', true, 0.01)$$, 'the cursors are ahead, few bars a run');
SELECT isnt_empty($$SELECT * FROM v_aggregation_frontier_health WHERE cursor_status != 'OK'$$, 'the health view sees it');
-- Pre-flight 2 looks for 'source_count' in the window function's source text; ours is C, so the answer itself is looked at. The same holds for
-- step 3's search for v_source_rows.
SELECT ok(aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:05+00') ? 'source_count', 'window functions return source_count');

-- Step 1, backup.
CREATE TABLE data_agg_state_backup_20260111 AS SELECT * FROM data_agg_state;
SELECT results_eq($$SELECT COUNT(*), COUNT(DISTINCT canonical_symbol || timeframe) as unique_tasks FROM data_agg_state_backup_20260111$$, 'VALUES (4::bigint, 4::bigint)', 'the backup has every task');

-- Step 3, the safety check: a cursor far in the future does nothing.
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', now() + interval '1 year', 5, NOW(), 1, true), '{"success": true, "windows_processed": 0, "reason": "cursor_beyond_source_data"}', 'cursor_beyond_source_data');

-- Step 4, the reset, as its notes describe it: cursors at or after the last source, or missing, go back (5m to the hour before, 1h with them).
UPDATE data_agg_state SET last_agg_bar_ts_utc = date_trunc('hour', now()) - interval '5 hours';

-- Step 5, positions.
CREATE VIEW cursor_positions AS
WITH latest AS (
  SELECT canonical_symbol, MAX(ts_utc) AS latest_1m
  FROM data_bars WHERE timeframe='1m'
  GROUP BY canonical_symbol
)
SELECT
  s.canonical_symbol,
  s.timeframe,
  s.last_agg_bar_ts_utc AS cursor,
  l.latest_1m AS max_source,
  (s.last_agg_bar_ts_utc > l.latest_1m) AS cursor_ahead
FROM data_agg_state s
JOIN latest l USING (canonical_symbol)
WHERE s.timeframe='5m'
ORDER BY s.canonical_symbol;
SELECT results_eq('SELECT canonical_symbol, cursor_ahead FROM cursor_positions', $$VALUES ('DXY', false), ('EURUSD', false)$$, 'no cursor is ahead');
-- Its second query looks for every source in data_bars. An hour's source is in derived_data_bars (the task's source_timeframe is 5m), so that it
-- finds nothing for 1h; and a window is as wide as its name says, not as its run interval. For 5m it holds as it stands.
SELECT is_empty($$SELECT * FROM (
  SELECT 
  canonical_symbol,
  timeframe,
  last_agg_bar_ts_utc,
  (
    SELECT COUNT(*) 
    FROM data_bars db 
    WHERE db.canonical_symbol = s.canonical_symbol 
      AND db.timeframe = s.source_timeframe
      AND db.ts_utc >= s.last_agg_bar_ts_utc
      AND db.ts_utc < s.last_agg_bar_ts_utc + make_interval(mins => run_interval_minutes)
  ) as source_bars_available
FROM data_agg_state s
WHERE timeframe IN ('5m')
  AND status = 'idle'
ORDER BY canonical_symbol, timeframe) AS q WHERE source_bars_available = 0$$, 'the next window of every 5m task has data');

-- Step 6, by hand.
CREATE TABLE by_hand AS
SELECT catchup_aggregation_range(
  'EURUSD',
  '5m',
  (SELECT last_agg_bar_ts_utc FROM data_agg_state 
   WHERE canonical_symbol='EURUSD' AND timeframe='5m'),
  5,  -- Small window count
  NOW(),
  1,
  true  -- Ignore confirmation
) AS answer;
SELECT probe.answers(answer, '{"success": true, "windows_processed": 5, "bars_created": 5, "bars_skipped": 0}', 'five windows, five bars') FROM by_hand;
SELECT is((answer ->> 'cursor_advanced_to')::timestamptz, date_trunc('hour', now()) - interval '5 hours' + interval '25 minutes', 'the cursor is advanced in the answer') FROM by_hand;
-- The source came while the cursor was ahead of it, so that all of it is late: each call makes, besides what lies at the cursor, as many of
-- the bars before the cursor.
SELECT results_eq($$SELECT new_bars >= 5, oldest <= date_trunc('hour', now()) - interval '5 hours', newest >= date_trunc('hour', now()) - interval '4 hours 40 minutes' FROM (SELECT 
  COUNT(*) as new_bars,
  MIN(ts_utc) as oldest,
  MAX(ts_utc) as newest
FROM derived_data_bars
WHERE canonical_symbol = 'EURUSD' 
  AND timeframe = '5m'
  AND deleted_at IS NULL
  AND updated_at >= NOW() - INTERVAL '5 minutes') AS q$$, 'VALUES (true, true, true)', 'and they are there');

-- Steps 7 and 8: the worker runs, the health view is green.
UPDATE data_agg_state SET total_runs = 0, total_bars_created = 0, next_run_at = NULL;
CALL run_worker();
SELECT is(count(*), 4::bigint, 'the health view has every task') FROM v_aggregation_frontier_health;
SELECT is_empty($$SELECT canonical_symbol, timeframe, cursor_status, bars_per_run, minutes_since_success, hard_fail_streak FROM v_aggregation_frontier_health
	WHERE NOT (cursor_status = 'OK' AND bars_per_run > 0.01 AND minutes_since_success < 60 AND hard_fail_streak = 0)$$, 'OK, bars in every run, a recent success, no streak');
SELECT is_empty($$SELECT * FROM v_aggregation_frontier_health
WHERE cursor_status != 'OK'
   OR minutes_since_success > 60
   OR hard_fail_streak > 0$$, 'nothing to complain about');

-- Monitoring.
SELECT is_empty($$WITH daily_stats AS (
  SELECT 
    canonical_symbol,
    timeframe,
    total_runs,
    total_bars_created,
    last_successful_at_utc
  FROM data_agg_state
  WHERE timeframe IN ('5m', '1h')
)
SELECT * FROM (SELECT 
  *,
  EXTRACT(EPOCH FROM (NOW() - last_successful_at_utc))/3600 AS hours_since_success
FROM daily_stats
ORDER BY hours_since_success DESC) AS d WHERE hours_since_success > 2 OR hours_since_success IS NULL OR total_bars_created = 0$$, 'no task is silent for two hours');

-- Rollback: the backup goes back as it is.
BEGIN;
DELETE FROM data_agg_state;
INSERT INTO data_agg_state 
SELECT * FROM data_agg_state_backup_20260111;
COMMIT;
SELECT is((SELECT COUNT(*) FROM data_agg_state), 4::bigint, 'restored');
SELECT is_empty('SELECT * FROM agg_setup()', 'and nothing needs mending');
DROP TABLE IF EXISTS data_agg_state_backup_20260111;

SELECT * FROM finish();
