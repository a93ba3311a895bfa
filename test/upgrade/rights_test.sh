# Who may execute each function and read each view. Whoever adds one adds a line here: nobody gets a right by accident.
source "$(dirname -- "${BASH_SOURCE[0]}")/databases.sh"
own_server fsync=off
make_roles
use_library "$new_library"
make_database fresh public plain "$release"

rights="SELECT COALESCE(string_agg(CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, ', ' ORDER BY 1), 'owner only')
	FROM aclexplode(%s) a WHERE a.grantee <> %s"
is "$(in_database fresh public -c "SELECT p.proname || ': ' || ($(printf "$rights" "COALESCE(p.proacl, acldefault('f', p.proowner))" p.proowner))
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aggregation' ORDER BY 1")" "$(
	cat <<'RIGHTS'
agg_ack: service_role
agg_add_tick_source: service_role
agg_adopt: owner only
agg_aggregate_tasks: service_role
agg_anchored_vwap: service_role
agg_bars: service_role
agg_bars: service_role
agg_bootstrap_cursor: service_role
agg_calendar_windows: service_role
agg_capture_changes: owner only
agg_capture_ticks: owner only
agg_chart: service_role
agg_completeness: service_role
agg_compute_index: service_role
agg_disable_task: service_role
agg_distribute: owner only
agg_enable_task: service_role
agg_finish: service_role
agg_gaps: service_role
agg_get_due_tasks: service_role
agg_grant: owner only
agg_health: service_role
agg_heartbeat: service_role
agg_latest: service_role
agg_mark_changed: service_role
agg_mark_ticks: service_role
agg_mend: service_role
agg_metrics: service_role
agg_note_calendar_change: owner only
agg_note_due: owner only
agg_note_event: owner only
agg_note_index_change: owner only
agg_note_task_change: owner only
agg_note_timeframe: owner only
agg_partition_by_month: owner only
agg_poll: service_role
agg_purge_revisions: owner only
agg_refresh_calendars: service_role
agg_remove_tick_source: service_role
agg_reset_cursor: service_role
agg_reset_task: service_role
agg_retire_old_minutes: owner only
agg_retire_source: owner only
agg_revoke: owner only
agg_rollback_report: owner only
agg_rows_of_nodes: service_role
agg_run: service_role
agg_run_batch: service_role
agg_schedule: owner only
agg_seal_range: service_role
agg_set_calendar: service_role
agg_set_freshness_target: service_role
agg_set_keep_revisions: service_role
agg_set_late_policy: service_role
agg_set_retention: owner only
agg_set_source: service_role
agg_set_start: service_role
agg_setup: owner only
agg_start: service_role
agg_subscribe: service_role
agg_trading_days: service_role
agg_unschedule: owner only
agg_unseal_range: service_role
agg_unsubscribe: service_role
agg_verify: service_role
agg_verify_sample: service_role
agg_wake: service_role
agg_watch_partitions: owner only
agg_why: service_role
aggregate_1m_to_5m_window: service_role
aggregate_5m_to_1h_window: service_role
aggregate_window: service_role
bar_rollup_add: PUBLIC
bar_rollup_value: PUBLIC
calc_dxy_range_1m: service_role
candlestick: PUBLIC
candlestick: PUBLIC
candlestick_add: PUBLIC
candlestick_combine: PUBLIC
candlestick_deserialize: PUBLIC
candlestick_in: PUBLIC
candlestick_out: PUBLIC
candlestick_recv: PUBLIC
candlestick_roll_up: PUBLIC
candlestick_send: PUBLIC
candlestick_serialize: PUBLIC
candlestick_value: PUBLIC
catchup_aggregation_range: service_role
close: PUBLIC
close_time: PUBLIC
derived_purge_deleted: owner only
derived_rebuild_range: service_role
derived_restore_range: service_role
derived_soft_delete_range: service_role
high: PUBLIC
high_time: PUBLIC
low: PUBLIC
low_time: PUBLIC
open: PUBLIC
open_time: PUBLIC
ops_runlog_checkpoint: service_role
ops_runlog_finish: service_role
ops_runlog_prune: service_role
ops_runlog_start: service_role
rollup: PUBLIC
rollup: PUBLIC
sync_agg_state_from_registry: service_role
trade_count: PUBLIC
volume: PUBLIC
vwap: PUBLIC
vwap_deviation: PUBLIC
vwap_deviation_add: PUBLIC
vwap_deviation_combine: PUBLIC
vwap_deviation_deserialize: PUBLIC
vwap_deviation_serialize: PUBLIC
vwap_deviation_value: PUBLIC
RIGHTS
)" 'who may execute a function'
is "$(in_database fresh public -c "SELECT c.relname || ': ' || ($(printf "$rights" "COALESCE(c.relacl, acldefault('r', c.relowner))" c.relowner))
	FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p') ORDER BY 1")" "$(
	cat <<'RIGHTS'
agg_audit: owner only
agg_bar_revisions: owner only
agg_calendar_days: owner only
agg_calendar_exceptions: owner only
agg_calendar_sessions: owner only
agg_calendars: owner only
agg_change_log: owner only
agg_chunks: owner only
agg_consumers: owner only
agg_dirty_ranges: owner only
agg_event_batches: owner only
agg_events: owner only
agg_indexes: owner only
agg_kept_revisions: owner only
agg_next_due: owner only
agg_partitions: owner only
agg_recent_tasks: owner only
agg_refused_ranges: owner only
agg_registry_sync: owner only
agg_retention: owner only
agg_sealed_ranges: owner only
agg_tick_log: owner only
agg_tick_sources: owner only
agg_timeframes: owner only
core_asset_registry_all: owner only
data_agg_state: owner only
data_bars: owner only
derived_data_bars: owner only
ops_runlog: owner only
v_aggregation_alerts: owner only
v_aggregation_completeness: owner only
v_aggregation_consumers: owner only
v_aggregation_frontier_health: owner only
v_aggregation_lag: owner only
v_aggregation_metrics: owner only
v_aggregation_progress: service_role
v_aggregation_quality: owner only
v_aggregation_retention: owner only
v_aggregation_tick_sources: owner only
v_aggregation_truth: owner only
v_aggregation_unread_bars: owner only
RIGHTS
)" 'who may read a view or a table'

done_testing
