#include "ops/calendars/set_calendar.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

const Statement &lock_tasks_of_symbol() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.timeframe, s.source_timeframe, s.last_agg_bar_ts_utc, s.calendar FROM @data_agg_state s "
	                                  "WHERE s.canonical_symbol = $1::text ORDER BY s.timeframe FOR NO KEY UPDATE OF s",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TEXT},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &store() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET calendar = $2::text, source_timeframe = t.source, last_agg_bar_ts_utc = t.cursor, next_run_at = NULL, updated_at = now()
FROM unnest($3::text[], $4::text[], $5::timestamptz[]) AS t(timeframe, source, cursor)
WHERE s.canonical_symbol = $1::text
	AND s.timeframe = t.timeframe)sql",
	                                  {},
	                                  Planning::once_by_statistics};
	return statement;
}

bool same_calendar(const std::optional<std::string> &one, const std::string &other) {
	return one.value_or(std::string(utc_calendar)) == other;
}

/// What a task of this grid is made of by default: minutes, or what the symbol has a task for.
std::optional<Timeframe> default_source_of(const Grid &grid, const std::set<std::string> &timeframes) {
	for (auto &source : grid.default_sources()) {
		if (source.ingested() || timeframes.contains(source.name()))
			return std::move(source);
	}
	return std::nullopt;
}

/// NULL stays where it means the right one.
std::optional<std::string> source_in(const Grid &before, const Grid &after, const std::optional<std::string> &configured,
                                     const std::set<std::string> &timeframes) {
	const auto plain = Grid(after.timeframe()).default_source();
	const auto now = configured ? Timeframe::parse(*configured) : plain;
	const bool chosen = configured && now && now != default_source_of(before, timeframes);
	if (now && after.built_from(after.of(*now)) && (chosen || !configured))
		return configured;
	const auto source = default_source_of(after, timeframes);
	if (!source)
		return configured;
	return source->name();
}

} // namespace

Op<ChangedSymbol> set_calendar(Database &db, const std::string symbol, const std::string calendar) {
	ChangedSymbol result;
	std::set<std::string> names {calendar};
	std::set<std::string> timeframes;
	auto take = [&](const Row &row) {
		ChangedTask task {std::string(row.text(0)), row.maybe_text(3),      row.maybe_text(1),
		                  row.maybe_text(1),        row.maybe_timestamp(2), row.maybe_timestamp(2)};
		++result.tasks;
		timeframes.insert(task.timeframe);
		if (task.calendar)
			names.insert(*task.calendar);
		if (!same_calendar(task.calendar, calendar))
			result.changed.push_back(std::move(task));
		return Flow::more;
	};
	co_await db.query(lock_tasks_of_symbol(), parameters(text_parameter(symbol)), take);
	if (result.changed.empty())
		co_return result;
	const auto calendars = co_await read_calendars(db, names);
	const auto pointer = calendars.named(calendar, named(symbol));
	std::vector<agg_cell> keys;
	std::vector<agg_cell> sources;
	std::vector<agg_cell> cursors;
	for (auto &task : result.changed) {
		if (const auto timeframe = Timeframe::parse(task.timeframe)) {
			const Grid before(*timeframe, calendars.find(task.calendar).value_or(nullptr));
			const Grid after(*timeframe, pointer);
			task.source = source_in(before, after, task.source_before, timeframes);
			if (task.cursor && *task.cursor > Timestamp::range_begin() && *task.cursor < Timestamp::range_end())
				task.cursor = std::max(Timestamp::range_begin(), after.floor(*task.cursor));
		}
		keys.push_back(cell(std::string_view(task.timeframe)));
		sources.push_back(cell(task.source ? std::optional(std::string_view(*task.source)) : std::nullopt));
		cursors.push_back(cell(task.cursor));
	}
	const auto stored = calendar == utc_calendar ? null_cell() : cell(std::string_view(calendar));
	auto list = parameters(text_parameter(symbol), Parameter(AGG_TEXT, stored), Parameter(AGG_TEXT, std::move(keys)),
	                       Parameter(AGG_TEXT, std::move(sources)), Parameter(AGG_TIMESTAMPTZ, std::move(cursors)));
	co_await db.execute(store(), std::move(list));
	co_await db.wake_worker();
	co_return result;
}

} // namespace aggregation
