-- The registry makes the tasks: 5m and 1h for every active asset, and whatever an asset's metadata asks for. The sync keeps what a task has
-- achieved and rewrites only rows whose configuration differs.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();
CREATE FUNCTION tasks(p_symbol text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s<-%s every %s %s%s', timeframe, source_timeframe, run_interval_minutes, CASE WHEN is_mandatory THEN 'must' ELSE 'may' END, CASE WHEN enabled THEN '' ELSE ' off' END), ', ' ORDER BY run_interval_minutes), '-')
	FROM data_agg_state WHERE canonical_symbol = p_symbol
$$;
CREATE FUNCTION counts(answer jsonb) RETURNS int[] LANGUAGE sql AS $$
	SELECT ARRAY[(answer ->> 'tasks_created')::int, (answer ->> 'tasks_updated')::int, (answer ->> 'tasks_disabled')::int]
$$;

ALTER TABLE core_asset_registry_all ALTER COLUMN active DROP NOT NULL, ALTER COLUMN test_active DROP NOT NULL; -- an older table allows it
INSERT INTO core_asset_registry_all (canonical_symbol, active, test_active) VALUES ('EURUSD', true, false), ('GBPUSD', true, true), ('SLEEPS', false, false), ('TESTED', false, true), ('UNKNOWN', NULL, NULL);
CREATE TABLE first AS SELECT sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00') AS answer;
SELECT is(answer - 'timestamp_utc' @> '{"success": true, "tasks_created": 4, "tasks_updated": 0, "tasks_disabled": 0, "env": "prod", "agg_start_utc": "2025-07-01T00:00:00+00:00"}', true, 'two assets, four tasks') FROM first;
SELECT ok(answer ? 'timestamp_utc', 'and a time') FROM first;
SELECT is(tasks(s), '5m<-1m every 5 must, 1h<-5m every 60 must', s) FROM unnest(ARRAY['EURUSD', 'GBPUSD']) AS s;
SELECT is(tasks(s), '-', s || ' is not active') FROM unnest(ARRAY['SLEEPS', 'TESTED', 'UNKNOWN']) AS s;
SELECT is(jsonb_build_array(min(aggregation_delay_seconds), max(aggregation_delay_seconds), min(task_priority), max(task_priority), bool_and(status = 'idle'), bool_and(agg_start_utc = '2025-07-01 00:00+00'), count(last_agg_bar_ts_utc)),
	'[30, 30, 100, 100, true, true, 0]', 'delay 30 s, priority 100, idle, from the start') FROM data_agg_state;
SELECT is((SELECT count(*) FROM agg_get_due_tasks('prod', '2099-01-01')), 4::bigint, 'all of them due');

-- Again: nothing to do, nothing written.
CREATE TABLE before AS SELECT probe.fingerprint() AS digest;
SELECT is(counts(sync_agg_state_from_registry('prod', '2025-07-01 00:00:00+00')), '{0,0,0}', 'the second sync changes nothing');
SELECT is(probe.fingerprint(), digest, 'and writes no row') FROM before;

-- What a task has achieved stays; configuration that differs is rewritten, row by row.
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2025-07-05 00:00+00', status = 'hard_failed', hard_fail_streak = 3, last_error = 'boom', total_runs = 17, next_run_at = '2025-07-05 00:05+00';
UPDATE data_agg_state SET aggregation_delay_seconds = 300, source_timeframe = NULL WHERE canonical_symbol = 'EURUSD' AND timeframe = '1h';
CREATE TABLE places AS SELECT canonical_symbol, timeframe, ctid AS place, to_jsonb(t) - ARRAY['aggregation_delay_seconds', 'source_timeframe', 'updated_at'] AS achieved FROM data_agg_state AS t;
SELECT is(counts(sync_agg_state_from_registry()), '{0,1,0}', 'one row differs');
SELECT is(tasks('EURUSD'), '5m<-1m every 5 must, 1h<-5m every 60 must', 'it is mended');
SELECT is_empty($$SELECT canonical_symbol, timeframe FROM places EXCEPT SELECT t.canonical_symbol, t.timeframe FROM data_agg_state AS t JOIN places AS p USING (canonical_symbol, timeframe)
	WHERE to_jsonb(t) - ARRAY['aggregation_delay_seconds', 'source_timeframe', 'updated_at'] = p.achieved$$, 'cursor, status, streak, error, totals, next run: all kept');
SELECT results_eq($$SELECT t.canonical_symbol, t.timeframe FROM data_agg_state AS t JOIN places AS p USING (canonical_symbol, timeframe) WHERE t.ctid <> p.place$$, $$VALUES ('EURUSD', '1h')$$, 'the others are not touched');
SELECT is(counts(sync_agg_state_from_registry('prod', '2025-08-01 00:00+00')), '{0,4,0}', 'another start is another configuration');
SELECT is(max(last_agg_bar_ts_utc), '2025-07-05 00:00+00', 'which leaves the cursors alone') FROM data_agg_state;
SELECT is(counts(sync_agg_state_from_registry()), '{0,4,0}', 'and back');

-- Assets come and go.
UPDATE core_asset_registry_all SET active = false WHERE canonical_symbol = 'GBPUSD';
SELECT is(counts(sync_agg_state_from_registry()), '{0,0,2}', 'an asset goes to sleep');
SELECT is(tasks('GBPUSD'), '5m<-1m every 5 must off, 1h<-5m every 60 must off', 'its tasks are switched off');
SELECT is(counts(sync_agg_state_from_registry()), '{0,0,0}', 'once');
SELECT is((SELECT max(status) FROM data_agg_state WHERE canonical_symbol = 'GBPUSD'), 'hard_failed', 'their status is their own');
UPDATE core_asset_registry_all SET active = true WHERE canonical_symbol IN ('GBPUSD', 'SLEEPS');
SELECT is((counts(sync_agg_state_from_registry()))[1], 2, 'one wakes up, one is new');
SELECT is(tasks(s), '5m<-1m every 5 must, 1h<-5m every 60 must', s || ' is on') FROM unnest(ARRAY['GBPUSD', 'SLEEPS']) AS s;
DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'SLEEPS';
SELECT is(counts(sync_agg_state_from_registry()), '{0,0,2}', 'an asset that is no longer registered');
SELECT is((SELECT count(*) FROM data_agg_state WHERE canonical_symbol = 'SLEEPS'), 2::bigint, 'its tasks stay, switched off');

-- Another environment looks at another column.
TRUNCATE data_agg_state;
SELECT is((counts(sync_agg_state_from_registry('dev')))[1], 4, 'dev: what is test_active');
SELECT is(tasks('TESTED'), '5m<-1m every 5 must, 1h<-5m every 60 must', 'TESTED has tasks there');
SELECT is(tasks('EURUSD'), '-', 'EURUSD has none');

-- Environments are remembered, but not without end.
INSERT INTO agg_registry_sync (env_name, synced_at_utc) SELECT 'made up ' || n, '2000-01-01'::timestamptz + n * interval '1 s' FROM generate_series(1, 1100) AS n;
SELECT sync_agg_state_from_registry('the last one') \g /dev/null
SELECT is((count(*), count(*) FILTER (WHERE env_name IN ('the last one', 'made up 1100'))), (1000::bigint, 2::bigint), 'the thousand that were synced last') FROM agg_registry_sync;

SELECT * FROM finish();
