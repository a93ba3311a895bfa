#include "ops/calendars/holidays.hpp"

namespace aggregation {

namespace {

#define AGG_YEARS(last) "(SELECT y::int4 AS year FROM generate_series(1990, " last ") y) x"

// weekdays count as in ISO 8601: 1 is Monday.
#define AGG_WEEKDAY(date) "EXTRACT(isodow FROM " date ")::int4"
#define AGG_NTH(n, weekday, month)                                                                                                         \
	"make_date(x.year, " month ", 1) + (" weekday " + 7 - " AGG_WEEKDAY("make_date(x.year, " month ", 1)") ") % 7 + 7 * (" n " - 1)"
#define AGG_LAST_MONDAY_OF_MAY "make_date(x.year, 5, 31) - (" AGG_WEEKDAY("make_date(x.year, 5, 31)") " + 6) % 7"

// Gauss's rule for Easter as it is from 1900 to 2099; its two exceptions lie outside of our years.
#define AGG_EASTER                                                                                                                         \
	"make_date(x.year, 3, 22) + (x.year % 19 * 19 + 24) % 30 "                                                                             \
	"+ (x.year % 4 * 2 + x.year % 7 * 4 + (x.year % 19 * 19 + 24) % 30 * 6 + 5) % 7"

// On a Sunday the Monday behind; on a Saturday the Friday before, or not at all.
#define AGG_MOVED(date, saturday) date " + CASE " AGG_WEEKDAY(date) " WHEN 7 THEN 1 WHEN 6 THEN " saturday " ELSE 0 END"

} // namespace

// clang-format off

const char *const no_holidays = "SELECT NULL::date, true, NULL::time, NULL::time, NULL::text WHERE false";

const char *const fx_holidays = R"sql(SELECT d.trading_date, true, NULL::time, NULL::time, d.note
FROM )sql" AGG_YEARS("2050") R"sql(
CROSS JOIN LATERAL (VALUES (make_date(x.year, 1, 1), 'New Year''s Day'), (make_date(x.year, 12, 25), 'Christmas Day')) AS d(trading_date, note)
WHERE )sql" AGG_WEEKDAY("d.trading_date") " < 6";

