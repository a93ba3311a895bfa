#include "ops/calendars/calendar_days.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/calendars/days_of_rules.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

#define AGG_DATE(days) "('1970-01-01'::date + " days "::int4)"

// $1: calendars; $2, $3: the first and the last date. Where the last one ends is said by one of those behind it.
const Statement &store() {
	static const std::string sql = "WITH " +
	                               days_of_rules("$1::text[]", "greatest(" AGG_DATE("$2") ", " AGG_FIRST_TRADING_DATE ")",
	                                             "least(" AGG_DATE("$3") ", " AGG_END_OF_TRADING_DATES ")") +
	                               R"sql(, stored AS (
	SELECT *
	FROM (
		SELECT d.calendar, d.trading_date, d.starts_at, d.opens, d.closes,
			lead(d.starts_at) OVER (PARTITION BY d.calendar ORDER BY d.trading_date) AS ends_at
		FROM @agg_calendar_days d
		WHERE d.calendar = ANY ($1::text[]) AND d.trading_date BETWEEN )sql" AGG_DATE("$2") " AND " AGG_DATE("$3") R"sql( + 3
	) x
	WHERE x.trading_date <= )sql" AGG_DATE("$3") R"sql(
), different AS (
	SELECT calendar, trading_date, n.starts_at, n.opens, n.closes,
		least(n.starts_at, o.starts_at) AS from_utc, greatest(n.ends_at, o.ends_at) AS to_utc,
		(n.starts_at, n.opens, n.closes) IS DISTINCT FROM (o.starts_at, o.opens, o.closes) AS to_write
	FROM made n
	FULL JOIN stored o USING (calendar, trading_date)
	WHERE (n.starts_at, n.ends_at, n.opens, n.closes) IS DISTINCT FROM (o.starts_at, o.ends_at, o.opens, o.closes)
), deleted AS (
	DELETE FROM @agg_calendar_days d
	USING different n
	WHERE d.calendar = n.calendar AND d.trading_date = n.trading_date AND n.starts_at IS NULL
), written AS (
	INSERT INTO @agg_calendar_days AS d (calendar, trading_date, starts_at, opens, closes)
	SELECT n.calendar, n.trading_date, n.starts_at, n.opens, n.closes
	FROM different n
	WHERE n.to_write AND n.starts_at IS NOT NULL
	ON CONFLICT (calendar, trading_date) DO UPDATE
	SET starts_at = EXCLUDED.starts_at, opens = EXCLUDED.opens, closes = EXCLUDED.closes
)
SELECT n.calendar, n.from_utc, n.to_utc
FROM different n
WHERE n.to_utc > n.from_utc
ORDER BY n.calendar, n.from_utc)sql";
	static const Statement statement {
	    "agg_calendar_days", sql.c_str(), {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

// $1: a calendar.
const Statement &look() {
	static const std::string sql = "WITH " + days_of_rules("ARRAY[$1::text]") + " " +
	                               AGG_CALENDAR_DAYS("@agg_calendars c JOIN made d ON d.calendar = c.calendar", ", " AGG_CALENDAR_RULES);
	static const Statement statement {
	    "agg_calendars", sql.c_str(), {AGG_CALENDAR_DAY_TYPES, AGG_CALENDAR_RULE_TYPES}, Planning::by_statistics};
	return statement;
}

} // namespace

Op<DifferentDays> store_days(Database &db, const std::vector<std::string> calendars, const TradingDates dates) {
	DifferentDays different;
	if (calendars.empty())
		co_return different;
	auto take = [&](const Row &row) {
		different[std::string(row.text(0))].add({row.timestamp(1), row.timestamp(2)});
		return Flow::more;
	};
	auto list = parameters(text_array(calendars), Parameter(AGG_INT4, cell(std::max(dates.first, -TradingDates::far))),
	                       Parameter(AGG_INT4, cell(std::min(dates.last, TradingDates::far))));
	co_await db.query(store(), std::move(list), take);
	co_return different;
}

Op<CalendarPointer> calendar_by_rules(Database &db, const std::string calendar) {
	CalendarRules rules;
	CalendarDays read;
	auto take = [&](const Row &row) {
		rules = rules_of(calendar, row, 4);
		read.take(row);
		return Flow::more;
	};
	co_await db.query(look(), parameters(text_parameter(calendar)), take);
	co_return read.calendar(std::move(rules));
}

} // namespace aggregation
