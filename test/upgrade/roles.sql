-- Rights as an operator gives them: a role that only reads, and workers' own one. Run with search_path on the extension's schema.
GRANT SELECT ON data_bars, derived_data_bars, data_agg_state, agg_dirty_ranges, v_aggregation_truth, v_aggregation_frontier_health TO upgrade_reader;
GRANT SELECT ON v_aggregation_truth TO upgrade_worker WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION agg_start(text, text, timestamptz) TO upgrade_worker;
REVOKE EXECUTE ON FUNCTION agg_get_due_tasks(text, timestamptz, int, int) FROM service_role;
