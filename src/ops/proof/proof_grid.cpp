#include "ops/proof/proof_grid.hpp"

#include "ops/calendars/days_of_rules.hpp"

namespace aggregation {

#define AGG_BEHIND_TRADING_DATES "(" AGG_LAST_TRADING_DATE " + 1)"

#define AGG_PROVENANCE "jsonb_build_object('rule', 'ohlcv', 'source', '{source}', 'source_timeframe', $3::text, 'window', $2::text) AS raw"

const ProofGrid arithmetic_grid {
    R"sql(frame AS (
	SELECT f.width, f.width / f.candle AS complete, )sql" AGG_PROVENANCE R"sql(,
		to_timestamp((floor((extract(epoch FROM $4::timestamptz) - f.origin) / f.width) * f.width + f.origin)::float8) AS anchor
	FROM (
		SELECT left($2::text, -1)::int8 * CASE right($2::text, 1) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 ELSE 604800 END AS width,
			left($3::text, -1)::int8 * CASE right($3::text, 1) WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 ELSE 604800 END AS candle,
			CASE right($2::text, 1) WHEN 'w' THEN 345600 ELSE 0 END AS origin
	) f
	WHERE $8::text = 'utc'
))sql",
    "date_bin(make_interval(secs => f.width), s.ts_utc, f.anchor)",
    "true",
    "CROSS JOIN @{source} s",
    "",
    "CROSS JOIN frame g"};

