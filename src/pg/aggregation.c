/*
 * The module: its magic block and one entry point for each SQL function. All of them are the same: the driver converts the arguments,
 * runs the operation of that name and converts its answer.
 */
#include "shim.h"

PG_MODULE_MAGIC;

#define AGG_ENTRY_BY(caller, name, operation)                                                                                              \
	PG_FUNCTION_INFO_V1(aggregation_##name);                                                                                               \
	Datum aggregation_##name(PG_FUNCTION_ARGS) {                                                                                           \
		return caller(fcinfo, operation);                                                                                                  \
	}                                                                                                                                      \
	extern Datum aggregation_##name(PG_FUNCTION_ARGS)
#define AGG_ENTRY(name, operation) AGG_ENTRY_BY(agg_call, name, operation)

AGG_ENTRY(agg_bootstrap_cursor, AGG_FN_BOOTSTRAP_CURSOR);
AGG_ENTRY(catchup_aggregation_range, AGG_FN_CATCHUP_RANGE);
AGG_ENTRY(agg_get_due_tasks, AGG_FN_GET_DUE_TASKS);
AGG_ENTRY(agg_start, AGG_FN_START);
AGG_ENTRY(agg_finish, AGG_FN_FINISH);
AGG_ENTRY(sync_agg_state_from_registry, AGG_FN_SYNC_FROM_REGISTRY);
AGG_ENTRY(calc_dxy_range_1m, AGG_FN_CALC_DXY);
AGG_ENTRY(aggregate_1m_to_5m_window, AGG_FN_AGGREGATE_1M_TO_5M);
AGG_ENTRY(aggregate_5m_to_1h_window, AGG_FN_AGGREGATE_5M_TO_1H);
AGG_ENTRY(aggregate_window, AGG_FN_AGGREGATE_WINDOW);
AGG_ENTRY(agg_aggregate_tasks, AGG_FN_AGGREGATE_TASKS);
AGG_ENTRY(agg_setup, AGG_FN_SETUP);
AGG_ENTRY(agg_run_batch, AGG_FN_RUN_BATCH);
AGG_ENTRY(ops_runlog_start, AGG_FN_RUNLOG_START);
AGG_ENTRY(ops_runlog_checkpoint, AGG_FN_RUNLOG_CHECKPOINT);
AGG_ENTRY(ops_runlog_finish, AGG_FN_RUNLOG_FINISH);
AGG_ENTRY(ops_runlog_prune, AGG_FN_RUNLOG_PRUNE);
AGG_ENTRY(agg_reset_task, AGG_FN_RESET_TASK);
AGG_ENTRY(agg_enable_task, AGG_FN_ENABLE_TASK);
AGG_ENTRY(agg_disable_task, AGG_FN_DISABLE_TASK);
AGG_ENTRY(agg_set_start, AGG_FN_SET_START);
AGG_ENTRY(agg_heartbeat, AGG_FN_HEARTBEAT);
AGG_ENTRY(agg_wake, AGG_FN_WAKE);
AGG_ENTRY(agg_schedule, AGG_FN_SCHEDULE);
AGG_ENTRY(agg_unschedule, AGG_FN_UNSCHEDULE);
AGG_ENTRY(agg_verify, AGG_FN_VERIFY);
AGG_ENTRY(agg_verify_sample, AGG_FN_VERIFY_SAMPLE);
AGG_ENTRY(derived_soft_delete_range, AGG_FN_SOFT_DELETE_RANGE);
AGG_ENTRY(derived_rebuild_range, AGG_FN_REBUILD_RANGE);
AGG_ENTRY(derived_restore_range, AGG_FN_RESTORE_RANGE);
AGG_ENTRY(derived_purge_deleted, AGG_FN_PURGE_DELETED);
AGG_ENTRY(agg_reset_cursor, AGG_FN_RESET_CURSOR);
AGG_ENTRY(agg_mark_changed, AGG_FN_MARK_CHANGED);
AGG_ENTRY(agg_seal_range, AGG_FN_SEAL_RANGE);
AGG_ENTRY(agg_unseal_range, AGG_FN_UNSEAL_RANGE);
AGG_ENTRY(agg_retire_source, AGG_FN_RETIRE_SOURCE);
AGG_ENTRY(agg_set_late_policy, AGG_FN_SET_LATE_POLICY);
AGG_ENTRY(agg_why, AGG_FN_WHY);
AGG_ENTRY_BY(agg_call_committing, agg_run, AGG_FN_RUN);
