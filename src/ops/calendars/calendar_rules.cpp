#include "ops/calendars/calendar_rules.hpp"

#include "core/error.hpp"
#include "core/symbol.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/calendars/days_of_rules.hpp"

#include <optional>

namespace aggregation {

namespace {

const Statement &wrong_calendars() {
	static const Statement statement {"agg_calendars",
	                                  R"sql(
SELECT c.calendar, c.time_zone, c.day_start::text, z.name IS NULL
FROM @agg_calendars c
LEFT JOIN pg_catalog.pg_timezone_names z ON z.name = c.time_zone
WHERE c.calendar = ANY ($1::text[])
	AND (z.name IS NULL OR c.day_start = '24:00' OR EXTRACT(second FROM c.day_start) <> 0)
ORDER BY c.calendar
LIMIT 1)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_BOOL},
	                                  Planning::by_statistics};
	return statement;
}

// A date as people write it: infinities and years before 1, too.
#define AGG_NAMED_DATE                                                                                                                     \
	"CASE WHEN NOT isfinite(e.trading_date) THEN e.trading_date::text "                                                                    \
	"ELSE to_char(e.trading_date, CASE WHEN e.trading_date < '0001-01-01' THEN 'YYYY-MM-DD BC' ELSE 'YYYY-MM-DD' END) END"

