// agg_distribute: makes a database of many nodes of one, where Citus is there to do it.
#include "ops/functions/functions.hpp"

#include "ops/boundary/row_buffer.hpp"
#include "ops/calendars/calendar_changes.hpp"
#include "ops/setup/distribution.hpp"

#include <algorithm>

namespace aggregation {

namespace {

/// Definitions of views have many lines, which nobody wants to read here.
std::string first_line(const std::string &sql) {
	const size_t end = sql.find('\n');
	return end == std::string::npos ? sql : sql.substr(0, end) + " ...";
}

} // namespace

Op<Answer> agg_distribute(Database &db, Arguments arguments) {
	const bool dry_run = arguments.boolean("dry_run");
	arguments.check_positive("shard_count",
	                         "Pass how many shards each table gets: some for each node that there will ever be, such as 32.");
	auto steps = co_await distribution_steps(db, arguments.integer("shard_count"));
	if (!dry_run && !steps.empty()) {
		co_await keep_everybody_out(db);
		steps = co_await distribution_steps(db, arguments.integer("shard_count"));
	}
	const bool of_calendars =
	    std::any_of(steps.begin(), steps.end(), [](const DistributionStep &step) { return step.object == "agg_calendar_days"; });
	if (of_calendars && !dry_run)
		co_await provide_all_calendars(db);
	const auto nothing = [](const Row &) { return Flow::more; };
	RowBuffer rows(db, 3);
	for (const auto &step : steps) {
		if (!dry_run) {
			const Statement statement {nullptr, step.sql.c_str(), {}, Planning::by_statistics, Tracking::off};
			co_await db.query(statement, {}, nothing);
		}
		const std::string action = (dry_run ? "would be " : "") + step.action;
		const std::string detail = first_line(db.qualify(step.sql));
		rows.add({cell(std::string_view(step.object)), cell(std::string_view(action)), cell(std::string_view(detail))});
		co_await rows.flush();
	}
	co_return Answer::rows();
}

} // namespace aggregation
