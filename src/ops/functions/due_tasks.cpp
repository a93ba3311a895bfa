// agg_get_due_tasks: which tasks a worker should take now, most urgent first. Returns claims that were abandoned to idle on the way.
#include "ops/functions/functions.hpp"

#include "ops/marks/change_log.hpp"
#include "ops/runner/due_list.hpp"
#include "ops/tasks/stale_claims.hpp"

#include <algorithm>

namespace aggregation {

namespace {

constexpr size_t result_columns = 10;
constexpr size_t rows_at_once = 1024;

} // namespace

Op<Answer> agg_get_due_tasks(Database &db, Arguments arguments) {
	const Assets assets = assets_of(arguments.text("p_env_name"));
	const Timestamp now = arguments.timestamp("p_now_utc");
	const int64_t limit = arguments.integer("p_limit");
	const int64_t stale_seconds = arguments.integer("p_running_stale_seconds");
	if (limit < 0)
		throw Error(sqlstate::invalid_parameter_value, "p_limit must not be negative, but is " + std::to_string(limit),
		            "Pass the maximum number of tasks to return.");
	if (stale_seconds < 0)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_running_stale_seconds must not be negative, but is " + std::to_string(stale_seconds),
		            "Pass the age in seconds at which a claim counts as abandoned, such as 900.");

	co_await release_stale_claims(db, now, Duration::seconds(stale_seconds));
	co_await absorb_changes(db);
	const auto list = co_await read_due_tasks(db, now, assets, limit, Details::wanted);
	const auto &due = list.tasks;
	for (size_t begin = 0; begin < due.size(); begin += rows_at_once) {
		std::vector<agg_cell> cells;
		for (size_t i = begin; i < std::min(due.size(), begin + rows_at_once); ++i) {
			const DueTask &task = due[i];
			const DueDetails &details = *task.details;
			for (const agg_cell &value :
			     {cell(std::string_view(task.key.symbol)), cell(std::string_view(task.key.timeframe)), cell(details.source),
			      cell(details.run_interval_minutes), cell(details.delay_seconds), cell(details.cursor),
			      cell(std::string_view(details.status)), cell(details.hard_fail_streak), cell(task.priority), cell(task.mandatory)})
				cells.push_back(value);
		}
		co_await db.emit_rows(cells, result_columns);
	}
	co_return Answer::rows();
}

} // namespace aggregation
