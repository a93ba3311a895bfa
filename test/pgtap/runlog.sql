-- The run log: what the old worker calls, and what the runner writes itself.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
\set run '''00000000-0000-0000-0000-000000000001'''

SELECT probe.answers(ops_runlog_start(:run, 'sync', 'manual', 'prod'), '{"success": true, "run_id": "00000000-0000-0000-0000-000000000001", "already_started": false}', 'a run begins');
SELECT results_eq('SELECT job_name, trigger, env_name, status, started_at IS NOT NULL, finished_at IS NULL, checkpoints, events, stats FROM ops_runlog',
	$$VALUES ('sync', 'manual', 'prod', 'running', true, true, '[]'::jsonb, '[]'::jsonb, '{}'::jsonb)$$, 'as a row');
SELECT probe.fingerprint() AS before \gset
SELECT probe.answers(ops_runlog_start(:run, 'other', 'cron', 'prod'), '{"success": true, "already_started": true}', 'the same id again');
SELECT is(probe.fingerprint(), :'before', 'changes nothing');
SELECT probe.answers(ops_runlog_checkpoint(:run, 'fetched'), '{"success": true}', 'a checkpoint');
SELECT probe.answers(ops_runlog_checkpoint(:run, 'it''s "done"', '{"rows": 5}'), '{"success": true}', 'another');
SELECT results_eq($$SELECT c ->> 'checkpoint', c -> 'details', (c ->> 'at')::timestamptz <= clock_timestamp() FROM ops_runlog, jsonb_array_elements(checkpoints) AS c$$,
	$$VALUES ('fetched', '{}'::jsonb, true), ('it''s "done"', '{"rows": 5}', true)$$, 'in order');
SELECT count(ops_runlog_checkpoint(:run, 'n' || n)) FROM generate_series(1, 250) AS n \g /dev/null
SELECT results_eq($$SELECT jsonb_array_length(checkpoints), checkpoints -> 0 ->> 'checkpoint', checkpoints -> 199 ->> 'checkpoint' FROM ops_runlog$$, $$VALUES (200, 'n51', 'n250')$$,
	'the newest two hundred are kept');
SELECT probe.answers(ops_runlog_finish(:run, 'success', '{"bars": 7}'), '{"success": true}', 'it ends');
SELECT results_eq('SELECT status, stats, finished_at >= started_at FROM ops_runlog', $$VALUES ('success', '{"bars": 7}'::jsonb, true)$$, 'with its status and figures');
SELECT is(ops_runlog_checkpoint('00000000-0000-0000-0000-00000000000f', 'x') - 'message', '{"success": false, "error": "not_found"}', 'a checkpoint of no run');
SELECT is(ops_runlog_finish('00000000-0000-0000-0000-00000000000f', 'x') - 'message', '{"success": false, "error": "not_found"}', 'an end of no run');

-- Ten of a job and trigger stay, whoever prunes.
SELECT count(ops_runlog_start(gen_random_uuid(), job, trigger, 'prod')) FROM generate_series(1, 25), unnest(ARRAY['a', 'b']) AS job, unnest(ARRAY['cron', 'manual']) AS trigger \g /dev/null
SELECT results_eq($$SELECT job_name, trigger, count(*) FROM ops_runlog WHERE job_name <> 'sync' GROUP BY 1, 2 ORDER BY 1, 2$$,
	$$VALUES ('a', 'cron', 10::bigint), ('a', 'manual', 10), ('b', 'cron', 10), ('b', 'manual', 10)$$, 'ten of each job and trigger are kept');
