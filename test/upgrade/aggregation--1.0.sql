-- complain if this script is read by psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION aggregation" to load this file. \quit

-- The tables are nobody's members: they hold people's market data and outlive the extension. agg_setup() makes or mends them.

CREATE FUNCTION @extschema@.agg_setup(dry_run boolean DEFAULT false)
RETURNS TABLE (object text, action text, detail text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_setup';

COMMENT ON FUNCTION @extschema@.agg_setup(boolean) IS
'Creates the tables, indexes, constraints and views that the extension works on, in the extension''s schema, or adds what is missing to those that are there; nothing else is touched.
dry_run: true only lists what would be done.
Returns one row for each thing that was missing: the object; the action (created, added, replaced, would create, would add, would replace, cannot mend); the SQL, or the reason why it cannot be mended. No row means that everything is in place.
Runs with the rights of its caller, who becomes the owner of what it creates.';

-- What notices that bars change. agg_setup() puts the triggers on the tables.

CREATE FUNCTION @extschema@.agg_capture_changes()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_capture_changes';

COMMENT ON FUNCTION @extschema@.agg_capture_changes() IS
'Trigger of data_bars, after INSERT, UPDATE, DELETE for each row and before TRUNCATE. Notes the minutes of 1m bars that come, change or go, and writes them to agg_change_log when the transaction ends. An UPDATE that leaves key, prices, vol, vwap and trade_count as they were is no change. Does nothing while aggregation.tracking is off.';

CREATE FUNCTION @extschema@.agg_note_timeframe()
RETURNS trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_note_timeframe';

COMMENT ON FUNCTION @extschema@.agg_note_timeframe() IS
'Trigger of data_agg_state, after INSERT and after UPDATE of timeframe or source_timeframe for each row. Keeps agg_timeframes, the list of timeframes in use and what they are built from.';

CREATE FUNCTION @extschema@.agg_watch_partitions()
RETURNS event_trigger
LANGUAGE c VOLATILE SECURITY INVOKER
AS 'MODULE_PATHNAME', 'aggregation_agg_watch_partitions';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. When a partition of data_bars is attached, its bars count as changed; when one is detached or dropped, the bars made of it are sealed (agg_sealed_ranges). Partitions that are created or attached get the trigger for TRUNCATE. Does nothing while aggregation.tracking is off.';

CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();
-- The bar of one window.

CREATE FUNCTION @extschema@.aggregate_window(p_symbol text, p_to_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_aggregate_window';

COMMENT ON FUNCTION @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int) IS
'Makes the bar of one window [p_from_utc, p_to_utc) of a symbol and timeframe from its source bars and stores it in derived_data_bars if it differs from what is there.
The window must be aligned and exactly one width of p_to_tf wide (else SQLSTATE 22023). The source is that of the task in data_agg_state, or the timeframe''s default if there is no task.
Answers success, stored, source_count (candles that count), refused (source rows with a missing, NaN or infinite price), and quality_score (2, 1, 0, -1) or reason (insufficient_source_bars: not more than half of the window is covered; a bar stored there before is soft-deleted).
Confirmation, cursor and start of the task play no part. NULL arguments: 22004; infinite timestamps: 22008; unknown timeframe: 22023.';

CREATE FUNCTION @extschema@.aggregate_1m_to_5m_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_aggregate_1m_to_5m_window';

COMMENT ON FUNCTION @extschema@.aggregate_1m_to_5m_window(text, timestamptz, timestamptz, int) IS
'Makes one 5m bar from the 1m bars of data_bars. Answers as aggregate_window() does, with source_count out of 5: 5 scores 2, 4 scores 1, 3 scores 0, fewer give no bar.';

CREATE FUNCTION @extschema@.aggregate_5m_to_1h_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_aggregate_5m_to_1h_window';

COMMENT ON FUNCTION @extschema@.aggregate_5m_to_1h_window(text, timestamptz, timestamptz, int) IS
'Makes one 1h bar from the live 5m bars of derived_data_bars. Answers as aggregate_window() does, with source_count out of 12: 12 scores 2, 10 or 11 score 1, 8 or 9 score 0, 7 scores -1, fewer give no bar.';

-- Bringing tasks forward.

CREATE FUNCTION @extschema@.agg_bootstrap_cursor(p_symbol text, p_to_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_bootstrap_cursor';

COMMENT ON FUNCTION @extschema@.agg_bootstrap_cursor(text, text, timestamptz) IS
'The cursor that a task begins with: the first window boundary at or after its agg_start_utc. It depends neither on data nor on the clock (p_now_utc is accepted for older callers) and writes nothing.
Errors: P0002 "Missing config in data_agg_state for SYMBOL/TIMEFRAME" where there is no such task; 22004 for NULL; 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows int DEFAULT 100, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1, p_ignore_confirmation boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_catchup_aggregation_range';

COMMENT ON FUNCTION @extschema@.catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean) IS
'Makes the bars of consecutive windows of one task, from p_start_cursor_utc (raised to the task''s agg_start_utc, then up to a window boundary) on, at most p_max_windows (>= 1) of them, and stores what differs from what is there. The stored cursor is not moved: pass cursor_advanced_to to agg_finish().
p_now_utc: the clock for confirmation (NULL: now()). A window is processed once its end + aggregation_delay_seconds has passed; p_ignore_confirmation waives the delay, never the end of the window.
Answers success, windows_processed, cursor_advanced_to, bars_created (windows whose bar is stored) = bars_inserted + bars_updated + bars_unchanged, bars_deleted, bars_quality_poor (stored with a score <= 0), bars_skipped (too few candles), source_rows_refused, continue, reason, max_source_ts, agg_start_enforced.
reason: max_windows and gap (call again: continue is true); not_confirmed, frontier, waiting_for_source, cursor_beyond_source_data, no_source_data_anywhere.
Errors: P0002 "Missing agg config SYMBOL/TIMEFRAME"; 22004 for NULL (but p_now_utc); 22008 for an infinite timestamp; 22023 for an unknown timeframe or p_max_windows < 1. Nothing is written then.';

CREATE FUNCTION @extschema@.agg_aggregate_tasks(p_symbols text[], p_timeframes text[], p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1)
RETURNS TABLE (canonical_symbol text, timeframe text, windows_processed bigint, bars_created bigint, bars_inserted bigint, bars_updated bigint, bars_unchanged bigint, bars_deleted bigint, bars_quality_poor bigint, bars_skipped bigint, source_rows_refused bigint, last_agg_bar_ts_utc timestamptz, reason text, continue boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_aggregate_tasks';

COMMENT ON FUNCTION @extschema@.agg_aggregate_tasks(text[], text[], int, timestamptz, int) IS
'Brings many tasks forward in one call and one transaction: task i is (p_symbols[i], p_timeframes[i]). Each goes on at its stored cursor (at the start of the task if it has none), processes at most p_max_windows windows, jumping over gaps, and its cursor, totals and next_run_at are written together with its bars. Narrow timeframes go first, so that 1h sees the 5m bars of the same call.
Returns one row a task, with the counts and reasons of catchup_aggregation_range() and the cursor it now has.
Errors as there; 22023 also for arrays of different lengths and for a task named twice. An error in one task undoes all.';

-- The life of a task: due, claimed, finished.

CREATE FUNCTION @extschema@.agg_get_due_tasks(p_env_name text, p_now_utc timestamptz DEFAULT now(), p_limit int DEFAULT 20, p_running_stale_seconds int DEFAULT 900)
RETURNS TABLE (canonical_symbol text, timeframe text, source_timeframe text, run_interval_minutes int, aggregation_delay_seconds int, last_agg_bar_ts_utc timestamptz, status text, hard_fail_streak int, task_priority int, is_mandatory boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_get_due_tasks';

COMMENT ON FUNCTION @extschema@.agg_get_due_tasks(text, timestamptz, int, int) IS
'The tasks to work on now, most urgent first, at most p_limit: idle, enabled, next_run_at NULL or passed at p_now_utc, of active assets (for p_env_name DEV or TEST in any case of assets with test_active).
Order: mandatory first, then the shorter window, then the lower task_priority, then the longest without success (never-run first), then the symbol.
Tasks that have been running for more than p_running_stale_seconds return to idle first, with a note in last_error.
Errors: 22004 for NULL, 22008 for an infinite timestamp, 22023 for a negative limit or age.';

CREATE FUNCTION @extschema@.agg_start(p_symbol text, p_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_start';

COMMENT ON FUNCTION @extschema@.agg_start(text, text, timestamptz) IS
'Claims a task: compare-and-set from idle and enabled to running.
Answers success, canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, last_agg_bar_ts_utc and claim_token (pass it to agg_finish()), or {"success": false, "error": "not_idle_or_missing"}.';

CREATE FUNCTION @extschema@.agg_finish(p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamptz DEFAULT NULL, p_stats jsonb DEFAULT NULL, p_fail_kind text DEFAULT NULL, p_error text DEFAULT NULL, p_now_utc timestamptz DEFAULT now(), p_auto_disable_hard_fail_threshold int DEFAULT 3, p_claim_token uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_finish';

COMMENT ON FUNCTION @extschema@.agg_finish(text, text, boolean, timestamptz, jsonb, text, text, timestamptz, int, uuid) IS
'Records how a run of a task ended and when it runs next.
Success: the cursor moves to p_new_cursor_utc (floored to its window; NULL leaves it; before the stored one is an error, 22023), the failure streak ends, bars_created and bars_quality_poor of p_stats are added to the totals, and the task runs next when its next window can be confirmed, at the latest after its run interval; a run that processed no window although one should have been there waits half of the time that it is overdue (5 seconds to the run interval).
Failure: p_fail_kind transient keeps the streak and is tried again within a minute; anything else adds one, and at p_auto_disable_hard_fail_threshold a mandatory task becomes hard_failed and an optional one disabled, which only an explicit reset ends. p_error is kept up to 1,900 characters.
p_claim_token: if given and no longer the task''s, nothing changes and the answer is {"success": false, "error": "claim_lost"}. Without it a finish is accepted whatever the status.
Answers success, status, last_agg_bar_ts_utc, next_run_at, hard_fail_streak, or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.sync_agg_state_from_registry(p_env_name text DEFAULT 'prod', p_agg_start_utc timestamptz DEFAULT '2025-07-01 00:00:00+00')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_sync_agg_state_from_registry';

COMMENT ON FUNCTION @extschema@.sync_agg_state_from_registry(text, timestamptz) IS
'Makes data_agg_state hold the tasks that the registry''s active assets ask for (test_active for p_env_name DEV and TEST): 5m and 1h, mandatory, 30 s of delay, priority 100, from p_agg_start_utc on, unless metadata.agg of the asset says otherwise: enabled, start_utc, mandatory (list), optional (list), delay_seconds, priority. A list pulls in the timeframes that its members are built from. Tasks of assets that are no longer active are disabled. Cursors, statuses and streaks are kept; rows whose configuration is the same are not touched.
Answers success, tasks_created, tasks_updated, tasks_disabled, timestamp_utc, env, agg_start_utc, and assets_skipped: symbol and error of each asset whose metadata cannot be understood.';

-- The runner.

CREATE PROCEDURE @extschema@.agg_run(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 10000, p_max_windows int DEFAULT 1000, p_time_budget interval DEFAULT '50 seconds', p_batch int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_sync_minutes int DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'aggregation_agg_run';

COMMENT ON PROCEDURE @extschema@.agg_run(text, int, int, interval, int, timestamptz, int) IS
'Works off due tasks, most urgent first, in transactions of its own: bars, cursors, totals and schedules of a batch are committed together, and its tasks are locked for as long. Loops while tasks are due and p_time_budget is left, the bars that others are made of first; DXY''s minutes are computed before its bars. Any number of runners and outside workers may run at the same time.
p_env_name: DEV and TEST (any case) work on assets with test_active, every other name on those with active. p_max_tasks: different tasks in this call at most. p_max_windows: windows of one task in one batch at most (fewer where many tasks are far behind: a batch stops at some 100,000). p_time_budget: no new batch is begun after it. p_batch: tasks in one transaction. p_now_utc: the moment that decides what is due and confirmed; NULL, the default: the clock. p_sync_minutes: sync_agg_state_from_registry() is called first, with the start that it was given last, if its last call for p_env_name is at least so many minutes ago; NULL, the default: not at all.
A task that fails is recorded (status, hard_fail_streak, last_error as by agg_finish()) and stops no other: transient for the SQLSTATE classes 08, 25, 40, 53, 55, 57 and 58, else hard. A cancel or a shutdown ends the call; what was committed stays.
Errors: 22004 for NULL, 22023 for a number < 1 or a negative budget, 2D000 inside a transaction block or function (use agg_run_batch()).';

CREATE FUNCTION @extschema@.agg_run_batch(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 1000, p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_run_batch';

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
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_wake';

COMMENT ON FUNCTION @extschema@.agg_wake() IS
'Has this database''s background worker, where there is one, look for due tasks as soon as the calling transaction has committed: for changes of data_agg_state that were made by hand. The extension''s own functions do it themselves.
Answers success, whether or not there is a worker.';

CREATE FUNCTION @extschema@.agg_schedule(p_cron text DEFAULT '* * * * *', p_env_name text DEFAULT 'prod', p_sync_minutes int DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_schedule';

COMMENT ON FUNCTION @extschema@.agg_schedule(text, text, int) IS
'Has pg_cron call agg_run() at p_cron (five fields of cron, or what else its version understands), as the calling role, in this database. Calling it again replaces the schedule. p_sync_minutes: as agg_run()''s.
Answers success, job_id, job_name, schedule, command.
Errors: 55000 where pg_cron is not installed in this database (the HINT says how, and how to do without); what pg_cron says of a schedule that it cannot read.';

CREATE FUNCTION @extschema@.agg_unschedule()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_unschedule';

COMMENT ON FUNCTION @extschema@.agg_unschedule() IS
'Removes the calling role''s job of agg_schedule() in this database. Answers success and jobs_removed (0 if there was none). Errors: 55000 as agg_schedule().';
-- What operators, and workers with a long claim, do to a task by hand.

CREATE FUNCTION @extschema@.agg_reset_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_reset_task';

COMMENT ON FUNCTION @extschema@.agg_reset_task(text, text) IS
'Puts a task back to work: the explicit acknowledgement that hard_failed and disabled wait for. The status becomes idle, the streak 0, the error NULL, a claim is taken away, and the task is due at once. `enabled` stays as it is.
Answers success, canonical_symbol, timeframe, status, enabled, changed (column: [old, new]; empty if the task was idle without failures: then nothing is written), or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.agg_enable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_enable_task';

COMMENT ON FUNCTION @extschema@.agg_enable_task(text, text) IS
'Switches a task on (enabled = true). A status of hard_failed or disabled stays and needs agg_reset_task(): the answer says the status. Answers as agg_reset_task().';

CREATE FUNCTION @extschema@.agg_disable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_disable_task';

COMMENT ON FUNCTION @extschema@.agg_disable_task(text, text) IS
'Switches a task off (enabled = false) until agg_enable_task(): a sync from the registry leaves it off. A runner that is at work on it finishes its batch first. Answers as agg_reset_task().';

CREATE FUNCTION @extschema@.agg_set_start(p_symbol text, p_tf text, p_start_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_set_start';

COMMENT ON FUNCTION @extschema@.agg_set_start(text, text, timestamptz) IS
'Sets agg_start_utc of a task. With an earlier start the windows between it and the old one become due: the cursor goes back to the first of them, and what it then comes past again is compared and not rewritten. With a later start nothing before it is made any more; what is there stays. A sync from the registry sets the start that the registry asks for: to keep another one, write it into the asset''s metadata.agg.start_utc.
Answers as agg_reset_task(). Errors: 22008 for an infinite time.';

CREATE FUNCTION @extschema@.agg_heartbeat(p_symbol text, p_tf text, p_claim_token uuid, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_heartbeat';

COMMENT ON FUNCTION @extschema@.agg_heartbeat(text, text, uuid, timestamptz) IS
'Prolongs the claim of agg_start(): its age counts from p_now_utc on. (last_attempted_at_utc still says when it began.)
Answers success, running_started_at_utc; {"success": false, "error": "claim_lost"} if the task is not running or the token is not its; {"success": false, "error": "not_found"}.';
-- Truth under change: telling what changed, making bars again, and proving that they are right.

CREATE FUNCTION @extschema@.agg_mark_changed(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_mark_changed';

COMMENT ON FUNCTION @extschema@.agg_mark_changed(text, timestamptz, timestamptz) IS
'Says that 1m bars of [p_from_utc, p_to_utc) have changed, as the trigger of data_bars would have: for a load with aggregation.tracking off, and for whatever else the trigger has not seen. p_symbol NULL: all symbols that have tasks. Call it in the transaction of the load, or after it. Windows that come out as they were are not written.
Answers success, symbols. Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_seal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_seal_range';

COMMENT ON FUNCTION @extschema@.agg_seal_range(text, timestamptz, timestamptz, text) IS
'Seals the bars made of 1m bars of [p_from_utc, p_to_utc), windows that only touch the range included: they stay as they are, whatever becomes of their source. Do it before the source is removed by other means than agg_retire_source(). p_symbol NULL: all symbols.
Answers success. Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_unseal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_unseal_range';

COMMENT ON FUNCTION @extschema@.agg_unseal_range(text, timestamptz, timestamptz) IS
'Takes [p_from_utc, p_to_utc) out of the sealed ranges of p_symbol (NULL: out of those of all symbols together) and has its windows looked at again, since their source is back.
Answers success, ranges_unsealed. Errors as agg_seal_range().';

CREATE FUNCTION @extschema@.agg_retire_source(p_before_utc timestamptz, p_symbol text DEFAULT NULL, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_retire_source';

COMMENT ON FUNCTION @extschema@.agg_retire_source(timestamptz, text, int) IS
'Retention: deletes 1m bars before p_before_utc (of p_symbol; NULL: of all symbols), at most p_max_rows in a call, and seals the windows before it, so that their bars stay. Let the tasks catch up first: what has not been made by then never will be.
Answers success, rows_removed, continue (there may be more). Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for p_max_rows < 1.';

CREATE FUNCTION @extschema@.agg_set_late_policy(p_symbol text, p_tf text, p_policy text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_set_late_policy';

COMMENT ON FUNCTION @extschema@.agg_set_late_policy(text, text, text) IS
'What becomes of source that changes behind a task''s cursor. recompute (the default): the bar is made again. freeze: bars that are made never change; what was refused is counted in data_agg_state.refused_rows and listed in agg_refused_ranges, and derived_rebuild_range() makes it good. Back to recompute: all that was refused is made again.
Answers success, late_policy, changed, ranges_to_recompute, or {"success": false, "error": "not_found"}. Errors: 22023 for another policy.';

CREATE FUNCTION @extschema@.derived_soft_delete_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_derived_soft_delete_range';

COMMENT ON FUNCTION @extschema@.derived_soft_delete_range(text, text, timestamptz, timestamptz, text) IS
'Soft-deletes the live bars of [p_from_utc, p_to_utc): deleted_at is set, p_reason is in raw ("deleted"). The windows above are made again without them. The bars stay away until their source changes, or derived_restore_range() or derived_rebuild_range() brings them back.
Answers success, bars_deleted. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite, an unknown timeframe, or a range that is empty or inverted.';

CREATE FUNCTION @extschema@.derived_restore_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_derived_restore_range';

COMMENT ON FUNCTION @extschema@.derived_restore_range(text, text, timestamptz, timestamptz) IS
'Makes soft-deleted bars of [p_from_utc, p_to_utc) live again as they were: of each window that has no live bar the one that was deleted last. The windows above are made again with them, and the next run looks whether they still are what their source comes to.
Answers success, bars_restored. Errors as derived_soft_delete_range().';

CREATE FUNCTION @extschema@.derived_purge_deleted(p_older_than interval DEFAULT '30 days', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_derived_purge_deleted';

COMMENT ON FUNCTION @extschema@.derived_purge_deleted(interval, int) IS
'Removes bars for good that were soft-deleted longer than p_older_than ago, at most p_max_rows in a call.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE FUNCTION @extschema@.derived_rebuild_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_bump_derivation_version boolean DEFAULT true, p_reason text DEFAULT NULL, p_max_windows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_derived_rebuild_range';

COMMENT ON FUNCTION @extschema@.derived_rebuild_range(text, text, timestamptz, timestamptz, boolean, text, int) IS
'Makes the bars of all windows that touch [p_from_utc, p_to_utc) and that the task has passed anew from their source, in one transaction: readers see the old bars or the new ones, never a hole. The windows above are looked at afterwards.
p_bump_derivation_version true: the old bars are soft-deleted, with p_reason in raw ("deleted"), and the new ones get the next derivation_version, higher than any in the range. false: bars are compared, and only those that differ are written. p_max_windows: windows in this call at most; the rest by another call from next_from_utc on.
Left alone: what the task has not passed yet, what is before its start, and sealed windows. What late_policy freeze refused in the range is made good.
Answers success, from_utc, to_utc (what was done), windows_processed, bars_replaced, bars_inserted, bars_updated, bars_unchanged, bars_deleted, derivation_version, continue, next_from_utc. Errors: P0002 for a missing task, else as derived_soft_delete_range(); 22023 for p_max_windows < 1.';

CREATE FUNCTION @extschema@.agg_reset_cursor(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_reset_cursor';

COMMENT ON FUNCTION @extschema@.agg_reset_cursor(text, text, timestamptz) IS
'Puts cursors back, never forward, and never before a task''s start. p_to_utc NULL: cursors that ran ahead of their source, that is, are more than a window behind the window of its last bar, go back to that window; without any source to the start. Else to the window of p_to_utc. What lies between is looked at again. p_symbol NULL: all symbols; p_tf NULL: all timeframes.
Answers success, tasks_looked_at, tasks_reset, reset (the first twenty: canonical_symbol, timeframe, from_utc, to_utc), or {"success": false, "error": "not_found"} where one task is named and is not there or has no cursor. Errors: 22008 for an infinite time, 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.agg_verify(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, difference text, column_name text, stored text, expected text, explanation text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_verify';

COMMENT ON FUNCTION @extschema@.agg_verify(text, text, timestamptz, timestamptz) IS
'The proof: recomputes bars from their source by a plain SQL statement, a path that shares nothing with the engine, and returns every difference. No row means that what is stored is what the source says, bit by bit. NULLs: all symbols, all timeframes, all times. Looked at are the windows between a task''s start and its cursor, sealed ones excepted; for DXY also its minutes, against the pairs (to 1e-8; not those that a feed delivered).
difference: missing (a bar should be there), surplus (there is a bar and should not be), differs (one row a column), stale_version (made by a lower derivation_version than data_agg_state asks for). stored, expected: the two values as text. explanation: pending (its source has changed and it will be made again), refused (late_policy freeze), deleted (somebody took the bar away); NULL: nothing explains it.
vol, vwap and trade_count are not judged in windows that hold volumes or vwaps below 1e-100 or above 1e100 or trade counts from 1e15 on.
Errors: P0002 for a task that is not there, 22008 for an infinite time, 22023 for an unknown timeframe or an inverted range.';

CREATE FUNCTION @extschema@.agg_verify_sample(p_fraction double precision DEFAULT 0.01, p_time_budget interval DEFAULT '30 seconds', p_seed bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_verify_sample';

COMMENT ON FUNCTION @extschema@.agg_verify_sample(double precision, interval, bigint) IS
'agg_verify() of random stretches of all tasks, about p_fraction of their windows and at least one stretch (up to 288 windows) each, the tasks in random order until p_time_budget is over. What it found is recorded in agg_audit, kept for 90 days; v_aggregation_truth turns RED by it. Differences that are explained do not count. p_seed: the same stretches again.
Answers success, tasks, windows, differences, complete (every task had its turn), seed, details (the first twenty differences). Errors: 22004 for NULL, 22023 for a fraction outside of (0, 1] or a budget that is not positive.';

CREATE FUNCTION @extschema@.agg_why(p_symbol text, p_tf text, p_window_start timestamptz, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, state text, explanation text, quality_score int, source_candles bigint, expected_candles bigint, source_timeframe text, missing_source jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_agg_why';

COMMENT ON FUNCTION @extschema@.agg_why(text, text, timestamptz, timestamptz) IS
'One row that says why the bar of a window is there or is not; p_window_start may be any time in the window.
state: stored, sealed (stored, and its source has been retired), frozen (stored, and late_policy has refused later changes), dirty (its source has changed since), deleted (when and why), before_start, not_confirmed (until when), running, disabled, hard_failed (by or since whom), waiting_for_source (which task), no_source, too_few_source_bars, due (the task has not come that far), missing (nothing explains it), no_task.
explanation: the same in words. source_candles, expected_candles: usable source bars in the window, and how many make it complete. missing_source: the starts of those that are not there, the first hundred.
p_now_utc: the moment that decides what is confirmed; NULL: the clock. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite or no timeframe.';
-- Synthetic indexes.

CREATE FUNCTION @extschema@.calc_dxy_range_1m(p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_calc_dxy_range_1m';

COMMENT ON FUNCTION @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int) IS
'The U.S. Dollar Index at each minute of [p_from_utc, p_to_utc) at which all six pairs have a close > 0, as 1m bars of the symbol DXY in data_bars:
50.14348112 * EURUSD^-0.576 * USDJPY^0.136 * GBPUSD^-0.119 * USDCAD^0.091 * USDSEK^0.042 * USDCHF^0.036, rounded to 8 decimals (ICE, U.S. Dollar Index methodology); open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic.
Answers success, inserted, updated (bars that were there already, of which unchanged needed no write), unchanged, skipped (minutes with a part missing), version. A bad range or bad data answers {"success": false, "error": ..., "sqlstate": ...} with nothing written; a cancel or exhausted memory is raised.';

-- The run log: one row for each run of a job, bounded by count.

CREATE FUNCTION @extschema@.ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_ops_runlog_start';

COMMENT ON FUNCTION @extschema@.ops_runlog_start(uuid, text, text, text) IS
'Enters a run of a job: p_trigger is cron or manual. The oldest runs of the same job and trigger go, so that ten are kept, this one included.
Answers success, run_id, already_started (the same id again: nothing changes). Errors: 22004 for NULL, 22023 for another trigger.';

CREATE FUNCTION @extschema@.ops_runlog_checkpoint(p_run_id uuid, p_checkpoint text, p_details jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_ops_runlog_checkpoint';

COMMENT ON FUNCTION @extschema@.ops_runlog_checkpoint(uuid, text, jsonb) IS
'Appends {checkpoint, at, details} to the run''s checkpoints; the newest 200 are kept. Answers success, run_id, or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.ops_runlog_finish(p_run_id uuid, p_status text, p_stats jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_ops_runlog_finish';

COMMENT ON FUNCTION @extschema@.ops_runlog_finish(uuid, text, jsonb) IS
'Records how a run ended: finished_at, status (any word; agg_run() writes success, partial or failed), stats. Answers success, run_id, or {"success": false, "error": "not_found"}.';

CREATE FUNCTION @extschema@.ops_runlog_prune(p_job_name text, p_trigger text, p_keep int DEFAULT 10)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, @extschema@, pg_temp
AS 'MODULE_PATHNAME', 'aggregation_ops_runlog_prune';

COMMENT ON FUNCTION @extschema@.ops_runlog_prune(text, text, int) IS
'Deletes all but the newest p_keep runs of a job and trigger, running or not. Answers success, deleted. Errors: 22004 for NULL, 22023 for a negative number or a trigger other than cron and manual.';
-- Nothing is executable by PUBLIC; the worker's role gets everything but the administrator's functions, where it exists.

DO $$
DECLARE
    member record;
    worker_exists boolean := EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) 'service_role');
BEGIN
    FOR member IN
        SELECT p.oid::pg_catalog.regprocedure AS signature, p.proname AS name
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_depend AS d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
        JOIN pg_catalog.pg_extension AS e ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
            AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND e.extname OPERATOR(pg_catalog.=) 'aggregation'
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member.signature);
        IF worker_exists AND member.name OPERATOR(pg_catalog.<>) ALL (ARRAY['agg_setup', 'agg_schedule', 'agg_unschedule', 'agg_retire_source', 'derived_purge_deleted']::pg_catalog.name[]) THEN
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO service_role', member.signature);
        END IF;
    END LOOP;
    IF worker_exists THEN
        GRANT SELECT ON @extschema@.v_aggregation_progress TO service_role;
    END IF;
END
$$;
