#include "ops/calendars/set_calendar.hpp"

#include "core/source_rule.hpp"
#include "ops/calendars/fit_cursors.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

/// NULL stays where it means the right one.
std::optional<std::string> source_in(const Grid &before, const Grid &after, const std::optional<std::string> &configured,
                                     const std::set<std::string> &timeframes) {
	const auto now = source_of_row(after.timeframe(), configured);
	const bool chosen = configured && now && now != default_source_among(before, timeframes);
	if (now && after.built_from(after.of(*now)) && (chosen || !configured))
		return configured;
	const auto source = default_source_among(after, timeframes);
	if (!source)
		return configured;
	return source->name();
}

} // namespace

Op<ChangedSymbol> set_calendar(Database &db, const std::string symbol, const std::string calendar) {
	const auto tasks = co_await lock_tasks_of(db, symbol);
	const auto timeframes = timeframes_of(tasks);
	ChangedSymbol result {.tasks = tasks.size(), .changed = {}};
	std::set<std::string> names {calendar};
	for (const auto &task : tasks) {
		if (task.calendar.value_or(std::string(utc_calendar)) == calendar)
			continue;
		result.changed.push_back({task, task});
		if (task.calendar)
			names.insert(*task.calendar);
	}
	if (result.changed.empty())
		co_return result;
	const auto calendars = co_await read_calendars(db, names);
	const auto pointer = calendars.named(calendar, named(symbol));
	for (auto &[before, after] : result.changed) {
		after.calendar = calendar == utc_calendar ? std::nullopt : std::optional(calendar);
		const auto timeframe = Timeframe::parse(before.timeframe);
		if (!timeframe)
			continue;
		const Grid old_grid(*timeframe, calendars.find(before.calendar).value_or(nullptr));
		const Grid grid(*timeframe, pointer);
		after.source = source_in(old_grid, grid, before.source, timeframes);
		if (before.cursor)
			after.cursor = fitted_cursor(grid, *before.cursor);
	}
	co_await store_changes(db, symbol, result.changed);
	co_return result;
}

} // namespace aggregation
