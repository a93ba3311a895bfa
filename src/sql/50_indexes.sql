-- Synthetic indexes.

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

CREATE FUNCTION @extschema@.calc_dxy_range_1m(p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_calc_dxy_range_1m';

COMMENT ON FUNCTION @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int) IS
'agg_compute_index() for DXY, whose row in agg_indexes is there from the beginning: the U.S. Dollar Index at each minute of [p_from_utc, p_to_utc) at which all six pairs have a close > 0, as 1m bars of the symbol DXY in data_bars:
50.14348112 * EURUSD^-0.576 * USDJPY^0.136 * GBPUSD^-0.119 * USDCAD^0.091 * USDSEK^0.042 * USDCHF^0.036, rounded to 8 decimals (ICE, U.S. Dollar Index methodology); open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic.
Answers success, inserted, updated (bars that already existed), unchanged (how many of these needed no write), skipped (minutes with a missing part, and minutes that are sealed or have a sealed part: these stay as they are), version. For a bad range, a version below 1 or bad data the answer is {"success": false, "error": ..., "sqlstate": ...}, and nothing is written; what another try may cure is raised: a lock timeout (55P03), a deadlock (40P01), a cancel (57014), exhausted memory (53200).';