// What is wrong with a date's row as it stands.
const Statement &wrong_exceptions() {
	static const Statement statement {"agg_calendar_exceptions",
	                                  R"sql(
SELECT e.calendar, )sql" AGG_NAMED_DATE R"sql(,
	CASE
		WHEN e.trading_date NOT BETWEEN )sql" AGG_FIRST_TRADING_DATE " AND " AGG_LAST_TRADING_DATE R"sql( THEN 'date'
		WHEN e.closed AND (e.opens IS NOT NULL OR e.closes IS NOT NULL) THEN 'closed'
		WHEN (e.opens IS NULL) <> (e.closes IS NULL) THEN 'half'
		ELSE 'several'
	END
FROM (
	SELECT x.*, count(*) OVER (PARTITION BY x.calendar, x.trading_date) AS rows
	FROM @agg_calendar_exceptions x
	WHERE x.calendar = ANY ($1::text[])
) e
WHERE e.trading_date NOT BETWEEN )sql" AGG_FIRST_TRADING_DATE " AND " AGG_LAST_TRADING_DATE R"sql(
	OR (e.opens IS NULL) <> (e.closes IS NULL)
	OR e.closed AND e.opens IS NOT NULL
	OR e.opens IS NULL AND e.rows > 1
ORDER BY e.calendar, e.trading_date
LIMIT 1)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

// Times as seconds since the day's start.
const Statement &wrong_hours() {
	static const Statement statement {"agg_calendar_sessions",
	                                  R"sql(
WITH hours AS (
	SELECT s.calendar, 'weekday ' || s.weekday AS day, s.opens, s.closes
	FROM @agg_calendar_sessions s
	WHERE s.calendar = ANY ($1::text[])
	UNION ALL
	SELECT e.calendar, )sql" AGG_NAMED_DATE R"sql(, e.opens, e.closes
	FROM @agg_calendar_exceptions e
	WHERE e.calendar = ANY ($1::text[]) AND e.opens IS NOT NULL
), in_day AS (
	SELECT h.*, c.day_start,
		(EXTRACT(epoch FROM h.opens) - EXTRACT(epoch FROM c.day_start) + 86400) % 86400 AS first,
		COALESCE(NULLIF((EXTRACT(epoch FROM h.closes) - EXTRACT(epoch FROM c.day_start) + 86400) % 86400, 0), 86400) AS last
	FROM hours h
	JOIN @agg_calendars c ON c.calendar = h.calendar
), compared AS (
	SELECT i.*, lag(i.last) OVER w AS last_before, lag(i.opens) OVER w AS opens_before, lag(i.closes) OVER w AS closes_before
	FROM in_day i
	WINDOW w AS (PARTITION BY i.calendar, i.day ORDER BY i.first, i.last)
)
SELECT c.calendar, c.day, c.opens::text, c.closes::text, c.day_start::text,
	CASE
		WHEN c.opens = '24:00' OR EXTRACT(second FROM c.opens) <> 0 OR EXTRACT(second FROM c.closes) <> 0 THEN 'minutes'
		WHEN c.last <= c.first THEN 'outside'
		ELSE 'overlap'
	END, c.opens_before::text, c.closes_before::text
FROM compared c
WHERE c.opens = '24:00' OR EXTRACT(second FROM c.opens) <> 0 OR EXTRACT(second FROM c.closes) <> 0
	OR c.last <= c.first OR c.first < c.last_before
ORDER BY c.calendar, c.day, c.first
LIMIT 1)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

// Fails for a time zone that does not exist.
const Statement &use_time_zones() {
	static const Statement statement {"agg_calendars",
	                                  "SELECT now() AT TIME ZONE c.time_zone FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[])",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

Error refusal(const std::string &text, const std::string &hint) {
	return {sqlstate::invalid_parameter_value, text, hint};
}

constexpr const char *weekdays = "Weekdays count from 1, Monday, to 7, Sunday.";

bool is_weekday(int64_t number) {
	constexpr int64_t sunday = 7;
	return number >= 1 && number <= sunday;
}

std::string quoted(std::string_view name) {
	return "calendar \"" + shortened(name) + "\"";
}

/// 09:30:00 as 09:30.
std::string hour(std::string_view time) {
	return std::string(time.ends_with(":00") && time.size() > 5 ? time.substr(0, 5) : time);
}

Error wrong_calendar(const Row &row) {
	if (row.boolean(3))
		return refusal("time zone \"" + shortened(row.text(1)) + "\" of " + quoted(row.text(0)) + " does not exist",
		               "Set time_zone in agg_calendars to one of those in pg_timezone_names, such as America/New_York.");
	return refusal("the days of " + quoted(row.text(0)) + " cannot begin at " + std::string(row.text(2)),
	               "day_start is a time of whole minutes from 00:00 to 23:59.");
}

Error wrong_exception(const Row &row) {
	const std::string subject = quoted(row.text(0)) + ", exception of " + std::string(row.text(1));
	const std::string_view problem = row.text(2);
	if (problem == "date")
		return refusal(subject + ": calendars reach from 1990-01-01 to 2050-12-31",
		               "Leave out of agg_calendar_exceptions what lies outside.");
	if (problem == "closed")
		return refusal(subject + ": a closed date has no hours", "Set closed to false, or opens and closes to NULL.");
	if (problem == "half")
		return refusal(subject + ": it needs both opens and closes, or neither", "With neither the weekday's hours hold.");
	return refusal(subject + ": a row without hours must be the only one of its date",
	               "UPDATE the row that has none, or delete the others of the date.");
}

Error wrong_session(const Row &row) {
	const std::string subject = quoted(row.text(0)) + ", " + std::string(row.text(1)) + ": ";
	const std::string session = "the session from " + hour(row.text(2)) + " to " + hour(row.text(3));
	const std::string_view problem = row.text(5);
	if (problem == "minutes")
		return refusal(subject + session + " is not one of whole minutes", "Sessions open at 00:00 to 23:59 and close at 00:00 to 24:00.");
	if (problem == "outside")
		return refusal(subject + session + " does not lie within the trading day, which begins at " + hour(row.text(4)),
		               "Give the part behind " + hour(row.text(4)) + " to the next trading date.");
	return refusal(subject + session + " overlaps the one from " + hour(row.text(6)) + " to " + hour(row.text(7)),
	               "Sessions of one day must follow each other.");
}

template <class Describe>
Op<void> check(Database &db, const Statement &statement, const std::vector<std::string> &calendars, Describe describe) {
	std::optional<Error> problem;
	auto take = [&](const Row &row) {
		problem = describe(row);
		return Flow::enough;
	};
	co_await db.query(statement, parameters(text_array(calendars)), take);
	if (problem)
		throw Error(*problem);
}

} // namespace

Op<void> check_rules(Database &db, const std::vector<std::string> calendars, const RulesToCheck which) {
	if (calendars.empty())
		co_return;
	if (which == RulesToCheck::all)
		co_await check(db, wrong_calendars(), calendars, wrong_calendar);
	co_await check(db, wrong_exceptions(), calendars, wrong_exception);
	co_await check(db, wrong_hours(), calendars, wrong_session);
}

// The tables' own CHECKs refuse the same, for those who load rows without triggers.
void check_calendar(const std::string &name, int64_t week_start, const std::string &outside_sessions) {
	if (name.empty())
		throw refusal("a calendar needs a name", "Set calendar to the name by which symbols choose it, such as xetra.");
	if (has_blanks_around(name) || has_control_characters(name))
		throw refusal("the name of " + quoted(name) + " has blanks around it or control characters in it",
		              "Nobody would see them where symbols choose it. Leave them out.");
	if (!is_weekday(week_start))
		throw refusal(quoted(name) + ": week_start is not a weekday, but " + std::to_string(week_start), weekdays);
	if (outside_sessions != "counted" && outside_sessions != "left_out")
		throw refusal(quoted(name) + ": outside_sessions is neither counted nor left_out, but \"" + shortened(outside_sessions) + "\"",
		              "counted: candles outside of the sessions are part of a bar's values; left_out: as if they were not there.");
}

void check_weekday(const std::string &calendar, int64_t weekday) {
	if (!is_weekday(weekday))
		throw refusal(quoted(calendar) + ": a session's weekday is not a weekday, but " + std::to_string(weekday), weekdays);
}

Op<void> check_time_zones(Database &db, const std::vector<std::string> calendars) {
	if (calendars.empty())
		co_return;
	const auto fault = co_await in_subtransaction(
	    db, IfDone::undo, [&]() -> Op<void> { co_await db.execute(use_time_zones(), parameters(text_array(calendars))); });
	if (!fault)
		co_return;
	if (fault->error().sqlstate != sqlstate::invalid_parameter_value)
		fault->raise();
	co_await check(db, wrong_calendars(), calendars, wrong_calendar);
	fault->raise();
}

} // namespace aggregation
