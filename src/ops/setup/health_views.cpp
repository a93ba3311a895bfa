// The views that say how tasks are doing: their lag, the quality of their bars, what wants attention, and figures of all this for a
// monitoring system. What they share is written once and becomes part of each one's text, so that no view needs another.
#include "ops/setup/health_views.hpp"

#include "core/time_range.h"
#include "ops/bars/partition_bounds.h"
#include "ops/marks/events.h"
#include "ops/setup/capture_triggers.h"
#include "ops/setup/retention_views.hpp"
#include "ops/tasks/environment.hpp"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// clang-format off

// Assets for tests count where somebody works for tests.
#define AGG_ASSET_COUNTS(a) "COALESCE(" a "active OR (" a "test_active AND EXISTS (SELECT FROM @agg_registry_sync e WHERE " AGG_IS_FOR_TESTS("e.env_name") ")), false)"

// What a task is late by: since when the oldest window that has source and is over could have been made. A window ends a width after its
// first source at the latest, so a gap (a weekend, an outage) is nobody's lag. Whose asset is not active is never due. More than the column
// holds is told as the most that it holds: one odd task must not keep anybody from seeing the others.
constexpr const char *source_lag =
	"SELECT s.canonical_symbol, s.timeframe, s.is_mandatory, s.status, s.enabled, s.last_agg_bar_ts_utc AS cursor, n.source_from, "
	"s.next_run_at, s.hard_fail_streak, s.last_error, s.last_successful_at_utc, s.running_started_at_utc, "
	"LEAST(GREATEST(" AGG_SECONDS_SINCE("n.source_from") " - 60 * " AGG_WIDTH_MINUTES("s.") " - COALESCE(s.aggregation_delay_seconds, 0), 0), "
		"99999999999.9)::numeric(12, 1) AS lag_seconds, "
	"COALESCE(s.freshness_target_seconds, 3600) AS target_seconds, a.canonical_symbol IS NULL AS orphaned, "
	AGG_ASSET_COUNTS("a.") " AS active "
	"FROM @data_agg_state s "
	"LEFT JOIN @core_asset_registry_all a ON a.canonical_symbol = s.canonical_symbol "
	"CROSS JOIN LATERAL (SELECT " AGG_SOURCE_TIMEFRAME("s.") " AS source_timeframe, COALESCE(s.last_agg_bar_ts_utc, s.agg_start_utc) AS cursor OFFSET 0) t "
	"CROSS JOIN LATERAL (SELECT CASE WHEN t.source_timeframe = '1m' "
		"THEN (SELECT min(b.ts_utc) FROM @data_bars b WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' "
			"AND b.ts_utc >= t.cursor AND b.ts_utc <= now() AND " AGG_IS_TIME("b.ts_utc") ") "
		"ELSE (SELECT min(b.ts_utc) FROM @derived_data_bars b WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = t.source_timeframe "
			"AND b.deleted_at IS NULL AND b.ts_utc >= t.cursor AND b.ts_utc <= now() AND " AGG_IS_TIME("b.ts_utc") ") END AS source_from OFFSET 0) n";

/// The same with what follows from it. verdict: the one thing to say of a task. mends: what to do where it fails.
std::string tasks() {
	return std::string(R"sql(
	SELECT l.*, quote_literal(l.canonical_symbol) || ', ' || quote_literal(l.timeframe) AS task,
		l.active AND l.enabled AND l.status = 'idle' AS claimable,
		CASE
			WHEN l.orphaned THEN 'ORPHANED'
			WHEN NOT l.active THEN 'INACTIVE'
			WHEN NOT l.enabled THEN 'OFF'
			WHEN l.status IN ('hard_failed', 'disabled') THEN 'STOPPED'
			WHEN l.hard_fail_streak > 0 THEN 'FAILING'
			WHEN l.lag_seconds > l.target_seconds THEN 'LATE'
			ELSE 'OK'
		END AS verdict,
		CASE
			WHEN NOT )sql" AGG_IS_TIMEFRAME("l.") R"sql(
				THEN 'DELETE FROM data_agg_state WHERE canonical_symbol = ' || quote_literal(l.canonical_symbol) || ' AND timeframe = ' || quote_literal(l.timeframe)
			WHEN l.cursor >= ')sql" AGG_END_OF_TIME R"sql('::timestamptz
				THEN 'SELECT agg_reset_cursor(' || quote_literal(l.canonical_symbol) || ', ' || quote_literal(l.timeframe) || ')'
			ELSE 'SELECT agg_reset_task(' || quote_literal(l.canonical_symbol) || ', ' || quote_literal(l.timeframe) || ')'
		END AS mends
	FROM ()sql") + source_lag + ") l";
}

