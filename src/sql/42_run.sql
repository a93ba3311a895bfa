-- The runner.

CREATE PROCEDURE @extschema@.agg_run(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 10000, p_max_windows int DEFAULT 1000, p_time_budget interval DEFAULT '50 seconds', p_batch int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_sync_minutes int DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run';

COMMENT ON PROCEDURE @extschema@.agg_run(text, int, int, interval, int, timestamptz, int) IS
'Works off due tasks, most urgent first, in transactions of its own: bars, cursors, totals and schedules of a batch are committed together, and its tasks are locked for as long. Loops while tasks are due and p_time_budget is left, the bars that others are made of first; DXY''s minutes are computed before its bars. Any number of runners and outside workers may run at the same time.
p_env_name: DEV and TEST (any case) work on assets with test_active, every other name on those with active. p_max_tasks: different tasks in this call at most. p_max_windows: windows of one task in one batch at most (fewer where many tasks are far behind: a batch stops at some 100,000). p_time_budget: no new batch is begun after it. p_batch: tasks in one transaction. p_now_utc: the moment that decides what is due and confirmed; NULL, the default: the clock. p_sync_minutes: sync_agg_state_from_registry() is called first, with the start that it was given last, if its last call for p_env_name is at least so many minutes ago; NULL, the default: not at all.
A task that fails is recorded (status, hard_fail_streak, last_error as by agg_finish()) and stops no other: transient for the SQLSTATE classes 08, 25, 40, 53, 55, 57 and 58, else hard. A cancel or a shutdown ends the call; what was committed stays.
Errors: 22004 for NULL, 22023 for a number < 1 or a negative budget, 2D000 inside a transaction block or function (use agg_run_batch()).';

CREATE FUNCTION @extschema@.agg_run_batch(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 1000, p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run_batch';

COMMENT ON FUNCTION @extschema@.agg_run_batch(text, int, int, timestamptz) IS
'One batch of agg_run() in the caller''s transaction, for callers that cannot use CALL: the p_max_tasks most urgent due tasks that nobody else has locked.
Answers success, continue (more is due), tasks, task_runs, tasks_failed, windows_processed, bars_created, bars_inserted, bars_updated, bars_unchanged, bars_deleted, bars_quality_poor, bars_skipped, source_rows_refused, failures (the first twenty: canonical_symbol, timeframe, sqlstate, error, recorded).';

CREATE VIEW @extschema@.v_aggregation_progress AS
SELECT a.pid, a.datname AS database, p.report ->> 'activity' AS activity, p.report ->> 'symbol' AS canonical_symbol,
    p.report ->> 'timeframe' AS timeframe, (p.report ->> 'cursor')::timestamptz AS cursor, (p.report ->> 'windows_done')::bigint AS windows_done,
    (p.report ->> 'windows_total')::bigint AS windows_total,
    round((p.report ->> 'windows_done')::numeric / NULLIF(EXTRACT(epoch FROM clock_timestamp() - (p.report ->> 'started_at')::timestamptz), 0), 1) AS windows_per_second,
    (p.report ->> 'started_at')::timestamptz AS started_at
FROM pg_catalog.pg_stat_activity AS a
CROSS JOIN LATERAL (SELECT CASE WHEN a.query LIKE 'aggregation: {%"complete": true}' THEN substr(a.query, 14)::jsonb END AS report) AS p
WHERE a.state = 'active' AND p.report IS NOT NULL;

COMMENT ON VIEW @extschema@.v_aggregation_progress IS
'What the sessions that aggregate right now are at, before anything of it is committed: one row a session that runs agg_run(), agg_run_batch(), catchup_aggregation_range() or agg_aggregate_tasks() and has finished its first batch of windows. canonical_symbol, timeframe and cursor are those of the task it came to last; windows_done and windows_total count all windows from where the tasks began up to the last one that is confirmed, empty ones included. Texts of other users'' sessions are shown to members of pg_read_all_stats only.';

CREATE FUNCTION @extschema@.agg_wake()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_wake';

COMMENT ON FUNCTION @extschema@.agg_wake() IS
'Has this database''s background worker, where there is one, look for due tasks as soon as the calling transaction has committed: for changes of data_agg_state that were made by hand. The extension''s own functions do it themselves.
Answers success, whether or not there is a worker.';

CREATE FUNCTION @extschema@.agg_schedule(p_cron text DEFAULT '* * * * *', p_env_name text DEFAULT 'prod', p_sync_minutes int DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_schedule';

COMMENT ON FUNCTION @extschema@.agg_schedule(text, text, int) IS
'Has pg_cron call agg_run() at p_cron (five fields of cron, or what else its version understands), as the calling role, in this database. Calling it again replaces the schedule. p_sync_minutes: as agg_run()''s.
Answers success, job_id, job_name, schedule, command.
Errors: 55000 where pg_cron is not installed in this database (the HINT says how, and how to do without); what pg_cron says of a schedule that it cannot read.';

CREATE FUNCTION @extschema@.agg_unschedule()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unschedule';

COMMENT ON FUNCTION @extschema@.agg_unschedule() IS
'Removes the calling role''s job of agg_schedule() in this database. Answers success and jobs_removed (0 if there was none). Errors: 55000 as agg_schedule().';
