#include "ops/tasks/set_source.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// 5m is made of minutes by either rule.
const Statement &tasks_of_minutes() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.canonical_symbol, s.timeframe, s.calendar FROM @data_agg_state s "
	    "WHERE s.source_timeframe = '1m' AND s.timeframe <> '5m' AND NOT EXISTS (SELECT FROM @data_agg_state o "
	    "WHERE o.canonical_symbol = s.canonical_symbol AND " AGG_SOURCE_TIMEFRAME("o.") " <> '1m')",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

Op<Calendars> calendars_of(Database &db, const std::vector<SymbolTask> &tasks) {
	std::set<std::string> names;
	for (const auto &task : tasks) {
		if (task.calendar)
			names.insert(*task.calendar);
	}
	co_return co_await read_calendars(db, names);
}

} // namespace

Op<ChangedSymbol> set_source(Database &db, const std::string symbol, SourceRule rule) {
	const auto tasks = co_await lock_tasks_of(db, symbol);
	const auto timeframes = timeframes_of(tasks);
	const auto calendars = co_await calendars_of(db, tasks);
	ChangedSymbol result {.tasks = tasks.size(), .changed = {}};
	for (const auto &task : tasks) {
		const auto grid = grid_of(task, calendars);
		if (!grid)
			continue;
		const auto source = rule == SourceRule::chain ? default_source_among(*grid, timeframes) : default_source(*grid, rule);
		if (!source || source == source_of_row(grid->timeframe(), task.source))
			continue;
		result.changed.push_back({task, task});
		result.changed.back().after.source = source->name();
	}
	if (!result.changed.empty())
		co_await store_changes(db, symbol, result.changed);
	co_return result;
}

Op<std::set<std::string>> exact_symbols(Database &db) {
	std::vector<std::string> symbols;
	std::vector<SymbolTask> tasks;
	auto take = [&](const Row &row) {
		symbols.emplace_back(row.text(0));
		tasks.push_back({.timeframe = std::string(row.text(1)), .source = {}, .cursor = {}, .calendar = row.maybe_text(2)});
		return Flow::more;
	};
	co_await db.query(tasks_of_minutes(), {}, take);
	const auto calendars = co_await calendars_of(db, tasks);
	std::set<std::string> exact;
	for (size_t i = 0; i < tasks.size(); ++i) {
		const auto grid = grid_of(tasks[i], calendars);
		if (grid && grid->default_source() != std::optional(minutes().timeframe()))
			exact.insert(symbols[i]);
	}
	co_return exact;
}

} // namespace aggregation
