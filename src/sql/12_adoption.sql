-- Taking over the database of a system that made the same bars with functions of its own, and giving it back.

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

