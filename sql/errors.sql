-- What is refused, with which SQLSTATE and which advice. An error writes nothing, and the session goes on.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;
\set SHOW_CONTEXT never
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD');
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_created' AS tasks;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 00:09+00', '1 minute') AS t;
-- a task that does not exist
SELECT agg_bootstrap_cursor('GBPUSD', '5m');
\echo :LAST_ERROR_SQLSTATE
SELECT catchup_aggregation_range('GBPUSD', '5m', '2025-07-01 00:00+00');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_aggregate_tasks('{EURUSD,GBPUSD}', '{5m,5m}', p_now_utc => '2025-07-02 00:00+00');
\echo :LAST_ERROR_SQLSTATE
-- NULL where a value is needed
SELECT catchup_aggregation_range(NULL, '5m', '2025-07-01 00:00+00');
\echo :LAST_ERROR_SQLSTATE
SELECT catchup_aggregation_range('EURUSD', '5m', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT agg_finish('EURUSD', '5m', NULL);
\echo :LAST_ERROR_SQLSTATE
-- times that are none
SELECT catchup_aggregation_range('EURUSD', '5m', '-infinity');
\echo :LAST_ERROR_SQLSTATE
SELECT aggregate_window('EURUSD', '5m', '2025-07-01 00:00+00', 'infinity');
\echo :LAST_ERROR_SQLSTATE
-- timeframes that are none, and one that is not made but ingested
SELECT agg_start('EURUSD', '5min');
\echo :LAST_ERROR_SQLSTATE
SELECT agg_bootstrap_cursor('EURUSD', '0m');
\echo :LAST_ERROR_SQLSTATE
SELECT aggregate_window('EURUSD', '1m', '2025-07-01 00:00+00', '2025-07-01 00:01+00');
\echo :LAST_ERROR_SQLSTATE
-- numbers out of range
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', 0);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_get_due_tasks('prod', p_limit => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_get_due_tasks('prod', p_running_stale_seconds => -1);
\echo :LAST_ERROR_SQLSTATE
SELECT agg_finish('EURUSD', '5m', false, p_auto_disable_hard_fail_threshold => 0);
\echo :LAST_ERROR_SQLSTATE
-- a window that is not aligned, and one that is not one width wide
SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:01+00', '2025-07-01 00:06+00');
\echo :LAST_ERROR_SQLSTATE
SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:10+00');
\echo :LAST_ERROR_SQLSTATE
-- lists that do not fit together
SELECT * FROM agg_aggregate_tasks('{EURUSD}', '{5m,1h}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_aggregate_tasks('{EURUSD,EURUSD}', '{5m,5m}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_aggregate_tasks('{EURUSD,NULL}', '{5m,5m}');
\echo :LAST_ERROR_SQLSTATE
-- a cursor that would move back
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:05+00') ->> 'success' AS success;
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:00+00');
\echo :LAST_ERROR_SQLSTATE
-- a task whose row makes no sense
UPDATE data_agg_state SET source_timeframe = '2h' WHERE timeframe = '1h';
SELECT catchup_aggregation_range('EURUSD', '1h', '2025-07-01 00:00+00');
\echo :LAST_ERROR_SQLSTATE
UPDATE data_agg_state SET source_timeframe = '5m', agg_start_utc = 'infinity' WHERE timeframe = '1h';
SELECT agg_bootstrap_cursor('EURUSD', '1h');
\echo :LAST_ERROR_SQLSTATE
UPDATE data_agg_state SET agg_start_utc = '2025-07-01 00:00+00' WHERE timeframe = '1h';
-- a column that is gone or of another type, a table that is gone
ALTER TABLE data_bars RENAME vwap TO average;
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE data_bars RENAME average TO vwap;
ALTER TABLE data_bars ALTER close TYPE numeric;
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM agg_setup(dry_run => true);
ALTER TABLE data_bars ALTER close TYPE double precision;
ALTER TABLE derived_data_bars RENAME TO elsewhere;
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE elsewhere RENAME TO derived_data_bars;
-- a transaction that must not write
BEGIN READ ONLY;
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
-- none of this has left a bar behind; and what is right still works
SELECT count(*) FROM derived_data_bars;
SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00') ->> 'bars_created' AS bars_created;
-- some refusals are answers, since their callers test "success"
SELECT agg_start('GBPUSD', '5m');
SELECT agg_finish('GBPUSD', '5m', true);
SELECT calc_dxy_range_1m('2025-07-02 00:00+00', '2025-07-01 00:00+00');
SELECT calc_dxy_range_1m(NULL, '2025-07-01 00:00+00');
-- a symbol is data, whatever it looks like
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ($$O'Reilly"; DROP TABLE data_bars; --$$, '5m');
SELECT catchup_aggregation_range($$O'Reilly"; DROP TABLE data_bars; --$$, '5m', '2025-07-01 00:00+00') ->> 'reason' AS reason;
SELECT catchup_aggregation_range($$O'Reilly"; DROP TABLE data_bars; --$$, '1h', '2025-07-01 00:00+00');
TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
