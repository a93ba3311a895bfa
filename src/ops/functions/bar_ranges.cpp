#include "ops/functions/bar_ranges.hpp"

#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/task_guard.hpp"

namespace aggregation {

void check_range(const std::string &subject, Timestamp from, Timestamp to) {
	if (from >= to)
		throw Error(sqlstate::invalid_parameter_value,
		            "invalid range for " + subject + ": from " + to_iso8601(from) + " is not before to " + to_iso8601(to),
		            "Pass a half-open range, such as one day.");
}

Op<BarRange> bar_range(Database &db, Arguments &arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const Timeframe timeframe = timeframe_or_throw(key.symbol, key.timeframe);
	const Timestamp from = arguments.timestamp("p_from_utc");
	const Timestamp to = arguments.timestamp("p_to_utc");
	(void)default_source_or_throw(key.symbol, timeframe);
	check_range(key.label(), from, to);
	const auto calendar = co_await calendar_of(db, key.symbol);
	const Grid target(timeframe, calendar);
	co_return BarRange {key, target, target.floor(from), target.ceil(to)};
}

Op<void> begin_bar_change(Database &db, const BarRange &range) {
	co_await db.begin_deriving();
	const std::vector<TaskKey> keys {range.key};
	co_await lock_tasks(db, keys);
}

Op<void> mark_windows(Database &db, const Task &task, RangeSet windows) {
	std::vector<TaskMark> marks {{&task.key, {}}};
	marks.front().ranges.now = std::move(windows);
	if (marks.front().ranges.empty())
		co_return;
	co_await merge_dirty(db, std::move(marks));
	co_await db.wake_worker();
}

} // namespace aggregation
