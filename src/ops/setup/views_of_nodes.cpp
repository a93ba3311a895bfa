#include "ops/setup/views_of_nodes.hpp"

#include "ops/setup/health_views.hpp"
#include "ops/setup/retention_views.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace aggregation {

namespace {

// One row for each thing, whichever set it is in.
constexpr std::array lists {"v_aggregation_frontier_health", "v_aggregation_unread_bars", "v_aggregation_completeness", "v_aggregation_lag",
                            "v_aggregation_quality"};

constexpr std::string_view truth = "v_aggregation_truth";

constexpr const char *alarm_columns =
    "alert text, severity text, canonical_symbol text, timeframe text, since timestamptz, things bigint, detail text, remedy text";
constexpr const char *figure_columns = "topic text, metric text, labels jsonb, value float8";
constexpr const char *index_columns = "canonical_symbol text, symbol text, newest timestamptz, has_tasks boolean";

std::string rows_of(const std::string &name, const std::string &columns) {
	return "@agg_rows_of_nodes('" + name + "') AS r(node text, " + columns + ")";
}

// clang-format off

/// Of all symbols in one row. What is kept of audits is a node's; the rest are the groups' own.
std::string truth_on_nodes(const std::string &columns) {
	return R"sql(
WITH part AS MATERIALIZED (
	SELECT r.* FROM )sql" + rows_of(std::string(truth), columns) + R"sql(
), node AS MATERIALIZED (
	SELECT r.node, (array_agg(r.audit_status))[1] AS audit_status, max(r.last_audit_at) AS last_audit_at, max(r.audited_windows) AS audited_windows,
		max(r.audit_differences) AS audit_differences, (array_agg(r.audit_details))[1] AS audit_details,
		sum(r.log_entries) AS log_entries, min(r.oldest_log_entry) AS oldest_log_entry,
		sum(r.dirty_ranges) AS dirty_ranges, sum(r.dirty_ranges_due) AS dirty_ranges_due, min(r.oldest_dirty_range_due) AS oldest_dirty_range_due,
		sum(r.late_rows) AS late_rows, sum(r.refused_rows) AS refused_rows, sum(r.frozen_tasks) AS frozen_tasks
	FROM part r GROUP BY r.node
)
SELECT CASE WHEN bool_or(n.audit_status = 'RED') THEN 'RED' WHEN bool_and(n.audit_status = 'OK') THEN 'OK' ELSE 'NOT_AUDITED' END AS audit_status,
	CASE WHEN bool_and(n.last_audit_at IS NOT NULL) THEN min(n.last_audit_at) END AS last_audit_at, sum(n.audited_windows)::bigint AS audited_windows,
	sum(n.audit_differences)::bigint AS audit_differences,
	(SELECT jsonb_agg(d.value) FROM node a CROSS JOIN LATERAL jsonb_array_elements(a.audit_details) d(value)) AS audit_details,
	sum(n.log_entries)::bigint AS log_entries, min(n.oldest_log_entry) AS oldest_log_entry,
	sum(n.dirty_ranges)::bigint AS dirty_ranges, sum(n.dirty_ranges_due)::bigint AS dirty_ranges_due, min(n.oldest_dirty_range_due) AS oldest_dirty_range_due,
	sum(n.late_rows) AS late_rows, sum(n.refused_rows) AS refused_rows, sum(n.frozen_tasks)::bigint AS frozen_tasks,
	ARRAY(SELECT DISTINCT i.name FROM part p CROSS JOIN LATERAL unnest(p.intruders) i(name) ORDER BY i.name) AS intruders
FROM node n)sql";
}

/// Those of all groups of a node are one. Who is told of a node's is told which one it is.
std::string alarms_on_nodes() {
	return R"sql(
SELECT r.alert, r.severity, r.canonical_symbol, r.timeframe, min(r.since) AS since, sum(r.things)::bigint AS things,
	r.detail || CASE WHEN r.canonical_symbol IS NULL THEN ' (node ' || r.node || ')' ELSE '' END AS detail, r.remedy
FROM )sql" + rows_of("alarms", alarm_columns) + R"sql(
GROUP BY r.node, r.alert, r.severity, r.canonical_symbol, r.timeframe, r.detail, r.remedy)sql";
}

