#include "ops/calendars/fit_cursors.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/symbol_tasks.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace aggregation {

namespace {

const Statement &cursors_of() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.canonical_symbol, s.timeframe, s.calendar, s.last_agg_bar_ts_utc FROM @data_agg_state s "
	                                  "WHERE s.calendar = ANY ($1::text[]) AND s.last_agg_bar_ts_utc IS NOT NULL",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &move_back() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET last_agg_bar_ts_utc = t.cursor, next_run_at = NULL, updated_at = now()
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS t(symbol, timeframe, cursor)
WHERE s.canonical_symbol = t.symbol
	AND s.timeframe = t.timeframe)sql",
	                                  {},
	                                  Planning::once_by_statistics};
	return statement;
}

} // namespace

Timestamp fitted_cursor(const Grid &grid, Timestamp cursor) {
	if (cursor <= Timestamp::range_begin() || cursor >= Timestamp::range_end())
		return cursor;
	return std::max(Timestamp::range_begin(), grid.floor(cursor));
}

Op<void> fit_cursors(Database &db, const std::vector<std::string> names) {
	if (names.empty())
		co_return;
	const std::set<std::string> wanted(names.begin(), names.end());
	const auto calendars = co_await read_calendars(db, wanted);
	std::vector<TaskKey> keys;
	std::vector<agg_cell> cursors;
	auto take = [&](const Row &row) {
		const SymbolTask task {std::string(row.text(1)), {}, row.timestamp(3), row.maybe_text(2)};
		const auto grid = grid_of(task, calendars);
		if (!grid)
			return Flow::more;
		const Timestamp start = fitted_cursor(*grid, *task.cursor);
		if (start < *task.cursor) {
			keys.push_back({std::string(row.text(0)), task.timeframe});
			cursors.push_back(cell(start));
		}
		return Flow::more;
	};
	co_await db.query(cursors_of(), parameters(text_array(names)), take);
	if (keys.empty())
		co_return;
	co_await db.execute(move_back(), parameters(symbols_of(keys), timeframes_of(keys), Parameter(AGG_TIMESTAMPTZ, std::move(cursors))));
	co_await db.wake_worker();
}

Op<void> fit_cursors_of(Database &db, const std::string symbol, const Calendars &calendars) {
	const auto tasks = co_await lock_tasks_of(db, symbol);
	std::vector<ChangedTask> changed;
	for (const auto &task : tasks) {
		const auto grid = grid_of(task, calendars);
		if (!grid || !task.cursor)
			continue;
		const Timestamp cursor = fitted_cursor(*grid, *task.cursor);
		if (cursor == *task.cursor)
			continue;
		changed.push_back({task, task});
		changed.back().after.cursor = cursor;
	}
	if (!changed.empty())
		co_await store_changes(db, symbol, changed);
}

} // namespace aggregation
