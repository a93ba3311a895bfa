// The views that say how tasks are doing: their lag, the quality of their bars, what wants attention, and figures of all this for a
// monitoring system. What they share is written once and becomes part of each one's text, so that no view needs another.
#include "ops/setup/health_views.hpp"

#include "ops/marks/events.h"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// clang-format off

// What a task is late by: since when the oldest window that has source and is over could have been made. A window ends a width after its
// first source at the latest, so a gap (a weekend, an outage) is nobody's lag. Whose asset is not active is never due.
constexpr const char *source_lag =
	"SELECT s.canonical_symbol, s.timeframe, s.is_mandatory, s.status, s.enabled, s.last_agg_bar_ts_utc AS cursor, n.source_from, "
	"s.next_run_at, s.hard_fail_streak, s.last_error, s.last_successful_at_utc, s.running_started_at_utc, "
	"GREATEST(EXTRACT(epoch FROM now() - (n.source_from + make_interval(mins => " AGG_WIDTH_MINUTES("s.") "::int4, "
		"secs => COALESCE(s.aggregation_delay_seconds, 0)))), 0)::numeric(12, 1) AS lag_seconds, "
	"COALESCE(s.freshness_target_seconds, 3600) AS target_seconds, a.canonical_symbol IS NULL AS orphaned, "
	"COALESCE(a.active OR a.test_active, false) AS active "
	"FROM @data_agg_state s "
	"LEFT JOIN @core_asset_registry_all a ON a.canonical_symbol = s.canonical_symbol "
	"CROSS JOIN LATERAL (SELECT " AGG_SOURCE_TIMEFRAME("s.") " AS source_timeframe, COALESCE(s.last_agg_bar_ts_utc, s.agg_start_utc) AS cursor OFFSET 0) t "
	"CROSS JOIN LATERAL (SELECT CASE WHEN t.source_timeframe = '1m' "
		"THEN (SELECT min(b.ts_utc) FROM @data_bars b WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' "
			"AND b.ts_utc >= t.cursor AND b.ts_utc <= now()) "
		"ELSE (SELECT min(b.ts_utc) FROM @derived_data_bars b WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = t.source_timeframe "
			"AND b.deleted_at IS NULL AND b.ts_utc >= t.cursor AND b.ts_utc <= now()) END AS source_from OFFSET 0) n";

/// The same with what follows from it. verdict: the one thing to say of a task.
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
		END AS verdict
	FROM ()sql") + source_lag + ") l";
}

/// Up to when an index has minutes, and up to when all its components have.
constexpr const char *index_age = R"sql(
	SELECT i.canonical_symbol, o.newest, c.newest AS components_newest
	FROM @agg_indexes i
	CROSS JOIN LATERAL (
		SELECT max(b.ts_utc) AS newest FROM @data_bars b WHERE b.canonical_symbol = i.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc <= now()
	) o
	CROSS JOIN LATERAL (
		SELECT CASE WHEN count(*) = count(m.newest) THEN min(m.newest) END AS newest
		FROM unnest(i.components) AS p(symbol)
		CROSS JOIN LATERAL (
			SELECT max(b.ts_utc) AS newest FROM @data_bars b WHERE b.canonical_symbol = p.symbol AND b.timeframe = '1m' AND b.ts_utc <= now()
		) m
	) c)sql";

/// What wants somebody's attention, one row for each thing, of lag (tasks) and index_age. red: bars are missing, late or wrong. yellow: they
/// may be soon.
constexpr const char *alarms = R"sql(
SELECT 'late' AS alert, CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END AS severity, l.canonical_symbol, l.timeframe,
	now() - make_interval(secs => l.lag_seconds::float8) AS since,
	'a window that is over has not been made for ' || l.lag_seconds || ' seconds (' || l.target_seconds || ' are allowed)' AS detail,
	'SELECT * FROM agg_why(' || l.task || ', ' || quote_literal(l.source_from) || ')' AS remedy
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.lag_seconds > l.target_seconds
UNION ALL
SELECT 'stopped', CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END, l.canonical_symbol, l.timeframe, l.last_successful_at_utc,
	l.status || ': ' || COALESCE(l.last_error, 'no error was recorded'), 'SELECT agg_reset_task(' || l.task || ')'