// clang-format on

} // namespace

// clang-format off

std::string with_tasks() {
	return "WITH lag AS MATERIALIZED (" + tasks() + "\n)";
}

std::string told(const std::string &all) {
	return R"sql(
SELECT a.alert, a.severity, a.canonical_symbol, a.timeframe, a.since, COALESCE(a.things || ' ', '') || a.detail AS detail, a.remedy
FROM ()sql" + all + ") a";
}

const char *minutes_of_indexes() {
	return R"sql(
	SELECT i.canonical_symbol, p.symbol, n.newest, p.symbol IN (
		SELECT s.canonical_symbol FROM @data_agg_state s JOIN @core_asset_registry_all a ON a.canonical_symbol = s.canonical_symbol
		WHERE s.enabled AND )sql" AGG_ASSET_COUNTS("a.") R"sql(
	) AS has_tasks
	FROM @agg_indexes i
	CROSS JOIN LATERAL unnest(i.components || i.canonical_symbol) AS p(symbol)
	CROSS JOIN LATERAL (
		SELECT max(b.ts_utc) AS newest FROM @data_bars b WHERE b.canonical_symbol = p.symbol AND b.timeframe = '1m' AND b.ts_utc <= now()
	) n)sql";
}

/// Up to when an index has minutes, and up to when all its components have.
std::string index_age(const std::string &minutes) {
	return R"sql(
	SELECT m.canonical_symbol, max(m.newest) FILTER (WHERE m.symbol = m.canonical_symbol) AS newest,
		CASE WHEN bool_and(m.newest IS NOT NULL) FILTER (WHERE m.symbol <> m.canonical_symbol)
			THEN min(m.newest) FILTER (WHERE m.symbol <> m.canonical_symbol) END AS components_newest,
		bool_or(m.has_tasks) FILTER (WHERE m.symbol = m.canonical_symbol) AS has_tasks
	FROM (
		SELECT x.canonical_symbol, x.symbol, max(x.newest) AS newest, bool_or(x.has_tasks) AS has_tasks
		FROM ()sql" + minutes + R"sql() x GROUP BY x.canonical_symbol, x.symbol
	) m GROUP BY m.canonical_symbol)sql";
}

