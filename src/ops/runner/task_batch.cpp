#include "ops/runner/task_batch.hpp"

#include "core/schedule.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/bars/source_watermark.hpp"
#include "ops/runner/made_minutes.hpp"
#include "ops/runner/rederive.hpp"
#include "ops/tasks/recent_tasks.hpp"
#include "ops/tasks/task_outcome.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>
#include <utility>

namespace aggregation {

namespace {

/// Computes the minutes that the next windows of a task over the index will read: from its first possible minute on, as much as one run
/// processes. Where that comes to no minute at all (the components have bars, but never at the same time), the next stretch is looked at,
/// and so on up to now. Answers what was computed.
Op<RangeSet> compute_ahead(Database &db, const Indexes &indexes, const GeometricIndex &index, const TaskRun &run, const BatchOrder &order,
                           IndexMinutes &minutes) {
	const Task &task = run.task;
	const Timestamp end = task.target.floor(order.now - task.delay);
	Timestamp from = task.effective_cursor();
	RangeSet computed;
	while (from < end) {
		const auto minute = co_await next_index_minute(db, indexes, index, from);
		if (!minute || *minute >= end)
			break;
		const Timestamp begin = task.target.floor(*minute);
		// As far as windows: a product of large numbers could overflow, a sum of spans saturates.
		const int64_t windows = std::min<int64_t>(run.most_windows, task.target.count(begin, end));
		const Timestamp to = task.target.after(begin, windows);
		const bool any = co_await minutes.compute(index.symbol, std::max(begin, from), to, order.derivation_version);
		computed.add({std::max(begin, from), to});
		if (any)
			break;
		from = to;
	}
	co_return computed;
}

Op<void> record(Database &db, std::vector<TaskRun> &runs, const BatchOrder &order) {
	std::vector<Success> successes;
	successes.reserve(runs.size());
	for (auto &run : runs) {
		// Behind a gap the next window is that of the next source, not the one at the cursor, which has none.
		const Timestamp window = run.reason == StopReason::not_confirmed ? run.plan.position() : run.plan.cursor();
		const Timestamp confirmable = run.task.target.next(window) + run.task.delay;
		const bool found_work = run.plan.windows_processed() > 0;
		run.next_run = next_run_after_success(order.now, confirmable, run.task.run_interval, found_work);
		successes.push_back({.key = &run.task.key,
		                     .cursor = run.plan.cursor(),
		                     .next_run = run.next_run,
		                     .bars_created = run.counts.created() + run.late_counts.inserted,
		                     .bars_quality_poor = run.counts.quality_poor,
		                     .windows_skipped = run.counts.skipped + run.late_counts.skipped,
		                     .source_rows_refused = run.counts.unusable + run.late_counts.unusable,
		                     .waiting = !found_work && confirmable <= order.now,
		                     .place = run.task.place});
	}
	co_await record_successes(db, successes, order.now);
}

} // namespace

std::vector<std::vector<Task>> in_groups(std::vector<Task> tasks) {
	const auto group_of = [](const Task &task) { return task.source.ingested() ? Duration {} : task.target.timeframe().width(); };
	const auto less = [&](const Task &a, const Task &b) {
		return std::tuple(group_of(a), std::string_view(a.key.symbol), a.target.timeframe().width()) <
		       std::tuple(group_of(b), std::string_view(b.key.symbol), b.target.timeframe().width());
	};
	// Tasks are large, and mostly in order.
	if (!std::is_sorted(tasks.begin(), tasks.end(), less))
		std::sort(tasks.begin(), tasks.end(), less);
	std::vector<std::vector<Task>> groups;
	for (size_t first = 0; first < tasks.size();) {
		size_t behind = first + 1;
		while (behind < tasks.size() && group_of(tasks[behind]) == group_of(tasks[first]))
			++behind;
		if (first == 0 && behind == tasks.size()) {
			groups.push_back(std::move(tasks));
			break;
		}
		const auto begin = std::make_move_iterator(tasks.begin());
		groups.emplace_back(begin + static_cast<ptrdiff_t>(first), begin + static_cast<ptrdiff_t>(behind));
		first = behind;
	}
	return groups;
}

Op<std::vector<TaskRun>> run_batch(Database &db, std::vector<Task> tasks, const BatchOrder &order) {
	co_await db.begin_deriving();
	const auto indexes = co_await indexes_for(db, tasks);
	co_await forget_known(db, tasks);
	const auto watermarks = co_await source_watermarks(db, tasks);
	std::vector<TaskRun> runs;
	runs.reserve(tasks.size());
	for (size_t i = 0; i < tasks.size(); ++i) {
		const Task &task = tasks[i];
		auto parts = index_parts(task, indexes);
		const int64_t most_windows = windows_at_once(task.target, parts, order.max_windows);
		CatchUp plan({.target = task.target,
		              .start_cursor = task.effective_cursor(),
		              .agg_start = task.start,
		              .now = order.now,
		              .delay = task.delay,
		              .max_windows = most_windows,
		              .at_gap = AtGap::jump,
		              .source_complete_until = watermarks[i]});
		TaskRun &run = runs.emplace_back(std::move(tasks[i]), std::move(plan));
		run.derivation_version = std::max(order.derivation_version, run.task.derivation_version);
		run.expected_new = run.task.cursor.has_value();
		run.most_windows = most_windows;
		run.index_parts = std::move(parts);
	}
	co_await take_late_work(db, runs, order.max_late_windows);
	IndexMinutes minutes(db);
	minutes.begin_taking_changes();
	for (auto &run : runs) {
		if (const GeometricIndex *index = index_read_by(run.task, indexes))
			run.index_computed = co_await compute_ahead(db, indexes, *index, run, order, minutes);
	}
	minutes.end_taking_changes(); // what changes from here on, while bars are made of them, is logged
	co_await run_tasks(db, runs, nullptr, order.progress);
	co_await rederive(db, runs, minutes);
	co_await record(db, runs, order);
	co_await mark_made_minutes(db, minutes.made(), runs);
	co_return runs;
}

} // namespace aggregation