// Trading dates from a few days before the stretch to a few behind it. Before and behind the dates that calendars know days last 24 hours
// and have no session.
//
//   dates     each date, and the one from which its times are taken
//   days      where its trading day begins and ends; a day that a time zone skips lasts no time
//   open      when the market is open, all sessions together
//   windows   those of the target ($2) and of the source ($3)
//   touching  whether they touch a session, and in which target window they lie
//   grid      those of the target, with the number of source windows that touch a session
const ProofGrid calendar_grid {
    R"sql(rules AS (
	SELECT c.calendar, c.time_zone, c.day_start, (c.day_start > '12:00')::int AS eve, c.outside_sessions = 'left_out' AS left_out,
		c.week_start + (c.day_start > '12:00')::int AS first_weekday
	FROM @agg_calendars c
	WHERE c.calendar = $8::text
), dates AS (
	SELECT d.date, LEAST(GREATEST(d.date, )sql" AGG_FIRST_TRADING_DATE R"sql(), )sql" AGG_BEHIND_TRADING_DATES R"sql() AS known
	FROM (SELECT ($4::timestamptz AT TIME ZONE 'UTC')::date - 3 + i AS date
		FROM generate_series(0, ($5::timestamptz AT TIME ZONE 'UTC')::date - ($4::timestamptz AT TIME ZONE 'UTC')::date + 6) AS i) d
), days AS (
	SELECT b.date, b.starts, lead(b.starts) OVER (ORDER BY b.date) AS ends
	FROM (
		SELECT d.date, max(((d.known - r.eve + r.day_start) AT TIME ZONE r.time_zone) + (d.date - d.known) * interval '24 hours')
			OVER (ORDER BY d.date) AS starts
		FROM dates d CROSS JOIN rules r
	) b
), hours AS (
	SELECT e.trading_date, e.opens, e.closes
	FROM @agg_calendar_exceptions e
	WHERE e.calendar = $8::text AND NOT e.closed AND e.opens IS NOT NULL
	UNION ALL
	SELECT d.date, w.opens, w.closes
	FROM dates d
	JOIN @agg_calendar_sessions w ON w.calendar = $8::text AND w.weekday = extract(isodow FROM d.date)
	WHERE NOT EXISTS (
		SELECT FROM @agg_calendar_exceptions e
		WHERE e.calendar = $8::text AND e.trading_date = d.date AND (e.closed OR e.opens IS NOT NULL))
), open AS (
	SELECT CASE WHEN $8::text = 'utc' THEN '{(,)}'::tstzmultirange ELSE COALESCE(range_agg(tstzrange(s.opens, s.closes)), '{}') END AS hours
	FROM rules r
	CROSS JOIN days d
	JOIN hours h ON h.trading_date = d.date
	CROSS JOIN LATERAL (
		SELECT GREATEST(d.starts, (d.date - r.eve + (h.opens < r.day_start)::int + h.opens) AT TIME ZONE r.time_zone) AS opens,
			LEAST(d.ends, (d.date - r.eve + (h.closes <= r.day_start)::int + h.closes) AT TIME ZONE r.time_zone) AS closes
	) s
	WHERE s.opens < s.closes AND d.date >= )sql" AGG_FIRST_TRADING_DATE R"sql( AND d.date < )sql" AGG_BEHIND_TRADING_DATES R"sql(
), frames AS (
	SELECT f.kind, f.unit, f.units * CASE f.unit WHEN 'h' THEN 60 WHEN 'w' THEN 7 WHEN 'y' THEN 12 ELSE 1 END AS units
	FROM (
		SELECT v.kind, substring(v.timeframe FROM '[a-z]+') AS unit, substring(v.timeframe FROM '[0-9]+')::int8 AS units
		FROM (VALUES ('target', $2::text), ('source', $3::text)) AS v(kind, timeframe)
	) f
), windows AS (
	SELECT f.kind, t AS starts, t + make_interval(mins => f.units::int) AS ends
	FROM frames f
	CROSS JOIN LATERAL generate_series(date_bin(make_interval(mins => f.units::int), $4::timestamptz, '1970-01-01 00:00+00'), $5::timestamptz,
		make_interval(mins => f.units::int)) AS t
	WHERE f.unit IN ('m', 'h') AND (f.units <= 60 OR f.units >= 1440 OR $8::text = 'utc')
	UNION ALL
	SELECT f.kind, t, LEAST(t + make_interval(mins => f.units::int), d.ends)
	FROM frames f
	CROSS JOIN days d
	CROSS JOIN LATERAL generate_series(d.starts, d.ends - interval '1 microsecond', make_interval(mins => f.units::int)) AS t
	WHERE f.unit IN ('m', 'h') AND f.units > 60 AND f.units < 1440 AND $8::text <> 'utc'
	UNION ALL
	SELECT p.kind, p.starts, lead(p.starts) OVER (PARTITION BY p.kind ORDER BY p.starts)
	FROM (
		SELECT f.kind, min(d.starts) AS starts
		FROM frames f
		CROSS JOIN days d
		CROSS JOIN rules r
		WHERE f.unit IN ('d', 'w', 'mo', 'y') AND d.ends > d.starts
		GROUP BY f.kind, CASE f.unit
			WHEN 'd' THEN floor((d.date - '1970-01-01'::date)::numeric / f.units)
			WHEN 'w' THEN floor((d.date - ('1970-01-05'::date - (8 - r.first_weekday) % 7))::numeric / f.units)
			ELSE floor(((extract(year FROM d.date) - 1970) * 12 + extract(month FROM d.date) - 1) / f.units) END
	) p
), touching AS (
	SELECT w.kind, w.starts, o.hours && tstzrange(w.starts, w.ends) AS touches,
		max(w.starts) FILTER (WHERE w.kind = 'target') OVER (ORDER BY w.starts, w.kind DESC) AS target
	FROM windows w
	CROSS JOIN open o
	WHERE w.starts >= $4::timestamptz AND w.starts < $5::timestamptz
), grid AS (
	SELECT t.target AS starts, count(*) FILTER (WHERE t.kind = 'source' AND t.touches) AS complete
	FROM touching t
	WHERE t.target IS NOT NULL
	GROUP BY t.target
), frame AS (
	SELECT )sql" AGG_PROVENANCE R"sql(, r.left_out, o.hours, t.starts, s.starts AS source_starts, s.touches,
		(SELECT make_interval(mins => CASE WHEN f.unit IN ('m', 'h') THEN f.units ELSE 1 END::int) FROM frames f WHERE f.kind = 'source') AS width
	FROM rules r
	CROSS JOIN open o
	CROSS JOIN (SELECT array_agg(t.starts ORDER BY t.starts) AS starts FROM touching t WHERE t.kind = 'target') t
	CROSS JOIN (SELECT array_agg(t.starts ORDER BY t.starts) AS starts, array_agg(t.touches ORDER BY t.starts) AS touches FROM touching t
		WHERE t.kind = 'source') s
))sql",
    // What is computed of the arrays is computed at once: they must not be carried through a sort.
    "i.start", "i.inside",
    R"sql(CROSS JOIN LATERAL (
		SELECT x.*
		FROM @{source} x
		WHERE x.canonical_symbol = $1::text AND x.timeframe = $3::text AND x.ts_utc >= GREATEST($4::timestamptz, f.starts[1])
			AND x.ts_utc < $5::timestamptz
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT f.starts[width_bucket(s.ts_utc, f.starts)] AS start, CASE WHEN f.source_starts[n.number] = s.ts_utc THEN f.touches[n.number]
			ELSE f.hours && tstzrange(s.ts_utc, s.ts_utc + f.width) END AS inside
		FROM (SELECT width_bucket(s.ts_utc, f.source_starts) AS number OFFSET 0) n
		OFFSET 0
	) i)sql",
    " AND (i.inside OR NOT f.left_out)", "JOIN grid g ON g.starts = b.start"};

} // namespace aggregation
