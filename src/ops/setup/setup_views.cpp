// The views, as text that \d+ shows again.
#include "core/time_range.h"
#include "ops/marks/events.h"
#include "ops/setup/health_views.hpp"
#include "ops/setup/own_tables.h"
#include "ops/setup/retention_views.hpp"
#include "ops/setup/setup_plan.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/ticks/tick_triggers.h"

namespace aggregation {

namespace {

// Whoever has run agg_setup() owns the own tables and the view; he could make it say anything.
#define AGG_OWNER_OF_VIEW                                                                                                                  \
	"(SELECT v.relowner FROM pg_catalog.pg_class v JOIN pg_catalog.pg_extension e ON e.extnamespace = v.relnamespace "                     \
	"WHERE e.extname = 'aggregation' AND v.relname = 'v_aggregation_truth')"

// clang-format off

/// Goes red by the last audit.
constexpr const char *truth = R"sql(
SELECT CASE
		WHEN a.differences > 0 THEN 'RED'
		WHEN a.started_at IS NULL OR a.tasks = 0 OR a.started_at < now() - interval '7 days' THEN 'NOT_AUDITED'
		ELSE 'OK'
	END AS audit_status,
	a.started_at AS last_audit_at, a.windows AS audited_windows, a.differences AS audit_differences, a.details AS audit_details,
	l.entries AS log_entries, l.oldest AS oldest_log_entry,
	d.ranges AS dirty_ranges, d.due AS dirty_ranges_due, d.oldest AS oldest_dirty_range_due,
	s.late_rows, s.refused_rows, s.frozen_tasks,
	ARRAY(
		SELECT x.kind || ' ' || x.name || ' on ' || c.relname
		FROM pg_catalog.pg_class c
		CROSS JOIN LATERAL )sql" AGG_INTRUDERS(AGG_OWNER_OF_VIEW) R"sql(
		WHERE c.relname IN ()sql" AGG_OWN_TABLES(AGG_QUOTED_NAME, ", ") R"sql() AND c.relkind IN ('r', 'p')
			AND c.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation')
		ORDER BY c.relname, x.kind, x.name
	) AS intruders
FROM (SELECT count(*) AS entries, min(c.logged_at) AS oldest FROM @agg_change_log c) l
CROSS JOIN (
	SELECT count(*) AS ranges,
		count(*) FILTER (WHERE r.due <> 'next_run' AND r.from_utc < COALESCE(t.last_agg_bar_ts_utc, t.agg_start_utc)) AS due,
		min(r.marked_at) FILTER (WHERE r.due <> 'next_run' AND r.from_utc < COALESCE(t.last_agg_bar_ts_utc, t.agg_start_utc)) AS oldest
	FROM @agg_dirty_ranges r
	LEFT JOIN @data_agg_state t ON t.canonical_symbol = r.canonical_symbol AND t.timeframe = r.timeframe
) d
CROSS JOIN (
	SELECT sum(t.late_rows) AS late_rows, sum(t.refused_rows) AS refused_rows,
		count(*) FILTER (WHERE t.late_policy = 'freeze') AS frozen_tasks
	FROM @data_agg_state t
) s
LEFT JOIN (SELECT u.* FROM @agg_audit u ORDER BY u.started_at DESC LIMIT 1) a ON true)sql";

/// A cursor that is more than a window behind the last source bar's window end cannot have come from processing it. A bar ahead of the clock
/// says nothing of where the source is. OFFSET 0 keeps what is looked up from being looked up again wherever it is named: that is a fifth of the
/// probes, and few enough of them for PostgreSQL not to compile the query first.
constexpr const char *frontier_health = R"sql(
SELECT s.canonical_symbol, s.timeframe, t.source_timeframe, s.status, s.enabled, s.is_mandatory,
	s.last_agg_bar_ts_utc AS cursor, l.max_source_ts,
	CASE
		WHEN l.max_source_ts < s.agg_start_utc THEN 'BEFORE_START'
		WHEN s.last_agg_bar_ts_utc IS NULL THEN 'NO_CURSOR'
		WHEN l.max_source_ts IS NULL THEN 'NO_SOURCE'
		WHEN s.last_agg_bar_ts_utc > l.max_source_ts + make_interval(mins => )sql" AGG_WIDTH_MINUTES("s.") R"sql(::int4) THEN 'AHEAD_OF_SOURCE'
		ELSE 'OK'
	END AS cursor_status,
	s.total_runs, s.total_bars_created, round(s.total_bars_created::numeric / NULLIF(s.total_runs, 0), 2) AS bars_per_run,
	s.last_successful_at_utc, round()sql" AGG_SECONDS_SINCE("s.last_successful_at_utc") R"sql( / 60, 1) AS minutes_since_success,
	s.hard_fail_streak, s.last_error,
	t.source_timeframe = '1m' AND EXISTS (
		SELECT FROM @data_bars b
		WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc < s.agg_start_utc AND )sql" AGG_IS_TIME("b.ts_utc") R"sql(
	) AS source_before_start,
	s.total_windows_skipped, s.total_source_rows_refused
FROM @data_agg_state s
CROSS JOIN LATERAL (SELECT )sql" AGG_SOURCE_TIMEFRAME("s.") R"sql( AS source_timeframe OFFSET 0) t
CROSS JOIN LATERAL (
	SELECT CASE WHEN t.source_timeframe = '1m'
		THEN (
			SELECT max(b.ts_utc) FROM @data_bars b
			WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = t.source_timeframe AND b.ts_utc <= now()
				AND )sql" AGG_IS_TIME("b.ts_utc") R"sql()
		ELSE (
			SELECT max(b.ts_utc) FROM @derived_data_bars b
			WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = t.source_timeframe AND b.deleted_at IS NULL AND b.ts_utc <= now()
				AND )sql" AGG_IS_TIME("b.ts_utc") R"sql()
	END AS max_source_ts
	OFFSET 0
) l)sql";

