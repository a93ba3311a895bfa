#include "ops/calendars/shipped_calendars.hpp"

#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/calendars/holidays.hpp"

namespace aggregation {

namespace {

struct Shipped {
	const char *name;
	const char *row;      // time_zone, day_start, week_start, outside_sessions
	const char *sessions; // of weekday, opens, closes
	const char *holidays;
};

const std::vector<Shipped> &shipped() {
	static const std::vector<Shipped> list {{"utc", "'UTC', '00:00'::time, 1::int2, 'counted'",
	                                         "SELECT d::int2, '00:00'::time, '00:00'::time FROM generate_series(1, 7) d", no_holidays},
	                                        {"fx", "'America/New_York', '17:00'::time, 7::int2, 'counted'",
	                                         "SELECT d::int2, '17:00'::time, '17:00'::time FROM generate_series(1, 5) d", fx_holidays},
	                                        {"nyse", "'America/New_York', '00:00'::time, 1::int2, 'left_out'",
	                                         "SELECT d::int2, '09:30'::time, '16:00'::time FROM generate_series(1, 5) d", nyse_holidays},
	                                        {"cme_globex", "'America/Chicago', '17:00'::time, 7::int2, 'counted'",
	                                         "SELECT d::int2, '17:00'::time, '16:00'::time FROM generate_series(1, 5) d",
	                                         cme_globex_holidays}};
	return list;
}

// clang-format off

// Exceptions that are not as they are shipped any more, and those that are missing.
constexpr const char *old_exception = R"sql(e.calendar = {name} AND e.shipped AND NOT EXISTS (
	SELECT FROM ({holidays}) AS w(trading_date, closed, opens, closes, note)
	WHERE (w.trading_date, w.closed, w.opens, w.closes, w.note) IS NOT DISTINCT FROM (e.trading_date, e.closed, e.opens, e.closes, e.note)
))sql";
constexpr const char *new_exceptions = R"sql(FROM ({holidays}) AS w(trading_date, closed, opens, closes, note)
WHERE NOT EXISTS (SELECT FROM @agg_calendar_exceptions e WHERE e.calendar = {name} AND e.trading_date = w.trading_date))sql";

// clang-format on

/// The text with the calendar's own in the place of its words in braces.
std::string written_for(const Shipped &calendar, std::string text) {
	const std::string name = std::string("'") + calendar.name + "'";
	const std::pair<std::string_view, std::string_view> words[] {
	    {"{old_exception}", old_exception}, {"{new_exceptions}", new_exceptions}, {"{name}", name}, {"{row}", calendar.row},
	    {"{sessions}", calendar.sessions},  {"{holidays}", calendar.holidays}};
	return filled_in(std::move(text), words);
}

// clang-format off

constexpr const char *differences = R"sql(SELECT c.calendar IS NULL,
	c.calendar IS NULL
		OR c.shipped AND ((c.time_zone, c.day_start, c.week_start, c.outside_sessions) IS DISTINCT FROM ({row})
			OR (SELECT count(*) FROM @agg_calendar_sessions s WHERE s.calendar = {name}) <> (SELECT count(*) FROM ({sessions}) w)
			OR EXISTS ({sessions} EXCEPT SELECT s.weekday, s.opens, s.closes FROM @agg_calendar_sessions s WHERE s.calendar = {name}))
		OR EXISTS (SELECT FROM @agg_calendar_exceptions e WHERE {old_exception})
		OR EXISTS (SELECT {new_exceptions}),
	COALESCE(c.shipped AND (c.week_start, c.outside_sessions) IS DISTINCT FROM (r.week_start, r.outside_sessions), false)
FROM (VALUES ({row})) AS r(time_zone, day_start, week_start, outside_sessions)
LEFT JOIN @agg_calendars c ON c.calendar = {name})sql";

// Run by hand it writes what is shipped, not rules of the user's own.
constexpr const char *filling = R"sql(SET aggregation.tracking = off; INSERT INTO @agg_calendars AS c (calendar, time_zone, day_start, week_start, outside_sessions, shipped)
VALUES ({name}, {row}, true)
ON CONFLICT (calendar) DO UPDATE SET time_zone = EXCLUDED.time_zone, day_start = EXCLUDED.day_start,
	week_start = EXCLUDED.week_start, outside_sessions = EXCLUDED.outside_sessions
WHERE c.shipped; DELETE FROM @agg_calendar_sessions s
USING @agg_calendars c
WHERE s.calendar = {name} AND c.calendar = {name} AND c.shipped AND (s.weekday, s.opens, s.closes) NOT IN ({sessions}); INSERT INTO @agg_calendar_sessions (calendar, weekday, opens, closes)
SELECT c.calendar, w.weekday, w.opens, w.closes
FROM @agg_calendars c
CROSS JOIN ({sessions}) AS w(weekday, opens, closes)
WHERE c.calendar = {name} AND c.shipped
ON CONFLICT DO NOTHING; DELETE FROM @agg_calendar_exceptions e
WHERE {old_exception}; INSERT INTO @agg_calendar_exceptions (calendar, trading_date, closed, opens, closes, note, shipped)
SELECT {name}, w.trading_date, w.closed, w.opens, w.closes, w.note, true
{new_exceptions}; RESET aggregation.tracking)sql";

// clang-format on

} // namespace

Op<std::vector<CalendarToShip>> calendars_to_ship(Database &db) {
	std::vector<CalendarToShip> list;
	for (const auto &calendar : shipped()) {
		const std::string sql = written_for(calendar, differences);
		const Statement statement {nullptr, sql.c_str(), {AGG_BOOL, AGG_BOOL, AGG_BOOL}, Planning::by_statistics};
		auto take = [&](const Row &row) {
			if (row.boolean(1))
				list.push_back({calendar.name, row.boolean(0), row.boolean(2), written_for(calendar, filling)});
			return Flow::more;
		};
		co_await db.query(statement, {}, take);
	}
	co_return list;
}

std::vector<CalendarToShip> all_shipped_calendars() {
	std::vector<CalendarToShip> list;
	for (const auto &calendar : shipped())
		list.push_back({calendar.name, true, false, written_for(calendar, filling)});
	return list;
}

} // namespace aggregation
