-- Nothing is executable by PUBLIC; the worker's role gets everything where it exists.

REVOKE ALL ON FUNCTION
    @extschema@.agg_setup(boolean),
    @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int),
    @extschema@.aggregate_1m_to_5m_window(text, timestamptz, timestamptz, int),
    @extschema@.aggregate_5m_to_1h_window(text, timestamptz, timestamptz, int),
    @extschema@.agg_bootstrap_cursor(text, text, timestamptz),
    @extschema@.catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean),
    @extschema@.agg_aggregate_tasks(text[], text[], int, timestamptz, int),
    @extschema@.agg_get_due_tasks(text, timestamptz, int, int),
    @extschema@.agg_start(text, text, timestamptz),
    @extschema@.agg_finish(text, text, boolean, timestamptz, jsonb, text, text, timestamptz, int, uuid),
    @extschema@.sync_agg_state_from_registry(text, timestamptz),
    @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int)
FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'service_role') THEN
        GRANT EXECUTE ON FUNCTION
            @extschema@.aggregate_window(text, text, timestamptz, timestamptz, int),
            @extschema@.aggregate_1m_to_5m_window(text, timestamptz, timestamptz, int),
            @extschema@.aggregate_5m_to_1h_window(text, timestamptz, timestamptz, int),
            @extschema@.agg_bootstrap_cursor(text, text, timestamptz),
            @extschema@.catchup_aggregation_range(text, text, timestamptz, int, timestamptz, int, boolean),
            @extschema@.agg_aggregate_tasks(text[], text[], int, timestamptz, int),
            @extschema@.agg_get_due_tasks(text, timestamptz, int, int),
            @extschema@.agg_start(text, text, timestamptz),
            @extschema@.agg_finish(text, text, boolean, timestamptz, jsonb, text, text, timestamptz, int, uuid),
            @extschema@.sync_agg_state_from_registry(text, timestamptz),
            @extschema@.calc_dxy_range_1m(timestamptz, timestamptz, int)
        TO service_role;
    END IF;
END
$$;
