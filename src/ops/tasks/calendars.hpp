// Market calendars as the tables have them (agg_calendars, agg_calendar_days), kept in memory from call to call: each call that needs one
// asks whether it has changed, and reads its days only then.
#pragma once

#include "core/calendar.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

/// nullptr: UTC.
using CalendarPointer = std::shared_ptr<const Calendar>;

/// The calendar of UTC days, which needs no rows; also what NULL means.
inline constexpr std::string_view utc_calendar = "utc";

// Columns of agg_calendars c that become a calendar's rules (rules_of): the weekday of the first trading date of a week, and whether
// candles outside the sessions are left out.
#define AGG_CALENDAR_RULES                                                                                                                 \
	"CASE WHEN c.day_start <= '12:00' THEN c.week_start ELSE c.week_start % 7 + 1 END::int8, c.outside_sessions = 'left_out'"
#define AGG_CALENDAR_RULE_TYPES AGG_INT8, AGG_BOOL
CalendarRules rules_of(std::string name, const Row &row, size_t column);

// A query for the days d and the calendar c of a FROM item: a row for each day with its first session, if it has any, and one for each
// session more, in any order. With more columns, which begin with a comma. Most days have one session, and there are 22,000 of them:
// unnest() for each takes three times as long.
#define AGG_CALENDAR_DAYS(from, more)                                                                                                      \
	"SELECT (d.trading_date - '1970-01-01'::date)::int8, d.starts_at, d.opens[1], d.closes[1]" more " FROM " from                          \
	" UNION ALL SELECT (d.trading_date - '1970-01-01'::date)::int8, d.starts_at, s.opens, s.closes" more " FROM " from                     \
	" CROSS JOIN LATERAL unnest(d.opens[2:], d.closes[2:]) AS s(opens, closes) WHERE cardinality(d.opens) > 1"
#define AGG_CALENDAR_DAY_TYPES AGG_INT8, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ

/// Takes the rows of such a query.
class CalendarDays {
public:
	void take(const Row &row);
	/// nullptr where there are none. The last day only says where the one before it ends.
	CalendarPointer calendar(CalendarRules rules);

private:
	std::vector<TradingDay> days_;
	std::vector<TimeRange> sessions_;
};

/// 22023 with whose calendar it is, if it is anybody's; `meant`: a sentence about what is there.
Error no_such_calendar(std::string_view name, std::string_view subject, std::string_view meant = "");

/// Calendars by name.
class Calendars {
public:
	/// nullptr for UTC. Throws 22023 where there is no such calendar, or no day of it; `subject` says whose it is.
	CalendarPointer named(const std::optional<std::string> &name, const std::string &subject) const;
	/// The same; nullopt where it would throw.
	std::optional<CalendarPointer> find(const std::optional<std::string> &name) const;

private:
	friend Op<Calendars> read_calendars(Database &db, const std::set<std::string> names);
	std::map<std::string, CalendarPointer, std::less<>> known_; // nullptr: it has no days
};

Op<Calendars> read_calendars(Database &db, const std::set<std::string> names);

/// The calendar that the tasks of a symbol follow.
Op<CalendarPointer> calendar_of(Database &db, const std::string &symbol);

} // namespace aggregation
