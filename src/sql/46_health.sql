-- Whether all is well.

CREATE FUNCTION @extschema@.agg_health()
RETURNS TABLE (status text, reasons text, remedies text, late bigint, failing bigint, stopped bigint, orphaned bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_health';

COMMENT ON FUNCTION @extschema@.agg_health() IS
'One row: green (nothing in v_aggregation_alerts), yellow, or red (bars are missing, late or wrong). reasons: a line for each kind of alarm; remedies: the calls that help, a line each. late, failing, stopped, orphaned: how many tasks.';

CREATE FUNCTION @extschema@.agg_metrics()
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_metrics';

COMMENT ON FUNCTION @extschema@.agg_metrics() IS
'The figures of v_aggregation_metrics as text that Prometheus reads (OpenMetrics 1.0), for whoever serves it: health, alarms, tasks and their lag, work done, what waits. Tasks are named where they are late, failing or stopped, the hundred with the most lag; all else is by timeframe. Takes no locks that others wait for, writes nothing, and answers on a standby.';

CREATE FUNCTION @extschema@.agg_rows_of_nodes(p_what text)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_rows_of_nodes';

COMMENT ON FUNCTION @extschema@.agg_rows_of_nodes(text) IS
'What the views v_aggregation_... of a distributed database are made of: they call it, and it asks each group of shards, on the coordinator those of all nodes. p_what: the name of a view, or alarms, figures, minutes_of_indexes. Its rows have the column node (host:port; NULL where there are no nodes), and then those of what was asked for, which a column definition list must name.
Who reads these views, or calls it, needs EXECUTE on it and SELECT on data_agg_state (else 42501), here and on no other node. Errors: 22023 for an unknown p_what; 42804 for columns of other types.';

CREATE FUNCTION @extschema@.agg_set_freshness_target(p_symbol text, p_tf text, p_seconds int)
RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'reconnect_to_use_aggregation_1_1_agg_set_freshness_target';

COMMENT ON FUNCTION @extschema@.agg_set_freshness_target(text, text, int) IS
'Says how many seconds a window of a task that is over may wait for its bar before v_aggregation_lag calls the task LATE; NULL: an hour.
Answers success, changed, or {"success": false, "error": "not_found", "message": ...}. Errors: 22023 for p_seconds < 1.';

