-- complain if this script is read by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION aggregation UPDATE TO '1.1'" to load this file. \quit

-- From 1.0 to 1.1. Whatever is changed in src/sql/*.sql is repeated here; the suite "upgrade" compares the results of both.
-- What agg_setup() makes (tables, triggers on them, views) is brought up at the end.

-- What is defined here finds PostgreSQL's own functions and operators only, whatever somebody has put into the schema before.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

-- The first new function, and with it the question whether this session has the new library.
DO $update$
BEGIN
    CREATE FUNCTION @extschema@.agg_note_task_change()
    RETURNS trigger
    LANGUAGE c VOLATILE SECURITY INVOKER
    AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_task_change';
EXCEPTION WHEN undefined_function THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = 'this session has loaded the library of aggregation 1.0',
        HINT = 'Reconnect and run it again. If aggregation is in shared_preload_libraries, restart the server first.';
END
$update$;

-- Functions that notice changes keep their names in the library: a session with 1.0's library goes on writing bars. All others have a name
-- that this library does not know, and that says what to do.

CREATE OR REPLACE FUNCTION @extschema@.agg_setup(dry_run boolean DEFAULT false)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_setup';

COMMENT ON FUNCTION @extschema@.agg_setup(boolean) IS
'Creates the tables, indexes, constraints, triggers and views that the extension works on, in the extension''s schema, or adds what is missing to existing ones. It touches nothing else.
dry_run: true only lists what would be done.
Returns one row for each thing that differed: the object; the action (created, added, replaced, would create, would add, would replace, cannot mend); the beginning of the SQL (with dry_run all of it, broken into lines), or the reason why it cannot be mended. No row means that everything is in place.
Replaces a view of the extension that has another definition, or an owner who is neither the caller nor has the rights of a superuser or of the extension''s owner. Names own tables (agg_...) of such an owner.
Also names, as cannot mend, what else would prevent a bar from being written: columns of the owner''s that need a value and get none, generated and identity columns among the extension''s, checks and foreign keys that would refuse a bar, rules, forced row security, unlogged tables, partitioned tables without partitions, unique indexes that count soft-deleted bars, publications of tables without a replica identity.
Runs with the rights of its caller, who becomes the owner of what it creates. On an existing table it acts as the table''s owner, in a security-restricted operation; the caller must have that owner''s rights.';

COMMENT ON FUNCTION @extschema@.agg_capture_changes() IS
'Trigger of data_bars, after INSERT, UPDATE and DELETE for each row and before TRUNCATE. Collects the minutes of 1m bars that are inserted, changed or deleted, and writes them to agg_change_log when the transaction commits. An UPDATE that leaves key, prices, vol, vwap and trade_count as they were is no change. Does nothing while aggregation.tracking is off.';

COMMENT ON FUNCTION @extschema@.agg_note_timeframe() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of timeframe or source_timeframe for each row. Maintains agg_timeframes, the list of timeframes in use and of their sources.';

COMMENT ON FUNCTION @extschema@.agg_note_task_change() IS
'Triggers of data_agg_state, after INSERT for each statement and after UPDATE of key, source_timeframe, agg_start_utc, late_policy or calendar for each row. Marks in agg_dirty_ranges the existing bars that the change affects, so that the next run recomputes them: all bars of a task that is created where bars exist, or gets another source or calendar; those between the old and the new start; those that a late policy had refused. Has the days of a calendar made when its first task names it, and refuses a calendar that does not exist or is not that of the symbol''s other tasks (23503, 23514). Lists a task that is new or gets another source or calendar in agg_recent_tasks, until every session at work knows it.';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. If a partition of data_bars is attached, its bars count as changed. If one is detached or dropped, the bars made from it are sealed (agg_sealed_ranges). If a partition of derived_data_bars is detached or dropped, what it held is sealed, too, and is not made again. A column of bars that is added, dropped, renamed or gets another type counts as a change of all bars of the table. New and attached partitions get the trigger for TRUNCATE, and their owner is granted the right to use it. Tables that inherit from data_bars or derived_data_bars without being partitions are refused (0A000). While aggregation.tracking is off, nothing is sealed or counted as changed.';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_window(p_symbol text, p_to_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_window';

COMMENT ON FUNCTION @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int) IS
'Aggregates one window [p_from_utc, p_to_utc) of a symbol and timeframe from its source bars, and stores the bar in derived_data_bars if it differs from the stored one.
The window must be aligned and exactly one width of p_to_tf wide (else SQLSTATE 22023). The source is that of the task in data_agg_state, or the timeframe''s default if there is no task.
Answers success, stored, source_count (usable candles), refused (source rows with a missing, NaN or infinite price), and quality_score (2, 1, 0, -1) or reason (insufficient_source_bars: half of the window or less is covered, and a bar stored there before is soft-deleted; sealed: the window, or bars that it is made from, were retired, and it stays as it is).
The task''s cursor and start, and confirmation, are ignored. Errors: P0002 for a symbol that no task, asset or bar has; 22004 for NULL; 22008 for an infinite timestamp; 22023 for an unknown timeframe.';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_1m_to_5m_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_1m_to_5m_window';

COMMENT ON FUNCTION @extschema@.aggregate_1m_to_5m_window(text, timestamptz, timestamptz, int) IS
'Makes one 5m bar from the 1m bars of data_bars. Answers like aggregate_window(), with source_count out of 5: 5 scores 2, 4 scores 1, 3 scores 0, fewer give no bar.';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_5m_to_1h_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_5m_to_1h_window';

COMMENT ON FUNCTION @extschema@.aggregate_5m_to_1h_window(text, timestamptz, timestamptz, int) IS
'Makes one 1h bar from the live 5m bars of derived_data_bars. Answers like aggregate_window(), with source_count out of 12: 12 scores 2, 10 or 11 score 1, 8 or 9 score 0, 7 scores -1, fewer give no bar.';

CREATE OR REPLACE FUNCTION @extschema@.agg_bootstrap_cursor(p_symbol text, p_to_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bootstrap_cursor';

COMMENT ON FUNCTION @extschema@.agg_bootstrap_cursor(text, text, timestamptz) IS
'The cursor at which a task starts: the first window boundary at or after its agg_start_utc. It depends on neither the data nor the clock (p_now_utc is accepted for older callers), and writes nothing.
Errors: P0002 "Missing config in data_agg_state for SYMBOL/TIMEFRAME" if there is no such task; 22004 for NULL; 22023 for an unknown timeframe.';

CREATE OR REPLACE FUNCTION @extschema@.catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows int DEFAULT 100, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1, p_ignore_confirmation boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_catchup_aggregation_range';

COMMENT ON FUNCTION @extschema@.catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean) IS
'Aggregates consecutive windows of one task, starting at p_start_cursor_utc (raised to the task''s agg_start_utc, then rounded up to a window boundary), at most p_max_windows (>= 1) of them, and stores the bars that differ from the stored ones. It does not move the stored cursor: pass cursor_advanced_to to agg_finish().
p_now_utc: the clock for confirmation (NULL: now()). A window is processed once its end + aggregation_delay_seconds has passed; p_ignore_confirmation waives the delay, never the end of the window.
Answers success, windows_processed, cursor_advanced_to, bars_created (windows whose bar is stored) = bars_inserted + bars_updated + bars_unchanged, bars_deleted, bars_quality_poor (stored with a score <= 0), bars_skipped (too few candles), windows_sealed, source_rows_refused (rows with unusable prices), late_windows_processed and late_bars_changed (windows before the cursor that were recomputed), continue, reason, max_source_ts, agg_start_enforced.
reason: max_windows and gap (call again: continue is true); not_confirmed, frontier, waiting_for_source, cursor_beyond_source_data, no_source_data_anywhere.
Errors: P0002 "Missing agg config SYMBOL/TIMEFRAME"; 22004 for NULL (except p_now_utc); 22008 for an infinite timestamp; 22023 for an unknown timeframe or p_max_windows < 1. On an error nothing is written.';

CREATE OR REPLACE FUNCTION @extschema@.agg_aggregate_tasks(p_symbols text[], p_timeframes text[], p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1)
RETURNS TABLE (canonical_symbol text, timeframe text, windows_processed bigint, bars_created bigint, bars_inserted bigint, bars_updated bigint, bars_unchanged bigint, bars_deleted bigint, bars_quality_poor bigint, bars_skipped bigint, source_rows_refused bigint, last_agg_bar_ts_utc timestamptz, reason text, continue boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_aggregate_tasks';

COMMENT ON FUNCTION @extschema@.agg_aggregate_tasks(text[], text[], int, timestamptz, int) IS
'Advances many tasks in one call and one transaction: task i is (p_symbols[i], p_timeframes[i]). Each task resumes at its stored cursor (at its start if it has none), processes at most p_max_windows windows and jumps over gaps. Its cursor, totals and next_run_at are written together with its bars. Narrow timeframes run first, so 1h sees the 5m bars of the same call.
Returns one row per task, with the counts and reasons of catchup_aggregation_range() and the cursor that it reached.
Errors as there; 22023 also for arrays of different lengths and for a task named twice. An error in one task rolls back all of them.';

CREATE OR REPLACE FUNCTION @extschema@.agg_get_due_tasks(p_env_name text, p_now_utc timestamptz DEFAULT now(), p_limit int DEFAULT 20, p_running_stale_seconds int DEFAULT 900)
RETURNS TABLE (canonical_symbol text, timeframe text, source_timeframe text, run_interval_minutes int, aggregation_delay_seconds int, last_agg_bar_ts_utc timestamptz, status text, hard_fail_streak int, task_priority int, is_mandatory boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_get_due_tasks';

COMMENT ON FUNCTION @extschema@.agg_get_due_tasks(text, timestamptz, int, int) IS
'The tasks that are due now, most urgent first, at most p_limit: idle, enabled, next_run_at NULL or passed at p_now_utc, of active assets (if p_env_name is DEV or TEST, in upper or lower case: of assets with test_active).
Order: mandatory first, then the shorter window, then the lower task_priority, then the longest without success (never-run first), then the symbol.
Tasks that have been running for more than p_running_stale_seconds (by the earlier of p_now_utc and the clock) first return to idle, with a note in last_error.
Errors: 22004 for NULL, 22008 for an infinite timestamp, 22023 for a negative limit or age.';

CREATE OR REPLACE FUNCTION @extschema@.agg_start(p_symbol text, p_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_start';

COMMENT ON FUNCTION @extschema@.agg_start(text, text, timestamptz) IS
'Claims a task: moves it from idle (and enabled) to running by compare-and-set.
Answers success, canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, last_agg_bar_ts_utc and claim_token (pass it to agg_finish()), or {"success": false, "error": "not_idle_or_missing", "message": ...}, where the message says why.';

CREATE OR REPLACE FUNCTION @extschema@.agg_finish(p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamptz DEFAULT NULL, p_stats jsonb DEFAULT NULL, p_fail_kind text DEFAULT NULL, p_error text DEFAULT NULL, p_now_utc timestamptz DEFAULT now(), p_auto_disable_hard_fail_threshold int DEFAULT 3, p_claim_token uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_finish';

COMMENT ON FUNCTION @extschema@.agg_finish(text, text, boolean, timestamptz, jsonb, text, text, timestamptz, int, uuid) IS
'Records how a run of a task ended and when it runs next.
Success: the cursor moves to p_new_cursor_utc (rounded down to its window; NULL leaves it; a time before the stored cursor is an error, 22023, and so is one past the end of the last window that is over, by the later of p_now_utc and the clock). The failure streak ends, and bars_created, bars_quality_poor, bars_skipped and source_rows_refused of p_stats are added to the totals. The task runs again when its next window can be confirmed, at the latest after its run interval. If a run processed no window although one should have been there, the task waits half of the time that it is overdue (between 5 seconds and the run interval).
Failure: transient as p_fail_kind keeps the streak, and the task runs again within a minute; anything else adds one to the streak. At p_auto_disable_hard_fail_threshold a mandatory task becomes hard_failed and an optional one disabled, until an explicit reset. p_error is kept up to 1,900 characters.
p_claim_token: if it is given and no longer the task''s, nothing changes and the answer is {"success": false, "error": "claim_lost", "message": ...}. Without it a finish is accepted whatever the status.
Answers success, status, last_agg_bar_ts_utc, next_run_at, hard_fail_streak, or {"success": false, "error": "not_found", "message": ...}.';

CREATE OR REPLACE FUNCTION @extschema@.sync_agg_state_from_registry(p_env_name text DEFAULT 'prod', p_agg_start_utc timestamptz DEFAULT '2025-07-01 00:00:00+00')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_sync_agg_state_from_registry';

COMMENT ON FUNCTION @extschema@.sync_agg_state_from_registry(text, timestamptz) IS
'Creates and updates the tasks that the registry''s active assets ask for (test_active if p_env_name is DEV or TEST): mandatory 5m and 1h, with a delay of 30 s, priority 100 and the start p_agg_start_utc. The asset''s metadata.agg overrides this: enabled, start_utc (ISO 8601, or first_bar: each task starts at the window of the symbol''s first bar, and never moves forward because of it), mandatory (list), optional (list), delay_seconds, priority, calendar (agg_set_calendar()), source ("1m" or "chain": agg_set_source()). A list adds the timeframes from which its members are built. Tasks of assets that are no longer active are disabled. Cursors, statuses and streaks are kept; rows with an unchanged configuration are not touched.
Answers success, tasks_created, tasks_updated, tasks_disabled, timestamp_utc, env, agg_start_utc, and three lists: assets_skipped (symbol and error of each asset with metadata that cannot be understood, or with a symbol that is empty or has blanks around it), unknown_keys (symbol and the unknown keys of its metadata.agg, and those beside it that belong into it or are spelt almost like it), data_before_start (the first twenty symbols with minutes before the start of their tasks: canonical_symbol, first_bar_utc, agg_start_utc; no bars are made from these).';

CREATE OR REPLACE PROCEDURE @extschema@.agg_run(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 10000, p_max_windows int DEFAULT 1000, p_time_budget interval DEFAULT '50 seconds', p_batch int DEFAULT 10000, p_now_utc timestamptz DEFAULT NULL, p_sync_minutes int DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run';

COMMENT ON PROCEDURE @extschema@.agg_run(text, int, int, interval, int, timestamptz, int) IS
'Runs due tasks, most urgent first, in transactions of its own. Bars, cursors, totals and schedules of a batch are committed together, and its tasks stay locked until then. Continues while tasks are due and p_time_budget lasts. Source bars are made before the bars that read them, and DXY''s minutes before its bars. Any number of runners and outside workers may run at the same time.
p_env_name: DEV and TEST (in upper or lower case) select assets with test_active, every other name those with active. p_max_tasks: maximum number of different tasks in this call. p_max_windows: maximum number of windows per task and batch. A batch stops at some 100,000 windows of all its tasks: if many are far behind, those that are nearly up to date run first, and what is left comes in the next batches. p_time_budget: no new batch starts after it. p_batch: tasks per transaction. p_now_utc: the moment that decides what is due and confirmed; NULL, the default: the clock. p_sync_minutes: first calls sync_agg_state_from_registry(), with the start it was last given, if its last call for p_env_name is at least this many minutes ago; NULL, the default: does not call it.
A task that fails is recorded (status, hard_fail_streak, last_error as by agg_finish()) and stops no other. The SQLSTATE classes 08, 0A, 25, 28, 3F, 40, 42, 53, 55, 57, 58 and F0, 23502, and 23514 for a missing partition are transient, all others hard. A cancel or a shutdown ends the call; committed batches stay. Claims of agg_start() that are older than 15 minutes are released first, as agg_get_due_tasks() does.
Errors: 22004 for NULL, 22023 for a number < 1 or a negative budget, 2D000 inside a transaction block or function (use agg_run_batch()).';

CREATE OR REPLACE FUNCTION @extschema@.agg_run_batch(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 1000, p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run_batch';

COMMENT ON FUNCTION @extschema@.agg_run_batch(text, int, int, timestamptz) IS
'Runs one batch of agg_run() in the caller''s transaction, for callers that cannot use CALL: the p_max_tasks most urgent due tasks that nobody else has locked. If nothing is due, tasks whose late source has come back become due, and claims of agg_start() that are older than 15 minutes are released; if nothing is due then either, a step of a policy of agg_set_retention() is made.
Answers success, continue (more is due, or a policy is to be carried out), tasks, task_runs, tasks_failed, windows_processed, bars_created, bars_inserted, bars_updated, bars_unchanged, bars_deleted, bars_quality_poor, bars_skipped, source_rows_refused, failures (the first twenty: canonical_symbol, timeframe, sqlstate, error, recorded).';

COMMENT ON VIEW @extschema@.v_aggregation_progress IS
'The progress of sessions that are aggregating, before anything is committed: one row for each session that runs agg_run(), agg_run_batch(), catchup_aggregation_range() or agg_aggregate_tasks() and has finished its first batch of windows. canonical_symbol, timeframe and cursor are those of the task it reached last. windows_done and windows_total count all windows from where the tasks began to the last confirmed one, empty ones included. Only members of pg_read_all_stats see other users'' sessions.';

CREATE OR REPLACE FUNCTION @extschema@.agg_wake()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_wake';

COMMENT ON FUNCTION @extschema@.agg_wake() IS
'Wakes this database''s background worker, if there is one, when the calling transaction commits, so that it looks for due tasks. Call it after manual edits of data_agg_state; the extension''s own functions wake the worker themselves.
Answers success, whether or not there is a worker.';

CREATE OR REPLACE FUNCTION @extschema@.agg_schedule(p_cron text DEFAULT '* * * * *', p_env_name text DEFAULT 'prod', p_sync_minutes int DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_schedule';

COMMENT ON FUNCTION @extschema@.agg_schedule(text, text, int) IS
'Has pg_cron call agg_run() at p_cron (cron''s five fields, or whatever else its version understands), as the calling role, in this database. Another call replaces the schedule. p_sync_minutes: see agg_run().
Answers success, job_id, job_name, schedule, command.
Errors: 55000 if pg_cron is not installed in this database (the HINT says how to install it, and how to do without); pg_cron''s own error for a schedule that it cannot read.';

CREATE OR REPLACE FUNCTION @extschema@.agg_unschedule()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unschedule';

COMMENT ON FUNCTION @extschema@.agg_unschedule() IS
'Removes the calling role''s job of agg_schedule() in this database. Answers success and jobs_removed (0 if there was none, or no pg_cron).';

CREATE OR REPLACE FUNCTION @extschema@.agg_reset_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_task';

COMMENT ON FUNCTION @extschema@.agg_reset_task(text, text) IS
'Puts a task back to work: the explicit acknowledgement that hard_failed and disabled wait for. The status becomes idle, the streak 0 and the error NULL, a claim is removed, and the task is due at once. `enabled` stays as it is.
Answers success, canonical_symbol, timeframe, status, enabled, changed (column: [old, new]; empty if the task was idle without failures: then nothing is written), note (what is wrong with the task''s row that no reset mends), or {"success": false, "error": "not_found", "message": ...}.';

CREATE OR REPLACE FUNCTION @extschema@.agg_enable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_enable_task';

COMMENT ON FUNCTION @extschema@.agg_enable_task(text, text) IS
'Switches a task on (enabled = true). A status of hard_failed or disabled stays and needs agg_reset_task(); the answer includes the status. Answers like agg_reset_task().';

CREATE OR REPLACE FUNCTION @extschema@.agg_disable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_disable_task';

COMMENT ON FUNCTION @extschema@.agg_disable_task(text, text) IS
'Switches a task off (enabled = false) until agg_enable_task(): a sync from the registry leaves it off. A runner that is processing it finishes its batch first. Answers like agg_reset_task().';

CREATE OR REPLACE FUNCTION @extschema@.agg_set_start(p_symbol text, p_tf text, p_start_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_start';

CREATE OR REPLACE FUNCTION @extschema@.agg_heartbeat(p_symbol text, p_tf text, p_claim_token uuid, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_heartbeat';

COMMENT ON FUNCTION @extschema@.agg_heartbeat(text, text, uuid, timestamptz) IS
'Renews the claim of agg_start(): its age counts from p_now_utc. (last_attempted_at_utc still says when it began.)
Answers success, running_started_at_utc; {"success": false, "error": "claim_lost", "message": ...} if the task is not running or has another token; {"success": false, "error": "not_found", "message": ...}.';

CREATE OR REPLACE FUNCTION @extschema@.agg_mark_changed(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_changed';

COMMENT ON FUNCTION @extschema@.agg_mark_changed(text, timestamptz, timestamptz) IS
'Reports that 1m bars of [p_from_utc, p_to_utc) have changed, as the trigger of data_bars would: for a load with aggregation.tracking off, and for any other change that the trigger did not see. p_symbol NULL: all symbols that have tasks. Call it in the transaction of the load, or after it. Bars that do not change are not written.
Answers success, symbols. Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for a range that is empty or inverted.';

CREATE OR REPLACE FUNCTION @extschema@.agg_seal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_seal_range';

COMMENT ON FUNCTION @extschema@.agg_seal_range(text, timestamptz, timestamptz, text) IS
'Seals the bars made from 1m bars of [p_from_utc, p_to_utc), including those of windows that only touch the range: they stay as they are, whatever happens to their source. Call it before the source is removed by other means than agg_retire_source(). p_symbol NULL: all symbols that have tasks at that moment, each by a seal of its own.
Answers success, symbols (how many). Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for a range that is empty or inverted.';

CREATE OR REPLACE FUNCTION @extschema@.agg_unseal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unseal_range';

COMMENT ON FUNCTION @extschema@.agg_unseal_range(text, timestamptz, timestamptz) IS
'Removes [p_from_utc, p_to_utc) from the sealed ranges of p_symbol (NULL: of every symbol) and has the windows that were sealed there recomputed in every timeframe, since their source is back: bars whose source is still gone are deleted. Where a range is sealed for all symbols together, the other symbols stay sealed. Clears what agg_refused_ranges lists there; a task with late_policy freeze lists it again.
Answers success, ranges_unsealed. Errors as agg_seal_range().';

CREATE OR REPLACE FUNCTION @extschema@.agg_retire_source(p_before_utc timestamptz, p_symbol text DEFAULT NULL, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_retire_source';

COMMENT ON FUNCTION @extschema@.agg_retire_source(timestamptz, text, int) IS
'Retention: deletes 1m bars before p_before_utc (of p_symbol; NULL: of all symbols), at most p_max_rows per call, and seals the windows before it, so that their bars stay: symbol by symbol, for those that have tasks at that moment. Let the tasks catch up first: bars that have not been made by then never will be.
Answers success, rows_removed, continue (there may be more). Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for p_max_rows < 1.';

CREATE OR REPLACE FUNCTION @extschema@.agg_set_late_policy(p_symbol text, p_tf text, p_policy text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_late_policy';

COMMENT ON FUNCTION @extschema@.agg_set_late_policy(text, text, text) IS
'Says what happens when source changes behind a task''s cursor. recompute (the default): the bar is recomputed. freeze: existing bars never change; what was refused is counted in data_agg_state.refused_rows and listed in agg_refused_ranges, and derived_rebuild_range() recomputes it. Back to recompute: everything that was refused is recomputed.
Answers success, late_policy, changed, ranges_to_recompute, or {"success": false, "error": "not_found", "message": ...}. Errors: 22023 for another policy.';

CREATE OR REPLACE FUNCTION @extschema@.derived_soft_delete_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_soft_delete_range';

COMMENT ON FUNCTION @extschema@.derived_soft_delete_range(text, text, timestamptz, timestamptz, text) IS
'Soft-deletes the live bars of all windows that touch [p_from_utc, p_to_utc): sets deleted_at, and p_reason in raw ("deleted"). The windows above are recomputed without them. The bars stay deleted until their source changes, or until derived_restore_range() or derived_rebuild_range() brings them back.
Answers success, bars_deleted. Errors: P0002 for a task that does not exist, if there are no bars either; 22004, 22008, 22023 for arguments that are NULL, infinite, an unknown timeframe, or a range that is empty or inverted.';

CREATE OR REPLACE FUNCTION @extschema@.derived_restore_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_restore_range';

COMMENT ON FUNCTION @extschema@.derived_restore_range(text, text, timestamptz, timestamptz) IS
'Brings soft-deleted bars of all windows that touch [p_from_utc, p_to_utc) back as they were: in each window without a live bar, the one that was deleted last. The windows above are recomputed with them, and the next run compares them with their source.
Answers success, bars_restored. Errors as derived_soft_delete_range().';

CREATE OR REPLACE FUNCTION @extschema@.derived_purge_deleted(p_older_than interval DEFAULT '30 days', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_purge_deleted';

COMMENT ON FUNCTION @extschema@.derived_purge_deleted(interval, int) IS
'Removes bars for good that were soft-deleted longer than p_older_than ago, at most p_max_rows per call. A bar that somebody deleted, and that no later bar of its window has replaced, stays: it explains why there is no bar.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE OR REPLACE FUNCTION @extschema@.derived_rebuild_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_bump_derivation_version boolean DEFAULT true, p_reason text DEFAULT NULL, p_max_windows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_rebuild_range';

COMMENT ON FUNCTION @extschema@.derived_rebuild_range(text, text, timestamptz, timestamptz, boolean, text, int) IS
'Recomputes the bars of all windows that touch [p_from_utc, p_to_utc) and that the task has passed, in one transaction: readers see the old bars or the new ones, never a hole. The windows above are recomputed afterwards.
p_bump_derivation_version true: the old bars are soft-deleted, with p_reason in raw ("deleted"), and the new ones get the next derivation_version, higher than any in the range. false: bars are compared, and only those that differ are written. p_max_windows: maximum number of windows in this call; call again from next_from_utc for the rest.
Windows that the task has not passed yet, windows before its start, and sealed windows are left alone. What late_policy freeze refused in the range is recomputed.
Answers success, from_utc, to_utc (the range that was done), windows_processed, bars_replaced, bars_inserted, bars_updated, bars_unchanged, bars_deleted, derivation_version, continue, next_from_utc. Errors: P0002 for a task that does not exist; 22004, 22008, 22023 as derived_soft_delete_range(); 22023 for p_max_windows < 1.';

CREATE OR REPLACE FUNCTION @extschema@.agg_reset_cursor(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_cursor';

COMMENT ON FUNCTION @extschema@.agg_reset_cursor(text, text, timestamptz) IS
'Moves cursors back, never forward, and never before a task''s start. What lies between is processed again. p_to_utc NULL: cursors that ran ahead of their source (that is, are more than a window past the window of its last bar; infinity, too) go back to that window, or to the start if there is no source. Otherwise cursors go back to the window of p_to_utc. p_symbol NULL: all symbols; p_tf NULL: all timeframes.
Answers success, tasks_looked_at, tasks_reset, reset (the first twenty: canonical_symbol, timeframe, from_utc, to_utc), or {"success": false, "error": "not_found", "message": ...} if a single task is named and does not exist or has no cursor, or if no symbol has a task of p_tf. Bars ahead of the clock do not count as source here. Errors: P0002 for a symbol that no task, asset or bar has, if p_tf is NULL; 22008 for an infinite time; 22023 for an unknown timeframe.';

CREATE OR REPLACE FUNCTION @extschema@.agg_verify(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, difference text, column_name text, stored text, expected text, explanation text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify';

COMMENT ON FUNCTION @extschema@.agg_verify(text, text, timestamptz, timestamptz) IS
'The proof: recomputes bars from their source in plain SQL, which shares nothing with the engine, and returns every difference as it finds it. No row without an explanation means that the stored bars are what the source says, bit by bit. NULLs: all symbols, all timeframes, all times. Given a range, it checks the windows that lie wholly in it. Sealed windows are left out. Between a task''s start and its cursor every bar must be there; outside, none is missing, but a stored bar must be what its source says. DXY''s minutes are checked between the start and the cursor of the tasks that read them, against the pairs (to the eighth decimal), except those that a feed delivered and those with a sealed part.
difference: missing (a bar should be there), surplus (a bar should not be there), differs (one row per column), stale_version (made by a lower derivation_version than data_agg_state asks for), duplicate (a key occurs more than once, which a unique index would prevent; column_name source: in the source), no_task (live bars of a symbol and timeframe without a task: the first bar, and in stored how many), invalid_rules (the same for bars of a task, or minutes of an index, whose row makes no sense). stored, expected: the two values as text, doubles with all their digits. explanation: pending (its source has changed and it will be recomputed, or the task has not reached it yet), refused (late_policy freeze), deleted (somebody deleted the bar), no_task; NULL: nothing explains it.
Judged are prices, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score, derivation_version and is_partial. If raw names a rule, the bar was made here, and raw, source and provider_ticker are judged, too; bars of an older system keep theirs. Not judged: ingested_at, created_at, updated_at and revision, which say when and how often, and not what; vwap in windows with a vwap or volume below 1e-90 or above 1e90, and vol in windows with a volume above 1e280 beside negative ones or ones below 1e-280, since SQL raises errors where double precision does not.
Errors: P0002 for a task that does not exist, or a symbol that no task, asset or bar has; 22008 for an infinite time; 22023 for an unknown timeframe or an inverted range; 55000 if row security hides rows of data_bars or derived_data_bars from the owner of derived_data_bars, who compares them.';

CREATE OR REPLACE FUNCTION @extschema@.agg_verify_sample(p_fraction double precision DEFAULT 0.01, p_time_budget interval DEFAULT '30 seconds', p_seed bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify_sample';

COMMENT ON FUNCTION @extschema@.agg_verify_sample(double precision, interval, bigint) IS
'agg_verify() of random stretches of all tasks and of the minutes of indexes. A stretch has up to 288 windows that hold something; each is checked with the probability p_fraction, and at least one of each task; 1 checks everything. The tasks come in random order until p_time_budget is over. The result is recorded in agg_audit and kept for 90 days; v_aggregation_truth turns RED on a difference without an explanation. p_seed: the same stretches again.
Answers success, tasks, windows, differences (without an explanation), complete (every task had its turn), seed, details (the first twenty differences). Errors: 22004 for NULL, 22023 for a fraction outside (0, 1] or a budget that is not positive; 55000 as agg_verify().';

CREATE OR REPLACE FUNCTION @extschema@.agg_why(p_symbol text, p_tf text, p_window_start timestamptz, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, state text, explanation text, quality_score int, source_candles bigint, expected_candles bigint, source_timeframe text, missing_source jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_why';

COMMENT ON FUNCTION @extschema@.agg_why(text, text, timestamptz, timestamptz) IS
'One row that says why the bar of a window is there or is not; p_window_start may be any time in the window.
state: stored, sealed (its source, or bars of its timeframe, were retired: what is stored stays, nothing is made), frozen (late_policy refused what came later), dirty (its source has changed since), deleted (when and why), before_start, not_confirmed (until when), running, disabled (also: the asset is not active or not registered, or nobody knows the status), hard_failed (by or since whom), waiting_for_source (which task), no_source, too_few_source_bars, due (the task has not reached it yet), missing (nothing explains it), no_task.
explanation: the same in words, for a source that is missing down to the ingested bars: which task of the chain is in the way, where the bars end, which component of an index lacks minutes. source_candles, expected_candles: usable source bars in the window, and how many make it complete. missing_source: the starts of the missing ones, the first hundred.
p_now_utc: the moment that decides what is confirmed; NULL: the clock. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite or no timeframe.';

CREATE FUNCTION @extschema@.agg_note_calendar_change()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_calendar_change';

COMMENT ON FUNCTION @extschema@.agg_note_calendar_change() IS
'Triggers of agg_calendars, agg_calendar_sessions and agg_calendar_exceptions, for each statement, and for each row before it is written. Checks the rules (22001: a name longer than 256 bytes; 22023: a name that is empty, has blanks around it or control characters in it, a weekday that is none, unknown time zone, session outside its trading day, overlapping sessions, exception without sense; 23503: a calendar that is deleted or renamed while tasks have it; 55000: a change of utc, a shipped exception that is deleted). Brings agg_calendar_days up to the rules, and marks the windows that touch a day that has become another one in all tasks of the calendar, so that the next runs make them anew. Sets shipped to false where somebody changes what the extension ships. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_set_calendar(p_symbol text, p_calendar text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_calendar';

COMMENT ON FUNCTION @extschema@.agg_set_calendar(text, text) IS
'Chooses the calendar of a symbol, for all of its tasks: utc, or one of agg_calendars. Cursors go back to the start of the window that they lie in, a source whose windows are no parts of the task''s windows any more is replaced by the default, and everything that is stored is marked. The call itself changes no bar: until the next runs the bars are those of the old calendar; these runs make them anew and delete bars of windows that do not exist any more. A sync from the registry sets the calendar that the asset''s metadata.agg.calendar names, and leaves it alone where that is missing.
Answers success, canonical_symbol, calendar, tasks, changed (of each changed task: timeframe, and as [old, new] source_timeframe and last_agg_bar_ts_utc where they changed), note; or {"success": false, "error": "not_found", "message": ...} if the symbol has no task; message says how it gets one. Errors: 22023 for an unknown calendar, P0002 for a symbol that no task, asset or bar has, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_set_source(p_symbol text, p_source text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_source';

COMMENT ON FUNCTION @extschema@.agg_set_source(text, text) IS
'Chooses what the bars of a symbol are made of, for all of its tasks: exact, every timeframe of the 1m bars; or chain, each of narrower bars as a task''s default says (of those timeframes that the symbol has tasks for). By the chain the minutes of a window that is too thin for a bar are missing in all wider bars; exact bars have them all. Tasks whose source becomes another one are marked from their beginning, and the next runs make their bars anew. A sync from the registry sets what the asset''s metadata.agg.source says ("1m" or "chain"); where that is missing, a symbol whose tasks are all made of minutes stays exact.
Answers success, canonical_symbol, source, tasks, changed (of each changed task: timeframe, and source_timeframe as [old, new]), note; or {"success": false, "error": "not_found", "message": ...} if the symbol has no task. Errors: 22023 for another word than exact, 1m (the same) and chain, P0002 for a symbol that no task, asset or bar has, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_refresh_calendars()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_refresh_calendars';

COMMENT ON FUNCTION @extschema@.agg_refresh_calendars() IS
'Makes the days of all calendars in use anew, to be called when the server has got other rules of time zones (a new tzdata, a minor release of PostgreSQL), or after rules were loaded while aggregation.tracking was off. The windows that touch a day that has become another one are marked in all tasks of the calendar, and the next runs make them anew.
Answers success, changed (of each calendar with such days: calendar, from_utc, to_utc, and in how many ranges), tasks_marked.';

CREATE FUNCTION @extschema@.agg_trading_days(p_calendar text, p_from date, p_to date)
RETURNS TABLE (trading_date date, starts_at timestamptz, ends_at timestamptz, open_minutes bigint, sessions jsonb, note text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_trading_days';

COMMENT ON FUNCTION @extschema@.agg_trading_days(text, date, date) IS
'The trading days of a calendar with the dates from p_from to p_to, both included: when the day starts and ends, how many minutes of it the market is open, its sessions ([[opens, closes], ...] in UTC; empty where it is closed), and the note of its exception. Dates that the time zone skipped are missing. Calendars reach from 1990-01-01 to 2050-12-31. Works for calendars that no task has, too.
Errors: 22023 for an unknown calendar or inverted dates, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_calendar_windows(p_calendar text, p_timeframe text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, trading_date date, expected_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_calendar_windows';

COMMENT ON FUNCTION @extschema@.agg_calendar_windows(text, text, timestamptz, timestamptz) IS
'The windows of a timeframe in a calendar, those that hold p_from_utc and all later ones that begin before p_to_utc: start, end, the trading date on which the window begins, and how many of its minutes lie in a session (a bar with that many source minutes is complete). Before 1990 and after 2050 trading days go on in steps of 24 hours, without sessions. Works for calendars that no task has, too.
Errors: 22023 for an unknown calendar or timeframe or an inverted range, 54000 for a range of more than 5,000,000 windows, 22008 for an infinite time, 22004 for NULL.';

CREATE FUNCTION @extschema@.agg_gaps(p_symbol text, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (from_utc timestamptz, to_utc timestamptz, missing_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_gaps';

COMMENT ON FUNCTION @extschema@.agg_gaps(text, timestamptz, timestamptz) IS
'The minutes of a symbol that are missing in data_bars while its market is open (by the calendar of its tasks; without a task always), as ranges: a row for each stretch of open minutes of which none is there, from the oldest on. p_from_utc: NULL is the symbol''s first minute, or, where it has none up to now, the earliest start of its enabled tasks (but not before 1990); p_to_utc: NULL, or a later time, is now. A minute is there if it has a row, whatever its prices are. Rows outside the sessions do not matter; v_aggregation_completeness counts them. For many symbols at once: agg_completeness().
Errors: 22023 for an inverted range, 22008 for an infinite time, P0002 for a symbol that no task, asset or bar has, 22004 for a NULL symbol.';

CREATE FUNCTION @extschema@.agg_completeness(p_from date, p_to date DEFAULT NULL, p_symbols text[] DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, calendar text, trading_date date, expected_minutes bigint, present_minutes bigint, missing_minutes bigint, longest_gap_minutes bigint, outside_minutes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_completeness';

COMMENT ON FUNCTION @extschema@.agg_completeness(date, date, text[]) IS
'The rows of v_aggregation_completeness for the trading dates from p_from to p_to, both included, of many symbols at once: all of them share one read of the index of data_bars, in a fraction of the time that the view takes. p_to: NULL is today. p_symbols: NULL is all symbols that have tasks; a symbol without a task is always open.
expected_minutes: minutes of the date''s sessions, as far as they are over; present_minutes: those of which data_bars has a row, whatever its prices are; missing_minutes: the others; longest_gap_minutes: the longest stretch of these in one session (sessions that touch are one); outside_minutes: minutes with a row outside the sessions. From the date of a symbol''s first minute on; a symbol that has none up to now is missing since the earliest start of its enabled tasks (but not before 1990). Dates without sessions have a row only if they have bars.
Errors: 22023 for inverted dates, P0002 for a symbol that no task, asset or bar has, 22004 for NULL in p_from or in p_symbols, 54000 for more than 100,000 symbols.';

CREATE FUNCTION @extschema@.agg_note_index_change()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_index_change';

COMMENT ON FUNCTION @extschema@.agg_note_index_change() IS
'Triggers of agg_indexes, once for each statement, and for each row before it is written. Checks the rules of the rows that are others now (22001: a symbol longer than 256 bytes; 22023: lists of different lengths or of several dimensions, a component that comes twice, a constant, exponent, decimals or carry_minutes out of range, indexes that are made of one another in a circle; 0A000: TRUNCATE) and marks all windows of the tasks that read minutes of the index, or of indexes that it is a part of, so that the next runs compute the minutes and make the bars anew. A NOTICE names components that neither the registry nor a task, an index or a bar has. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_compute_index(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_compute_index';

COMMENT ON FUNCTION @extschema@.agg_compute_index(text, timestamptz, timestamptz, int) IS
'Computes an index of agg_indexes at each minute of [p_from_utc, p_to_utc) and stores it as 1m bars in data_bars: constant * product of close ^ exponent over its components, rounded half away from zero to its decimals, at the minutes at which at least one component has a close > 0 and each other one has it too, or had it at most carry_minutes before; open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic. Components that are indexes are computed first. Runs of tasks that read minutes of an index do this themselves.
Answers as calc_dxy_range_1m(): success, inserted, updated (bars that already existed), unchanged (how many of these needed no write), skipped (minutes with a missing component, and minutes that are sealed or have a sealed component), version; or {"success": false, "error": ..., "sqlstate": ..., "hint": ...} with nothing written: for a bad range, a version below 1, a symbol that is no index (P0002), an index whose row makes no sense (22023) or bad data. Errors: those that another try may cure, such as a lock timeout (55P03), a deadlock (40P01), a cancel (57014) or exhausted memory (53200).';

COMMENT ON FUNCTION @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int) IS
'agg_compute_index() for DXY, whose row in agg_indexes is there from the beginning: the U.S. Dollar Index at each minute of [p_from_utc, p_to_utc) at which all six pairs have a close > 0, as 1m bars of the symbol DXY in data_bars:
50.14348112 * EURUSD^-0.576 * USDJPY^0.136 * GBPUSD^-0.119 * USDCAD^0.091 * USDSEK^0.042 * USDCHF^0.036, rounded to 8 decimals (ICE, U.S. Dollar Index methodology); open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic.
Answers success, inserted, updated (bars that already existed), unchanged (how many of these needed no write), skipped (minutes with a missing part, and minutes that are sealed or have a sealed part: these stay as they are), version. For a bad range, a version below 1 or bad data the answer is {"success": false, "error": ..., "sqlstate": ...}, and nothing is written; what another try may cure is raised: a lock timeout (55P03), a deadlock (40P01), a cancel (57014), exhausted memory (53200).';

CREATE OR REPLACE FUNCTION @extschema@.calc_dxy_range_1m(p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_calc_dxy_range_1m';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_start';

COMMENT ON FUNCTION @extschema@.ops_runlog_start(uuid, text, text, text) IS
'Records the start of a job''s run: p_trigger is cron or manual. The last ten runs of the same job and trigger are kept, this one included.
Answers success, run_id, already_started (the same id again: nothing changes). Errors: 22004 for NULL, 22023 for another trigger.';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_checkpoint(p_run_id uuid, p_checkpoint text, p_details jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_checkpoint';

COMMENT ON FUNCTION @extschema@.ops_runlog_checkpoint(uuid, text, jsonb) IS
'Appends {checkpoint, at, details} to the run''s checkpoints; the newest 200 are kept. p_details: at most 64 kB. Answers success, run_id, or {"success": false, "error": "not_found"}.';

COMMENT ON FUNCTION @extschema@.agg_set_start(text, text, timestamptz) IS
'Sets agg_start_utc of a task. If the new start is earlier, the windows between it and the old one are marked, and the next runs make them; the cursor stays where it is. If it is later, no bars before it are made any more; stored ones stay, and late changes still reach them. A sync from the registry sets the start that the registry asks for: to keep another one, write it into the asset''s metadata.agg.start_utc.
Answers like agg_reset_task(). Errors: 22008 for an infinite time.';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_finish(p_run_id uuid, p_status text, p_stats jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_finish';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_prune(p_job_name text, p_trigger text, p_keep int DEFAULT 10)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_prune';

COMMENT ON FUNCTION @extschema@.ops_runlog_prune(text, text, int) IS
'Deletes all but the newest p_keep runs of a job and trigger, whether they have finished or not. Answers success, deleted. Errors: 22004 for NULL, 22023 for a negative number or a trigger other than cron and manual.';

-- Candlesticks for anybody's SQL: pure functions and aggregates that touch no table.

CREATE TYPE @extschema@.candlestick;

CREATE FUNCTION @extschema@.candlestick_in(cstring) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_in';
CREATE FUNCTION @extschema@.candlestick_out(@extschema@.candlestick) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_out';
CREATE FUNCTION @extschema@.candlestick_recv(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_recv';
CREATE FUNCTION @extschema@.candlestick_send(@extschema@.candlestick) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_send';

CREATE TYPE @extschema@.candlestick (
    INPUT = @extschema@.candlestick_in,
    OUTPUT = @extschema@.candlestick_out,
    RECEIVE = @extschema@.candlestick_recv,
    SEND = @extschema@.candlestick_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = extended
);

COMMENT ON TYPE @extschema@.candlestick IS
'What a set of trades or bars comes to: open, high, low and close with their times, volume, vwap and number of trades. It holds exact sums, so candlesticks can be rolled up in any order without loss. Made by candlestick() and rollup(); read by open(), high(), low(), close(), open_time(), high_time(), low_time(), close_time(), volume(), vwap() and trade_count().
As text: open 1 at 2025-07-01T00:00:00+00:00, high ... at ..., low ... at ..., close ... at ..., trades 3, volume 5.5, turnover 6.05. Equal ones have equal texts. Malformed input: 22P02, binary 22P03.';

-- What the aggregates are made of.

CREATE FUNCTION @extschema@.candlestick_add(internal, timestamptz, float8, float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_add';
CREATE FUNCTION @extschema@.candlestick_roll_up(internal, @extschema@.candlestick) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_roll_up';
CREATE FUNCTION @extschema@.candlestick_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_combine';
CREATE FUNCTION @extschema@.candlestick_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_serialize';
CREATE FUNCTION @extschema@.candlestick_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_deserialize';
CREATE FUNCTION @extschema@.candlestick_value(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick_value';
CREATE FUNCTION @extschema@.bar_rollup_add(internal, timestamptz, float8, float8, float8, float8, float8, float8, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_bar_rollup_add';
CREATE FUNCTION @extschema@.bar_rollup_value(internal) RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_bar_rollup_value';

-- The aggregates.

CREATE AGGREGATE @extschema@.candlestick(ts timestamptz, price float8, volume float8) (
    SFUNC = @extschema@.candlestick_add,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = @extschema@.candlestick_value,
    COMBINEFUNC = @extschema@.candlestick_combine,
    SERIALFUNC = @extschema@.candlestick_serialize,
    DESERIALFUNC = @extschema@.candlestick_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.candlestick(timestamptz, float8, float8) IS
'The candlestick of trades or ticks. open is the price at the earliest time and close the one at the latest, whatever the order of rows; of several trades at that very time the lowest price is taken. high_time and low_time are when the price was first reached. Volumes and price * volume are summed exactly, so neither the order of rows nor a parallel plan changes a bit.
A row without a time, or whose price is NULL, NaN or infinite, is ignored. A volume that is NULL, NaN or infinite is unknown: the row counts as a trade, and nothing is added to volume and vwap. vwap is over volumes above zero. NULL without any trade.';

CREATE AGGREGATE @extschema@.rollup(candlestick @extschema@.candlestick) (
    SFUNC = @extschema@.candlestick_roll_up,
    STYPE = internal,
    SSPACE = 256,
    FINALFUNC = @extschema@.candlestick_value,
    COMBINEFUNC = @extschema@.candlestick_combine,
    SERIALFUNC = @extschema@.candlestick_serialize,
    DESERIALFUNC = @extschema@.candlestick_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.candlestick) IS
'One candlestick of many: exactly the one of all their trades, in any order. NULLs are ignored; NULL without any.';

CREATE AGGREGATE @extschema@.rollup(ts timestamptz, open float8, high float8, low float8, close float8, vol float8, vwap float8, trade_count bigint) (
    SFUNC = @extschema@.bar_rollup_add,
    STYPE = internal,
    SSPACE = 384,
    FINALFUNC = @extschema@.bar_rollup_value,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.rollup(timestamptz, float8, float8, float8, float8, float8, float8, bigint) IS
'One candlestick of bars, by the rules of the bars that are stored. With ORDER BY ts in the call, open() to trade_count() give bit for bit what derived_data_bars holds for a window of these bars: sums run in the order of the rows, in double precision. (open and close are by time in any case. The exact sum, in any order and in parallel: rollup(candlestick(ts, ...)).)
A row without a time, or with a price that is NULL, NaN or infinite, is ignored. A vol or vwap that is NULL, NaN or infinite, and a trade_count that is NULL, is unknown. NULL without any bar.';

CREATE FUNCTION @extschema@.candlestick(ts timestamptz, open float8, high float8, low float8, close float8, vol float8 DEFAULT NULL, vwap float8 DEFAULT NULL, trade_count bigint DEFAULT NULL)
RETURNS @extschema@.candlestick
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_candlestick';

COMMENT ON FUNCTION @extschema@.candlestick(timestamptz, float8, float8, float8, float8, float8, float8, bigint) IS
'The candlestick of one bar, for rollup(candlestick). Each of its times is ts. NULL without ts, or where a price is NULL, NaN or infinite. A vol without vwap counts in volume() and not in vwap().';

-- What is in it. NULL of NULL.

CREATE FUNCTION @extschema@.open(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_open';
COMMENT ON FUNCTION @extschema@.open(@extschema@.candlestick) IS 'The price at the earliest time.';

CREATE FUNCTION @extschema@.high(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_high';
COMMENT ON FUNCTION @extschema@.high(@extschema@.candlestick) IS 'The highest price.';

CREATE FUNCTION @extschema@.low(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_low';
COMMENT ON FUNCTION @extschema@.low(@extschema@.candlestick) IS 'The lowest price.';

CREATE FUNCTION @extschema@.close(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_close';
COMMENT ON FUNCTION @extschema@.close(@extschema@.candlestick) IS 'The price at the latest time.';

CREATE FUNCTION @extschema@.open_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_open_time';
COMMENT ON FUNCTION @extschema@.open_time(@extschema@.candlestick) IS 'The earliest time; of bars, the start of the first one.';

CREATE FUNCTION @extschema@.high_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_high_time';
COMMENT ON FUNCTION @extschema@.high_time(@extschema@.candlestick) IS 'When the highest price was first reached; of bars, the start of the first one with that high.';

CREATE FUNCTION @extschema@.low_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_low_time';
COMMENT ON FUNCTION @extschema@.low_time(@extschema@.candlestick) IS 'When the lowest price was first reached; of bars, the start of the first one with that low.';

CREATE FUNCTION @extschema@.close_time(candlestick @extschema@.candlestick) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_close_time';
COMMENT ON FUNCTION @extschema@.close_time(@extschema@.candlestick) IS 'The latest time; of bars, the start of the last one.';

CREATE FUNCTION @extschema@.volume(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_volume';
COMMENT ON FUNCTION @extschema@.volume(@extschema@.candlestick) IS 'The sum of the volumes that are known, rounded once. NULL where none is, or one of 1e292 and more was added.';

CREATE FUNCTION @extschema@.vwap(candlestick @extschema@.candlestick) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap';
COMMENT ON FUNCTION @extschema@.vwap(@extschema@.candlestick) IS 'The volume-weighted average price, over volumes above zero. NULL where there is none.';

CREATE FUNCTION @extschema@.trade_count(candlestick @extschema@.candlestick) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_trade_count';
COMMENT ON FUNCTION @extschema@.trade_count(@extschema@.candlestick) IS 'How many trades there were; of bars, the sum of the counts that are known. NULL where none is, or where it does not fit into bigint.';

-- VWAP bands.

CREATE FUNCTION @extschema@.vwap_deviation_add(internal, float8, float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_add';
CREATE FUNCTION @extschema@.vwap_deviation_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_combine';
CREATE FUNCTION @extschema@.vwap_deviation_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_serialize';
CREATE FUNCTION @extschema@.vwap_deviation_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_deserialize';
CREATE FUNCTION @extschema@.vwap_deviation_value(internal) RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_vwap_deviation_value';

CREATE AGGREGATE @extschema@.vwap_deviation(price float8, volume float8) (
    SFUNC = @extschema@.vwap_deviation_add,
    STYPE = internal,
    SSPACE = 1200,
    FINALFUNC = @extschema@.vwap_deviation_value,
    COMBINEFUNC = @extschema@.vwap_deviation_combine,
    SERIALFUNC = @extschema@.vwap_deviation_serialize,
    DESERIALFUNC = @extschema@.vwap_deviation_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE @extschema@.vwap_deviation(float8, float8) IS
'The volume-weighted standard deviation of prices around their vwap, over volumes above zero: sqrt(sum(volume * (price - vwap)^2) / sum(volume)). Bands are vwap plus and minus so many of it. Exact up to the division and the root, so prices that hardly differ lose nothing, and neither the order of rows nor a parallel plan changes a bit.
What is NULL, NaN or infinite is ignored. NULL where nothing remains, or where a sum or product is beyond 1e290.';

CREATE FUNCTION @extschema@.agg_bars(p_symbol text, p_timeframe text, p_from timestamptz DEFAULT NULL, p_to timestamptz DEFAULT NULL, p_fill text DEFAULT 'none', p_forming boolean DEFAULT true, p_limit integer DEFAULT NULL, p_now_utc timestamptz DEFAULT NULL, p_as_of timestamptz DEFAULT NULL)
RETURNS TABLE (ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bars';

COMMENT ON FUNCTION @extschema@.agg_bars(text, text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz) IS
'The bars of a symbol that begin in [p_from, p_to), by time. p_from: NULL or -infinity is the first one; p_to: NULL or infinity is now. Any timeframe: one that has a task is read as stored; another one is made while it is read, of the widest timeframe of the symbol that divides it in its calendar, or of minutes where all tasks of the symbol are made of minutes. 1m are the rows of data_bars that have prices.
Windows that nobody has made yet, that are to be made anew, or that are not over are computed from what is there now, by the rules by which the bars are made. state: final (made, and nothing is to be done), revised (the same, but it has been another bar before), provisional (over, but not made yet or to be made anew: the bar is the one that will be stored if nothing changes), forming (not over; there is a bar as soon as there is a minute; quality_score is NULL), filled (no bar). revision: how many bars the window has had, the first one being 1; NULL where the row is not stored, or a minute. p_forming false leaves out the window that is not over.
p_fill: none; null or close for a row for each window without a bar that touches a session of the calendar, from p_from (or the first bar) to now, without prices or with the last close before it. p_limit: the first bars from p_from on; without p_from the newest ones. p_now_utc: the clock, NULL is now, or p_as_of; what begins later is not there.
p_as_of: the bars as they were stored at that moment, of tasks that keep their revisions (agg_set_keep_revisions()) since then or before; another timeframe is made of such bars as they were. state is final or revised, and where it is made of bars of which the last ones were not there yet, provisional; p_forming does not count. Calendars are those of now. NULL: the bars as they are.
The caller needs SELECT on data_bars and derived_data_bars; row security of these tables applies, to former bars as well. All is read by the snapshot of the query. Errors: 55000 for a p_as_of of which no revisions are kept, 22023 for one that is still to come; P0002 for a symbol that no task, asset or bar has; 22023 for an unknown timeframe or fill, p_to before p_from, p_limit below 1; 54000 for a fill of 5,000,000 windows and more; 42501 without the right to read.';

CREATE FUNCTION @extschema@.agg_bars(p_symbols text[], p_timeframe text, p_from timestamptz DEFAULT NULL, p_to timestamptz DEFAULT NULL, p_fill text DEFAULT 'none', p_forming boolean DEFAULT true, p_limit integer DEFAULT NULL, p_now_utc timestamptz DEFAULT NULL, p_as_of timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bars';

COMMENT ON FUNCTION @extschema@.agg_bars(text[], text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz) IS
'The same for many symbols, one after the other in the order of the array, each by time. p_limit counts for each symbol. A symbol that is given twice counts once. Errors: as for one symbol; 22004 for a NULL symbol; 54000 for more than 100,000 symbols.';

CREATE FUNCTION @extschema@.agg_latest(p_symbols text[], p_timeframe text, p_forming boolean DEFAULT true, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, ts_utc timestamptz, open double precision, high double precision, low double precision, close double precision, vol double precision, vwap double precision, trade_count bigint, quality_score integer, state text, revision integer)
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_latest';

COMMENT ON FUNCTION @extschema@.agg_latest(text[], text, boolean, timestamptz) IS
'The newest bar of each symbol, in the order of the array: the last row of agg_bars(). A symbol without any bar has no row. p_forming false: the newest of the windows that are over. Errors: as for agg_bars().';

CREATE FUNCTION @extschema@.agg_anchored_vwap(p_symbol text, p_anchor timestamptz, p_to timestamptz DEFAULT NULL, p_timeframe text DEFAULT '1m', p_bands double precision DEFAULT 2, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (ts_utc timestamptz, close double precision, vwap double precision, deviation double precision, lower_band double precision, upper_band double precision)
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
SELECT a.ts_utc, a.close, a.vwap, a.deviation, a.vwap - p_bands * a.deviation, a.vwap + p_bands * a.deviation
FROM (
    SELECT b.ts_utc, b.close, @extschema@.vwap(@extschema@.rollup(b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count) OVER w) AS vwap,
        @extschema@.vwap_deviation(b.vwap, b.vol) OVER w AS deviation
    FROM @extschema@.agg_bars(p_symbol, p_timeframe, p_anchor, p_to, p_now_utc => p_now_utc) AS b
    WINDOW w AS (ORDER BY b.ts_utc)
) AS a
ORDER BY a.ts_utc
$$;

COMMENT ON FUNCTION @extschema@.agg_anchored_vwap(text, timestamptz, timestamptz, text, double precision, timestamptz) IS
'The VWAP of a symbol since an anchor, such as the open of a day or the minute of some news, at the end of each bar from p_anchor to p_to (NULL: now): sum(vwap * vol) / sum(vol) of the bars from the anchor up to this one, and the volume-weighted standard deviation of their vwaps around it. lower_band and upper_band lie p_bands deviations below and above. p_anchor: NULL is the first bar. p_timeframe: of the bars that it is made of; narrower ones see more, and minutes are the nearest to trades.
Bars without a volume or a vwap add nothing; vwap, deviation and bands are NULL before the first that has both. The bars are those of agg_bars(), the one that is forming included, and so are rights and errors.';

CREATE FUNCTION @extschema@.agg_chart(p_symbol text, p_timeframe text, p_n integer DEFAULT 60, p_height integer DEFAULT 16, p_ascii boolean DEFAULT pg_catalog.pg_client_encoding() OPERATOR(pg_catalog.<>) 'UTF8', p_now_utc timestamptz DEFAULT NULL)
RETURNS SETOF text
LANGUAGE c STABLE PARALLEL RESTRICTED SECURITY INVOKER ROWS 20
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_chart';

COMMENT ON FUNCTION @extschema@.agg_chart(text, text, integer, integer, boolean, timestamptz) IS
'The newest p_n bars of a symbol (1 to 1000), those that agg_bars() gives, as candles in rows of text for a terminal: p_height rows of prices (2 to 200) with their axis, a row for the volume if there is any, the time axis (UTC), and a row that says symbol, timeframe, the last close, its state, and the quality of the last ten bars. A rising body is solid, a falling one shaded. A bar takes one column. p_ascii true uses plain ASCII: the default where the client has another encoding than UTF8, and the only way in a database of another one. Without a bar it is one row that says so.
The caller needs SELECT on data_bars and derived_data_bars; row security of these tables applies. Errors: as for agg_bars(); 22023 for p_n or p_height outside of these ranges.';

CREATE FUNCTION @extschema@.agg_note_due()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_due';

COMMENT ON FUNCTION @extschema@.agg_note_due() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of next_run_at, status or enabled for each statement. Notes in agg_next_due that tasks may be due now, so that the next list of due tasks looks at all of them.';

CREATE FUNCTION @extschema@.agg_distribute(dry_run boolean DEFAULT false, shard_count int DEFAULT 32)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_distribute';

COMMENT ON FUNCTION @extschema@.agg_distribute(boolean, int) IS
'Turns the tables of a running installation into distributed ones, on the coordinator of a Citus cluster: bars, tasks, the change log and marks are sharded by canonical_symbol, all of them alike; assets, calendars and indexes get a copy on each node. From then on each node makes the bars of the shards that are placed on it. A second call does what is left, and nothing where all is done. All of it is one transaction, in which nobody else can write the tables.
dry_run: true only lists what would be done. shard_count: into how many shards each table is split, >= 1; choose some for each node that there will ever be.
Returns one row for each step: the object; the action (dropped, divided, copied to each node, distributed, emptied here, prepared for moves, created on each shard; with dry_run would be ...); the SQL. Runs with the rights of its caller, who must own the tables. Errors: 55000 where Citus is not installed, where this is not the coordinator, where a table has a trigger of somebody''s, and where events, revisions or ticks are in use, which are not available in a distributed database; 42P01 before agg_setup(); 22023 for shard_count < 1; and those of Citus.';

CREATE FUNCTION @extschema@.agg_adopt(dry_run boolean DEFAULT false, mend_cursors boolean DEFAULT false, max_rows int DEFAULT 1000000)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_adopt';

COMMENT ON FUNCTION @extschema@.agg_adopt(boolean, boolean, int) IS
'Takes over the tables of an older system whose functions CREATE EXTENSION has moved to aggregation_legacy: lists these functions, gives their callers the new ones, names what still calls the old ones, does what agg_setup() does, reports cursors that cannot be right, and copies 1m bars that the older system kept in derived_data_bars (DXY) to data_bars. Nothing is deleted, and a second call does what is left.
dry_run: true only lists what would be done. mend_cursors: true moves cursors back that ran ahead of their source. max_rows: how many minutes are copied in one call.
Returns one row for each thing: the object; the action (moved, would add and added, still calls, ahead of its source, moved back, names its last bar, would copy and copied, sealed, left, not looked at, and those of agg_setup()); the detail. Runs with the rights of its caller, as agg_setup() does. Errors: 22023 for max_rows < 1.';

CREATE FUNCTION @extschema@.agg_retire_old_minutes(p_back boolean DEFAULT false, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_retire_old_minutes';

COMMENT ON FUNCTION @extschema@.agg_retire_old_minutes(boolean, int) IS
'Soft-deletes the 1m bars of derived_data_bars, which nobody reads any more once agg_adopt() has copied them to data_bars; p_back: true brings them back. At most p_max_rows in one call.
Answers success, minutes, continue (there may be more). Errors: 55000 if a minute is not in data_bars yet (then nothing is done); 22023 for p_max_rows < 1.';

CREATE FUNCTION @extschema@.agg_mend(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL, p_max_windows int DEFAULT 1000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mend';

COMMENT ON FUNCTION @extschema@.agg_mend(text, text, timestamptz, timestamptz, int) IS
'Has the next runs recompute windows whose bars are not what their source says, and for which agg_verify() has no explanation: those that an older system made too early, or somebody has edited. It compares until it has found p_max_windows of them; call it again while it answers continue, at the pace that suits the runs. NULLs: all symbols, all timeframes, all times.
Answers success, windows_marked, differences_left (which no recomputation mends, such as duplicate keys: agg_verify() lists them), continue. Errors as agg_verify(); 22023 for p_max_windows < 1.';

CREATE FUNCTION @extschema@.agg_rollback_report()
RETURNS TABLE (object text, effect text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_rollback_report';

COMMENT ON FUNCTION @extschema@.agg_rollback_report() IS
'What aggregation_legacy.restore() would mean at this moment, one row for each thing: functions that come back, what would prevent it, what the older functions would not know (timeframes, calendars, sources, tasks that are claimed), work that would stay undone, and what ends with the extension. Changes nothing. Runs with the rights of its caller.';

CREATE FUNCTION @extschema@.agg_grant(p_duty text, p_role text)
RETURNS TABLE (object text, privilege text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_grant';

COMMENT ON FUNCTION @extschema@.agg_grant(text, text) IS
'Grants a role what its duty needs, and nothing else: worker (makes bars), operator (all but the feed, and mends), monitor (health, states and logs; no bars), reader (bars), consumer (events of bars) or feed (writes 1m bars). docs/operating.md lists the rights of each.
Returns one row for each right that the role did not have yet; no row means that it had them all. Call it again after an update of the extension, for what is new. Runs with the rights of its caller, who must own the tables and the functions, or be a superuser. Errors: 22023 for another duty; 42704 if there is no such role; 42P01 before agg_setup(); 42501 if the caller may not grant it. Then nothing is granted.';

CREATE FUNCTION @extschema@.agg_revoke(p_duty text, p_role text)
RETURNS TABLE (object text, privilege text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_revoke';

COMMENT ON FUNCTION @extschema@.agg_revoke(text, text) IS
'Takes the rights of a duty away from a role, those that another of its duties needs, too: grant that duty again. What the role has through another role stays.
Returns one row for each right that the role had. Errors as agg_grant().';

CREATE FUNCTION @extschema@.agg_health()
RETURNS TABLE (status text, reasons text, remedies text, late bigint, failing bigint, stopped bigint, orphaned bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_health';

COMMENT ON FUNCTION @extschema@.agg_health() IS
'One row: green (nothing in v_aggregation_alerts), yellow, or red (bars are missing, late or wrong). reasons: a line for each kind of alarm; remedies: the calls that help, a line each. late, failing, stopped, orphaned: how many tasks.';

CREATE FUNCTION @extschema@.agg_metrics()
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_metrics';

COMMENT ON FUNCTION @extschema@.agg_metrics() IS
'The figures of v_aggregation_metrics as text that Prometheus reads (OpenMetrics 1.0), for whoever serves it: health, alarms, tasks and their lag, work done, what waits. Tasks are named where they are late, failing or stopped, the hundred with the most lag; all else is by timeframe. Takes no locks that others wait for, writes nothing, and answers on a standby.';

CREATE FUNCTION @extschema@.agg_rows_of_nodes(p_what text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_rows_of_nodes';

COMMENT ON FUNCTION @extschema@.agg_rows_of_nodes(text) IS
'What the views v_aggregation_... of a distributed database are made of: they call it, and it asks each group of shards, on the coordinator those of all nodes. p_what: the name of a view, or alarms, figures, minutes_of_indexes. Its rows have the column node (host:port; NULL where there are no nodes), and then those of what was asked for, which a column definition list must name.
Who reads these views, or calls it, needs EXECUTE on it and SELECT on data_agg_state (else 42501), here and on no other node. Errors: 22023 for an unknown p_what; 42804 for columns of other types.';

CREATE FUNCTION @extschema@.agg_set_freshness_target(p_symbol text, p_tf text, p_seconds int)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_freshness_target';

COMMENT ON FUNCTION @extschema@.agg_set_freshness_target(text, text, int) IS
'Says how many seconds a window of a task that is over may wait for its bar before v_aggregation_lag calls the task LATE; NULL: an hour.
Answers success, changed, or {"success": false, "error": "not_found", "message": ...}. Errors: 22023 for p_seconds < 1.';

CREATE FUNCTION @extschema@.agg_note_event()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_note_event';

COMMENT ON FUNCTION @extschema@.agg_note_event() IS
'Trigger of derived_data_bars, after INSERT, UPDATE and DELETE for each row, while somebody is subscribed or a task keeps its revisions: agg_subscribe() and agg_set_keep_revisions() put it there, and the last one who needs it no more removes it. Notes bars that are finished, revised or deleted in agg_events; when the transaction commits, they get their ids, what revisions are kept of goes to agg_bar_revisions, and NOTIFY agg_events is sent. An UPDATE that leaves what agg_bars() shows of a bar as it was makes no event. A transaction that has made events cannot be prepared (0A000).';

CREATE FUNCTION @extschema@.agg_subscribe(p_consumer text, p_symbols text[] DEFAULT NULL, p_timeframes text[] DEFAULT NULL, p_restart boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_subscribe';

COMMENT ON FUNCTION @extschema@.agg_subscribe(text, text[], text[], boolean) IS
'Subscribes a consumer to events of bars: of these symbols and timeframes, NULL being all. It gets the events of every transaction that writes bars after this call has committed, and of none before. The consumer belongs to the calling role.
The call waits until no transaction is writing bars, and none writes any until it has committed: commit at once. Subscribed already, with the same arguments: nothing changes. p_restart true: it begins anew, with these symbols and timeframes, and what was waiting is dropped.
Returns success, consumer, created, event_id (of the last event that it does not get). Errors: 22023 for an empty name or list, a timeframe that is none, 1m, or other symbols and timeframes without p_restart; 22004 for a NULL among them; 25000 in a REPEATABLE READ or SERIALIZABLE transaction that would change anything; 42501 for a consumer of another role or without SELECT on derived_data_bars; 55000 if the consumer has lost events and p_restart is false.';

CREATE FUNCTION @extschema@.agg_unsubscribe(p_consumer text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unsubscribe';

COMMENT ON FUNCTION @extschema@.agg_unsubscribe(text) IS
'Removes a consumer, and the events that were kept for it. With the last one the trigger goes, too; while somebody reads or writes derived_data_bars, it is only switched off. Returns success and consumer. Errors: P0002 if there is no such consumer; 42501 if it is another role''s.';

CREATE FUNCTION @extschema@.agg_poll(p_consumer text, p_limit integer DEFAULT 1000)
RETURNS TABLE (event_id bigint, canonical_symbol text, timeframe text, ts_utc timestamptz, kind text, old jsonb, new jsonb, made_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER ROWS 100
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_poll';

COMMENT ON FUNCTION @extschema@.agg_poll(text, integer) IS
'The events that a consumer has not acknowledged, the first p_limit of them, by event_id; again until agg_ack() is called. Ids rise in the order of commits. kind: finished (there was no bar), revised, deleted. old and new: open, high, low, close, vol, vwap, trade_count and quality_score of the bar before and after; old is NULL for finished, new for deleted. made_at: when the change was committed. Of what a transaction does to a bar there is one event, or none where nothing came of it.
A second call for the same consumer waits until the transaction of the first one ends. Act on events after that, or in it. The caller needs SELECT on derived_data_bars; where row security applies, the caller gets events of bars that it can see. Errors: P0002 if there is no such consumer; 42501 if it is another role''s; 55000 if it has lost events, because it was too far behind (aggregation.events_kept) or because the trigger was missing; 22023 for p_limit below 1; 25006 on a standby.';

CREATE FUNCTION @extschema@.agg_ack(p_consumer text, p_event_id bigint)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_ack';

COMMENT ON FUNCTION @extschema@.agg_ack(text, bigint) IS
'Acknowledges all events of a consumer up to and including this one: agg_poll() does not give them again, and they are removed as soon as every consumer has acknowledged them. Returns success, consumer, event_id (up to which all is acknowledged now). Errors: 22023 for an event that the consumer was not given; P0002 if there is no such consumer; 42501 if it is another role''s.';

CREATE FUNCTION @extschema@.agg_partition_by_month(p_table text, p_months_ahead int DEFAULT 4, p_from_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_partition_by_month';

COMMENT ON FUNCTION @extschema@.agg_partition_by_month(text, int, timestamptz) IS
'Has data_bars or derived_data_bars (p_table) partitioned by month of ts_utc, in UTC, from the month of p_from_utc (NULL: of now) to p_months_ahead months ahead, and lets agg_run() and the background worker keep making partitions that far ahead. p_months_ahead NULL: no more of them are made. Partitions are called as pg_partman calls them; a month that a partition touches gets none. Bars of other months go to the DEFAULT partition, and move when a partition is made for them.
An empty table is replaced by a partitioned one with the same columns, keys, indexes, checks, triggers and rights. A table with rows needs p_from_utc, the beginning of a month in UTC: it becomes the partition for all times before, and no row is written. PostgreSQL reads it under a lock unless a CHECK (ts_utc < p_from_utc), named like the table with _before, is there and validated; the CHECK goes. A table that is partitioned by ts_utc keeps its partitions. The extension''s views are made anew, without the rights that others had been granted.
Runs with the rights of its caller, who must have those of the table''s owner. Returns success, converted, partitions_made. Errors: 22023 for another table, p_months_ahead outside of 1 to 120, p_from_utc more than 100 years ago or inside of a month where there are rows; 42P07 if a table of a partition''''s name is there and is none; 55000 for a table that another extension manages, that is partitioned otherwise, that has row security, or that has rows without p_from_utc; 23514 if rows lie at or after p_from_utc; 2BP01 if something else depends on an empty table.';

CREATE FUNCTION @extschema@.agg_set_retention(p_symbol text, p_timeframe text, p_keep interval)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_retention';

COMMENT ON FUNCTION @extschema@.agg_set_retention(text, text, interval) IS
'Says how long bars of a timeframe are kept: 1m bars of data_bars, bars of other timeframes in derived_data_bars. p_symbol NULL: of all symbols (that have tasks, are registered or parts of an index) but those with a policy of their own for the timeframe. p_keep NULL: the policy is removed; what it has removed stays sealed. A month counts as 30 days.
agg_run() and the background worker carry policies out once an hour, when nothing else is due: a step seals what is made of the old bars, as agg_retire_source() does, and deletes a bounded number of them in the same transaction. Bars go only once each bar that is made of them is that old as a whole, is stored, and has no late work; so a p_keep shorter than the widest such bar keeps them longer. v_aggregation_retention says what a policy waits for.
Answers success, changed, widest_reader (the widest timeframe that is made of this one now, or null). Errors: P0002 for a symbol that no task, asset or bar has; 22004 for a p_timeframe that is NULL; 22023 for an unknown timeframe or a p_keep that is not positive.';

CREATE FUNCTION @extschema@.agg_set_keep_revisions(p_symbol text, p_tf text, p_keep boolean)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_keep_revisions';

COMMENT ON FUNCTION @extschema@.agg_set_keep_revisions(text, text, boolean) IS
'Says whether the former bars of a task are kept, with the times between which they were current, so that agg_bars(..., p_as_of) can read them. What was before the call is not known. false: the times that were kept cannot be read any more, and agg_purge_revisions() removes the rows; true again begins anew.
The call waits until no transaction is writing bars, and none writes any until it has committed: commit at once. Where nothing has to change it does not wait. A sync from the registry sets what the asset''s metadata.agg.keep_revisions (true or false) says for all of its tasks, and leaves them alone where that is missing.
Answers success, keep_revisions, changed, readable_since (the earliest time that can be read, or null), or {"success": false, "error": "not_found", "message": ...}. Errors: 22004 for NULL, 22023 for an unknown timeframe, 25000 in a REPEATABLE READ or SERIALIZABLE transaction.';

CREATE FUNCTION @extschema@.agg_purge_revisions(p_older_than interval DEFAULT '1 year', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_purge_revisions';

COMMENT ON FUNCTION @extschema@.agg_purge_revisions(interval, int) IS
'Retention: removes former bars that were superseded longer than p_older_than ago, and those of that age of tasks that keep no revisions any more, at most p_max_rows per call. Times in which a removed bar was current cannot be read any more with p_as_of.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE FUNCTION @extschema@.agg_capture_ticks()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_capture_ticks';

COMMENT ON FUNCTION @extschema@.agg_capture_ticks() IS
'Triggers of a tick source''s table: agg_add_tick_source() puts them there, with the source''s name. After INSERT, UPDATE and DELETE for each row, notes the minutes whose ticks come or change, and those that ticks leave, and writes them to agg_tick_log when the transaction commits. An UPDATE that leaves time, symbol, price, size and condition as they were is no change. No row is ever refused: one without a symbol or a time is in no minute. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_add_tick_source(p_table regclass, p_time text DEFAULT 'ts', p_symbol text DEFAULT 'symbol', p_price text DEFAULT 'price', p_size text DEFAULT 'size', p_condition text DEFAULT NULL, p_excluded text[] DEFAULT NULL, p_delay_seconds integer DEFAULT 2, p_from timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_add_tick_source';

COMMENT ON FUNCTION @extschema@.agg_add_tick_source(regclass, text, text, text, text, text, text[], integer, timestamptz) IS
'Makes a table of ticks, or trades, the source of 1m bars. From then on the runs (agg_run(), agg_run_batch(), the background worker) make the bar of each minute that is over, and make it anew when a tick of it comes late, is corrected or deleted; it is the bar of the aggregate candlestick(time, price, size). A minute that its last tick leaves by DELETE or UPDATE loses its bar; where ticks go otherwise, bars stay. A bar that this source has not made is left as it is.
p_time (timestamptz), p_symbol (text), p_price, p_size (numbers), p_condition (text or integer, or an array of either): names of columns. p_size NULL: bars have no vol and no vwap. Ticks with a condition of p_excluded count for nothing. p_delay_seconds: how long after its end a minute is made, 0 to 3600. p_from: the minutes from there on, or from the first tick (-infinity), are made as well; NULL: none of what is there already, but for what changes.
The caller must own the table, plain or partitioned. The call waits until no transaction is writing ticks. Called again, it changes the registration; bars that are there change only from p_from on.
Returns success, tick_source (its name in views and in data_bars.raw), created, from_utc and to_utc (of what is made as well). Errors: 42501 for a table of somebody else''s; 42809 for a view or a temporary table; 42703 and 42804 for a column that is missing or of another type; 22023 for arguments that do not go together; 55000 for a partition of a source, or a table that has one; 0A000 for a table with rules, with row security that is forced on its owner, or with heirs that are no partitions.';

CREATE FUNCTION @extschema@.agg_remove_tick_source(p_table regclass)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_remove_tick_source';

COMMENT ON FUNCTION @extschema@.agg_remove_tick_source(regclass) IS
'Ends what agg_add_tick_source() has begun: removes the triggers from the table, waiting for who uses it, and what is waiting in agg_tick_log. Bars stay. (Where a table is dropped, the next run removes its source.) Returns success and tick_source. Errors: P0002 if the table is no source; 42501 if it is somebody else''s.';

CREATE FUNCTION @extschema@.agg_mark_ticks(p_table regclass, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL, p_symbol text DEFAULT NULL, p_delete boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_ticks';

COMMENT ON FUNCTION @extschema@.agg_mark_ticks(regclass, timestamptz, timestamptz, text, boolean) IS
'Has the next runs make the minutes of a tick source that touch [p_from_utc, p_to_utc) anew: a backfill, or after ticks have come or gone without being noticed (a partition that was attached, TRUNCATE, aggregation.tracking off). p_from_utc: NULL or -infinity is the first tick; p_to_utc: NULL is now. p_symbol: NULL is all. p_delete: minutes without ticks lose their bars (after a DELETE that nobody noticed); otherwise they keep them, since ticks that went without being noticed are taken for retention. Bars that are right already are not written. Returns success, tick_source, from_utc and to_utc (NULL where there is no tick). Errors: P0002 if the table is no source; 22023 for an end before the beginning, and for p_delete without a beginning.';

DROP EVENT TRIGGER aggregation_partitions;
CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

DROP EVENT TRIGGER aggregation_dropped_partitions;
CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

-- Nobody has a right to a new function by accident, nor by default privileges, and a worker none to trigger functions. What was granted or
-- revoked on older ones since then stays.
DO $update$
DECLARE
    found record;
    grantee pg_catalog.regrole;
    worker_exists boolean := EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) 'service_role');
BEGIN
    FOR found IN
        SELECT n.signature::pg_catalog.regprocedure AS routine, n.is_workers
        FROM (VALUES
            ('@extschema@.agg_health()', true),
            ('@extschema@.agg_metrics()', true),
            ('@extschema@.agg_rows_of_nodes(text)', true),
            ('@extschema@.agg_set_freshness_target(text, text, int)', true),
            ('@extschema@.agg_mend(text, text, timestamptz, timestamptz, int)', true),
            ('@extschema@.agg_set_calendar(text, text)', true),
            ('@extschema@.agg_set_source(text, text)', true),
            ('@extschema@.agg_refresh_calendars()', true),
            ('@extschema@.agg_trading_days(text, date, date)', true),
            ('@extschema@.agg_calendar_windows(text, text, timestamptz, timestamptz)', true),
            ('@extschema@.agg_gaps(text, timestamptz, timestamptz)', true),
            ('@extschema@.agg_completeness(date, date, text[])', true),
            ('@extschema@.agg_bars(text, text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz)', true),
            ('@extschema@.agg_bars(text[], text, timestamptz, timestamptz, text, boolean, integer, timestamptz, timestamptz)', true),
            ('@extschema@.agg_latest(text[], text, boolean, timestamptz)', true),
            ('@extschema@.agg_subscribe(text, text[], text[], boolean)', true),
            ('@extschema@.agg_unsubscribe(text)', true),
            ('@extschema@.agg_poll(text, integer)', true),
            ('@extschema@.agg_ack(text, bigint)', true),
            ('@extschema@.agg_set_keep_revisions(text, text, boolean)', true),
            ('@extschema@.agg_add_tick_source(regclass, text, text, text, text, text, text[], integer, timestamptz)', true),
            ('@extschema@.agg_remove_tick_source(regclass)', true),
            ('@extschema@.agg_mark_ticks(regclass, timestamptz, timestamptz, text, boolean)', true),
            ('@extschema@.agg_anchored_vwap(text, timestamptz, timestamptz, text, double precision, timestamptz)', true),
            ('@extschema@.agg_chart(text, text, integer, integer, boolean, timestamptz)', true),
            ('@extschema@.agg_compute_index(text, timestamptz, timestamptz, int)', true),
            ('@extschema@.agg_adopt(boolean, boolean, int)', false),
            ('@extschema@.agg_distribute(boolean, int)', false),
            ('@extschema@.agg_retire_old_minutes(boolean, int)', false),
            ('@extschema@.agg_rollback_report()', false),
            ('@extschema@.agg_grant(text, text)', false),
            ('@extschema@.agg_revoke(text, text)', false),
            ('@extschema@.agg_note_task_change()', false),
            ('@extschema@.agg_note_due()', false),
            ('@extschema@.agg_note_calendar_change()', false),
            ('@extschema@.agg_note_event()', false),
            ('@extschema@.agg_purge_revisions(interval, int)', false),
            ('@extschema@.agg_set_retention(text, text, interval)', false),
            ('@extschema@.agg_partition_by_month(text, int, timestamptz)', false),
            ('@extschema@.agg_capture_ticks()', false),
            ('@extschema@.agg_note_index_change()', false)
        ) AS n (signature, is_workers)
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', found.routine);
        FOR grantee IN
            SELECT DISTINCT x.grantee::pg_catalog.regrole FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS x
            WHERE p.oid OPERATOR(pg_catalog.=) found.routine AND x.grantee OPERATOR(pg_catalog.<>) p.proowner AND x.grantee OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', found.routine, grantee);
        END LOOP;
        IF worker_exists AND found.is_workers THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO service_role', found.routine);
        END IF;
    END LOOP;
    IF worker_exists THEN
        REVOKE ALL ON FUNCTION @extschema@.agg_capture_changes(), @extschema@.agg_note_timeframe(), @extschema@.agg_watch_partitions() FROM service_role;
    END IF;
END
$update$;

-- The tables, their triggers and the views, where agg_setup() has made them. What it cannot mend does not keep the update from being done.
DO $update$
DECLARE
    found record;
BEGIN
    IF pg_catalog.to_regclass('@extschema@.agg_change_log') IS NULL THEN
        RETURN;
    END IF;
    FOR found IN SELECT s.object, s.detail FROM @extschema@.agg_setup() AS s WHERE s.action OPERATOR(pg_catalog.=) 'cannot mend' LOOP
        RAISE WARNING 'aggregation: %: %', found.object, found.detail USING HINT = 'agg_setup(true) lists what differs.';
    END LOOP;
    -- The owner of the extension's other tables owns the new ones.
    FOR found IN
        SELECT pg_catalog.pg_get_userbyid(c.relowner) AS owner, n.name FROM pg_catalog.pg_class AS c
        CROSS JOIN (VALUES
            ('agg_recent_tasks'),
            ('agg_calendars'),
            ('agg_calendar_sessions'),
            ('agg_calendar_exceptions'),
            ('agg_calendar_days'),
            ('agg_indexes'),
            ('agg_consumers'),
            ('agg_event_batches'),
            ('agg_events'),
            ('agg_kept_revisions'),
            ('agg_bar_revisions'),
            ('agg_next_due'),
            ('agg_tick_sources'),
            ('agg_tick_log'),
            ('agg_retention'),
            ('agg_chunks'),
            ('agg_partitions')
        ) AS n (name)
        WHERE c.relnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace AND c.relname OPERATOR(pg_catalog.=) 'agg_change_log'
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE @extschema@.%I OWNER TO %I', found.name, found.owner);
    END LOOP;
END
$update$;
