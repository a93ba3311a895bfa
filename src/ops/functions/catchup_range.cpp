// catchup_aggregation_range: brings one task forward from a given cursor. It does not move the stored cursor; agg_finish does.
#include "ops/functions/functions.hpp"

#include "ops/bars/engine.hpp"
#include "ops/bars/progress.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/bars/source_watermark.hpp"
#include "ops/boundary/json.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/runner/rederive.hpp"

#include <algorithm>

namespace aggregation {

Op<Answer> catchup_aggregation_range(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_to_tf")};
	arguments.concern(key.label());
	const Timestamp start_cursor = arguments.timestamp("p_start_cursor_utc");
	const int64_t max_windows = arguments.integer("p_max_windows");
	const Timestamp now = arguments.maybe_timestamp("p_now_utc").value_or(db.transaction_start());
	const int64_t derivation_version = arguments.integer("p_derivation_version");
	const bool ignore_confirmation = arguments.boolean("p_ignore_confirmation");
	timeframe_or_throw(key.symbol, key.timeframe);
	if (max_windows < 1)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_max_windows must be at least 1, not " + std::to_string(max_windows) + " (" + key.label() + ")",
		            "Pass the number of windows to process at most, such as 100.");

	co_await absorb_changes(db);
	co_await db.begin_deriving();
	std::vector<TaskKey> keys {key};
	auto tasks = co_await read_tasks(db, keys);
	if (!tasks.front()) {
		Error missing = co_await missing_task(db, "Missing agg config ", key);
		throw missing;
	}
	// A call over windows that have been made already may find nothing to write, and then needs no lock.
	TaskGuard guard(db, key);
	const bool late_work = co_await is_dirty(db, key);
	if (late_work || start_cursor + tasks.front()->target.width() > tasks.front()->effective_cursor()) {
		co_await guard.acquire();
		tasks = co_await read_tasks(db, keys);
		if (!tasks.front()) {
			Error missing = co_await missing_task(db, "Missing agg config ", key);
			throw missing;
		}
	}
	std::vector<Task> task {*tasks.front()};
	const auto watermarks = co_await source_watermarks(db, task);

	std::vector<TaskRun> runs;
	runs.push_back({.task = task.front(),
	                .plan = CatchUp({.target = task.front().target,
	                                 .start_cursor = start_cursor,
	                                 .agg_start = task.front().start,
	                                 .now = now,
	                                 .delay = task.front().delay,
	                                 .confirmation = ignore_confirmation ? Confirmation::ignored : Confirmation::required,
	                                 .max_windows = max_windows,
	                                 .at_gap = AtGap::stop,
	                                 .source_complete_until = watermarks.front()}),
	                .derivation_version = std::max(derivation_version, task.front().derivation_version),
	                .counts = {}});
	TaskRun &run = runs.front();
	if (guard.held())
		co_await take_late_work(db, runs, max_windows);
	std::vector<SourceProbe> probes {{run.task.key.symbol, run.task.source}};
	const auto last = co_await last_bars(db, probes);
	run.plan.last_source(last.front());
	Progress progress(db, "catchup_aggregation_range");
	progress.expect(std::min(max_windows, windows_ahead(run.task, run.plan.cursor(), now)));
	co_await run_tasks(db, runs, &guard, &progress);
	if (!run.strays.empty())
		co_await guard.acquire();
	co_await rederive(db, runs, max_windows, &guard);

	co_return Answer::json(JsonObject()
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
	                           .add("max_source_ts", last.front())
	                           .add("agg_start_enforced", run.task.start)
	                           .text());
}

} // namespace aggregation
