#include "ops/calendars/days_of_rules.hpp"

#include "ops/boundary/filled_in.hpp"

namespace aggregation {

namespace {

// A local time of the day that begins on begins_on at day_start, as an instant; next_day: whether it is of the local date behind.
#define AGG_INSTANT(time, next_day) "(h.begins_on + CASE WHEN " next_day " THEN 1 ELSE 0 END + " time ") AT TIME ZONE h.time_zone"

} // namespace

// clang-format off

// Where a day begins depends on those before it only if the clock is set back by more than a day; so a few of them are looked at.
std::string days_of_rules(const char *calendars, const char *first, const char *last) {
	const std::pair<std::string_view, std::string_view> words[] {{"{calendars}", calendars}, {"{first}", first}, {"{last}", last}};
	return filled_in(R"sql(rules AS (
	SELECT c.calendar, c.time_zone, c.day_start
	FROM @agg_calendars c
	WHERE c.calendar = ANY ({calendars})
), dates AS (
	SELECT r.*, d.trading_date, d.trading_date - CASE WHEN r.day_start <= '12:00' THEN 0 ELSE 1 END AS begins_on
	FROM rules r
	CROSS JOIN (
		SELECT )sql" AGG_FIRST_TRADING_DATE R"sql( + n AS trading_date
		FROM generate_series(greatest({first} - 3, )sql" AGG_FIRST_TRADING_DATE ") - " AGG_FIRST_TRADING_DATE R"sql(,
			least({last} + 1, )sql" AGG_END_OF_TRADING_DATES ") - " AGG_FIRST_TRADING_DATE R"sql() n
	) d
), starts AS (
	SELECT d.*, max((d.begins_on + d.day_start) AT TIME ZONE d.time_zone) OVER (PARTITION BY d.calendar ORDER BY d.trading_date) AS starts_at
	FROM dates d
), all_days AS (
	SELECT s.*, lead(s.starts_at) OVER (PARTITION BY s.calendar ORDER BY s.trading_date) AS ends_at
	FROM starts s
), days AS (
	SELECT * FROM all_days a WHERE a.ends_at IS NULL OR a.ends_at > a.starts_at
), hours AS (
	SELECT d.*, s.opens, s.closes
	FROM days d
	JOIN @agg_calendar_sessions s ON s.calendar = d.calendar AND s.weekday = EXTRACT(isodow FROM d.trading_date)
	LEFT JOIN (
		SELECT DISTINCT e.calendar, e.trading_date FROM @agg_calendar_exceptions e WHERE e.closed OR e.opens IS NOT NULL
	) x ON x.calendar = d.calendar AND x.trading_date = d.trading_date
	WHERE d.ends_at IS NOT NULL AND x.calendar IS NULL
	UNION ALL
	SELECT d.*, e.opens, e.closes
	FROM days d
	JOIN @agg_calendar_exceptions e ON e.calendar = d.calendar AND e.trading_date = d.trading_date
	WHERE d.ends_at IS NOT NULL AND NOT e.closed AND e.opens IS NOT NULL
), in_day AS (
	SELECT h.calendar, h.trading_date, greatest(h.starts_at, )sql" AGG_INSTANT("h.opens", "h.opens < h.day_start") R"sql() AS opens,
		least(h.ends_at, )sql" AGG_INSTANT("h.closes", "h.closes <= h.day_start") R"sql() AS closes
	FROM hours h
), sessions AS (
	SELECT i.calendar, i.trading_date, i.opens, lead(i.opens) OVER w AS opens_next, max(i.closes) OVER w AS closed_by,
		max(i.closes) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS closed_before
	FROM in_day i
	WHERE i.opens < i.closes
	WINDOW w AS (PARTITION BY i.calendar, i.trading_date ORDER BY i.opens, i.closes)
), open AS (
	SELECT s.calendar, s.trading_date,
		array_agg(s.opens ORDER BY s.opens) FILTER (WHERE s.closed_before IS NULL OR s.opens > s.closed_before) AS opens,
		array_agg(s.closed_by ORDER BY s.opens) FILTER (WHERE s.opens_next IS NULL OR s.opens_next > s.closed_by) AS closes
	FROM sessions s
	GROUP BY s.calendar, s.trading_date
), made AS (
	SELECT d.calendar, d.trading_date, d.starts_at, d.ends_at, COALESCE(o.opens, '{}') AS opens, COALESCE(o.closes, '{}') AS closes
	FROM days d
	LEFT JOIN open o ON o.calendar = d.calendar AND o.trading_date = d.trading_date
	WHERE d.trading_date BETWEEN {first} AND {last}
))sql", words);
}

// clang-format on

} // namespace aggregation
