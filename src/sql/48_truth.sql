-- Truth under change: telling what changed, making bars again, and proving that they are right.

CREATE FUNCTION @extschema@.agg_mark_changed(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_mark_changed';

COMMENT ON FUNCTION @extschema@.agg_mark_changed(text, timestamptz, timestamptz) IS
'Reports that 1m bars of [p_from_utc, p_to_utc) have changed, as the trigger of data_bars would: for a load with aggregation.tracking off, and for any other change that the trigger did not see. p_symbol NULL: all symbols that have tasks. Call it in the transaction of the load, or after it. Bars that do not change are not written.
Answers success, symbols. Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_seal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_seal_range';

COMMENT ON FUNCTION @extschema@.agg_seal_range(text, timestamptz, timestamptz, text) IS
'Seals the bars made from 1m bars of [p_from_utc, p_to_utc), including those of windows that only touch the range: they stay as they are, whatever happens to their source. Call it before the source is removed by other means than agg_retire_source(). p_symbol NULL: all symbols that have tasks at that moment, each by a seal of its own.
Answers success, symbols (how many). Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for a range that is empty or inverted.';

CREATE FUNCTION @extschema@.agg_unseal_range(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_unseal_range';

COMMENT ON FUNCTION @extschema@.agg_unseal_range(text, timestamptz, timestamptz) IS
'Removes [p_from_utc, p_to_utc) from the sealed ranges of p_symbol (NULL: of every symbol) and has the windows that were sealed there recomputed in every timeframe, since their source is back: bars whose source is still gone are deleted. Where a range is sealed for all symbols together, the other symbols stay sealed. Clears what agg_refused_ranges lists there; a task with late_policy freeze lists it again.
Answers success, ranges_unsealed. Errors as agg_seal_range().';

CREATE FUNCTION @extschema@.agg_retire_source(p_before_utc timestamptz, p_symbol text DEFAULT NULL, p_max_rows int DEFAULT 1000000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_retire_source';

COMMENT ON FUNCTION @extschema@.agg_retire_source(timestamptz, text, int) IS
'Retention: deletes 1m bars before p_before_utc (of p_symbol; NULL: of all symbols), at most p_max_rows per call, and seals the windows before it, so that their bars stay: symbol by symbol, for those that have tasks at that moment. Let the tasks catch up first: bars that have not been made by then never will be.
Answers success, rows_removed, continue (there may be more). Errors: P0002 for a symbol that no task, asset or bar has; 22004, 22008 for a time that is NULL or infinite; 22023 for p_max_rows < 1.';

CREATE FUNCTION @extschema@.agg_set_retention(p_symbol text, p_timeframe text, p_keep interval)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_retention';

COMMENT ON FUNCTION @extschema@.agg_set_retention(text, text, interval) IS
'Says how long bars of a timeframe are kept: 1m bars of data_bars, bars of other timeframes in derived_data_bars. p_symbol NULL: of all symbols (that have tasks, are registered or parts of an index) but those with a policy of their own for the timeframe. p_keep NULL: the policy is removed; what it has removed stays sealed. A month counts as 30 days.
agg_run() and the background worker carry policies out once an hour, when nothing else is due: a step seals what is made of the old bars, as agg_retire_source() does, and deletes a bounded number of them in the same transaction. Bars go only once each bar that is made of them is that old as a whole, is stored, and has no late work; so a p_keep shorter than the widest such bar keeps them longer. v_aggregation_retention says what a policy waits for.
Answers success, changed, widest_reader (the widest timeframe that is made of this one now, or null). Errors: P0002 for a symbol that no task, asset or bar has; 22004 for a p_timeframe that is NULL; 22023 for an unknown timeframe or a p_keep that is not positive.';

CREATE FUNCTION @extschema@.agg_set_late_policy(p_symbol text, p_tf text, p_policy text)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_late_policy';

COMMENT ON FUNCTION @extschema@.agg_set_late_policy(text, text, text) IS
'Says what happens when source changes behind a task''s cursor. recompute (the default): the bar is recomputed. freeze: existing bars never change; what was refused is counted in data_agg_state.refused_rows and listed in agg_refused_ranges, and derived_rebuild_range() recomputes it. Back to recompute: everything that was refused is recomputed.
Answers success, late_policy, changed, ranges_to_recompute, or {"success": false, "error": "not_found", "message": ...}. Errors: 22023 for another policy.';

CREATE FUNCTION @extschema@.derived_soft_delete_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_reason text DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_soft_delete_range';

COMMENT ON FUNCTION @extschema@.derived_soft_delete_range(text, text, timestamptz, timestamptz, text) IS
'Soft-deletes the live bars of all windows that touch [p_from_utc, p_to_utc): sets deleted_at, and p_reason in raw ("deleted"). The windows above are recomputed without them. The bars stay deleted until their source changes, or until derived_restore_range() or derived_rebuild_range() brings them back.
Answers success, bars_deleted. Errors: P0002 for a task that does not exist, if there are no bars either; 22004, 22008, 22023 for arguments that are NULL, infinite, an unknown timeframe, or a range that is empty or inverted.';

CREATE FUNCTION @extschema@.derived_restore_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_restore_range';

COMMENT ON FUNCTION @extschema@.derived_restore_range(text, text, timestamptz, timestamptz) IS
'Brings soft-deleted bars of all windows that touch [p_from_utc, p_to_utc) back as they were: in each window without a live bar, the one that was deleted last. The windows above are recomputed with them, and the next run compares them with their source.
Answers success, bars_restored. Errors as derived_soft_delete_range().';

CREATE FUNCTION @extschema@.derived_purge_deleted(p_older_than interval DEFAULT '30 days', p_max_rows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_purge_deleted';

COMMENT ON FUNCTION @extschema@.derived_purge_deleted(interval, int) IS
'Removes bars for good that were soft-deleted longer than p_older_than ago, at most p_max_rows per call. A bar that somebody deleted, and that no later bar of its window has replaced, stays: it explains why there is no bar.
Answers success, rows_purged, continue (there may be more). Errors: 22004 for NULL, 22023 for a negative age or p_max_rows < 1.';

CREATE FUNCTION @extschema@.derived_rebuild_range(p_symbol text, p_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_bump_derivation_version boolean DEFAULT true, p_reason text DEFAULT NULL, p_max_windows int DEFAULT 100000)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_derived_rebuild_range';

COMMENT ON FUNCTION @extschema@.derived_rebuild_range(text, text, timestamptz, timestamptz, boolean, text, int) IS
'Recomputes the bars of all windows that touch [p_from_utc, p_to_utc) and that the task has passed, in one transaction: readers see the old bars or the new ones, never a hole. The windows above are recomputed afterwards.
p_bump_derivation_version true: the old bars are soft-deleted, with p_reason in raw ("deleted"), and the new ones get the next derivation_version, higher than any in the range. false: bars are compared, and only those that differ are written. p_max_windows: maximum number of windows in this call; call again from next_from_utc for the rest.
Windows that the task has not passed yet, windows before its start, and sealed windows are left alone. What late_policy freeze refused in the range is recomputed.
Answers success, from_utc, to_utc (the range that was done), windows_processed, bars_replaced, bars_inserted, bars_updated, bars_unchanged, bars_deleted, derivation_version, continue, next_from_utc. Errors: P0002 for a task that does not exist; 22004, 22008, 22023 as derived_soft_delete_range(); 22023 for p_max_windows < 1.';

CREATE FUNCTION @extschema@.agg_reset_cursor(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_reset_cursor';

COMMENT ON FUNCTION @extschema@.agg_reset_cursor(text, text, timestamptz) IS
'Moves cursors back, never forward, and never before a task''s start. What lies between is processed again. p_to_utc NULL: cursors that ran ahead of their source (that is, are more than a window past the window of its last bar; infinity, too) go back to that window, or to the start if there is no source. Otherwise cursors go back to the window of p_to_utc. p_symbol NULL: all symbols; p_tf NULL: all timeframes.
Answers success, tasks_looked_at, tasks_reset, reset (the first twenty: canonical_symbol, timeframe, from_utc, to_utc), or {"success": false, "error": "not_found", "message": ...} if a single task is named and does not exist or has no cursor, or if no symbol has a task of p_tf. Bars ahead of the clock do not count as source here. Errors: P0002 for a symbol that no task, asset or bar has, if p_tf is NULL; 22008 for an infinite time; 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.agg_verify(p_symbol text DEFAULT NULL, p_tf text DEFAULT NULL, p_from_utc timestamptz DEFAULT NULL, p_to_utc timestamptz DEFAULT NULL)
RETURNS TABLE (canonical_symbol text, timeframe text, ts_utc timestamptz, difference text, column_name text, stored text, expected text, explanation text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify';

COMMENT ON FUNCTION @extschema@.agg_verify(text, text, timestamptz, timestamptz) IS
'The proof: recomputes bars from their source in plain SQL, which shares nothing with the engine, and returns every difference as it finds it. No row without an explanation means that the stored bars are what the source says, bit by bit. NULLs: all symbols, all timeframes, all times. Given a range, it checks the windows that lie wholly in it. Sealed windows are left out. Between a task''s start and its cursor every bar must be there; outside, none is missing, but a stored bar must be what its source says. DXY''s minutes are checked between the start and the cursor of the tasks that read them, against the pairs (to the eighth decimal), except those that a feed delivered and those with a sealed part.
difference: missing (a bar should be there), surplus (a bar should not be there), differs (one row per column), stale_version (made by a lower derivation_version than data_agg_state asks for), duplicate (a key occurs more than once, which a unique index would prevent; column_name source: in the source), no_task (live bars of a symbol and timeframe without a task: the first bar, and in stored how many), invalid_rules (the same for bars of a task, or minutes of an index, whose row makes no sense). stored, expected: the two values as text, doubles with all their digits. explanation: pending (its source has changed and it will be recomputed, or the task has not reached it yet), refused (late_policy freeze), deleted (somebody deleted the bar), no_task; NULL: nothing explains it.
Judged are prices, vol, vwap, trade_count, source_timeframe, source_candles, expected_candles, quality_score, derivation_version and is_partial. If raw names a rule, the bar was made here, and raw, source and provider_ticker are judged, too; bars of an older system keep theirs. Not judged: ingested_at, created_at, updated_at and revision, which say when and how often, and not what; vwap in windows with a vwap or volume below 1e-90 or above 1e90, and vol in windows with a volume above 1e280 beside negative ones or ones below 1e-280, since SQL raises errors where double precision does not.
Errors: P0002 for a task that does not exist, or a symbol that no task, asset or bar has; 22008 for an infinite time; 22023 for an unknown timeframe or an inverted range; 55000 if row security hides rows of data_bars or derived_data_bars from the owner of derived_data_bars, who compares them.';

CREATE FUNCTION @extschema@.agg_verify_sample(p_fraction double precision DEFAULT 0.01, p_time_budget interval DEFAULT '30 seconds', p_seed bigint DEFAULT NULL)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_verify_sample';

COMMENT ON FUNCTION @extschema@.agg_verify_sample(double precision, interval, bigint) IS
'agg_verify() of random stretches of all tasks and of the minutes of indexes. A stretch has up to 288 windows that hold something; each is checked with the probability p_fraction, and at least one of each task; 1 checks everything. The tasks come in random order until p_time_budget is over. The result is recorded in agg_audit and kept for 90 days; v_aggregation_truth turns RED on a difference without an explanation. p_seed: the same stretches again.
Answers success, tasks, windows, differences (without an explanation), complete (every task had its turn), seed, details (the first twenty differences). Errors: 22004 for NULL, 22023 for a fraction outside (0, 1] or a budget that is not positive; 55000 as agg_verify().';

CREATE FUNCTION @extschema@.agg_why(p_symbol text, p_tf text, p_window_start timestamptz, p_now_utc timestamptz DEFAULT NULL)
RETURNS TABLE (window_start timestamptz, window_end timestamptz, state text, explanation text, quality_score int, source_candles bigint, expected_candles bigint, source_timeframe text, missing_source jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_why';

COMMENT ON FUNCTION @extschema@.agg_why(text, text, timestamptz, timestamptz) IS
'One row that says why the bar of a window is there or is not; p_window_start may be any time in the window.
state: stored, sealed (its source, or bars of its timeframe, were retired: what is stored stays, nothing is made), frozen (late_policy refused what came later), dirty (its source has changed since), deleted (when and why), before_start, not_confirmed (until when), running, disabled (also: the asset is not active or not registered, or nobody knows the status), hard_failed (by or since whom), waiting_for_source (which task), no_source, too_few_source_bars, due (the task has not reached it yet), missing (nothing explains it), no_task.
explanation: the same in words, for a source that is missing down to the ingested bars: which task of the chain is in the way, where the bars end, which component of an index lacks minutes. source_candles, expected_candles: usable source bars in the window, and how many make it complete. missing_source: the starts of the missing ones, the first hundred.
p_now_utc: the moment that decides what is confirmed; NULL: the clock. Errors: 22004, 22008, 22023 for arguments that are NULL, infinite or no timeframe.';

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
