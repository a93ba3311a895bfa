// agg_run, the procedure that works off due tasks in transactions of its own, and agg_run_batch, which does one batch in the caller's.
#include "ops/functions.hpp"

#include "ops/json.hpp"
#include "ops/runner.hpp"

namespace aggregation {

namespace {

void check_positive(int64_t value, const char *name, const char *hint) {
	if (value < 1)
		throw Error(sqlstate::invalid_parameter_value, std::string(name) + " must be at least 1, not " + std::to_string(value), hint);
}

RunOrder order_from(const Arguments &arguments) {
	const RunOrder order {.assets = assets_of(arguments.text(0, "p_env_name")),
	                      .max_tasks = arguments.integer(1, "p_max_tasks"),
	                      .max_windows = arguments.integer(2, "p_max_windows"),
	                      .now = {}};
	check_positive(order.max_tasks, "p_max_tasks", "Pass the number of different tasks to work on at most, such as 10000.");
	check_positive(order.max_windows, "p_max_windows",
	               "Pass the number of windows of a task to process in one batch at most, such as 1000.");
	return order;
}

std::string stats_of(const Runner &runner) {
	const RunTotals &totals = runner.totals();
	return JsonObject()
	    .add("tasks", runner.different_tasks())
	    .add("task_runs", totals.task_runs)
	    .add("tasks_failed", totals.failures)
	    .add("windows_processed", totals.windows)
	    .add("bars_created", totals.bars.created())
	    .add("bars_inserted", totals.bars.inserted)
	    .add("bars_updated", totals.bars.updated)
	    .add("bars_unchanged", totals.bars.unchanged)
	    .add("bars_deleted", totals.bars.deleted)
	    .add("bars_quality_poor", totals.bars.quality_poor)
	    .add("bars_skipped", totals.bars.skipped)
	    .add("source_rows_refused", totals.bars.refused)
	    .add_raw("failures", runner.failures_json())
	    .text();
}

} // namespace

Op<Answer> run_due_tasks(Database &db, Arguments arguments) {
	RunOrder order = order_from(arguments);
	const Duration budget {arguments.integer(3, "p_time_budget")};
	const int64_t batch_size = arguments.integer(4, "p_batch");
	order.now = arguments.maybe_timestamp(5, "p_now_utc");
	if (budget < Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_time_budget must not be negative",
		            "Pass the time after which no new batch is begun, such as '50 seconds'.");
	check_positive(batch_size, "p_batch", "Pass the number of tasks to process in one transaction, such as 1000.");

	const Timestamp started = db.clock();
	Runner runner(db, order, "agg_run");
	bool time_left = true;
	bool busy = true;
	while (busy && time_left) {
		const auto keys = co_await runner.next_tasks();
		size_t claimed = 0;
		std::span<const TaskKey> rest(keys);
		while (!rest.empty() && time_left) {
			const size_t size = std::min(rest.size(), static_cast<size_t>(batch_size));
			claimed += co_await runner.run(rest.first(size));
			rest = rest.subspan(size);
			co_await db.commit();
			time_left = db.clock() - started < budget;
		}
		busy = claimed > 0; // else everything that is due is in others' hands
	}
	if (runner.different_tasks() > 0)
		co_await db.notice("agg_run: " + stats_of(runner));
	co_return Answer::rows();
}

Op<Answer> run_due_batch(Database &db, Arguments arguments) {
	RunOrder order = order_from(arguments);
	order.now = arguments.maybe_timestamp(3, "p_now_utc");
	Runner runner(db, order, "agg_run_batch");
	const auto keys = co_await runner.next_tasks();
	if (!keys.empty())
		co_await runner.run(keys);
	const auto rest = co_await runner.next_tasks();
	const std::string stats = stats_of(runner);
	co_return Answer::json("{\"success\": true, \"continue\": " + std::string(rest.empty() ? "false" : "true") + ", " + stats.substr(1));
}

} // namespace aggregation