FROM lag l WHERE l.active AND l.status IN ('hard_failed', 'disabled')
UNION ALL
SELECT 'failing', 'yellow', l.canonical_symbol, l.timeframe, l.last_successful_at_utc,
	l.hard_fail_streak || ' failures in a row: ' || COALESCE(l.last_error, 'no error was recorded'), 'SELECT agg_reset_task(' || l.task || ')'
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.hard_fail_streak > 0
UNION ALL
SELECT 'claimed', 'yellow', l.canonical_symbol, l.timeframe, l.running_started_at_utc, 'a worker has claimed it and does not finish', 'CALL agg_run()'
FROM lag l WHERE l.status = 'running' AND l.running_started_at_utc < now() - '00:30:00'::interval
UNION ALL
SELECT 'orphaned', 'yellow', l.canonical_symbol, l.timeframe, NULL, 'its symbol is not in core_asset_registry_all, so it is never due',
	'INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (' || quote_literal(l.canonical_symbol) || ')'
FROM lag l WHERE l.orphaned AND l.enabled
UNION ALL
SELECT 'no_runner', 'red', NULL, NULL, min(l.next_run_at), count(*) || ' tasks are due, and nobody runs them', 'CALL agg_run()'
FROM lag l WHERE l.claimable AND l.next_run_at < now() - '00:05:00'::interval HAVING count(*) > 0
UNION ALL
SELECT 'index_stale', 'red', i.canonical_symbol, '1m', i.newest, 'its components have minutes up to ' || i.components_newest::text, 'CALL agg_run()'
FROM index_age i
WHERE i.components_newest > COALESCE(i.newest, '-infinity') + '00:10:00'::interval
	AND EXISTS (SELECT FROM lag l WHERE l.canonical_symbol = i.canonical_symbol AND l.active AND l.enabled)
UNION ALL
SELECT 'proof', 'red', NULL, NULL, a.started_at, a.differences || ' differences without an explanation',
	'SELECT * FROM agg_verify() WHERE explanation IS NULL'
FROM (SELECT u.* FROM @agg_audit u ORDER BY u.started_at DESC LIMIT 1) a WHERE a.differences > 0
UNION ALL
SELECT 'log_grows', 'yellow', NULL, NULL, min(c.logged_at), count(*) || ' changes of bars wait for a run', 'CALL agg_run()'
FROM @agg_change_log c HAVING min(c.logged_at) < now() - '00:10:00'::interval
UNION ALL
SELECT 'late_work', 'yellow', NULL, NULL, min(r.marked_at), count(*) || ' ranges of windows wait to be made again', 'CALL agg_run()'
FROM @agg_dirty_ranges r
JOIN lag l ON l.canonical_symbol = r.canonical_symbol AND l.timeframe = r.timeframe AND l.claimable
WHERE r.due <> 'next_run' AND r.from_utc < l.cursor HAVING min(r.marked_at) < now() - '01:00:00'::interval
UNION ALL
SELECT 'ticks', 'red', NULL, NULL, t.failed_at, 'no bars are made of ' || t.tick_source || ': ' || t.last_error,
	'SELECT * FROM v_aggregation_tick_sources'
FROM @agg_tick_sources t WHERE t.last_error IS NOT NULL
UNION ALL
SELECT 'consumer', 'yellow', NULL, NULL, c.polled_at, 'consumer ' || c.consumer || ' has lost events',
	'SELECT agg_subscribe(' || quote_literal(c.consumer) || ', p_restart => true)'
FROM @agg_consumers c WHERE NOT )sql" AGG_KEEPS_UP("c.");

std::string with_tasks_and_indexes() {
	return "WITH lag AS MATERIALIZED (" + tasks() + "\n), index_age AS (" + index_age + "\n)";
}

// clang-format on

} // namespace

// clang-format off

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
	return with_tasks_and_indexes() + alarms;
}

// clang-format on

} // namespace aggregation
