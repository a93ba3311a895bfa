-- The bar of one window.

CREATE FUNCTION @extschema@.aggregate_window(p_symbol text, p_to_tf text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_window';

COMMENT ON FUNCTION @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int) IS
'Aggregates one window [p_from_utc, p_to_utc) of a symbol and timeframe from its source bars, and stores the bar in derived_data_bars if it differs from the stored one.
The window must be aligned and exactly one width of p_to_tf wide (else SQLSTATE 22023). The source is that of the task in data_agg_state, or the timeframe''s default if there is no task.
Answers success, stored, source_count (usable candles), refused (source rows with a missing, NaN or infinite price), and quality_score (2, 1, 0, -1) or reason (insufficient_source_bars: half of the window or less is covered, and a bar stored there before is soft-deleted; sealed: the window, or bars that it is made from, were retired, and it stays as it is).
The task''s cursor and start, and confirmation, are ignored. Errors: P0002 for a symbol that no task, asset or bar has; 22004 for NULL; 22008 for an infinite timestamp; 22023 for an unknown timeframe.';

CREATE FUNCTION @extschema@.aggregate_1m_to_5m_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_1m_to_5m_window';

COMMENT ON FUNCTION @extschema@.aggregate_1m_to_5m_window(text, timestamptz, timestamptz, int) IS
'Makes one 5m bar from the 1m bars of data_bars. Answers like aggregate_window(), with source_count out of 5: 5 scores 2, 4 scores 1, 3 scores 0, fewer give no bar.';

CREATE FUNCTION @extschema@.aggregate_5m_to_1h_window(p_symbol text, p_from_utc timestamptz, p_to_utc timestamptz, p_derivation_version int DEFAULT 1)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_aggregate_5m_to_1h_window';

COMMENT ON FUNCTION @extschema@.aggregate_5m_to_1h_window(text, timestamptz, timestamptz, int) IS
'Makes one 1h bar from the live 5m bars of derived_data_bars. Answers like aggregate_window(), with source_count out of 12: 12 scores 2, 10 or 11 score 1, 8 or 9 score 0, 7 scores -1, fewer give no bar.';

