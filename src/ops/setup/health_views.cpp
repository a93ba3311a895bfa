// The views that say how tasks are doing: their lag, the quality of their bars, what wants attention, and figures of all this for a
// monitoring system. What they share is written once and becomes part of each one's text, so that no view needs another.
#include "ops/setup/health_views.hpp"

#include "core/time_range.h"
#include "ops/marks/events.h"
#include "ops/setup/capture_triggers.h"
#include "ops/tasks/environment.hpp"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// clang-format off

// What a task is late by: since when the oldest window that has source and is over could have been made. A window ends a width after its
// first source at the latest, so a gap (a weekend, an outage) is nobody's lag. Whose asset is not active is never due. More than the column
// holds is told as the most that it holds: one odd task must not keep anybody from seeing the others.
constexpr const char *source_lag =
	"SELECT s.canonical_symbol, s.timeframe, s.is_mandatory, s.status, s.enabled, s.last_agg_bar_ts_utc AS cursor, n.source_from, "
	"s.next_run_at, s.hard_fail_streak, s.last_error, s.last_successful_at_utc, s.running_started_at_utc, "
	"LEAST(GREATEST(" AGG_SECONDS_SINCE("n.source_from") " - 60 * " AGG_WIDTH_MINUTES("s.") " - COALESCE(s.aggregation_delay_seconds, 0), 0), "
		"99999999999.9)::numeric(12, 1) AS lag_seconds, "
	"COALESCE(s.freshness_target_seconds, 3600) AS target_seconds, a.canonical_symbol IS NULL AS orphaned, "
	// Assets for tests count where somebody works for tests.
	"COALESCE(a.active OR (a.test_active AND EXISTS (SELECT FROM @agg_registry_sync e WHERE " AGG_IS_FOR_TESTS("e.env_name") ")), false) AS active "
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
/// may be soon. Constants have a type, and so columns have the same names when the view's text is read again, as in a restored dump.
constexpr const char *alarms = R"sql(
SELECT 'late' AS alert, CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END AS severity, l.canonical_symbol, l.timeframe,
	now() - make_interval(secs => l.lag_seconds::float8) AS since,
	'a window that is over has not been made for ' || l.lag_seconds || ' seconds (' || l.target_seconds || ' are allowed)' AS detail,
	'SELECT * FROM agg_why(' || l.task || ', ' || quote_literal(l.source_from) || ')' AS remedy
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.lag_seconds > l.target_seconds
UNION ALL
SELECT 'stopped'::text, CASE WHEN l.is_mandatory THEN 'red' ELSE 'yellow' END, l.canonical_symbol, l.timeframe, l.last_successful_at_utc,
	l.status || ': ' || COALESCE(l.last_error, 'no error was recorded'), l.mends
FROM lag l WHERE l.active AND l.status IN ('hard_failed', 'disabled')
UNION ALL
SELECT 'failing'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, l.last_successful_at_utc,
	l.hard_fail_streak || ' failures in a row: ' || COALESCE(l.last_error, 'no error was recorded'), l.mends
FROM lag l WHERE l.active AND l.enabled AND l.status NOT IN ('hard_failed', 'disabled') AND l.hard_fail_streak > 0
UNION ALL
SELECT 'claimed'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, l.running_started_at_utc, 'a worker has claimed it and does not finish'::text, 'CALL agg_run()'::text
FROM lag l WHERE l.status = 'running' AND l.running_started_at_utc < now() - '00:30:00'::interval
UNION ALL
SELECT 'orphaned'::text, 'yellow'::text, l.canonical_symbol, l.timeframe, NULL::timestamptz, 'its symbol is not in core_asset_registry_all, so it is never due'::text,
	'INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (' || quote_literal(l.canonical_symbol) || ')'
FROM lag l WHERE l.orphaned AND l.enabled
UNION ALL
SELECT 'no_runner'::text, 'red'::text, NULL::text, NULL::text, min(l.next_run_at), count(*) || ' tasks are due, and nobody runs them', 'CALL agg_run()'::text
FROM lag l WHERE l.claimable AND l.next_run_at < now() - '00:05:00'::interval HAVING count(*) > 0
UNION ALL
SELECT 'index_stale'::text, 'red'::text, i.canonical_symbol, '1m'::text, i.newest, 'its components have minutes up to ' || i.components_newest::text, 'CALL agg_run()'::text
FROM index_age i
WHERE i.components_newest > COALESCE(i.newest, '-infinity') + '00:10:00'::interval
	AND EXISTS (SELECT FROM lag l WHERE l.canonical_symbol = i.canonical_symbol AND l.active AND l.enabled)
