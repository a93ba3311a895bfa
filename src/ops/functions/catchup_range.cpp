// catchup_aggregation_range: brings one task forward from a given cursor. It does not move the stored cursor; agg_finish does.
#include "ops/functions/functions.hpp"

#include "ops/bars/engine.hpp"
#include "ops/bars/progress.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/bars/source_watermark.hpp"
#include "ops/boundary/json.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/runner/made_minutes.hpp"
#include "ops/runner/rederive.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/recent_tasks.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace aggregation {

namespace {

struct CatchUpOrder {
	TaskKey key;
	Timestamp start_cursor;
	int64_t max_windows;
	Timestamp now;
	int64_t derivation_version;
	Confirmation confirmation;
};

CatchUpOrder read_order(const Database &db, Arguments &arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_to_tf")};
	const CatchUpOrder order {.key = key,
	                          .start_cursor = arguments.timestamp("p_start_cursor_utc"),
	                          .max_windows = arguments.integer("p_max_windows"),
	                          .now = arguments.maybe_timestamp("p_now_utc").value_or(db.transaction_start()),
	                          .derivation_version = arguments.integer("p_derivation_version"),
	                          .confirmation = arguments.boolean("p_ignore_confirmation") ? Confirmation::ignored : Confirmation::required};
	timeframe_or_throw(key.symbol, key.timeframe);
	arguments.check_positive("p_max_windows", "Pass the maximum number of windows to process, such as 100.");
	return order;
}

TaskRun task_run(const Task &task, const CatchUpOrder &order, const Timestamp source_complete_until) {
	return {.task = task,
	        .plan = CatchUp({.target = task.target,
	                         .start_cursor = order.start_cursor,
	                         .agg_start = task.start,
	                         .now = order.now,
	                         .delay = task.delay,
	                         .confirmation = order.confirmation,
	                         .max_windows = order.max_windows,
	                         .at_gap = AtGap::stop,
	                         .source_complete_until = source_complete_until}),
	        .most_windows = order.max_windows,
	        .derivation_version = std::max(order.derivation_version, task.derivation_version),
	        .counts = {}};
}

Answer answer(const TaskRun &run, const std::optional<Timestamp> last_source) {
	return Answer::json(JsonObject()
	                        .add("success", true)
	                        .add("windows_processed", run.plan.windows_processed())
	                        .add("cursor_advanced_to", run.plan.cursor())
	                        .add("bars_created", run.counts.created())
	                        .add("bars_inserted", run.counts.inserted)
	                        .add("bars_updated", run.counts.updated)
	                        .add("bars_unchanged", run.counts.unchanged)
	                        .add("bars_deleted", run.counts.deleted)
	                        .add("bars_quality_poor", run.counts.quality_poor)
	                        .add("bars_skipped", run.counts.skipped)
	                        .add("windows_sealed", run.counts.sealed)
	                        .add("source_rows_refused", run.counts.unusable)
	                        .add("late_windows_processed", run.late_windows)
	                        .add("late_bars_changed", run.late_counts.inserted + run.late_counts.updated + run.late_counts.deleted)
	                        .add("continue", worth_calling_again(run.reason) || run.late_work_left)
	                        .add("reason", to_string(run.reason))
	                        .add("max_source_ts", last_source)
	                        .add("agg_start_enforced", run.task.start)
	                        .text());
}

} // namespace

Op<Answer> catchup_aggregation_range(Database &db, Arguments arguments) {
	const CatchUpOrder order = read_order(db, arguments);
	co_await absorb_changes(db);
	co_await db.begin_deriving();
	auto task = co_await task_or_throw(db, order.key);
	// A call over windows that have been made already may find nothing to write, and then needs no lock.
	TaskGuard guard(db, order.key);
	const bool late_work = co_await is_dirty(db, order.key);
	if (late_work || task.target.next(task.target.ceil(order.start_cursor)) > task.effective_cursor()) {
		co_await guard.acquire();
		task = co_await task_or_throw(db, order.key);
	}
	const std::vector<Task> tasks {task};
	co_await forget_known(db, tasks);
	const auto watermarks = co_await source_watermarks(db, tasks);
	std::vector<TaskRun> runs {task_run(task, order, watermarks.front())};
	TaskRun &run = runs.front();
	const auto indexes = co_await indexes_for(db, tasks);
	run.index_parts = index_parts(task, indexes);
	run.most_windows = windows_at_once(task.target, run.index_parts, order.max_windows);
	if (guard.held())
		co_await take_late_work(db, runs, order.max_windows);
	const std::vector<SourceProbe> probes {{task.key.symbol, task.source}};
	const auto last = co_await last_bars(db, probes);
	run.plan.last_source(last.front());
	Progress progress(db, "catchup_aggregation_range");
	progress.expect(std::min(order.max_windows, windows_ahead(task, run.plan.cursor(), order.now)));
	co_await run_tasks(db, runs, &guard, &progress);
	if (!run.strays.empty())
		co_await guard.acquire_late(run.task.source);
	IndexMinutes minutes(db);
	co_await rederive(db, runs, minutes, &guard);
	co_await mark_made_minutes(db, minutes.made(), runs);
	co_return answer(run, last.front());
}

} // namespace aggregation