/// Symbols and timeframes of data_bars are found one index probe each, however many bars they have. Tasks that are spelled alike are those of
/// one name, but for blanks and capitals.
constexpr const char *unread_bars = R"sql(
WITH RECURSIVE kind AS (
	(SELECT b.canonical_symbol, b.timeframe FROM @data_bars b ORDER BY b.canonical_symbol, b.timeframe LIMIT 1)
	UNION ALL
	SELECT n.canonical_symbol, n.timeframe
	FROM kind k
	CROSS JOIN LATERAL (
		SELECT b.canonical_symbol, b.timeframe FROM @data_bars b
		WHERE (b.canonical_symbol, b.timeframe) > (k.canonical_symbol, k.timeframe)
		ORDER BY b.canonical_symbol, b.timeframe LIMIT 1
	) n
), )sql" AGG_PARTS_OF_INDEXES R"sql(, spelled AS (
	SELECT lower(btrim(s.canonical_symbol)) AS name, min(s.canonical_symbol) AS first, max(s.canonical_symbol) AS last
	FROM @data_agg_state s GROUP BY lower(btrim(s.canonical_symbol))
)
SELECT k.canonical_symbol, k.timeframe, e.first_ts_utc, e.last_ts_utc,
	CASE
		WHEN lower(k.timeframe) = '1m' AND k.timeframe <> '1m' THEN 'timeframes are written in lower case: 1m'
		WHEN k.timeframe <> '1m' THEN 'only 1m is read from data_bars, and wider bars are made of it'
		WHEN o.other IS NOT NULL THEN 'the task has this symbol as ' || o.other
		WHEN k.canonical_symbol = '' OR k.canonical_symbol <> btrim(k.canonical_symbol, E' \t\r\n')
			THEN 'no task can have this symbol, which is empty or has blanks around it: correct it where it comes from'
		WHEN a.active AND y.error IS NOT NULL THEN 'the last sync skipped this asset, so correct it and sync again: ' || y.error
		WHEN a.active THEN 'no task reads this symbol: run sync_agg_state_from_registry(), or look at metadata.agg in core_asset_registry_all'
		WHEN a.active IS NOT NULL THEN 'no task reads this symbol: it is not active in core_asset_registry_all'
		ELSE 'no task reads this symbol: register it in core_asset_registry_all and run sync_agg_state_from_registry()'
	END AS reason
FROM kind k
CROSS JOIN LATERAL (
	SELECT min(b.ts_utc) AS first_ts_utc, max(b.ts_utc) AS last_ts_utc FROM @data_bars b
	WHERE b.canonical_symbol = k.canonical_symbol AND b.timeframe = k.timeframe
) e
LEFT JOIN spelled w ON w.name = lower(btrim(k.canonical_symbol))
CROSS JOIN LATERAL (
	SELECT CASE WHEN w.first <> k.canonical_symbol THEN w.first WHEN w.last <> k.canonical_symbol THEN w.last END AS other
) o
LEFT JOIN LATERAL (
	SELECT r.active OR r.test_active AS active FROM @core_asset_registry_all r WHERE r.canonical_symbol = k.canonical_symbol
) a ON true
LEFT JOIN LATERAL (
	SELECT x.value ->> 'error' AS error
	FROM @agg_registry_sync r
	CROSS JOIN LATERAL jsonb_array_elements(r.assets_skipped) x(value)
	WHERE x.value ->> 'canonical_symbol' = k.canonical_symbol
	ORDER BY r.synced_at_utc DESC LIMIT 1
) y ON true
WHERE k.timeframe <> '1m' OR NOT EXISTS (
	SELECT FROM @data_agg_state s
	WHERE s.canonical_symbol = k.canonical_symbol AND )sql" AGG_SOURCE_TIMEFRAME("s.") R"sql( = '1m'
) AND NOT EXISTS (
	SELECT FROM part p JOIN @data_agg_state s ON s.canonical_symbol = p.index_symbol
	WHERE p.symbol = k.canonical_symbol AND )sql" AGG_SOURCE_TIMEFRAME("s.") R"sql( = '1m'
)
UNION ALL
SELECT k.canonical_symbol, k.timeframe, e.first_ts_utc, e.last_ts_utc, 'ahead of the clock, so no window of theirs is over: correct or delete them'
FROM kind k
CROSS JOIN LATERAL (
	SELECT min(b.ts_utc) AS first_ts_utc, max(b.ts_utc) AS last_ts_utc FROM @data_bars b
	WHERE b.canonical_symbol = k.canonical_symbol AND b.timeframe = k.timeframe AND b.ts_utc > now() + '00:01:00'::interval
) e
WHERE k.timeframe = '1m' AND e.first_ts_utc IS NOT NULL)sql";