UNION ALL
SELECT 'proof'::text, 'red'::text, NULL::text, NULL::text, a.started_at, a.differences || ' differences without an explanation',
	'SELECT * FROM agg_verify() WHERE explanation IS NULL'::text
FROM (SELECT u.* FROM @agg_audit u ORDER BY u.started_at DESC LIMIT 1) a WHERE a.differences > 0
UNION ALL
SELECT 'capture'::text, 'red'::text, NULL::text, NULL::text, NULL::timestamptz,
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
SELECT 'log_grows'::text, 'yellow'::text, NULL::text, NULL::text, min(c.logged_at), count(*) || ' changes of bars wait for a run', 'CALL agg_run()'::text
FROM @agg_change_log c HAVING min(c.logged_at) < now() - '00:10:00'::interval
UNION ALL
SELECT 'late_work'::text, 'yellow'::text, NULL::text, NULL::text, min(r.marked_at), count(*) || ' ranges of windows wait to be made again', 'CALL agg_run()'::text
FROM @agg_dirty_ranges r
JOIN lag l ON l.canonical_symbol = r.canonical_symbol AND l.timeframe = r.timeframe AND l.claimable
WHERE r.due <> 'next_run' AND r.from_utc < l.cursor HAVING min(r.marked_at) < now() - '01:00:00'::interval
UNION ALL
SELECT 'ticks'::text, 'red'::text, NULL::text, NULL::text, t.failed_at, 'no bars are made of ' || t.tick_source || ': ' || t.last_error,
	'SELECT * FROM v_aggregation_tick_sources'::text
FROM @agg_tick_sources t WHERE t.last_error IS NOT NULL
UNION ALL
SELECT 'retention'::text, 'yellow'::text, r.canonical_symbol, r.timeframe, r.failing_since,
	'bars of ' || r.timeframe || ' stay although they are old: ' || r.last_error, 'SELECT * FROM v_aggregation_retention WHERE last_error IS NOT NULL'::text
FROM @agg_retention r WHERE r.last_error IS NOT NULL AND r.failing_since < now() - '00:10:00'::interval
UNION ALL
SELECT 'consumer'::text, 'yellow'::text, NULL::text, NULL::text, c.polled_at, 'consumer ' || c.consumer || ' has lost events',
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

/// topic: what is asked of the database at once, by an exporter. Symbols are named for the worst hundred tasks alone: a series each of ten
/// thousand tasks would cost a monitoring system more than it tells.
std::string metrics_view(const std::string &truth, const std::string &consumers, const std::string &tick_sources) {
	return with_tasks_and_indexes() + ", alarm AS MATERIALIZED (" + alarms + R"sql(
)
SELECT 'health' AS topic, 'aggregation_health_state' AS metric, '{}'::jsonb AS labels,
	(array_position(ARRAY['green', 'yellow', 'red'], )sql" AGG_HEALTH_STATUS("a.severity") R"sql() - 1)::float8 AS value
