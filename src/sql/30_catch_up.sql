-- Bringing tasks forward.

CREATE FUNCTION @extschema@.agg_bootstrap_cursor(p_symbol text, p_to_tf text, p_now_utc timestamptz DEFAULT now())
RETURNS timestamptz
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_bootstrap_cursor';

COMMENT ON FUNCTION @extschema@.agg_bootstrap_cursor(text, text, timestamptz) IS
'The cursor at which a task starts: the first window boundary at or after its agg_start_utc. It depends on neither the data nor the clock (p_now_utc is accepted for older callers), and writes nothing.
Errors: P0002 "Missing config in data_agg_state for SYMBOL/TIMEFRAME" if there is no such task; 22004 for NULL; 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.catchup_aggregation_range(p_symbol text, p_to_tf text, p_start_cursor_utc timestamptz, p_max_windows int DEFAULT 100, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1, p_ignore_confirmation boolean DEFAULT false)
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

CREATE FUNCTION @extschema@.agg_aggregate_tasks(p_symbols text[], p_timeframes text[], p_max_windows int DEFAULT 1000, p_now_utc timestamptz DEFAULT NULL, p_derivation_version int DEFAULT 1)
RETURNS TABLE (canonical_symbol text, timeframe text, windows_processed bigint, bars_created bigint, bars_inserted bigint, bars_updated bigint, bars_unchanged bigint, bars_deleted bigint, bars_quality_poor bigint, bars_skipped bigint, source_rows_refused bigint, last_agg_bar_ts_utc timestamptz, reason text, continue boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_aggregate_tasks';

COMMENT ON FUNCTION @extschema@.agg_aggregate_tasks(text[], text[], int, timestamptz, int) IS
'Advances many tasks in one call and one transaction: task i is (p_symbols[i], p_timeframes[i]). Each task resumes at its stored cursor (at its start if it has none), processes at most p_max_windows windows and jumps over gaps. Its cursor, totals and next_run_at are written together with its bars. Narrow timeframes run first, so 1h sees the 5m bars of the same call.
Returns one row per task, with the counts and reasons of catchup_aggregation_range() and the cursor that it reached.
Errors as there; 22023 also for arrays of different lengths and for a task named twice. An error in one task rolls back all of them.';