/// A minute is there where there is a row, whatever its prices are: the index alone answers that, a trading day at a time.
constexpr const char *completeness = R"sql(
SELECT s.canonical_symbol, s.calendar, d.trading_date, m.expected_minutes, m.present_minutes,
	m.expected_minutes - m.present_minutes AS missing_minutes, m.longest_gap_minutes, m.outside_minutes
FROM (
	SELECT t.canonical_symbol, COALESCE(min(t.calendar), 'utc') AS calendar, )sql" AGG_EXPECTED_SINCE("t.") R"sql( AS expected_since
	FROM @data_agg_state t GROUP BY t.canonical_symbol
) s
CROSS JOIN LATERAL (
	SELECT COALESCE((
		SELECT b.ts_utc FROM @data_bars b
		WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc <= now() AND )sql" AGG_IS_TIME("b.ts_utc") R"sql( ORDER BY b.ts_utc LIMIT 1
	), s.expected_since) AS ts_utc
	OFFSET 0
) f
CROSS JOIN LATERAL (
	SELECT x.trading_date, x.starts_at, n.starts_at AS ends_at, x.opens, x.closes
	FROM @agg_calendar_days x
	CROSS JOIN LATERAL (
		SELECT y.starts_at FROM @agg_calendar_days y
		WHERE y.calendar = x.calendar AND y.trading_date > x.trading_date ORDER BY y.trading_date LIMIT 1
	) n
	WHERE x.calendar = s.calendar AND x.starts_at > f.ts_utc - '2 days'::interval AND x.starts_at <= now()
		AND n.starts_at > f.ts_utc AND x.trading_date <= (now() AT TIME ZONE 'UTC')::date + 2
	UNION ALL
	SELECT u.trading_date, u.starts_at, u.ends_at, ARRAY[u.starts_at], ARRAY[u.ends_at]
	FROM (
		SELECT v.trading_date, v.trading_date::timestamp AT TIME ZONE 'UTC' AS starts_at, (v.trading_date + 1)::timestamp AT TIME ZONE 'UTC' AS ends_at
		FROM (
			SELECT (f.ts_utc AT TIME ZONE 'UTC')::date + i AS trading_date
			FROM generate_series(0, (now() AT TIME ZONE 'UTC')::date - (f.ts_utc AT TIME ZONE 'UTC')::date) AS i
			WHERE s.calendar = 'utc'
		) v
	) u
) d
CROSS JOIN LATERAL (
	SELECT COALESCE(sum(p.minutes) FILTER (WHERE g.is_open), 0)::bigint AS expected_minutes,
		COALESCE(sum(p.present) FILTER (WHERE g.is_open), 0)::bigint AS present_minutes,
		COALESCE(max(GREATEST(p.gap, p.tail)) FILTER (WHERE g.is_open), 0)::bigint AS longest_gap_minutes,
		COALESCE(sum(p.present) FILTER (WHERE NOT g.is_open), 0)::bigint AS outside_minutes
	FROM (
		SELECT h.is_open, h.from_utc, LEAST(h.to_utc, date_bin('1 minute', now(), '2000-01-01 00:00+00')) AS to_utc
		FROM (
			SELECT true AS is_open, o.opens AS from_utc, o.closes AS to_utc FROM unnest(d.opens, d.closes) AS o(opens, closes)
			UNION ALL
			SELECT false, o.from_utc, o.to_utc
			FROM unnest(ARRAY[d.starts_at] || d.closes, d.opens || ARRAY[d.ends_at]) AS o(from_utc, to_utc)
		) h
	) g
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE q.minute > q.before) AS present,
			EXTRACT(epoch FROM max(q.minute - q.before)) / 60 - 1 AS gap,
			EXTRACT(epoch FROM g.to_utc - COALESCE(max(q.minute) + '00:01:00'::interval, g.from_utc)) / 60 AS tail,
			EXTRACT(epoch FROM g.to_utc - g.from_utc) / 60 AS minutes
		FROM (
			SELECT z.minute, lag(z.minute, 1, g.from_utc - '00:01:00'::interval) OVER (ORDER BY z.ts_utc) AS before
			FROM (
				SELECT b.ts_utc, date_bin('1 minute', b.ts_utc, '2000-01-01 00:00+00') AS minute FROM @data_bars b
				WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc >= g.from_utc AND b.ts_utc < g.to_utc
			) z
		) q
	) p
	WHERE g.from_utc < g.to_utc
) m
WHERE m.expected_minutes > 0 OR m.outside_minutes > 0)sql";

