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
SELECT * FROM finish();
