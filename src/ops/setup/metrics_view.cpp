// v_aggregation_metrics: figures for a monitoring system, one row each. topic: what is asked of the database at once, by an exporter.
// Symbols are named for the worst hundred tasks alone: a series each of ten thousand tasks would cost a monitoring system more than it
// tells.
#include "ops/setup/health_views.hpp"

#include "ops/setup/retention_views.hpp"

namespace aggregation {

// clang-format off

const char *figures_of_alarms() {
	return R"sql(
SELECT 'health' AS topic, 'aggregation_health_state' AS metric, '{}'::jsonb AS labels,
	(array_position(ARRAY['green', 'yellow', 'red'], )sql" AGG_HEALTH_STATUS("a.severity") R"sql() - 1)::float8 AS value
FROM alarm a
UNION ALL
SELECT 'alarms', 'aggregation_alarms_active', jsonb_build_object('alarm', a.alert, 'severity', a.severity), count(*)
FROM alarm a GROUP BY a.alert, a.severity)sql";
}

const char *figures_of_tasks() {
	return R"sql(
SELECT 'tasks', m.metric, jsonb_build_object('timeframe', g.timeframe, 'status', COALESCE(g.status, ''), 'verdict', g.verdict), m.value
FROM (
	SELECT l.timeframe, l.status, l.verdict, count(*) AS tasks, max(l.lag_seconds) AS lag_seconds, max(l.hard_fail_streak) AS fail_streak
	FROM lag l GROUP BY l.timeframe, l.status, l.verdict
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_tasks', g.tasks::float8),
	('aggregation_lag_seconds', g.lag_seconds::float8),
	('aggregation_fail_streak', COALESCE(g.fail_streak, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'task', m.metric, jsonb_build_object('symbol', w.canonical_symbol, 'timeframe', w.timeframe), m.value
FROM (
	SELECT l.canonical_symbol, l.timeframe, l.lag_seconds, l.target_seconds, l.hard_fail_streak
	FROM lag l WHERE l.verdict IN ('LATE', 'FAILING', 'STOPPED')
	ORDER BY l.lag_seconds DESC, l.canonical_symbol, l.timeframe LIMIT 100
) w
CROSS JOIN LATERAL (VALUES
	('aggregation_task_lag_seconds', w.lag_seconds::float8),
	('aggregation_task_target_seconds', w.target_seconds::float8),
	('aggregation_task_fail_streak', COALESCE(w.hard_fail_streak, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'work', m.metric, jsonb_build_object('timeframe', g.timeframe), m.value
FROM (
	SELECT s.timeframe, sum(s.total_runs) AS runs, sum(s.total_bars_created) AS bars, sum(s.total_bars_quality_poor) AS poor_bars,
		sum(s.total_windows_skipped) AS skipped_windows, sum(s.total_source_rows_refused) AS unusable_rows, sum(s.late_rows) AS late_rows
	FROM @data_agg_state s GROUP BY s.timeframe
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_work_runs_total', COALESCE(g.runs, 0)::float8),
	('aggregation_work_bars_total', COALESCE(g.bars, 0)::float8),
	('aggregation_work_poor_bars_total', COALESCE(g.poor_bars, 0)::float8),
	('aggregation_work_skipped_windows_total', COALESCE(g.skipped_windows, 0)::float8),
	('aggregation_work_unusable_rows_total', COALESCE(g.unusable_rows, 0)::float8),
	('aggregation_work_late_rows_total', COALESCE(g.late_rows, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'runner', 'aggregation_runner_last_attempt_timestamp_seconds', '{}', COALESCE(EXTRACT(epoch FROM max(s.last_attempted_at_utc)), 0)::float8
FROM @data_agg_state s)sql";
}

std::string figures_of_truth(const std::string &truth) {
	return R"sql(
SELECT 'truth', m.metric, '{}', m.value
FROM ()sql" + truth + R"sql() t
CROSS JOIN LATERAL (VALUES
	('aggregation_truth_log_entries', t.log_entries::float8),
	('aggregation_truth_log_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.oldest_log_entry") R"sql(, 0)::float8),
	('aggregation_truth_late_ranges', t.dirty_ranges_due::float8),
	('aggregation_truth_late_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.oldest_dirty_range_due") R"sql(, 0)::float8),
	('aggregation_truth_differences', COALESCE(t.audit_differences, 0)::float8),
	('aggregation_truth_last_audit_timestamp_seconds', COALESCE(EXTRACT(epoch FROM t.last_audit_at), 0)::float8)
) m(metric, value))sql";
}

const char *figures_of_indexes() {
	return R"sql(
SELECT 'index', m.metric, jsonb_build_object('symbol', i.canonical_symbol), m.value
FROM index_age i
CROSS JOIN LATERAL (VALUES
	('aggregation_index_behind_seconds',
		GREATEST(EXTRACT(epoch FROM i.components_newest) - COALESCE(EXTRACT(epoch FROM i.newest), 0), 0)::float8),
	('aggregation_index_newest_timestamp_seconds', COALESCE(EXTRACT(epoch FROM i.newest), 0)::float8)
) m(metric, value)
WHERE i.has_tasks)sql";
}

/// Of the same.
static std::string figures_of_one_node(const std::string &consumers, const std::string &tick_sources) {
	return R"sql(
SELECT 'tick_source', m.metric, jsonb_build_object('tick_source', t.tick_source), m.value
FROM ()sql" + tick_sources + R"sql() t
CROSS JOIN LATERAL (VALUES
	('aggregation_tick_source_waiting_entries', t.waiting_entries::float8),
	('aggregation_tick_source_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.waiting_since") R"sql(, 0)::float8),
	('aggregation_tick_source_failing', (t.state <> 'ok')::int4::float8)
) m(metric, value)
UNION ALL
SELECT 'consumer', m.metric, jsonb_build_object('consumer', c.consumer), m.value
FROM ()sql" + consumers + R"sql() c
CROSS JOIN LATERAL (VALUES
	('aggregation_consumer_events_behind', COALESCE(c.events_behind, 0)::float8),
	('aggregation_consumer_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("c.waiting_since") R"sql(, 0)::float8),
	('aggregation_consumer_lost_events', c.lost_events::int4::float8)
) m(metric, value))sql";
}

std::string metrics_view(const std::string &truth, const std::string &consumers, const std::string &tick_sources) {
	return with_tasks() + ", index_age AS (" + index_age(minutes_of_indexes()) + "\n), alarm AS MATERIALIZED (" + alarms() + "\nUNION ALL" +
		index_alarms() + "\nUNION ALL" + alarms_of_one_node() + "\n)" + figures_of_alarms() + "\nUNION ALL" + figures_of_tasks() + "\nUNION ALL" + figures_of_truth(truth) + "\nUNION ALL" +
		figures_of_indexes() + "\nUNION ALL" + figures_of_retention(all_policies) + "\nUNION ALL" + figures_of_one_node(consumers, tick_sources);
}

// clang-format on

} // namespace aggregation
