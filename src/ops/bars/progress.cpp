#include "ops/bars/progress.hpp"

#include "core/error.hpp"
#include "ops/boundary/json.hpp"

#include <algorithm>

namespace aggregation {

namespace {
/// Fewer windows are over before anybody looks.
constexpr int64_t worth_showing = 1000;
} // namespace

// The view knows this text by its first word and its last member: pg_stat_activity cuts long ones off.
Op<void> Progress::advance(const TaskRun &run, int64_t windows) {
	windows_done_ += windows;
	windows_total_ = std::max(windows_total_, windows_done_);
	if (windows_total_ < worth_showing)
		co_return;
	const std::string json = JsonObject()
	                             .add("activity", activity_)
	                             .add("symbol", std::string_view(shortened(run.task.key.symbol)))
	                             .add("timeframe", std::string_view(shortened(run.task.key.timeframe)))
	                             .add("cursor", run.plan.cursor())
	                             .add("windows_done", windows_done_)
	                             .add("windows_total", windows_total_)
	                             .add("started_at", started_)
	                             .add("complete", true)
	                             .text();
	co_await db_.show_progress("aggregation: " + json);
}

int64_t windows_ahead(const Task &task, Timestamp cursor, Timestamp now) {
	return std::max<int64_t>(0, task.target.count(cursor, now - task.delay));
}

} // namespace aggregation
