-- Catching up: from the cursor to the frontier, over a gap, up the chain.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;

-- two hours on Friday, one on Sunday night
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod', '2025-07-04 20:00+00') ->> 'tasks_created' AS tasks;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', t, 1, 2, 0.5, 1.5, 10
FROM (SELECT generate_series('2025-07-04 20:00+00'::timestamptz, '2025-07-04 21:51+00', '1 minute') AS t
      UNION ALL SELECT generate_series('2025-07-06 22:00+00'::timestamptz, '2025-07-06 22:59+00', '1 minute')) AS minutes;

CREATE FUNCTION pg_temp.catch_up(timeframe text, cursor timestamptz, windows int, now_utc timestamptz)
RETURNS TABLE (windows_processed text, cursor_advanced_to text, created text, inserted text, unchanged text, skipped text, goes_on text, reason text)
LANGUAGE sql AS $$
    SELECT a ->> 'windows_processed', a ->> 'cursor_advanced_to', a ->> 'bars_created', a ->> 'bars_inserted', a ->> 'bars_unchanged',
           a ->> 'bars_skipped', a ->> 'continue', a ->> 'reason'
    FROM catchup_aggregation_range('EURUSD', timeframe, cursor, windows, now_utc) AS a
$$;

SELECT agg_bootstrap_cursor('EURUSD', '5m');
-- the hour waits for its five-minute bars
SELECT * FROM pg_temp.catch_up('1h', '2025-07-04 20:00+00', 100, '2025-07-07 00:00+00');
-- a bar may be made once its window and the delay of 30 s have passed
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 20:00+00', 100, '2025-07-04 20:05:29+00');
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 20:00+00', 100, '2025-07-04 20:05:30+00');
-- in portions, then to the gap, over it, and to the end; the window of 21:50 has two minutes: no bar
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 20:00+00', 2, '2025-07-07 00:00+00');
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 20:10+00', 100, '2025-07-07 00:00+00');
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 21:55+00', 100, '2025-07-07 00:00+00');
SELECT * FROM pg_temp.catch_up('5m', '2025-07-06 23:00+00', 100, '2025-07-07 00:00+00');
-- again: everything is there
SELECT * FROM pg_temp.catch_up('5m', '2025-07-04 20:00+00', 100, '2025-07-07 00:00+00');
SELECT agg_finish('EURUSD', '5m', true, '2025-07-06 23:00+00', '{"bars_created": 34}', p_now_utc => '2025-07-07 00:00+00') ->> 'next_run_at' AS next_run;

-- Friday's last hour is there although the market closed in it
SELECT canonical_symbol, timeframe, windows_processed, bars_created, bars_skipped, last_agg_bar_ts_utc, reason, continue
FROM agg_aggregate_tasks('{EURUSD}', '{1h}', p_now_utc => '2025-07-07 00:00+00');
SELECT timeframe, ts_utc, source_candles, expected_candles, quality_score, vol
FROM derived_data_bars WHERE timeframe = '1h' ORDER BY ts_utc;

-- errors say which task, and what to do
SELECT catchup_aggregation_range('GBPUSD', '5m', '2025-07-04 20:00+00');
SELECT catchup_aggregation_range('EURUSD', '5m', NULL);
SELECT catchup_aggregation_range('EURUSD', '5m', 'infinity');
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-04 20:00+00', 0);
SELECT agg_bootstrap_cursor('GBPUSD', '5m');

TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
