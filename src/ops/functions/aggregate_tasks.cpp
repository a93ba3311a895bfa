// agg_aggregate_tasks: brings a list of tasks forward from their stored cursors in one transaction, bars, cursors and totals together.
#include "ops/functions/functions.hpp"

#include "ops/marks/change_log.hpp"
#include "ops/runner/task_batch.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

/// In the order in which tasks are locked.
std::vector<TaskKey> keys_of(const std::vector<std::string> &symbols, const std::vector<std::string> &timeframes) {
	std::vector<TaskKey> keys;
	keys.reserve(symbols.size());
	for (size_t i = 0; i < symbols.size(); ++i) {
		timeframe_or_throw(symbols[i], timeframes[i]);
		keys.push_back({symbols[i], timeframes[i]});
	}
	std::sort(keys.begin(), keys.end());
	for (size_t i = 1; i < keys.size(); ++i) {
		if (keys[i] == keys[i - 1])
			throw Error(sqlstate::invalid_parameter_value, "task " + keys[i].label() + " is named twice", "Name each task once.");
	}
	return keys;
}

/// Locks and reads the tasks of these keys, all of which must exist.
Op<std::vector<Task>> tasks_of(Database &db, const std::vector<TaskKey> &keys) {
	auto found = co_await lock_and_read_tasks(db, keys);
	std::vector<Task> tasks;
	tasks.reserve(keys.size());
	for (size_t i = 0; i < keys.size(); ++i) {
		if (!found[i]) {
			Error missing = co_await missing_task(db, "Missing agg config ", keys[i]);
			throw missing;
		}
		tasks.push_back(std::move(*found[i]));
	}
	co_return tasks;
}

constexpr size_t result_columns = 14;
constexpr size_t rows_at_once = 1024;

Op<void> report(Database &db, const std::vector<TaskRun> &runs) {
	for (size_t begin = 0; begin < runs.size(); begin += rows_at_once) {
		std::vector<agg_cell> cells;
		for (size_t i = begin; i < std::min(runs.size(), begin + rows_at_once); ++i) {
			const TaskRun &run = runs[i];
			for (const agg_cell &value :
			     {cell(std::string_view(run.task.key.symbol)), cell(std::string_view(run.task.key.timeframe)),
			      cell(run.plan.windows_processed()), cell(run.counts.created()), cell(run.counts.inserted), cell(run.counts.updated),
			      cell(run.counts.unchanged), cell(run.counts.deleted), cell(run.counts.quality_poor), cell(run.counts.skipped),
			      cell(run.counts.unusable), cell(run.plan.cursor()), cell(std::string_view(to_string(run.reason))),
			      cell(worth_calling_again(run.reason) || run.late_work_left)})
				cells.push_back(value);
		}
		co_await db.emit_rows(cells, result_columns);
	}
}

} // namespace

Op<Answer> agg_aggregate_tasks(Database &db, Arguments arguments) {
	const auto symbols = arguments.texts("p_symbols");
	const auto timeframes = arguments.texts("p_timeframes");
	Progress progress(db, "agg_aggregate_tasks");
	const int64_t max_windows = arguments.integer("p_max_windows");
	const BatchOrder order {.max_windows = max_windows,
	                        .max_late_windows = max_windows,
	                        .now = arguments.maybe_timestamp("p_now_utc").value_or(db.transaction_start()),
	                        .derivation_version = arguments.integer("p_derivation_version"),
	                        .progress = &progress};
	if (symbols.size() != timeframes.size())
		throw Error(sqlstate::invalid_parameter_value,
		            "p_symbols has " + std::to_string(symbols.size()) + " elements, p_timeframes has " + std::to_string(timeframes.size()),
		            "Pass one timeframe for each symbol.");
	arguments.check_positive("p_max_windows", "Pass the maximum number of windows for each task.");

	co_await absorb_changes(db);
	const auto keys = keys_of(symbols, timeframes);
	auto tasks = co_await tasks_of(db, keys);
	int64_t ahead = 0;
	for (const auto &task : tasks)
		ahead += std::min(order.max_windows, windows_ahead(task, task.effective_cursor(), order.now));
	progress.expect(ahead);
	for (auto &group : in_groups(std::move(tasks))) {
		const auto runs = co_await run_batch(db, std::move(group), order);
		co_await report(db, runs);
	}
	co_return Answer::rows();
}

} // namespace aggregation
