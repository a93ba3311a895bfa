/*
 * The operations, by the names of the SQL functions that they are. A name in this list is a constant of agg_function, an entry point of the
 * library for CREATE FUNCTION (see src/pg/aggregation.c), and the C++ function of that name in src/ops/functions.
 */
#ifndef AGGREGATION_FUNCTION_LIST_H
#define AGGREGATION_FUNCTION_LIST_H

/* clang-format off */
#define AGG_SQL_FUNCTIONS(F) \
	F(agg_bootstrap_cursor) \
	F(catchup_aggregation_range) \
	F(agg_get_due_tasks) \
	F(agg_start) \
	F(agg_finish) \
	F(sync_agg_state_from_registry) \
	F(calc_dxy_range_1m) \
	F(agg_compute_index) \
	F(aggregate_1m_to_5m_window) \
	F(aggregate_5m_to_1h_window) \
	F(aggregate_window) \
	F(agg_aggregate_tasks) \
	F(agg_setup) \
	F(agg_adopt) \
	F(agg_distribute) \
	F(agg_partition_by_month) \
	F(agg_retire_old_minutes) \
	F(agg_mend) \
	F(agg_rollback_report) \
	F(agg_grant) \
	F(agg_revoke) \
	F(agg_run_batch) \
	F(ops_runlog_start) \
	F(ops_runlog_checkpoint) \
	F(ops_runlog_finish) \
	F(ops_runlog_prune) \
	F(agg_reset_task) \
	F(agg_enable_task) \
	F(agg_disable_task) \
	F(agg_set_start) \
	F(agg_heartbeat) \
	F(agg_wake) \
	F(agg_schedule) \
	F(agg_unschedule) \
	F(agg_verify) \
	F(agg_verify_sample) \
	F(derived_soft_delete_range) \
	F(derived_rebuild_range) \
	F(derived_restore_range) \
	F(derived_purge_deleted) \
	F(agg_reset_cursor) \
	F(agg_mark_changed) \
	F(agg_seal_range) \
	F(agg_unseal_range) \
	F(agg_retire_source) \
	F(agg_set_retention) \
	F(agg_set_late_policy) \
	F(agg_health) \
	F(agg_metrics) \
	F(agg_rows_of_nodes) \
	F(agg_set_freshness_target) \
	F(agg_why) \
	F(agg_set_calendar) \
	F(agg_set_source) \
	F(agg_refresh_calendars) \
	F(agg_trading_days) \
	F(agg_calendar_windows) \
	F(agg_gaps) \
	F(agg_completeness) \
	F(agg_bars) \
	F(agg_latest) \
	F(agg_chart) \
	F(agg_subscribe) \
	F(agg_unsubscribe) \
	F(agg_poll) \
	F(agg_ack) \
	F(agg_set_keep_revisions) \
	F(agg_purge_revisions) \
	F(agg_add_tick_source) \
	F(agg_remove_tick_source) \
	F(agg_mark_ticks)

/* Those that commit what they have done batch by batch: procedures. */
#define AGG_SQL_PROCEDURES(F) \
	F(agg_run)

/* Those that are no SQL functions: agg_setup() for tables of an older release, by what works on them first; what a writer does when the log has become large; what the background worker does between two sleeps; what triggers have done about calendars that people change, about those that tasks name, and about agg_indexes; and about the rows of these tables before they are stored. */
#define AGG_INTERNAL_FUNCTIONS(F) \
	F(mend_shape) \
	F(drain_log) \
	F(work) \
	F(follow_calendar_change) \
	F(provide_calendars) \
	F(check_calendar_row) \
	F(check_session_row) \
	F(follow_index_change) \
	F(check_index_row)
/* clang-format on */

#define AGG_FUNCTIONS(F) AGG_SQL_FUNCTIONS(F) AGG_SQL_PROCEDURES(F) AGG_INTERNAL_FUNCTIONS(F)

#endif
