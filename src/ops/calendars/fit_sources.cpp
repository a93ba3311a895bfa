#include "ops/calendars/fit_sources.hpp"

#include "core/source_rule.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/symbol_tasks.hpp"
#include "ops/tasks/tasks.hpp"

#include <set>
#include <utility>

namespace aggregation {

namespace {

const Statement &tasks_of_calendars() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.canonical_symbol, s.timeframe, s.source_timeframe, s.calendar FROM @data_agg_state s "
	                                  "WHERE s.calendar = ANY ($1::text[]) ORDER BY s.canonical_symbol, s.timeframe",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::once_by_statistics};
	return statement;
}

/// nullopt: its source fits, or the row makes no sense, or nothing fits.
std::optional<Timeframe> better_source(const SymbolTask &task, const Calendars &calendars, const std::set<std::string> &timeframes) {
	const auto grid = grid_of(task, calendars);
	if (!grid)
		return std::nullopt;
	const auto source = source_of_row(grid->timeframe(), task.source);
	if (!source || grid->built_from(grid->of(*source)))
		return std::nullopt;
	return default_source_among(*grid, timeframes);
}

} // namespace

Op<void> fit_sources_of(Database &db, const std::string symbol, const Calendars &calendars) {
	const auto tasks = co_await lock_tasks_of(db, symbol);
	const auto timeframes = timeframes_of(tasks);
	std::vector<ChangedTask> changed;
	std::string told;
	for (const auto &task : tasks) {
		const auto source = better_source(task, calendars, timeframes);
		if (!source)
			continue;
		changed.push_back({task, task});
		changed.back().after.source = source->name();
		told += (told.empty() ? "" : ", ") + task.timeframe + " of " + source->name();
	}
	if (changed.empty())
		co_return;
	co_await store_changes(db, symbol, changed);
	co_await db.notice("tasks of " + named(symbol) + " are made of other timeframes now, which fit their calendar: " + told);
}

Op<void> fit_sources(Database &db, const std::vector<std::string> names) {
	if (names.empty())
		co_return;
	std::vector<std::pair<std::string, SymbolTask>> tasks;
	auto take = [&](const Row &row) {
		tasks.emplace_back(row.text(0), SymbolTask {std::string(row.text(1)), row.maybe_text(2), {}, row.maybe_text(3)});
		return Flow::more;
	};
	co_await db.query(tasks_of_calendars(), parameters(text_array(names)), take);
	if (tasks.empty())
		co_return;
	const std::set<std::string> wanted(names.begin(), names.end());
	const auto calendars = co_await read_calendars(db, wanted);
	std::set<std::string> symbols;
	for (const auto &[symbol, task] : tasks) {
		if (better_source(task, calendars, {}))
			symbols.insert(symbol);
	}
	for (const auto &symbol : symbols)
		co_await fit_sources_of(db, symbol, calendars);
}

} // namespace aggregation