SELECT run_id AS newest FROM ops_runlog WHERE job_name = 'a' AND trigger = 'cron' ORDER BY started_at DESC, created_at DESC, run_id DESC LIMIT 1 \gset
SELECT is(ops_runlog_prune('a', 'cron', 1), '{"success": true, "deleted": 9}', 'or as many as are asked for');
SELECT is(array_agg(run_id::text), ARRAY[:'newest'], 'the newest') FROM ops_runlog WHERE job_name = 'a' AND trigger = 'cron';
SELECT is(ops_runlog_prune('a', 'cron', 0), '{"success": true, "deleted": 1}', 'or none');
SELECT is(ops_runlog_prune('a', 'cron'), '{"success": true, "deleted": 0}', 'again');
SELECT is(ops_runlog_prune('nothing', 'manual'), '{"success": true, "deleted": 0}', 'a job without runs');
INSERT INTO ops_runlog (run_id, job_name, trigger, started_at) SELECT gen_random_uuid(), 'job ' || n, 'manual', now() - interval '1 day' - n * interval '1 s' FROM generate_series(1, 10100) AS n;
SELECT ops_runlog_start(gen_random_uuid(), 'z', 'manual', 'prod') \g /dev/null
SELECT is((count(*), count(*) FILTER (WHERE job_name IN ('z', 'job 1'))), (10000::bigint, 2::bigint), 'of all jobs together the newest ten thousand are kept') FROM ops_runlog;

-- The runner writes one row a run, and none for a run that had nothing to do.
TRUNCATE ops_runlog;
CALL agg_run(p_now_utc => '2025-07-01 01:01+00');
SELECT is_empty('SELECT * FROM ops_runlog', 'nothing to do: no row');
SELECT world.task(s, '5m'), world.minutes(s, '2025-07-01 00:00+00', 60) FROM unnest(ARRAY['A', 'B', 'C']) AS s;
CALL agg_run('staging', p_now_utc => '2025-07-01 01:01+00', p_batch => 1);
SELECT results_eq($$SELECT job_name, trigger, env_name, status, (stats ->> 'tasks')::int, (stats ->> 'bars_created')::int, finished_at >= started_at FROM ops_runlog$$,
	$$VALUES ('agg_run', 'manual', 'staging', 'success', 3, 36, true)$$, 'one row for a run of three batches');
SET application_name = 'pg_cron';
UPDATE data_agg_state SET source_timeframe = '2h', next_run_at = NULL WHERE canonical_symbol = 'A';
CALL agg_run(p_now_utc => '2025-07-01 01:01+00');
RESET application_name;
SELECT results_eq($$SELECT trigger, status, stats -> 'tasks_failed' FROM ops_runlog ORDER BY started_at DESC LIMIT 1$$, $$VALUES ('cron', 'partial', '1'::jsonb)$$,
	'pg_cron is a schedule; a failed task makes a partial run');
UPDATE data_agg_state SET next_run_at = NULL, status = 'idle';
CALL agg_run(p_max_tasks => 1, p_now_utc => '2025-07-01 01:01+00');
SELECT cmp_ok(count(*), '<=', 20::bigint, 'bounded') FROM ops_runlog;

SELECT probe.refuses(format('SELECT %s', call), state, message, '%', call) FROM (VALUES
	('ops_runlog_start(NULL, ''j'', ''cron'', ''prod'')', '22004', '%p_run_id%'), ('ops_runlog_start(gen_random_uuid(), NULL, ''cron'', ''prod'')', '22004', '%p_job_name%'),
	('ops_runlog_start(gen_random_uuid(), ''j'', ''timer'', ''prod'')', '22023', '%timer%'), ('ops_runlog_start(gen_random_uuid(), ''j'', NULL, ''prod'')', '22004', '%p_trigger%'),
	('ops_runlog_start(gen_random_uuid(), ''j'', ''cron'', NULL)', '22004', '%p_env_name%'), ('ops_runlog_checkpoint(NULL, ''c'')', '22004', '%p_run_id%'),
	('ops_runlog_checkpoint(gen_random_uuid(), NULL)', '22004', '%p_checkpoint%'), ('ops_runlog_checkpoint(gen_random_uuid(), ''c'', NULL)', '22004', '%p_details%'),
	('ops_runlog_finish(NULL, ''c'')', '22004', '%p_run_id%'), ('ops_runlog_finish(gen_random_uuid(), NULL)', '22004', '%p_status%'),
	('ops_runlog_prune(''j'', ''cron'', -1)', '22023', '%p_keep%'), ('ops_runlog_prune(NULL, ''cron'')', '22004', '%p_job_name%'),
	('ops_runlog_prune(''j'', ''boo'')', '22023', '%boo%'), ('ops_runlog_prune(''j'', ''cron'', NULL)', '22004', '%p_keep%')) AS v (call, state, message);
SELECT * FROM finish();
