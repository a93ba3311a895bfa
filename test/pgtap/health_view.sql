-- v_aggregation_frontier_health: what a task reads, whether it says so itself or leaves it to the default.
\ir include/tap.psql
SELECT no_plan();
SELECT agg_setup();

INSERT INTO data_agg_state (canonical_symbol, timeframe, last_agg_bar_ts_utc)
SELECT 'EURUSD', t, '2025-07-08' FROM unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w', '7m']) AS t;
SELECT results_eq($$SELECT timeframe, source_timeframe FROM v_aggregation_frontier_health ORDER BY timeframe$$,
	$$VALUES ('15m', '5m'), ('1d', '1h'), ('1h', '5m'), ('1w', '1d'), ('30m', '5m'), ('4h', '1h'), ('5m', '1m'), ('7m', '1m')$$,
	'a task without a source timeframe reads the default one');
SELECT results_eq($$SELECT DISTINCT cursor_status FROM v_aggregation_frontier_health$$, $$VALUES ('NO_SOURCE')$$, 'none of them has a source yet');

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-07 23:59+00', 1, 1, 1, 1);
SELECT is(cursor_status, 'OK', 'the source is found') FROM v_aggregation_frontier_health WHERE timeframe = '5m';
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-08 00:10' WHERE timeframe = '5m';
SELECT is(cursor_status, 'AHEAD_OF_SOURCE', 'and a cursor that ran ahead of it') FROM v_aggregation_frontier_health WHERE timeframe = '5m';
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL WHERE timeframe = '5m';
SELECT is(cursor_status, 'NO_CURSOR', 'and a task that has not run') FROM v_aggregation_frontier_health WHERE timeframe = '5m';

-- A bar ahead of the clock says nothing of where the source is.
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2099-01-01', 1, 1, 1, 1);
SELECT is(max_source_ts, '2025-07-07 23:59+00', 'the last bar by the clock') FROM v_aggregation_frontier_health WHERE timeframe = '5m';
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-08 00:10' WHERE timeframe = '5m';
SELECT is(cursor_status, 'AHEAD_OF_SOURCE', 'a cursor is ahead of that') FROM v_aggregation_frontier_health WHERE timeframe = '5m';
SELECT is(agg_reset_cursor('EURUSD', '5m') -> 'tasks_reset', '1', 'and goes back to it');
DELETE FROM data_bars;

-- What became no bar is counted: windows with too few candles, rows without usable prices.
TRUNCATE data_agg_state;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('EURUSD', '5m'), ('EURUSD', '1h');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'EURUSD', '1m', t, 1, 1, 1, CASE WHEN t = '2025-07-01 00:01+00' THEN 'NaN'::float8 WHEN t > '2025-07-01 00:04+00' THEN NULL ELSE 1 END::float8
FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 00:09+00', '1 minute') AS t;
CALL agg_run(p_now_utc => '2025-07-01 02:00+00');
SELECT results_eq($$SELECT timeframe, total_windows_skipped, total_source_rows_refused FROM v_aggregation_frontier_health ORDER BY 1$$, $$VALUES ('1h', 1::bigint, 0::bigint), ('5m', 1, 6)$$, 'by the runner');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('EURUSD', '1m', '2025-07-01 00:59+00', 1, 1, 1, 1);
UPDATE data_bars SET close = 1 WHERE ts_utc = '2025-07-01 00:01+00';
CALL agg_run(p_now_utc => '2025-07-01 02:00+00');
SELECT is(total_windows_skipped, 2::bigint, 'late windows, too') FROM v_aggregation_frontier_health WHERE timeframe = '5m';
SELECT agg_finish('EURUSD', '1h', true, p_stats => '{"bars_skipped": 3, "source_rows_refused": 4}') \g /dev/null
SELECT results_eq($$SELECT total_windows_skipped > 3, total_source_rows_refused FROM data_agg_state WHERE timeframe = '1h'$$, $$VALUES (true, 4::bigint)$$, 'as a worker tells');
SELECT * FROM finish();
