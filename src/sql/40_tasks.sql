-- The life of a task: due, claimed, finished.

CREATE FUNCTION @extschema@.agg_get_due_tasks(p_env_name text, p_now_utc timestamptz DEFAULT now(), p_limit int DEFAULT 20, p_running_stale_seconds int DEFAULT 900)
RETURNS TABLE (canonical_symbol text, timeframe text, source_timeframe text, run_interval_minutes int, aggregation_delay_seconds int, last_agg_bar_ts_utc timestamptz, status text, hard_fail_streak int, task_priority int, is_mandatory boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_get_due_tasks';

COMMENT ON FUNCTION @extschema@.agg_get_due_tasks(text, timestamptz, int, int) IS
'The tasks that are due now, most urgent first, at most p_limit: idle, enabled, next_run_at NULL or passed at p_now_utc, of active assets (if p_env_name is DEV or TEST, in upper or lower case: of assets with test_active).
Order: mandatory first, then the shorter window, then the lower task_priority, then the longest without success (never-run first), then the symbol.
Tasks that have been running for more than p_running_stale_seconds (by the earlier of p_now_utc and the clock) first return to idle, with a note in last_error.
Errors: 22004 for NULL, 22008 for an infinite timestamp, 22023 for a negative limit or age.';

CREATE FUNCTION @extschema@.agg_start(p_symbol text, p_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_start';

COMMENT ON FUNCTION @extschema@.agg_start(text, text, timestamptz) IS
'Claims a task: moves it from idle (and enabled) to running by compare-and-set.
Answers success, canonical_symbol, timeframe, source_timeframe, run_interval_minutes, aggregation_delay_seconds, last_agg_bar_ts_utc and claim_token (pass it to agg_finish()), or {"success": false, "error": "not_idle_or_missing", "message": ...}, where the message says why.';

CREATE FUNCTION @extschema@.agg_finish(p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamptz DEFAULT NULL, p_stats jsonb DEFAULT NULL, p_fail_kind text DEFAULT NULL, p_error text DEFAULT NULL, p_now_utc timestamptz DEFAULT now(), p_auto_disable_hard_fail_threshold int DEFAULT 3, p_claim_token uuid DEFAULT NULL)
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

CREATE FUNCTION @extschema@.sync_agg_state_from_registry(p_env_name text DEFAULT 'prod', p_agg_start_utc timestamptz DEFAULT '2025-07-01 00:00:00+00')
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_sync_agg_state_from_registry';

COMMENT ON FUNCTION @extschema@.sync_agg_state_from_registry(text, timestamptz) IS
'Creates and updates the tasks that the registry''s active assets ask for (test_active if p_env_name is DEV or TEST): mandatory 5m and 1h, with a delay of 30 s, priority 100 and the start p_agg_start_utc. The asset''s metadata.agg overrides this: enabled, start_utc (ISO 8601, or first_bar: each task starts at the window of the symbol''s first bar, and never moves forward because of it), mandatory (list), optional (list), delay_seconds, priority, calendar (agg_set_calendar()), source ("1m" or "chain": agg_set_source()). A list adds the timeframes from which its members are built. Tasks of assets that are no longer active are disabled. Cursors, statuses and streaks are kept; rows with an unchanged configuration are not touched.
Answers success, tasks_created, tasks_updated, tasks_disabled, timestamp_utc, env, agg_start_utc, and three lists: assets_skipped (symbol and error of each asset with metadata that cannot be understood, or with a symbol that is empty or has blanks around it), unknown_keys (symbol and the unknown keys of its metadata.agg, and those beside it that belong into it or are spelt almost like it), data_before_start (the first twenty symbols with minutes before the start of their tasks: canonical_symbol, first_bar_utc, agg_start_utc; no bars are made from these).';