FROM alarm a
UNION ALL
SELECT 'alarms', 'aggregation_alarms_active', jsonb_build_object('alarm', a.alert, 'severity', a.severity), count(*)
FROM alarm a GROUP BY a.alert, a.severity
UNION ALL
SELECT 'tasks', m.metric, jsonb_build_object('timeframe', g.timeframe, 'status', COALESCE(g.status, ''), 'verdict', g.verdict), m.value
FROM (
	SELECT l.timeframe, l.status, l.verdict, count(*) AS tasks, max(l.lag_seconds) AS lag_seconds, max(l.hard_fail_streak) AS fail_streak
	FROM lag l GROUP BY l.timeframe, l.status, l.verdict
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_tasks', g.tasks::float8),
	('aggregation_lag_seconds', g.lag_seconds::float8),
	('aggregation_fail_streak', COALESCE(g.fail_streak, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'task', m.metric, jsonb_build_object('symbol', w.canonical_symbol, 'timeframe', w.timeframe), m.value
FROM (
	SELECT l.canonical_symbol, l.timeframe, l.lag_seconds, l.target_seconds, l.hard_fail_streak
	FROM lag l WHERE l.verdict IN ('LATE', 'FAILING', 'STOPPED')
	ORDER BY l.lag_seconds DESC, l.canonical_symbol, l.timeframe LIMIT 100
) w
CROSS JOIN LATERAL (VALUES
	('aggregation_task_lag_seconds', w.lag_seconds::float8),
	('aggregation_task_target_seconds', w.target_seconds::float8),
	('aggregation_task_fail_streak', COALESCE(w.hard_fail_streak, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'work', m.metric, jsonb_build_object('timeframe', g.timeframe), m.value
FROM (
	SELECT s.timeframe, sum(s.total_runs) AS runs, sum(s.total_bars_created) AS bars, sum(s.total_bars_quality_poor) AS poor_bars,
		sum(s.total_windows_skipped) AS skipped_windows, sum(s.total_source_rows_refused) AS unusable_rows, sum(s.late_rows) AS late_rows
	FROM @data_agg_state s GROUP BY s.timeframe
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_work_runs_total', COALESCE(g.runs, 0)::float8),
	('aggregation_work_bars_total', COALESCE(g.bars, 0)::float8),
	('aggregation_work_poor_bars_total', COALESCE(g.poor_bars, 0)::float8),
	('aggregation_work_skipped_windows_total', COALESCE(g.skipped_windows, 0)::float8),
	('aggregation_work_unusable_rows_total', COALESCE(g.unusable_rows, 0)::float8),
	('aggregation_work_late_rows_total', COALESCE(g.late_rows, 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'runner', 'aggregation_runner_last_attempt_timestamp_seconds', '{}', COALESCE(EXTRACT(epoch FROM max(s.last_attempted_at_utc)), 0)::float8
FROM @data_agg_state s
UNION ALL
SELECT 'truth', m.metric, '{}', m.value
FROM ()sql" + truth + R"sql() t
CROSS JOIN LATERAL (VALUES
	('aggregation_truth_log_entries', t.log_entries::float8),
	('aggregation_truth_log_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.oldest_log_entry") R"sql(, 0)::float8),
	('aggregation_truth_late_ranges', t.dirty_ranges_due::float8),
	('aggregation_truth_late_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.oldest_dirty_range_due") R"sql(, 0)::float8),
	('aggregation_truth_differences', COALESCE(t.audit_differences, 0)::float8),
	('aggregation_truth_last_audit_timestamp_seconds', COALESCE(EXTRACT(epoch FROM t.last_audit_at), 0)::float8)
) m(metric, value)
UNION ALL
SELECT 'index', m.metric, jsonb_build_object('symbol', i.canonical_symbol), m.value
FROM index_age i
CROSS JOIN LATERAL (VALUES
	('aggregation_index_behind_seconds',
		GREATEST(EXTRACT(epoch FROM i.components_newest) - COALESCE(EXTRACT(epoch FROM i.newest), 0), 0)::float8),
	('aggregation_index_newest_timestamp_seconds', COALESCE(EXTRACT(epoch FROM i.newest), 0)::float8)
) m(metric, value)
WHERE EXISTS (SELECT FROM @data_agg_state s WHERE s.canonical_symbol = i.canonical_symbol AND s.enabled)
UNION ALL
SELECT 'tick_source', m.metric, jsonb_build_object('tick_source', t.tick_source), m.value
FROM ()sql" + tick_sources + R"sql() t
CROSS JOIN LATERAL (VALUES
	('aggregation_tick_source_waiting_entries', t.waiting_entries::float8),
	('aggregation_tick_source_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("t.waiting_since") R"sql(, 0)::float8),
	('aggregation_tick_source_failing', (t.state <> 'ok')::int4::float8)
) m(metric, value)
UNION ALL
SELECT 'retention', m.metric, jsonb_build_object('timeframe', g.timeframe), m.value
FROM (
	SELECT r.timeframe, count(r.last_error) AS failing, sum(r.waiting_symbols) AS waiting FROM @agg_retention r GROUP BY r.timeframe
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_retention_failing_policies', g.failing::float8),
	('aggregation_retention_waiting_symbols', g.waiting::float8)
) m(metric, value)
UNION ALL
SELECT 'consumer', m.metric, jsonb_build_object('consumer', c.consumer), m.value
FROM ()sql" + consumers + R"sql() c
CROSS JOIN LATERAL (VALUES
	('aggregation_consumer_events_behind', COALESCE(c.events_behind, 0)::float8),
	('aggregation_consumer_wait_seconds', GREATEST()sql" AGG_SECONDS_SINCE("c.waiting_since") R"sql(, 0)::float8),
	('aggregation_consumer_lost_events', c.lost_events::int4::float8)
) m(metric, value))sql";
}

// clang-format on

} // namespace aggregation
