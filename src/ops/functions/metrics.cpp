// agg_metrics: the figures of v_aggregation_metrics in the text format of OpenMetrics 1.0, which Prometheus reads.
// https://prometheus.io/docs/specs/om/open_metrics_spec/
#include "ops/functions/functions.hpp"

#include "core/number_text.hpp"

#include <map>
#include <string_view>

namespace aggregation {

namespace {

enum class Kind { gauge, counter };

struct Family {
	std::string_view name; // of a counter: without _total, which its samples end in
	Kind kind;
	std::string_view unit; // the name ends in it; empty: a number of things
	std::string_view help;
};

// clang-format off

// In the order of the text. The unit's name in `name` is part of the standard.
constexpr Family families[] {
	{"aggregation_health_state", Kind::gauge, "", "Whether all is well, as agg_health() says: 0 green, 1 yellow, 2 red."},
	{"aggregation_alarms_active", Kind::gauge, "", "Rows of v_aggregation_alerts by kind."},
	{"aggregation_tasks", Kind::gauge, "", "Tasks by the verdict of v_aggregation_lag."},
	{"aggregation_lag_seconds", Kind::gauge, "seconds", "How long the oldest window of these tasks that is over and has source has been without its bar."},
	{"aggregation_fail_streak", Kind::gauge, "", "Failures in a row of the one of these tasks that has most."},
	{"aggregation_task_lag_seconds", Kind::gauge, "seconds", "Lag of a task that is late, failing or stopped; of the hundred with the most lag."},
	{"aggregation_task_target_seconds", Kind::gauge, "seconds", "Lag that such a task may have."},
	{"aggregation_task_fail_streak", Kind::gauge, "", "Failures in a row of such a task."},
	{"aggregation_work_runs", Kind::counter, "", "Runs of tasks that succeeded."},
	{"aggregation_work_bars", Kind::counter, "", "Windows whose bar was stored."},
	{"aggregation_work_poor_bars", Kind::counter, "", "Bars that were stored with a quality of 0 or less."},
	{"aggregation_work_skipped_windows", Kind::counter, "", "Windows with too few candles for a bar."},
	{"aggregation_work_unusable_rows", Kind::counter, "", "Rows of source without usable prices."},
	{"aggregation_work_late_rows", Kind::counter, "", "Rows of source that changed after their window was made."},
	{"aggregation_runner_last_attempt_timestamp_seconds", Kind::gauge, "seconds", "When a task was attempted last; 0: never."},
	{"aggregation_truth_log_entries", Kind::gauge, "", "Changes of bars that wait for a run."},
	{"aggregation_truth_log_wait_seconds", Kind::gauge, "seconds", "How long the oldest of them has waited."},
	{"aggregation_truth_late_ranges", Kind::gauge, "", "Ranges of windows that wait to be made again."},
	{"aggregation_truth_late_wait_seconds", Kind::gauge, "seconds", "How long the oldest of them has waited."},
	{"aggregation_truth_differences", Kind::gauge, "", "Differences without an explanation that the last agg_verify_sample() found."},
	{"aggregation_truth_last_audit_timestamp_seconds", Kind::gauge, "seconds", "When that was; 0: never."},
	{"aggregation_index_behind_seconds", Kind::gauge, "seconds", "How far the minutes of an index are behind those of its components."},
	{"aggregation_index_newest_timestamp_seconds", Kind::gauge, "seconds", "The newest minute of an index; 0: none."},
	{"aggregation_tick_source_waiting_entries", Kind::gauge, "", "Notes of ticks whose minutes are over and wait for a run."},
	{"aggregation_tick_source_wait_seconds", Kind::gauge, "seconds", "How long the oldest of them has waited."},
	{"aggregation_tick_source_failing", Kind::gauge, "", "1: the source's minutes cannot be made."},
	{"aggregation_retention_failing_policies", Kind::gauge, "", "Policies of retention that fail."},
	{"aggregation_retention_waiting_symbols", Kind::gauge, "", "Symbols whose bars are old and must not go yet."},
	{"aggregation_consumer_events_behind", Kind::gauge, "", "Events that a consumer has not acknowledged."},
	{"aggregation_consumer_wait_seconds", Kind::gauge, "seconds", "How long the oldest of them has waited."},
	{"aggregation_consumer_lost_events", Kind::gauge, "", "1: the consumer has lost events."},
};

// Labels as the format wants them: name="value", with \\, \" and \n.
const Statement &figures() {
	static const Statement statement {"data_agg_state", R"sql(
SELECT m.metric, (
		SELECT string_agg(p.key || '="' || replace(replace(replace(p.value, '\', '\\'), '"', '\"'), chr(10), '\n') || '"', ',' ORDER BY p.key)
		FROM jsonb_each_text(m.labels) p(key, value)
	) AS labels, m.value
FROM @v_aggregation_metrics m
ORDER BY m.metric, 2)sql",
		{AGG_TEXT, AGG_TEXT, AGG_FLOAT8}, Planning::by_statistics};
	return statement;
}

// clang-format on

void describe(const Family &family, std::string &text) {
	const std::string name(family.name);
	text += "# TYPE " + name + (family.kind == Kind::counter ? " counter\n" : " gauge\n");
	if (!family.unit.empty())
		text += "# UNIT " + name + " " + std::string(family.unit) + "\n";
	text += "# HELP " + name + " " + std::string(family.help) + "\n";
}

} // namespace

Op<Answer> agg_metrics(Database &db, Arguments) {
	std::map<std::string, std::string, std::less<>> samples; // lines, by metric
	auto take = [&](const Row &row) {
		std::string line(row.text(0));
		if (!row.is_null(1))
			line += "{" + std::string(row.text(1)) + "}";
		samples[std::string(row.text(0))] += line + " " + number_text(row.real(2)) + "\n";
		return Flow::more;
	};
	co_await db.query(figures(), {}, take);
	std::string text;
	for (const auto &family : families) {
		describe(family, text);
		std::string metric(family.name);
		if (family.kind == Kind::counter)
			metric += "_total";
		text += samples[metric];
	}
	// Without the line feed that may follow: psql adds one, and there must not be two.
	co_return Answer::text(text + "# EOF");
}

} // namespace aggregation
