-- Truth under change: telling what changed, making bars again, and proving that they are right.

CREATE FUNCTION @extschema@.agg_mark_changed(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_changed';

COMMENT ON FUNCTION @extschema@.agg_mark_changed(text, timestamptz, timestamptz) IS
'Says that 1m bars of [p_from_utc, p_to_utc) have changed, as the trigger of data_bars would have: for a load with aggregation.tracking off, and for whatever else the trigger has not seen. p_symbol NULL: all symbols that have tasks. Call it in the transaction of the load, or after it. Windows that come out as they were are not written.
Answers success, symbols. Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_seal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_seal_range';

COMMENT ON FUNCTION @extschema@.agg_seal_range(text, timestamptz, timestamptz, text) IS
'Seals the bars made of 1m bars of [p_from_utc, p_to_utc), windows that only touch the range included: they stay as they are, whatever becomes of their source. Do it before the source is removed by other means than agg_retire_source(). p_symbol NULL: all symbols.
Answers success. Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_unseal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unseal_range';

COMMENT ON FUNCTION @extschema@.agg_unseal_range(text, timestamptz, timestamptz) IS
'Takes [p_from_utc, p_to_utc) out of the sealed ranges of p_symbol (NULL: out of those of all symbols together) and has the windows that were sealed there looked at again, in every timeframe, since their source is back. What agg_refused_ranges lists there goes; a task with late_policy freeze lists it again.
Answers success, ranges_unsealed. Errors as agg_seal_range().';

CREATE FUNCTION @extschema@.agg_retire_source(p_before_utc timestamptz, p_symbol text DEFAULT NULL, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_retire_source';

COMMENT ON FUNCTION @extschema@.agg_retire_source(timestamptz, text, int) IS
'Retention: deletes 1m bars before p_before_utc (of p_symbol; NULL: of all symbols), at most p_max_rows in a call, and seals the windows before it, so that their bars stay. Let the tasks catch up first: what has not been made by then never will be.
Answers success, rows_removed, continue (there may be more). Errors: 22004, 22008 for a time that is NULL or infinite, 22023 for p_max_rows < 1.';

CREATE FUNCTION @extschema@.agg_set_late_policy(p_symbol text, p_tf text, p_policy text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_late_policy';

COMMENT ON FUNCTION @extschema@.agg_set_late_policy(text, text, text) IS
'What becomes of source that changes behind a task''s cursor. recompute (the default): the bar is made again. freeze: bars that are made never change; what was refused is counted in data_agg_state.refused_rows and listed in agg_refused_ranges, and derived_rebuild_range() makes it good. Back to recompute: all that was refused is made again.
Answers success, late_policy, changed, ranges_to_recompute, or {"success": false, "error": "not_found"}. Errors: 22023 for another policy.';

CREATE FUNCTION @extschema@.derived_soft_delete_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_soft_delete_range';

COMMENT ON FUNCTION @extschema@.derived_soft_delete_range(text, text, timestamptz, timestamptz, text) IS
'Soft-deletes the live bars of [p_from_utc, p_to_utc): deleted_at is set, p_reason is in raw ("deleted"). The windows above are made again without them. The bars stay away until their source changes, or derived_restore_range() or derived_rebuild_range() brings them back.
Answers success, bars_deleted. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite, an unknown timeframe, or a range that is empty or inverted.';

CREATE FUNCTION @extschema@.derived_restore_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_restore_range';

COMMENT ON FUNCTION @extschema@.derived_restore_range(text, text, timestamptz, timestamptz) IS
'Makes soft-deleted bars of [p_from_utc, p_to_utc) live again as they were: of each window that has no live bar the one that was deleted last. The windows above are made again with them, and the next run looks whether they still are what their source comes to.
Answers success, bars_restored. Errors as derived_soft_delete_range().';

CREATE FUNCTION @extschema@.derived_purge_deleted(p_older_than interval DEFAULT '30 days', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_purge_deleted';

COMMENT ON FUNCTION @extschema@.derived_purge_deleted(interval, int) IS
'Removes bars for good that were soft-deleted longer than p_older_than ago, at most p_max_rows in a call. One that somebody deleted and no later bar of its window has replaced stays: it says why there is no bar.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE FUNCTION @extschema@.derived_rebuild_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_bump_derivation_version boolean DEFAULT true, p_reason text DEFAULT NULL, p_max_windows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_rebuild_range';

COMMENT ON FUNCTION @extschema@.derived_rebuild_range(text, text, timestamptz, timestamptz, boolean, text, int) IS
'Makes the bars of all windows that touch [p_from_utc, p_to_utc) and that the task has passed anew from their source, in one transaction: readers see the old bars or the new ones, never a hole. The windows above are looked at afterwards.
p_bump_derivation_version true: the old bars are soft-deleted, with p_reason in raw ("deleted"), and the new ones get the next derivation_version, higher than any in the range. false: bars are compared, and only those that differ are written. p_max_windows: windows in this call at most; the rest by another call from next_from_utc on.
Left alone: what the task has not passed yet, what is before its start, and sealed windows. What late_policy freeze refused in the range is made good.
Answers success, from_utc, to_utc (what was done), windows_processed, bars_replaced, bars_inserted, bars_updated, bars_unchanged, bars_deleted, derivation_version, continue, next_from_utc. Errors: P0002 for a missing task, else as derived_soft_delete_range(); 22023 for p_max_windows < 1.';

CREATE FUNCTION @extschema@.agg_reset_cursor(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_cursor';

COMMENT ON FUNCTION @extschema@.agg_reset_cursor(text, text, timestamptz) IS
'Puts cursors back, never forward, and never before a task''s start. p_to_utc NULL: cursors that ran ahead of their source, that is, are more than a window behind the window of its last bar, go back to that window; without any source to the start. Else to the window of p_to_utc. What lies between is looked at again. p_symbol NULL: all symbols; p_tf NULL: all timeframes.
Answers success, tasks_looked_at, tasks_reset, reset (the first twenty: canonical_symbol, timeframe, from_utc, to_utc), or {"success": false, "error": "not_found"} where one task is named and is not there or has no cursor. Errors: 22008 for an infinite time, 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.agg_verify(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, difference text, column_name text, stored text, expected text, explanation text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify';

COMMENT ON FUNCTION @extschema@.agg_verify(text, text, timestamptz, timestamptz) IS
'The proof: recomputes bars from their source by plain SQL, a path that shares nothing with the engine, and returns every difference as it finds it. No row without an explanation means that what is stored is what the source says, bit by bit. NULLs: all symbols, all timeframes, all times; of a range the windows that lie wholly in it. Sealed windows are left out. Between a task''s start and its cursor every bar must be there; outside of them none is missed, but a bar that is there must be what its source says. For DXY its minutes are looked at too, between start and cursor of the tasks that read them, against the pairs (to the eighth decimal; not those that a feed delivered, nor those of which a part is sealed).
difference: missing (a bar should be there), surplus (there is a bar and should not be), differs (one row a column), stale_version (made by a lower derivation_version than data_agg_state asks for), duplicate (a key is there more than once, which a unique index would prevent; column_name source: in the source), no_task (a series of live bars that belong to no task: its first bar, and in stored how many). stored, expected: the two values as text, doubles with all their digits. explanation: pending (its source has changed and it will be made again, or the task has not come that far), refused (late_policy freeze), deleted (somebody took the bar away), no_task; NULL: nothing explains it.
Judged are prices, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score, derivation_version and is_partial, and where raw names a rule, so that the bar was made here, also raw, source and provider_ticker; bars of an older system keep what they say there. Not judged: ingested_at, created_at, updated_at, which say when and not what; vwap in windows that hold vwaps or volumes below 1e-90 or above 1e90, and vol in windows with a volume above 1e280 beside negative ones or ones below 1e-280, since SQL raises errors where double precision does not.
Errors: P0002 for a task that is not there, 22008 for an infinite time, 22023 for an unknown timeframe or an inverted range; 55000 where row security hides rows of data_bars or derived_data_bars from the owner of derived_data_bars, as whom they are compared.';

CREATE FUNCTION @extschema@.agg_verify_sample(p_fraction double precision DEFAULT 0.01, p_time_budget interval DEFAULT '30 seconds', p_seed bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify_sample';

COMMENT ON FUNCTION @extschema@.agg_verify_sample(double precision, interval, bigint) IS
'agg_verify() of random stretches of all tasks and of DXY''s minutes: stretches of up to 288 windows that hold something, each looked at with the probability p_fraction, and at least one of each task; 1 looks at everything. The tasks come in random order until p_time_budget is over. What it found is recorded in agg_audit, kept for 90 days; v_aggregation_truth turns RED by it. Differences that are explained do not count. p_seed: the same stretches again.
Answers success, tasks, windows, differences, complete (every task had its turn), seed, details (the first twenty differences). Errors: 22004 for NULL, 22023 for a fraction outside of (0, 1] or a budget that is not positive; 55000 as agg_verify().';

CREATE FUNCTION @extschema@.agg_why(p_symbol text, p_tf text, p_window_start timestamptz, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, state text, explanation text, quality_score int, source_candles bigint, expected_candles bigint, source_timeframe text, missing_source jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_why';

COMMENT ON FUNCTION @extschema@.agg_why(text, text, timestamptz, timestamptz) IS
'One row that says why the bar of a window is there or is not; p_window_start may be any time in the window.
state: stored, sealed (its source has been retired, or bars of its timeframe: what is stored stays, nothing is made), frozen (late_policy has refused what came later), dirty (its source has changed since), deleted (when and why), before_start, not_confirmed (until when), running, disabled, hard_failed (by or since whom), waiting_for_source (which task), no_source, too_few_source_bars, due (the task has not come that far), missing (nothing explains it), no_task.
explanation: the same in words. source_candles, expected_candles: usable source bars in the window, and how many make it complete. missing_source: the starts of those that are not there, the first hundred.
p_now_utc: the moment that decides what is confirmed; NULL: the clock. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite or no timeframe.';