/// What wants somebody's attention, one row for each thing, of lag (tasks). things: how many `detail` speaks of, where it begins with a number.
/// red: bars are missing, late or wrong. yellow: they may be soon. Constants have a type, and so columns have the same names when the view's
/// text is read again, as in a restored dump.
const char *alarms() {
	return R"sql(
SELECT 'late' AS alert, CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END AS severity, l.canonical_symbol, l.timeframe,
	now() - make_interval(secs => l.lag_seconds::float8) AS since, NULL::bigint AS things,
	'a window that is over has not been made for ' || l.lag_seconds || ' seconds (' || l.target_seconds || ' are allowed)' AS detail,
	'SELECT * FROM agg_why(' || l.task || ', ' || quote_literal(l.source_from) || ')' AS remedy
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.lag_seconds > l.target_seconds
UNION ALL
SELECT 'stopped'::text, CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END, l.canonical_symbol, l.timeframe, l.last_successful_at_utc, NULL::bigint,
	l.status || ': ' || COALESCE(l.last_error, 'no error was recorded'), l.mends
FROM lag l WHERE l.active AND l.status IN ('hard_failed', 'disabled')
UNION ALL
SELECT 'failing'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, l.last_successful_at_utc, NULL::bigint,
	l.hard_fail_streak || ' failures in a row: ' || COALESCE(l.last_error, 'no error was recorded'), l.mends
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.hard_fail_streak > 0
UNION ALL
SELECT 'claimed'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, l.running_started_at_utc, NULL::bigint, 'a worker has claimed it and does not finish'::text, 'CALL agg_run()'::text
FROM lag l WHERE l.status = 'running' AND l.running_started_at_utc < now() - '00:30:00'::interval
UNION ALL
SELECT 'orphaned'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, NULL::timestamptz, NULL::bigint, 'its symbol is not in core_asset_registry_all, so it is never due'::text,
	'INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (' || quote_literal(l.canonical_symbol) || ')'
FROM lag l WHERE l.orphaned AND l.enabled
UNION ALL
SELECT 'no_runner'::text, 'red'::text, NULL::text, NULL::text, min(l.next_run_at), count(*), 'tasks are due, and nobody runs them'::text, 'CALL agg_run()'::text
FROM lag l WHERE l.claimable AND l.next_run_at < now() - '00:05:00'::interval HAVING count(*) > 0
UNION ALL
SELECT 'proof'::text, 'red'::text, NULL::text, NULL::text, a.started_at, NULL::bigint,
	a.differences || ' differences without an explanation',
	'SELECT * FROM agg_verify() WHERE explanation IS NULL'::text
FROM (SELECT u.* FROM @agg_audit u ORDER BY u.started_at DESC LIMIT 1) a WHERE a.differences > 0
UNION ALL
SELECT 'capture'::text, 'red'::text, NULL::text, NULL::text, NULL::timestamptz, NULL::bigint,
	'changes of data_bars go unnoticed: trigger ' || w.name || CASE WHEN g.tgenabled IS NULL THEN ' is missing' ELSE ' is disabled' END,
	CASE WHEN g.tgenabled IS NULL THEN 'SELECT * FROM agg_setup()' ELSE 'ALTER TABLE data_bars ENABLE TRIGGER ' || w.name END
FROM (VALUES (')sql" AGG_CAPTURE_TRIGGER_NAME R"sql('::text), (')sql" AGG_CAPTURE_TRUNCATE_TRIGGER_NAME R"sql('::text)) w(name)
LEFT JOIN (
	pg_catalog.pg_trigger g
	JOIN pg_catalog.pg_class b ON b.oid = g.tgrelid AND b.relname = 'data_bars'
		AND b.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation')
) ON g.tgname = w.name
WHERE (g.tgenabled IN ('O', 'A')) IS NOT TRUE
UNION ALL
SELECT 'log_grows'::text, 'yellow'::text, NULL::text, NULL::text, min(c.logged_at), count(*), 'changes of bars wait for a run'::text, 'CALL agg_run()'::text
FROM @agg_change_log c HAVING min(c.logged_at) < now() - '00:10:00'::interval
UNION ALL
SELECT 'late_work'::text, 'yellow'::text, NULL::text, NULL::text, min(r.marked_at), count(*), 'ranges of windows wait to be made again'::text, 'CALL agg_run()'::text
FROM @agg_dirty_ranges r
JOIN lag l ON l.canonical_symbol = r.canonical_symbol AND l.timeframe = r.timeframe AND l.claimable
WHERE r.due <> 'next_run' AND r.from_utc < l.cursor HAVING min(r.marked_at) < now() - '01:00:00'::interval)sql";
}

