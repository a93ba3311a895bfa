-- The plan of each internal statement of the hot path: every table is reached through an index by its key, whatever the statistics say, and
-- nothing is sorted but the due tasks. auto_explain shows the plans of the very statements that the functions run; what differs from run to run
-- or from one PostgreSQL to the next (costs, times, the statements' texts, filters, how an InitPlan is named) is cut away. The last plan of each
-- list is the call itself. Bulk inserts go through COPY's machinery and have no plan; agg_setup() and sync_agg_state_from_registry() plan by
-- statistics and are not shown.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;
\setenv PGDATABASE :DBNAME
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGUSER :USER
\setenv PGOPTIONS '-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 -c auto_explain.log_nested_statements=on -c client_min_messages=log'
\setenv CLEAN '/^LOG:|^ *((One-Time )?Filter|Sort Key):/d; /^Query Text: /{s/^Query Text: ([A-Z]+).*/-- \\1/p;:a;n;/\\(cost=/!ba;}; s/ +\\(cost=.*//; s/(InitPlan [0-9]+) \\(returns .*\\)$/\\1/; s/(TID Cond: \\(ctid = ANY \\().*/\\1InitPlan))/; p'
\setenv PLANS 'psql -X -q -o /dev/null -c "$0" 2>&1 | sed -nE "$CLEAN"'
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('GBPUSD');
SELECT sync_agg_state_from_registry('prod') ->> 'tasks_created' AS tasks;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT symbol, '1m', t, 1, 1, 1, 1
FROM generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 01:59+00', '1 minute') AS t,
     unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS symbol;
-- where a task begins
\! sh -c "$PLANS" "SELECT agg_bootstrap_cursor('EURUSD', '5m')"
-- a catch-up: the task, the last source bar, one range of source, what is stored there, the next source bar
\! sh -c "$PLANS" "SELECT catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00')"
-- up the chain: also the task that writes the source, and what it has left to read
\! sh -c "$PLANS" "SELECT catchup_aggregation_range('EURUSD', '1h', '2025-07-01 00:00+00', p_now_utc => '2025-07-02 00:00+00')"
-- one window is corrected, one loses its bar: an upsert, and a soft delete that reads the windows at hand and no others
UPDATE data_bars SET close = 0.5 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 00:04+00';
DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc > '2025-07-01 00:05+00' AND ts_utc < '2025-07-01 00:10+00';
\! sh -c "$PLANS" "SELECT aggregate_window('EURUSD', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00')"
\! sh -c "$PLANS" "SELECT aggregate_window('EURUSD', '5m', '2025-07-01 00:05+00', '2025-07-01 00:10+00')"
-- many tasks in one call: the same reads by arrays of ranges, and one update of the task rows
\! sh -c "$PLANS" "SELECT * FROM agg_aggregate_tasks('{EURUSD,GBPUSD}', '{5m,5m}', p_now_utc => '2025-07-02 00:00+00')"
-- the runner: what is due, whose asset counts, a claim by key that skips what others have locked; then as above, and who waits for what was made
\! sh -c "$PLANS" "SELECT agg_run_batch(p_now_utc => '2025-07-02 01:00+00')"
-- what is due: whether a claim is stale, and the tasks that can be due, by an index
\! sh -c "$PLANS" "SELECT * FROM agg_get_due_tasks('prod', '2025-07-02 00:00+00')"
-- late work of tasks whose time has not come: these by an index
UPDATE data_agg_state SET next_run_at = '2025-07-03 00:00+00';
SELECT agg_mark_changed('EURUSD', '2025-07-01 00:00+00', '2025-07-01 00:10+00') \g /dev/null
\! sh -c "$PLANS" "SELECT * FROM agg_get_due_tasks('prod', '2025-07-02 00:00+00')"
UPDATE data_agg_state SET next_run_at = NULL;
-- a claim finds its one task by its key, however many are idle
\! sh -c "$PLANS" "SELECT agg_start('EURUSD', '5m', '2025-07-02 00:00+00')"
-- a stale claim is released
\! sh -c "$PLANS" "SELECT * FROM agg_get_due_tasks('prod', '2025-07-02 01:00+00')"
-- a finish locks the task, reads it and writes it
\! sh -c "$PLANS" "SELECT agg_finish('EURUSD', '5m', true, p_now_utc => '2025-07-02 00:00+00')"
\! sh -c "$PLANS" "SELECT agg_finish('EURUSD', '5m', false, p_now_utc => '2025-07-02 00:00+00')"
-- an index: its six series one after the other, what is stored, a price that was corrected
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:10+00') ->> 'inserted' AS inserted;
UPDATE data_bars SET close = 2 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 00:04+00';
\! sh -c "$PLANS" "SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 00:05+00')"
-- an empty stretch: the next bar of any of the six
\! sh -c "$PLANS" "SELECT calc_dxy_range_1m('2025-08-01 00:00+00', '2025-08-01 00:05+00')"
TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