const char *const nyse_holidays = R"sql(SELECT h.trading_date, h.closes IS NULL, CASE WHEN h.closes IS NOT NULL THEN h.opens END, h.closes, h.note
FROM (
	SELECT d.trading_date, NULL::time AS opens, NULL::time AS closes, d.note
	FROM )sql" AGG_YEARS("2040") R"sql(
	CROSS JOIN LATERAL (VALUES
		()sql" AGG_MOVED("make_date(x.year, 1, 1)", "NULL") R"sql(, 'New Year''s Day', 1990),
		()sql" AGG_NTH("3", "1", "1") R"sql(, 'Martin Luther King, Jr. Day', 1998),
		()sql" AGG_NTH("3", "1", "2") R"sql(, 'Washington''s Birthday', 1990),
		()sql" AGG_EASTER R"sql( - 2, 'Good Friday', 1990),
		()sql" AGG_LAST_MONDAY_OF_MAY R"sql(, 'Memorial Day', 1990),
		()sql" AGG_MOVED("make_date(x.year, 6, 19)", "-1") R"sql(, 'Juneteenth National Independence Day', 2022),
		()sql" AGG_MOVED("make_date(x.year, 7, 4)", "-1") R"sql(, 'Independence Day', 1990),
		()sql" AGG_NTH("1", "1", "9") R"sql(, 'Labor Day', 1990),
		()sql" AGG_NTH("4", "4", "11") R"sql(, 'Thanksgiving Day', 1990),
		()sql" AGG_MOVED("make_date(x.year, 12, 25)", "-1") R"sql(, 'Christmas Day', 1990)
	) AS d(trading_date, note, since)
	WHERE d.trading_date IS NOT NULL AND x.year >= d.since
	UNION ALL
	SELECT d.trading_date, '09:30', d.closes, d.note
	FROM )sql" AGG_YEARS("2040") R"sql(
	CROSS JOIN LATERAL (VALUES
		(make_date(x.year, 7, 3), '13:00'::time, 'day before Independence Day', '{1,2,4}'::int4[], 1995, 2040),
		(make_date(x.year, 7, 3), '13:00', 'day before Independence Day', '{3}', 2013, 2040),
		(make_date(x.year, 7, 5), '13:00', 'day after Independence Day', '{5}', 1996, 2012),
		()sql" AGG_NTH("4", "4", "11") R"sql( + 1, '14:00', 'day after Thanksgiving', '{5}', 1992, 1992),
		()sql" AGG_NTH("4", "4", "11") R"sql( + 1, '13:00', 'day after Thanksgiving', '{5}', 1993, 2040),
		(make_date(x.year, 12, 24), '14:00', 'Christmas Eve', '{1,2,3,4}', 1990, 1992),
		(make_date(x.year, 12, 24), '13:00', 'Christmas Eve', '{1,2,3,4}', 1993, 2040)
	) AS d(trading_date, closes, note, weekdays, since, until)
	WHERE x.year BETWEEN d.since AND d.until AND )sql" AGG_WEEKDAY("d.trading_date") R"sql( = ANY (d.weekdays)
	UNION ALL
	SELECT s.trading_date::date, s.opens::time, s.closes::time, s.note
	FROM (VALUES
		('1990-12-27', '09:31', '16:00', 'late opening: power failure'),
		('1991-01-17', '09:31', '16:00', 'late opening: moment of silence'),
		('1991-02-25', '09:31', '16:00', 'late opening: moment of silence'),
		('1994-02-11', '09:30', '14:30', 'early close: snow'),
		('1994-04-27', NULL, NULL, 'funeral of President Nixon'),
		('1995-12-18', '10:30', '16:00', 'late opening: computer failure'),
		('1996-01-08', '11:00', '14:00', 'snow'),
		('1997-10-27', '09:30', '15:30', 'trading halted'),
		('1997-12-26', '09:30', '13:00', 'day after Christmas'),
		('2001-09-11', NULL, NULL, 'attack on the World Trade Center'),
		('2001-09-12', NULL, NULL, 'attack on the World Trade Center'),
		('2001-09-13', NULL, NULL, 'attack on the World Trade Center'),
		('2001-09-14', NULL, NULL, 'attack on the World Trade Center'),
		('2001-09-17', '09:33', '16:00', 'late opening: moment of silence'),
		('2001-10-08', '09:31', '16:00', 'late opening: moment of silence'),
		('2002-09-11', '12:00', '16:00', 'late opening: memorial'),
		('2003-03-20', '09:32', '16:00', 'late opening: moment of silence'),
		('2003-12-26', '09:30', '13:00', 'day after Christmas'),
		('2004-06-07', '09:32', '16:00', 'late opening: moment of silence'),
		('2004-06-11', NULL, NULL, 'mourning for President Reagan'),
		('2005-06-01', '09:30', '15:56', 'early close: computer failure'),
		('2006-12-27', '09:32', '16:00', 'late opening: moment of silence'),
		('2007-01-02', NULL, NULL, 'mourning for President Ford'),
		('2012-10-29', NULL, NULL, 'Hurricane Sandy'),
		('2012-10-30', NULL, NULL, 'Hurricane Sandy'),
		('2018-12-05', NULL, NULL, 'mourning for President George H. W. Bush'),
		('2025-01-09', NULL, NULL, 'mourning for President Carter')
	) AS s(trading_date, opens, closes, note)
) h)sql";

const char *const cme_globex_holidays = R"sql(SELECT d.trading_date, d.closes IS NULL, CASE WHEN d.closes IS NOT NULL THEN '17:00'::time END, d.closes, d.note
FROM )sql" AGG_YEARS("2050") R"sql(
CROSS JOIN LATERAL (VALUES ()sql" AGG_EASTER R"sql( - 2)) AS g(good_friday)
CROSS JOIN LATERAL (VALUES
	()sql" AGG_MOVED("make_date(x.year, 1, 1)", "NULL") R"sql(, NULL::time, 'New Year''s Day'),
	(g.good_friday, CASE WHEN x.year >= 2010 AND EXTRACT(day FROM g.good_friday) <= 7 THEN '08:15'::time END, 'Good Friday'),
	()sql" AGG_MOVED("make_date(x.year, 12, 25)", "-1") R"sql(, NULL, 'Christmas Day')
) AS d(trading_date, closes, note)
WHERE d.trading_date IS NOT NULL)sql";

// clang-format on

} // namespace aggregation