constexpr const char *consumers = R"sql(
SELECT c.consumer, c.role_name, c.symbols, c.timeframes, NOT )sql" AGG_KEEPS_UP("c.") R"sql( AS lost_events,
	COALESCE(n.last_id, 0) - c.acked AS events_behind, w.made_at AS waiting_since, c.polled_at, c.subscribed_at
FROM @agg_consumers c
LEFT JOIN (SELECT max(b.last_id) AS last_id FROM @agg_event_batches b) n ON true
LEFT JOIN LATERAL (SELECT b.made_at FROM @agg_event_batches b WHERE b.last_id > c.acked ORDER BY b.last_id LIMIT 1) w ON true)sql";

/// Minutes that are not over yet wait for nobody.
constexpr const char *tick_sources = R"sql(
SELECT s.tick_source, t.relid::regclass::text AS table_name,
	ARRAY(
		SELECT a.attname::text FROM unnest(t.columns) WITH ORDINALITY AS k(attnum, n)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = t.relid AND a.attnum = k.attnum ORDER BY k.n
	) AS columns,
	s.excluded, s.delay_seconds,
	CASE
		WHEN t.relid IS NULL AND )sql" AGG_TICK_TABLE_EXISTS("s.") R"sql( THEN 'triggers missing'
		WHEN t.relid IS NULL THEN 'table dropped'
		WHEN t.enabled NOT IN ('O', 'A') THEN 'trigger disabled'
		WHEN s.last_error IS NOT NULL THEN 'failing'
		ELSE 'ok'
	END AS state,
	s.last_error, s.failed_at, l.entries AS waiting_entries, l.oldest AS waiting_since, l.first_utc AS waiting_from,
	s.minutes_kept, s.last_kept, s.registered_by, s.registered_at
FROM @agg_tick_sources s
LEFT JOIN LATERAL )sql" AGG_TICK_TABLE("s.") R"sql( t ON true
CROSS JOIN LATERAL (
	SELECT count(*) AS entries, min(e.logged_at) AS oldest, min(e.first_utc) AS first_utc FROM @agg_tick_log e
	WHERE e.tick_source = s.tick_source AND e.first_utc <= now() - make_interval(secs => s.delay_seconds + 60.0)
) l)sql";

// clang-format on

} // namespace

const std::vector<WantedView> &wanted_views() {
	static const std::string retention = retention_view(all_policies);
	static const std::string lag = lag_view();
	static const std::string alerts = alerts_view();
	static const std::string metrics = metrics_view(truth, consumers, tick_sources);
	static const std::vector<WantedView> views {{"v_aggregation_truth", truth},
	                                            {"v_aggregation_frontier_health", frontier_health},
	                                            {"v_aggregation_unread_bars", unread_bars},
	                                            {"v_aggregation_completeness", completeness},
	                                            {"v_aggregation_consumers", consumers},
	                                            {"v_aggregation_tick_sources", tick_sources},
	                                            {"v_aggregation_retention", retention.c_str()},
	                                            {"v_aggregation_lag", lag.c_str()},
	                                            {"v_aggregation_quality", quality_view()},
	                                            {"v_aggregation_alerts", alerts.c_str()},
	                                            {"v_aggregation_metrics", metrics.c_str()}};
	return views;
}

} // namespace aggregation
