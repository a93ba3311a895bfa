-- The life of a task: due, claimed, finished; and where tasks come from.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;

-- the registry says which tasks there are
INSERT INTO core_asset_registry_all (canonical_symbol, active, test_active, metadata) VALUES
('EURUSD', true, false, '{}'),
('USDJPY', true, true, '{"agg": {"mandatory": ["5m"], "optional": ["1d"], "priority": 10, "delay_seconds": 5}}'),
('XAUUSD', true, false, '{"agg": {"optional": ["5 minutes"]}}'),
('OLD', false, false, '{}');
SELECT sync_agg_state_from_registry('prod') - 'timestamp_utc';
SELECT sync_agg_state_from_registry('prod') - 'timestamp_utc' - 'assets_skipped';
SELECT canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, is_mandatory, task_priority, agg_start_utc
FROM data_agg_state ORDER BY canonical_symbol, run_interval_minutes;

-- due order: mandatory, then the shorter window, then priority
UPDATE data_agg_state SET next_run_at = '2025-07-01 00:00+00';
SELECT canonical_symbol, timeframe, is_mandatory, task_priority FROM agg_get_due_tasks('prod', '2025-07-01 00:00+00');
SELECT canonical_symbol, timeframe FROM agg_get_due_tasks('Test', '2025-07-01 00:00+00', 1);
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-06-30 23:59:59+00');

-- a claim is exclusive, and its token fences off a worker that lost it
SELECT agg_start('EURUSD', '5m', '2025-07-01 00:10+00') - 'claim_token';
SELECT agg_start('EURUSD', '5m', '2025-07-01 00:10+00');
SELECT claim_token AS old_token FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m' \gset
SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-01 00:25:01+00');
SELECT status, last_error FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m';
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:05+00', p_now_utc => '2025-07-01 00:26+00', p_claim_token => :'old_token');

-- success moves the cursor, which never goes back
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:07+00', '{"bars_created": 1, "windows_processed": 1}', p_now_utc => '2025-07-01 00:08+00');
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:00+00', p_now_utc => '2025-07-01 00:09+00');
-- a late source is probed ever more rarely: half of the time that it is overdue
SELECT agg_finish('EURUSD', '5m', true, '2025-07-01 00:05+00', '{"windows_processed": 0}', p_now_utc => '2025-07-01 00:12:30+00') ->> 'next_run_at' AS next_run;

-- three hard failures: mandatory tasks are hard_failed, optional ones disabled
SELECT agg_finish('EURUSD', '5m', false, p_fail_kind => 'transient', p_error => 'lock timeout', p_now_utc => '2025-07-01 01:00+00');
SELECT n, agg_finish('EURUSD', '5m', false, p_fail_kind => 'hard', p_error => 'no', p_now_utc => '2025-07-01 01:00+00') ->> 'status' AS mandatory,
       agg_finish('USDJPY', '1d', false, p_fail_kind => 'hard', p_error => 'no', p_now_utc => '2025-07-01 01:00+00') ->> 'status' AS optional
FROM generate_series(1, 3) AS n;
SELECT agg_finish('NOBODY', '5m', true);

-- what is no longer active is disabled
UPDATE core_asset_registry_all SET active = false WHERE canonical_symbol = 'USDJPY';
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_disabled' AS disabled;

TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
