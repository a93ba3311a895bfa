-- The deployment guide's queries, in its order, on a system that was just deployed and then ran: each gives what the guide promises. They ask
-- for NOW(), so the minutes are made relative to it.
\ir include/tap.psql
\ir include/refusals.psql
SET TimeZone = 'UTC';
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
\ir include/worker.psql
SELECT no_plan();

-- "6 total tasks, 6 enabled, 0 hard_failed": three assets.
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('GBPUSD'), ('DXY');
SELECT probe.answers(sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00'), '{"success": true, "tasks_created": 6}', 'sync: success, and tasks counted');

-- Pre-deployment checks.
SELECT is((SELECT COUNT(*) FROM data_agg_state WHERE status = 'running' AND running_started_at_utc < (NOW() - INTERVAL '30 minutes')), 0::bigint, 'no stuck task');
SELECT is_empty($$SELECT s.canonical_symbol, s.timeframe FROM data_agg_state s LEFT JOIN core_asset_registry_all a ON a.canonical_symbol = s.canonical_symbol WHERE a.canonical_symbol IS NULL$$, 'no orphaned task');
SELECT is((SELECT COUNT(*) FROM data_agg_state WHERE is_mandatory = true), 6::bigint, 'all tasks are mandatory');

-- Step 3, schema.
SELECT set_eq($$SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_name = 'data_agg_state' AND column_name IN ('agg_start_utc', 'enabled', 'task_priority')$$,
	$$VALUES ('agg_start_utc', 'timestamp with time zone'), ('enabled', 'boolean'), ('task_priority', 'integer')$$, 'three new columns');
SELECT results_eq($$SELECT proname::text COLLATE "default", prosecdef FROM pg_proc WHERE proname IN ('agg_bootstrap_cursor', 'catchup_aggregation_range', 'agg_finish', 'agg_get_due_tasks', 'sync_agg_state_from_registry') ORDER BY proname$$,
	$$VALUES ('agg_bootstrap_cursor', true), ('agg_finish', true), ('agg_get_due_tasks', true), ('catchup_aggregation_range', true), ('sync_agg_state_from_registry', true)$$, 'five functions, all SECURITY DEFINER');
SELECT results_eq($$SELECT indexname::text COLLATE "default" FROM pg_indexes WHERE tablename = 'data_agg_state' AND indexname = 'idx_agg_state_due_priority'$$, $$VALUES ('idx_agg_state_due_priority')$$, 'the index');

-- Step 4, data.
SELECT is((SELECT COUNT(*) FROM data_agg_state WHERE agg_start_utc IS NULL), 0::bigint, 'every task has a start');
SELECT is((SELECT COUNT(*) FROM data_agg_state WHERE enabled = false), 0::bigint, 'every task is enabled');
SELECT is((SELECT COUNT(DISTINCT task_priority) FROM data_agg_state), 1::bigint, 'one priority');
SELECT is((SELECT COUNT(*) FROM data_agg_state WHERE status = 'hard_failed'), 0::bigint, 'no hard failure');

-- Step 5, functions.
SELECT is(agg_bootstrap_cursor('EURUSD', '5m'), '2025-07-01 00:00:00+00', 'the bootstrap is the start');
SELECT is((SELECT COUNT(*) FROM agg_get_due_tasks('prod', NOW())), 6::bigint, 'six tasks are due');
SELECT probe.answers(sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00'), '{"success": true}', 'sync again');
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', '2025-07-01 00:00:00+00'::timestamptz, 1), '{"success": true, "windows_processed": 0}', 'without source data it does nothing, and is no error');
-- "If issues occur": the message, and the cure that its hint names.
SELECT probe.refuses($$SELECT agg_bootstrap_cursor('USDJPY', '5m')$$, 'P0002', 'Missing config in data_agg_state%', '%sync_agg_state_from_registry()%', 'Missing config in data_agg_state');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('USDJPY');
SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00') \g /dev/null
SELECT isnt_empty($$SELECT * FROM data_agg_state WHERE canonical_symbol = 'USDJPY' AND timeframe = '5m'$$, 'cured by a sync');
UPDATE core_asset_registry_all SET active = false WHERE canonical_symbol = 'USDJPY';
DELETE FROM data_agg_state WHERE canonical_symbol = 'USDJPY';
SELECT lives_ok($$SELECT aclexplode(proacl) FROM pg_proc WHERE proname = 'agg_get_due_tasks'$$, 'permissions can be looked up');
SELECT lives_ok('GRANT EXECUTE ON FUNCTION agg_get_due_tasks(text, timestamptz, int, int) TO ' || coalesce((SELECT rolname FROM pg_roles WHERE rolname = 'service_role'), 'CURRENT_USER'), 'and given again');

-- The system runs: two days of minutes up to two minutes ago.
SELECT world.minutes(s, date_trunc('minute', now()) - interval '2 days', 2 * 1440 - 2) FROM unnest(ARRAY['EURUSD', 'GBPUSD', 'DXY']) AS s \g /dev/null
UPDATE data_agg_state SET next_run_at = NULL;
CALL run_worker();

-- Hour 1.
SELECT results_eq($$SELECT s.canonical_symbol, s.timeframe, s.status, NOW() - s.last_successful_at_utc < interval '1 minute', s.last_error FROM data_agg_state s ORDER BY s.canonical_symbol, s.timeframe$$,
	$$SELECT s, tf, 'idle'::text, true, NULL::text FROM unnest(ARRAY['DXY', 'EURUSD', 'GBPUSD']) AS s, unnest(ARRAY['1h', '5m']) AS tf ORDER BY s, tf$$, 'idle, a recent run, no error');
-- 1. Lag: under an hour.
SELECT is_empty($$SELECT s.canonical_symbol, s.timeframe, MAX(db.ts_utc) as latest_1m_bar, s.last_agg_bar_ts_utc as cursor_position, MAX(db.ts_utc) - s.last_agg_bar_ts_utc as lag_duration
FROM data_bars db JOIN data_agg_state s ON s.canonical_symbol = db.canonical_symbol WHERE db.timeframe = '1m' GROUP BY s.canonical_symbol, s.timeframe, s.last_agg_bar_ts_utc
HAVING MAX(db.ts_utc) - s.last_agg_bar_ts_utc >= interval '1 hour' OR s.last_agg_bar_ts_utc IS NULL ORDER BY lag_duration DESC NULLS LAST$$, 'lag is under an hour');
-- 2. Failure rate.
SELECT results_eq($$SELECT COUNT(*) as total_tasks, COUNT(*) FILTER (WHERE hard_fail_streak > 0) as failing_tasks, COUNT(*) FILTER (WHERE status = 'hard_failed') as hard_failed, COUNT(*) FILTER (WHERE status = 'disabled') as disabled FROM data_agg_state$$,
	'VALUES (6::bigint, 0::bigint, 0::bigint, 0::bigint)', 'no failure');
-- 3. Quality: at least 90 % good.
CREATE VIEW quality AS SELECT ddb.canonical_symbol, ddb.timeframe, COUNT(*) as total_bars, COUNT(*) FILTER (WHERE quality_score >= 1) as good_bars,
       ROUND(100.0 * COUNT(*) FILTER (WHERE quality_score >= 1) / COUNT(*), 2) as quality_pct
FROM derived_data_bars ddb WHERE ddb.deleted_at IS NULL AND ddb.ts_utc >= NOW() - INTERVAL '24 hours' GROUP BY ddb.canonical_symbol, ddb.timeframe;
SELECT is(count(*) FILTER (WHERE quality_pct >= 90), 6::bigint, 'quality of at least 90 % for every symbol and timeframe') FROM quality;
-- 4. Index usage. The plan of a call shows a Function Scan, in PL/pgSQL as well; the index's own counter tells what happened inside.
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT 'Z' || i FROM generate_series(1, 5000) AS i;
INSERT INTO data_agg_state (canonical_symbol, timeframe, is_mandatory, next_run_at) SELECT 'Z' || i, '5m', true, '2999-01-01' FROM generate_series(1, 5000) AS i;
ANALYZE;
SELECT lives_ok('EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM agg_get_due_tasks(''prod'', NOW())', 'the plan can be looked at');
BEGIN;
SELECT count(*) FROM agg_get_due_tasks('prod', NOW()) \g /dev/null
SELECT pg_stat_get_xact_numscans('idx_agg_state_due_priority'::regclass) AS scans \gset
COMMIT;
SELECT cmp_ok(:scans, '>', 0, 'idx_agg_state_due_priority is scanned');
DELETE FROM data_agg_state WHERE canonical_symbol LIKE 'Z%';
DELETE FROM core_asset_registry_all WHERE canonical_symbol LIKE 'Z%';

-- Alert conditions: silent. (The cursor is the start of the next window, so that an hour's task is an hour behind the clock in the seconds
-- between the end of its window and its confirmation: the first alert needs that much patience.)
SELECT is_empty($$SELECT s.canonical_symbol, s.timeframe FROM data_agg_state s WHERE s.is_mandatory = true AND NOW() - COALESCE(s.last_agg_bar_ts_utc, '1970-01-01') > INTERVAL '1 hour' + INTERVAL '2 minutes'$$, 'no mandatory task lags');
SELECT is_empty($$SELECT * FROM data_agg_state WHERE status = 'hard_failed'$$, 'no hard failure');
SELECT is_empty($$SELECT * FROM data_agg_state WHERE hard_fail_streak > 0$$, 'no streak');

-- ... and speak up when there is something to say.
SELECT agg_finish('DXY', '1h', false, NULL, NULL, 'hard', 'boom', now(), 1) \g /dev/null
UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL WHERE canonical_symbol = 'GBPUSD' AND timeframe = '5m';
SELECT results_eq($$SELECT s.canonical_symbol, s.timeframe FROM data_agg_state s WHERE s.is_mandatory = true AND NOW() - COALESCE(s.last_agg_bar_ts_utc, '1970-01-01') > INTERVAL '1 hour' + INTERVAL '2 minutes'$$, $$VALUES ('GBPUSD', '5m')$$, 'a task without a cursor lags');
SELECT results_eq($$SELECT canonical_symbol, timeframe FROM data_agg_state WHERE status = 'hard_failed'$$, $$VALUES ('DXY', '1h')$$, 'a mandatory task that failed is hard_failed');
SELECT is_empty($$SELECT * FROM agg_get_due_tasks('prod', '2999-01-01') WHERE canonical_symbol = 'DXY' AND timeframe = '1h'$$, 'and is not scheduled any more');

-- "Cursor stuck": set by hand.
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-01 00:00:00+00'::timestamptz WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m';
SELECT probe.answers(catchup_aggregation_range('EURUSD', '5m', (SELECT last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m'), 3), '{"windows_processed": 3, "continue": true}', 'a cursor that was set by hand is followed');

SELECT * FROM finish();
