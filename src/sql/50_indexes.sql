-- Synthetic indexes.

CREATE FUNCTION @extschema@.calc_dxy_range_1m(p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_calc_dxy_range_1m';

COMMENT ON FUNCTION @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int) IS
'Computes the U.S. Dollar Index at each minute of [p_from_utc, p_to_utc) at which all six pairs have a close > 0, as 1m bars of the symbol DXY in data_bars:
50.14348112 * EURUSD^-0.576 * USDJPY^0.136 * GBPUSD^-0.119 * USDCAD^0.091 * USDSEK^0.042 * USDCHF^0.036, rounded to 8 decimals (ICE, U.S. Dollar Index methodology); open = high = low = close, vol 0, trade_count 0, vwap NULL, source synthetic.
Answers success, inserted, updated (bars that already existed), unchanged (how many of these needed no write), skipped (minutes with a missing part, and minutes that are sealed or have a sealed part: these stay as they are), version. For a bad range, a version below 1 or bad data the answer is {"success": false, "error": ..., "sqlstate": ...}, and nothing is written; a cancel or exhausted memory is raised.';

