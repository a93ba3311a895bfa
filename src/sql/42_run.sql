-- The runner.

CREATE PROCEDURE @extschema@.agg_run(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 10000, p_max_windows int DEFAULT 1000, p_time_budget interval DEFAULT '50 seconds', p_batch int DEFAULT 10000, p_now_utc timestamptz DEFAULT NULL, p_sync_minutes int DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run';

COMMENT ON PROCEDURE @extschema@.agg_run(text, int, int, interval, int, timestamptz, int) IS
'Runs due tasks, most urgent first, in transactions of its own. Bars, cursors, totals and schedules of a batch are committed together, and its tasks stay locked until then. Continues while tasks are due and p_time_budget lasts. Source bars are made before the bars that read them, and DXY''s minutes before its bars. Any number of runners and outside workers may run at the same time.
p_env_name: DEV and TEST (in upper or lower case) select assets with test_active, every other name those with active. p_max_tasks: maximum number of different tasks in this call. p_max_windows: maximum number of windows per task and batch. A batch stops at some 100,000 windows of all its tasks: if many are far behind, those that are nearly up to date run first, and what is left comes in the next batches. p_time_budget: no new batch starts after it. p_batch: tasks per transaction. p_now_utc: the moment that decides what is due and confirmed; NULL, the default: the clock. p_sync_minutes: first calls sync_agg_state_from_registry(), with the start it was last given, if its last call for p_env_name is at least this many minutes ago; NULL, the default: does not call it.
A task that fails is recorded (status, hard_fail_streak, last_error as by agg_finish()) and stops no other. The SQLSTATE classes 08, 0A, 25, 28, 3F, 40, 42, 53, 55, 57, 58 and F0, 23502, and 23514 for a missing partition are transient, all others hard. A cancel or a shutdown ends the call; committed batches stay. Claims of agg_start() that are older than 15 minutes are released first, as agg_get_due_tasks() does.
Errors: 22004 for NULL, 22023 for a number < 1 or a negative budget, 2D000 inside a transaction block or function (use agg_run_batch()).';

CREATE FUNCTION @extschema@.agg_run_batch(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 1000, p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run_batch';

COMMENT ON FUNCTION @extschema@.agg_run_batch(text, int, int, timestamptz) IS
'Runs one batch of agg_run() in the caller''s transaction, for callers that cannot use CALL: the p_max_tasks most urgent due tasks that nobody else has locked. If nothing is due, tasks whose late source has come back become due, and claims of agg_start() that are older than 15 minutes are released; if nothing is due then either, a step of a policy of agg_set_retention() is made.
Answers success, continue (more is due, or a policy is to be carried out), tasks, task_runs, tasks_failed, windows_processed, bars_created, bars_inserted, bars_updated, bars_unchanged, bars_deleted, bars_quality_poor, bars_skipped, source_rows_refused, failures (the first twenty: canonical_symbol, timeframe, sqlstate, error, recorded).';

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
'The progress of sessions that are aggregating, before anything is committed: one row for each session that runs agg_run(), agg_run_batch(), catchup_aggregation_range() or agg_aggregate_tasks() and has finished its first batch of windows. canonical_symbol, timeframe and cursor are those of the task it reached last. windows_done and windows_total count all windows from where the tasks began to the last confirmed one, empty ones included. Only members of pg_read_all_stats see other users'' sessions.';

CREATE FUNCTION @extschema@.agg_wake()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_wake';

COMMENT ON FUNCTION @extschema@.agg_wake() IS
'Wakes this database''s background worker, if there is one, when the calling transaction commits, so that it looks for due tasks. Call it after manual edits of data_agg_state; the extension''s own functions wake the worker themselves.
Answers success, whether or not there is a worker.';

CREATE FUNCTION @extschema@.agg_schedule(p_cron text DEFAULT '* * * * *', p_env_name text DEFAULT 'prod', p_sync_minutes int DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_schedule';

COMMENT ON FUNCTION @extschema@.agg_schedule(text, text, int) IS
'Has pg_cron call agg_run() at p_cron (cron''s five fields, or whatever else its version understands), as the calling role, in this database. Another call replaces the schedule. p_sync_minutes: see agg_run().
Answers success, job_id, job_name, schedule, command.
Errors: 55000 if pg_cron is not installed in this database (the HINT says how to install it, and how to do without); pg_cron''s own error for a schedule that it cannot read.';

CREATE FUNCTION @extschema@.agg_unschedule()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unschedule';

COMMENT ON FUNCTION @extschema@.agg_unschedule() IS
'Removes the calling role''s job of agg_schedule() in this database. Answers success and jobs_removed (0 if there was none, or no pg_cron).';
