-- complain if this script is read by psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION aggregation UPDATE TO '1.1'" to load this file. \quit

-- From 1.0 to 1.1. Whatever is changed in src/sql/*.sql is said here as well; the suite "upgrade" compares what comes of both.
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
        HINT = 'Reconnect and run it again. Where aggregation is in shared_preload_libraries, restart the server before.';
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
'Creates the tables, indexes, constraints and views that the extension works on, in the extension''s schema, or adds what is missing to those that are there; nothing else is touched.
dry_run: true only lists what would be done.
Returns one row for each thing that was missing: the object; the action (created, added, replaced, would create, would add, would replace, cannot mend); the beginning of the SQL (with dry_run all of it, broken into lines), or the reason why it cannot be mended. No row means that everything is in place.
A view of the extension''s that says something else, or that belongs to somebody who is neither the caller nor has the rights of a superuser or of the extension''s owner, is replaced; own tables (agg_...) of such an owner are named.
Also names, as what cannot be mended, what else stands in the way of a bar: columns of the owner''s that must have a value and get none, generated and identity columns among ours, checks and foreign keys that refuse what would be written, rules, forced row security, unlogged tables, partitioned tables without partitions, unique indexes that count soft-deleted bars, publications of tables without a replica identity.
Runs with the rights of its caller, who becomes the owner of what it creates. On a table that is there it acts as the table''s owner, in a security-restricted operation; the caller must have that owner''s rights.';

COMMENT ON FUNCTION @extschema@.agg_note_task_change() IS
'Triggers of data_agg_state, after INSERT for each statement and after UPDATE of key, source_timeframe or agg_start_utc for each row. Marks in agg_dirty_ranges what the change means for bars that are there already, so that the next run looks at them: all of a task that is made where bars are, or gets another source; those between the old and the new start. A wider timeframe''s task that is new or gets another source is listed in agg_recent_tasks until nobody derives bars who may not know it.';

COMMENT ON FUNCTION @extschema@.agg_watch_partitions() IS
'Event trigger. When a partition of data_bars is attached, its bars count as changed; when one is detached or dropped, the bars made of it are sealed (agg_sealed_ranges). So is what a partition of derived_data_bars held when it is detached or dropped: it is not made again. A column of bars that is added, dropped, renamed or gets another type counts as a change of all bars of the table. Partitions that are created or attached get the trigger for TRUNCATE, and their owner the right to have it. Tables that inherit from data_bars or derived_data_bars and are no partitions are refused (0A000). While aggregation.tracking is off, nothing is sealed or counted as changed.';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_window(p_symbol text, p_to_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_window';

COMMENT ON FUNCTION @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int) IS
'Makes the bar of one window [p_from_utc, p_to_utc) of a symbol and timeframe from its source bars and stores it in derived_data_bars if it differs from what is there.
The window must be aligned and exactly one width of p_to_tf wide (else SQLSTATE 22023). The source is that of the task in data_agg_state, or the timeframe''s default if there is no task.
Answers success, stored, source_count (candles that count), refused (source rows with a missing, NaN or infinite price), and quality_score (2, 1, 0, -1) or reason (insufficient_source_bars: not more than half of the window is covered; a bar stored there before is soft-deleted. sealed: bars that it is made of were retired; it stays as it is).
Confirmation, cursor and start of the task play no part. NULL arguments: 22004; infinite timestamps: 22008; unknown timeframe: 22023.';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_1m_to_5m_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_1m_to_5m_window';

CREATE OR REPLACE FUNCTION @extschema@.aggregate_5m_to_1h_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_5m_to_1h_window';

CREATE OR REPLACE FUNCTION @extschema@.agg_bootstrap_cursor(p_symbol text, p_to_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bootstrap_cursor';

CREATE OR REPLACE FUNCTION @extschema@.catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows int DEFAULT 100, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1, p_ignore_confirmation boolean DEFAULT false)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_catchup_aggregation_range';

COMMENT ON FUNCTION @extschema@.catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean) IS
'Makes the bars of consecutive windows of one task, from p_start_cursor_utc (raised to the task''s agg_start_utc, then up to a window boundary) on, at most p_max_windows (>= 1) of them, and stores what differs from what is there. The stored cursor is not moved: pass cursor_advanced_to to agg_finish().
p_now_utc: the clock for confirmation (NULL: now()). A window is processed once its end + aggregation_delay_seconds has passed; p_ignore_confirmation waives the delay, never the end of the window.
Answers success, windows_processed, cursor_advanced_to, bars_created (windows whose bar is stored) = bars_inserted + bars_updated + bars_unchanged, bars_deleted, bars_quality_poor (stored with a score <= 0), bars_skipped (too few candles), windows_sealed, source_rows_refused (rows whose prices are no candle''s), late_windows_processed and late_bars_changed (windows behind the cursor that were looked at again), continue, reason, max_source_ts, agg_start_enforced.
reason: max_windows and gap (call again: continue is true); not_confirmed, frontier, waiting_for_source, cursor_beyond_source_data, no_source_data_anywhere.
Errors: P0002 "Missing agg config SYMBOL/TIMEFRAME"; 22004 for NULL (but p_now_utc); 22008 for an infinite timestamp; 22023 for an unknown timeframe or p_max_windows < 1. Nothing is written then.';

CREATE OR REPLACE FUNCTION @extschema@.agg_aggregate_tasks(p_symbols text[], p_timeframes text[], p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1)
RETURNS TABLE (canonical_symbol text, timeframe text, windows_processed bigint, bars_created bigint, bars_inserted bigint, bars_updated bigint, bars_unchanged bigint, bars_deleted bigint, bars_quality_poor bigint, bars_skipped bigint, source_rows_refused bigint, last_agg_bar_ts_utc timestamptz, reason text, continue boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_aggregate_tasks';

CREATE OR REPLACE FUNCTION @extschema@.agg_get_due_tasks(p_env_name text, p_now_utc timestamptz DEFAULT now(), p_limit int DEFAULT 20, p_running_stale_seconds int DEFAULT 900)
RETURNS TABLE (canonical_symbol text, timeframe text, source_timeframe text, run_interval_minutes int, aggregation_delay_seconds int, last_agg_bar_ts_utc timestamptz, status text, hard_fail_streak int, task_priority int, is_mandatory boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_get_due_tasks';

CREATE OR REPLACE FUNCTION @extschema@.agg_start(p_symbol text, p_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_start';

CREATE OR REPLACE FUNCTION @extschema@.agg_finish(p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamptz DEFAULT NULL, p_stats jsonb DEFAULT NULL, p_fail_kind text DEFAULT NULL, p_error text DEFAULT NULL, p_now_utc timestamptz DEFAULT now(), p_auto_disable_hard_fail_threshold int DEFAULT 3, p_claim_token uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_finish';

CREATE OR REPLACE FUNCTION @extschema@.sync_agg_state_from_registry(p_env_name text DEFAULT 'prod', p_agg_start_utc timestamptz DEFAULT '2025-07-01 00:00:00+00')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_sync_agg_state_from_registry';

COMMENT ON FUNCTION @extschema@.sync_agg_state_from_registry(text, timestamptz) IS
'Makes data_agg_state hold the tasks that the registry''s active assets ask for (test_active for p_env_name DEV and TEST): 5m and 1h, mandatory, 30 s of delay, priority 100, from p_agg_start_utc on, unless metadata.agg of the asset says otherwise: enabled, start_utc (ISO 8601, or first_bar: each task starts with the window of the symbol''s first bar, and never moves forward by it), mandatory (list), optional (list), delay_seconds, priority. A list pulls in the timeframes that its members are built from. Tasks of assets that are no longer active are disabled. Cursors, statuses and streaks are kept; rows whose configuration is the same are not touched.
Answers success, tasks_created, tasks_updated, tasks_disabled, timestamp_utc, env, agg_start_utc, and assets_skipped: symbol and error of each asset whose metadata cannot be understood, or whose symbol is empty or has blanks around it; unknown_keys: symbol and keys of metadata.agg that mean nothing here; data_before_start: the first twenty symbols whose minutes begin before their tasks do (canonical_symbol, first_bar_utc, agg_start_utc), of which no bar is made.';

CREATE OR REPLACE PROCEDURE @extschema@.agg_run(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 10000, p_max_windows int DEFAULT 1000, p_time_budget interval DEFAULT '50 seconds', p_batch int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_sync_minutes int DEFAULT NULL)
LANGUAGE c
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run';

CREATE OR REPLACE FUNCTION @extschema@.agg_run_batch(p_env_name text DEFAULT 'prod', p_max_tasks int DEFAULT 1000, p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_run_batch';

CREATE OR REPLACE FUNCTION @extschema@.agg_wake()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_wake';

CREATE OR REPLACE FUNCTION @extschema@.agg_schedule(p_cron text DEFAULT '* * * * *', p_env_name text DEFAULT 'prod', p_sync_minutes int DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_schedule';

CREATE OR REPLACE FUNCTION @extschema@.agg_unschedule()
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unschedule';

CREATE OR REPLACE FUNCTION @extschema@.agg_reset_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_task';

CREATE OR REPLACE FUNCTION @extschema@.agg_enable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_enable_task';

CREATE OR REPLACE FUNCTION @extschema@.agg_disable_task(p_symbol text, p_tf text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_disable_task';

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

CREATE OR REPLACE FUNCTION @extschema@.agg_mark_changed(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_changed';

CREATE OR REPLACE FUNCTION @extschema@.agg_seal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_seal_range';

CREATE OR REPLACE FUNCTION @extschema@.agg_unseal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unseal_range';

COMMENT ON FUNCTION @extschema@.agg_unseal_range(text, timestamptz, timestamptz) IS
'Takes [p_from_utc, p_to_utc) out of the sealed ranges of p_symbol (NULL: out of those of all symbols together) and has the windows that were sealed there looked at again, in every timeframe, since their source is back. What agg_refused_ranges lists there goes; a task with late_policy freeze lists it again.
Answers success, ranges_unsealed. Errors as agg_seal_range().';

CREATE OR REPLACE FUNCTION @extschema@.agg_retire_source(p_before_utc timestamptz, p_symbol text DEFAULT NULL, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_retire_source';

CREATE OR REPLACE FUNCTION @extschema@.agg_set_late_policy(p_symbol text, p_tf text, p_policy text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_late_policy';

CREATE OR REPLACE FUNCTION @extschema@.derived_soft_delete_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_soft_delete_range';

CREATE OR REPLACE FUNCTION @extschema@.derived_restore_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_restore_range';

CREATE OR REPLACE FUNCTION @extschema@.derived_purge_deleted(p_older_than interval DEFAULT '30 days', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_purge_deleted';

COMMENT ON FUNCTION @extschema@.derived_purge_deleted(interval, int) IS
'Removes bars for good that were soft-deleted longer than p_older_than ago, at most p_max_rows in a call. One that somebody deleted and no later bar of its window has replaced stays: it says why there is no bar.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE OR REPLACE FUNCTION @extschema@.derived_rebuild_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_bump_derivation_version boolean DEFAULT true, p_reason text DEFAULT NULL, p_max_windows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_rebuild_range';

CREATE OR REPLACE FUNCTION @extschema@.agg_reset_cursor(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_cursor';

CREATE OR REPLACE FUNCTION @extschema@.agg_verify(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, difference text, column_name text, stored text, expected text, explanation text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify';

COMMENT ON FUNCTION @extschema@.agg_verify(text, text, timestamptz, timestamptz) IS
'The proof: recomputes bars from their source by plain SQL, a path that shares nothing with the engine, and returns every difference as it finds it. No row without an explanation means that what is stored is what the source says, bit by bit. NULLs: all symbols, all timeframes, all times; of a range the windows that lie wholly in it. Sealed windows are left out. Between a task''s start and its cursor every bar must be there; outside of them none is missed, but a bar that is there must be what its source says. For DXY its minutes are looked at too, between start and cursor of the tasks that read them, against the pairs (to the eighth decimal; not those that a feed delivered, nor those of which a part is sealed).
difference: missing (a bar should be there), surplus (there is a bar and should not be), differs (one row a column), stale_version (made by a lower derivation_version than data_agg_state asks for), duplicate (a key is there more than once, which a unique index would prevent; column_name source: in the source), no_task (a series of live bars that belong to no task: its first bar, and in stored how many). stored, expected: the two values as text, doubles with all their digits. explanation: pending (its source has changed and it will be made again, or the task has not come that far), refused (late_policy freeze), deleted (somebody took the bar away), no_task; NULL: nothing explains it.
Judged are prices, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score, derivation_version and is_partial, and where raw names a rule, so that the bar was made here, also raw, source and provider_ticker; bars of an older system keep what they say there. Not judged: ingested_at, created_at, updated_at, which say when and not what; vwap in windows that hold vwaps or volumes below 1e-90 or above 1e90, and vol in windows with a volume above 1e280 beside negative ones or ones below 1e-280, since SQL raises errors where double precision does not.
Errors: P0002 for a task that is not there, 22008 for an infinite time, 22023 for an unknown timeframe or an inverted range; 55000 where row security hides rows of data_bars or derived_data_bars from the owner of derived_data_bars, as whom they are compared.';

CREATE OR REPLACE FUNCTION @extschema@.agg_verify_sample(p_fraction double precision DEFAULT 0.01, p_time_budget interval DEFAULT '30 seconds', p_seed bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify_sample';

COMMENT ON FUNCTION @extschema@.agg_verify_sample(double precision, interval, bigint) IS
'agg_verify() of random stretches of all tasks and of DXY''s minutes: stretches of up to 288 windows that hold something, each looked at with the probability p_fraction, and at least one of each task; 1 looks at everything. The tasks come in random order until p_time_budget is over. What it found is recorded in agg_audit, kept for 90 days; v_aggregation_truth turns RED by it. Differences that are explained do not count. p_seed: the same stretches again.
Answers success, tasks, windows, differences, complete (every task had its turn), seed, details (the first twenty differences). Errors: 22004 for NULL, 22023 for a fraction outside of (0, 1] or a budget that is not positive; 55000 as agg_verify().';

CREATE OR REPLACE FUNCTION @extschema@.agg_why(p_symbol text, p_tf text, p_window_start timestamptz, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, state text, explanation text, quality_score int, source_candles bigint, expected_candles bigint, source_timeframe text, missing_source jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_why';

COMMENT ON FUNCTION @extschema@.agg_why(text, text, timestamptz, timestamptz) IS
'One row that says why the bar of a window is there or is not; p_window_start may be any time in the window.
state: stored, sealed (its source has been retired, or bars of its timeframe: what is stored stays, nothing is made), frozen (late_policy has refused what came later), dirty (its source has changed since), deleted (when and why), before_start, not_confirmed (until when), running, disabled, hard_failed (by or since whom), waiting_for_source (which task), no_source, too_few_source_bars, due (the task has not come that far), missing (nothing explains it), no_task.
explanation: the same in words. source_candles, expected_candles: usable source bars in the window, and how many make it complete. missing_source: the starts of those that are not there, the first hundred.
p_now_utc: the moment that decides what is confirmed; NULL: the clock. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite or no timeframe.';

CREATE OR REPLACE FUNCTION @extschema@.calc_dxy_range_1m(p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_calc_dxy_range_1m';

COMMENT ON FUNCTION @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int) IS
'The U.S. Dollar Index at each minute of [p_from_utc, p_to_utc) at which all six pairs have a close > 0, as 1m bars of the symbol DXY in data_bars:
50.14348112 * EURUSD^-0.576 * USDJPY^0.136 * GBPUSD^-0.119 * USDCAD^0.091 * USDSEK^0.042 * USDCHF^0.036, rounded to 8 decimals (ICE, U.S. Dollar Index methodology); open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic.
Answers success, inserted, updated (bars that were there already, of which unchanged needed no write), unchanged, skipped (minutes with a part missing, and minutes that are sealed or of which a part is: they stay as they are), version. A bad range or bad data answers {"success": false, "error": ..., "sqlstate": ...} with nothing written; a cancel or exhausted memory is raised.';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_start(p_run_id uuid, p_job_name text, p_trigger text, p_env_name text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_start';

CREATE OR REPLACE FUNCTION @extschema@.ops_runlog_checkpoint(p_run_id uuid, p_checkpoint text, p_details jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_ops_runlog_checkpoint';

COMMENT ON FUNCTION @extschema@.ops_runlog_checkpoint(uuid, text, jsonb) IS
'Appends {checkpoint, at, details} to the run''s checkpoints; the newest 200 are kept. p_details: at most 64 kB. Answers success, run_id, or {"success": false, "error": "not_found"}.';

COMMENT ON FUNCTION @extschema@.agg_set_start(text, text, timestamptz) IS
'Sets agg_start_utc of a task. With an earlier start the windows between it and the old one are marked, and the next runs make them; the cursor stays where it is. With a later start no bar before it is made any more; stored ones stay, and late changes still reach them. A sync from the registry sets the start that the registry asks for: to keep another one, write it into the asset''s metadata.agg.start_utc.
Answers as agg_reset_task(). Errors: 22008 for an infinite time.';

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

DROP EVENT TRIGGER aggregation_partitions;
CREATE EVENT TRIGGER aggregation_partitions ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

DROP EVENT TRIGGER aggregation_dropped_partitions;
CREATE EVENT TRIGGER aggregation_dropped_partitions ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'CREATE TABLE', 'CREATE TRIGGER')
EXECUTE FUNCTION @extschema@.agg_watch_partitions();

-- Nobody has a right to a new function by accident, and a worker none to trigger functions. What was granted or revoked since then stays.
REVOKE ALL ON FUNCTION @extschema@.agg_note_task_change() FROM PUBLIC;
DO $update$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) 'service_role') THEN
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
        RAISE WARNING 'aggregation: %: %', found.object, found.detail USING HINT = 'agg_setup(true) lists what is not as it should be.';
    END LOOP;
    -- Whoever owns the other tables of the extension's owns the new one.
    FOR found IN
        SELECT pg_catalog.pg_get_userbyid(c.relowner) AS owner FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) '@extschema@'::pg_catalog.regnamespace AND c.relname OPERATOR(pg_catalog.=) 'agg_change_log'
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE @extschema@.agg_recent_tasks OWNER TO %I', found.owner);
    END LOOP;
END
$update$;