// There are no partitions but those of two tables: PostgreSQL is told, since it takes a table that has never had a row for one of hundreds.
std::string alarms_of_one_node() {
	return retention_alarms(all_policies) + "\nUNION ALL" + R"sql(
SELECT 'ticks'::text, 'red'::text, NULL::text, NULL::text, t.failed_at, NULL::bigint, 'no bars are made of ' || t.tick_source || ': ' || t.last_error,
	'SELECT * FROM v_aggregation_tick_sources'::text
FROM @agg_tick_sources t WHERE t.last_error IS NOT NULL
UNION ALL
SELECT 'partitions'::text, CASE WHEN NOT n.has_now AND n.partdefid = 0 THEN 'red' ELSE 'yellow' END, NULL::text, NULL::text, p.failing_since, NULL::bigint,
	CASE
		WHEN NOT n.has_now AND n.partdefid = 0 THEN p.table_name || ' has no partition for now, and refuses bars'
		WHEN NOT n.has_now THEN p.table_name || ' has no partition for now'
		WHEN NOT n.has_soon THEN p.table_name || ' has no partition for two weeks from now'
		ELSE 'partitions of ' || p.table_name || ' cannot be made'
	END || COALESCE(': ' || p.last_error, ''),
	'SELECT agg_partition_by_month(' || quote_literal(p.table_name) || ', ' || p.months_ahead || ')'
FROM @agg_partitions p
LEFT JOIN LATERAL (
	SELECT k.partdefid, COALESCE(bool_or(b.from_utc <= now() AND b.to_utc > now()), false) AS has_now,
		COALESCE(bool_or(b.from_utc <= now() + '14 days'::interval AND b.to_utc > now() + '14 days'::interval), false) AS has_soon
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_partitioned_table k ON k.partrelid = c.oid
	LEFT JOIN LATERAL (
		SELECT )sql" AGG_PARTITION_FROM("m.bounds") R"sql( AS from_utc, )sql" AGG_PARTITION_TO("m.bounds") R"sql( AS to_utc
		FROM pg_catalog.pg_inherits i
		JOIN pg_catalog.pg_class r ON r.oid = i.inhrelid
		CROSS JOIN LATERAL )sql" AGG_PARTITION_BOUNDS("r") R"sql( AS m(bounds)
		WHERE i.inhparent = c.oid AND NOT i.inhdetachpending OFFSET 0
	) b ON true
	WHERE c.relname = p.table_name AND pg_get_partkeydef(c.oid) = 'RANGE (ts_utc)'
		AND c.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation')
	GROUP BY k.partdefid
) n ON true
WHERE p.table_name IN ('data_bars', 'derived_data_bars') AND (NOT n.has_now OR NOT n.has_soon OR p.failing_since < now() - '01:00:00'::interval)
UNION ALL
SELECT 'consumer'::text, 'yellow'::text, NULL::text, NULL::text, c.polled_at, NULL::bigint, 'consumer ' || c.consumer || ' has lost events',
	'SELECT agg_subscribe(' || quote_literal(c.consumer) || ', p_restart => true)'
FROM @agg_consumers c WHERE NOT )sql" AGG_KEEPS_UP("c.");
}

const char *index_alarms() {
	return R"sql(
SELECT 'index_stale'::text AS alert, 'red'::text AS severity, i.canonical_symbol, '1m'::text AS timeframe, i.newest AS since, NULL::bigint AS things,
	'its components have minutes up to ' || i.components_newest::text AS detail, 'CALL agg_run()'::text AS remedy
FROM index_age i WHERE i.has_tasks AND i.components_newest > COALESCE(i.newest, '-infinity') + '00:10:00'::interval)sql";
}

std::string lag_view() {
	return R"sql(
SELECT l.canonical_symbol, l.timeframe, l.is_mandatory, l.cursor, l.source_from, l.lag_seconds, l.target_seconds, l.verdict,
	l.status, l.enabled, l.hard_fail_streak, l.next_run_at, l.last_successful_at_utc, l.last_error
FROM ()sql" + tasks() + ") l";
}

/// Of the last 24 hours.
const char *quality_view() {
	return R"sql(
SELECT s.canonical_symbol, s.timeframe, q.bars, q.good_bars, round(100.0 * q.good_bars / NULLIF(q.bars, 0), 2) AS good_percent, q.worst_score
FROM @data_agg_state s
CROSS JOIN LATERAL (
	SELECT count(*) AS bars, count(*) FILTER (WHERE d.quality_score >= 1) AS good_bars, min(d.quality_score) AS worst_score
	FROM @derived_data_bars d
	WHERE d.canonical_symbol = s.canonical_symbol AND d.timeframe = s.timeframe AND d.deleted_at IS NULL
		AND d.ts_utc >= now() - '24:00:00'::interval AND d.ts_utc <= now()
) q)sql";
}

std::string alerts_view() {
	return with_tasks() + ", index_age AS (" + index_age(minutes_of_indexes()) + "\n)" + told(std::string(alarms()) + "\nUNION ALL" + index_alarms() + "\nUNION ALL" + alarms_of_one_node());
}

// clang-format on

} // namespace aggregation
