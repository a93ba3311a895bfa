#include "ops/tasks/symbol_tasks.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/task_columns.h"

#include <string_view>
#include <utility>

namespace aggregation {

namespace {

const Statement &lock() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.timeframe, s.source_timeframe, s.last_agg_bar_ts_utc, s.calendar FROM @data_agg_state s "
	                                  "WHERE s.canonical_symbol = $1::text ORDER BY " AGG_LOCK_ORDER("s.") " FOR NO KEY UPDATE OF s",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TEXT},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &store() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET calendar = t.calendar, source_timeframe = t.source, last_agg_bar_ts_utc = t.cursor, next_run_at = NULL, updated_at = now()
FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS t(timeframe, source, cursor, calendar)
WHERE s.canonical_symbol = $1::text
	AND s.timeframe = t.timeframe)sql",
	                                  {},
	                                  Planning::once_by_statistics};
	return statement;
}

} // namespace

Op<std::vector<SymbolTask>> lock_tasks_of(Database &db, const std::string symbol) {
	std::vector<SymbolTask> tasks;
	auto take = [&](const Row &row) {
		tasks.push_back({std::string(row.text(0)), row.maybe_text(1), row.maybe_timestamp(2), row.maybe_text(3)});
		return Flow::more;
	};
	co_await db.query(lock(), parameters(text_parameter(symbol)), take);
	co_return tasks;
}

std::optional<Grid> grid_of(const SymbolTask &task, const Calendars &calendars) {
	const auto timeframe = Timeframe::parse(task.timeframe);
	const auto calendar = calendars.find(task.calendar);
	if (!timeframe || !calendar)
		return std::nullopt;
	return Grid(*timeframe, *calendar);
}

std::set<std::string> timeframes_of(const std::vector<SymbolTask> &tasks) {
	std::set<std::string> timeframes;
	for (const auto &task : tasks)
		timeframes.insert(task.timeframe);
	return timeframes;
}

std::optional<Timeframe> default_source_among(const Grid &grid, const std::set<std::string> &timeframes) {
	for (auto &source : grid.default_sources()) {
		if (source.ingested() || timeframes.contains(source.name()))
			return std::move(source);
	}
	return std::nullopt;
}

Op<void> store_changes(Database &db, const std::string symbol, const std::vector<ChangedTask> &changed) {
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> sources;
	std::vector<agg_cell> cursors;
	std::vector<agg_cell> calendars;
	for (const auto &task : changed) {
		timeframes.push_back(cell(std::string_view(task.after.timeframe)));
		sources.push_back(cell(task.after.source));
		cursors.push_back(cell(task.after.cursor));
		calendars.push_back(cell(task.after.calendar));
	}
	auto list = parameters(text_parameter(symbol), Parameter(AGG_TEXT, std::move(timeframes)), Parameter(AGG_TEXT, std::move(sources)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(cursors)), Parameter(AGG_TEXT, std::move(calendars)));
	co_await db.execute(store(), std::move(list));
	co_await db.wake_worker();
}

} // namespace aggregation