std::string with_indexes() {
	return "WITH index_age AS MATERIALIZED (" + index_age("SELECT r.canonical_symbol, r.symbol, r.newest, r.has_tasks FROM " + rows_of("minutes_of_indexes", index_columns)) + "\n)";
}

/// Counts are added up, of times and streaks the greatest counts, and tasks are named for the worst hundred of all.
std::string figures_on_nodes() {
	return R"sql(
SELECT f.topic, f.metric, f.labels, f.value
FROM (
	SELECT g.*, dense_rank() OVER (PARTITION BY g.topic ORDER BY g.worst DESC, g.labels) AS place
	FROM (
		SELECT r.topic, r.metric, r.labels, CASE WHEN r.metric ~ '_(seconds|streak)$' THEN max(r.value) ELSE sum(r.value) END AS value,
			max(max(r.value) FILTER (WHERE r.metric = 'aggregation_task_lag_seconds')) OVER (PARTITION BY r.topic, r.labels) AS worst
		FROM )sql" + rows_of("figures", figure_columns) + R"sql(
		GROUP BY r.topic, r.metric, r.labels
	) g
) f
WHERE f.topic <> 'task' OR f.place <= 100)sql";
}

// clang-format on

std::string alerts_on_nodes() {
	return with_indexes() + told(alarms_on_nodes() + "\nUNION ALL" + index_alarms());
}

/// Without what only a single node has.
std::string metrics_on_nodes(const std::string &columns_of_truth) {
	return with_indexes() + ", alarm AS MATERIALIZED (" + alarms_on_nodes() + "\nUNION ALL" + index_alarms() + "\n)" + figures_of_alarms() +
	       "\nUNION ALL" + figures_on_nodes() + "\nUNION ALL" + figures_of_truth(truth_on_nodes(columns_of_truth)) + "\nUNION ALL" +
	       figures_of_indexes();
}

std::vector<SetQuery> set_queries() {
	std::vector<SetQuery> queries {{"alarms", with_tasks() + alarms() + "\nUNION ALL" + retention_alarms(policies_of_group)},
	                               {"figures", with_tasks() + figures_of_tasks() + "\nUNION ALL" + figures_of_retention(policies_of_group)},
	                               {"minutes_of_indexes", minutes_of_indexes()},
	                               {"v_aggregation_retention", retention_view(policies_of_group)}};
	for (const auto &view : wanted_views()) {
		const std::string name = view.name;
		if (name == truth || std::find(lists.begin(), lists.end(), name) != lists.end())
			queries.push_back({name, view.definition});
	}
	return queries;
}

} // namespace

const SetQuery *find_set_query(std::string_view name) {
	static const std::vector<SetQuery> queries = set_queries();
	const auto found = std::find_if(queries.begin(), queries.end(), [&](const SetQuery &query) { return query.name == name; });
	return found == queries.end() ? nullptr : &*found;
}

std::optional<std::string> definition_on_nodes(const std::string &view, const ColumnsOfViews &columns) {
	const auto typed = [&](std::string_view name) {
		const auto found = columns.find(name);
		return found == columns.end() ? std::string() : found->second.typed;
	};
	const std::string own = typed(view);
	const std::string of_truth = typed(truth);
	if (own.empty() || of_truth.empty())
		return std::nullopt;
	if (view == truth)
		return truth_on_nodes(of_truth);
	if (view == "v_aggregation_retention")
		return retention_on_nodes(rows_of(view, own));
	if (view == "v_aggregation_alerts")
		return alerts_on_nodes();
	if (view == "v_aggregation_metrics")
		return metrics_on_nodes(of_truth);
	if (std::find(lists.begin(), lists.end(), view) == lists.end())
		return std::nullopt;
	return "SELECT " + columns.find(view)->second.names + " FROM " + rows_of(view, own);
}

} // namespace aggregation
