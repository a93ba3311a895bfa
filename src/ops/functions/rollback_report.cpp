// agg_rollback_report: what it would mean to drop the extension and have the functions back that were there before it.
#include "ops/functions/functions.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/setup/old_functions.h"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// clang-format off

/// Each gives rows of object, effect and detail.
#define AGG_REPORT(table, ...) {table, __VA_ARGS__, {AGG_TEXT, AGG_TEXT, AGG_TEXT}, Planning::by_statistics}

const std::vector<Statement> &questions() {
	static const std::vector<Statement> list {
	AGG_REPORT(nullptr,
		"SELECT 'function ' || " AGG_SIGNATURE("p") ", 'comes back', 'from the schema " AGG_OLD_SCHEMA "' FROM " AGG_OLD_FUNCTIONS " ORDER BY 1"),
	AGG_REPORT(nullptr, R"sql(
SELECT 'schema )sql" AGG_OLD_SCHEMA R"sql(', 'prevents it', 'there is no function in it to bring back: DROP EXTENSION aggregation would leave nobody who makes bars'
WHERE NOT EXISTS (SELECT FROM )sql" AGG_OLD_FUNCTIONS ")"),
	// Of what is not the extension's: DROP EXTENSION stops there.
	AGG_REPORT(nullptr, R"sql(
SELECT DISTINCT )sql" AGG_DEPENDENT("d") R"sql(, 'prevents it', 'it depends on ' || pg_describe_object(d.refclassid, d.refobjid, 0) || ': drop it first'
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend m ON m.refclassid = 'pg_catalog.pg_extension'::regclass AND m.refobjid = e.oid AND m.deptype = 'e'
JOIN pg_catalog.pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype = 'n'
WHERE e.extname = 'aggregation'
	AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.classid = d.classid AND x.objid = d.objid AND x.refobjid = e.oid AND x.deptype IN ('e', 'x'))
	AND NOT (d.classid = 'pg_catalog.pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r
		JOIN pg_catalog.pg_depend x ON x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = r.ev_class AND x.refobjid = e.oid AND x.deptype = 'e'
		WHERE r.oid = d.objid))
	AND NOT (d.classid = 'pg_catalog.pg_trigger'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = d.objid
		AND (t.tgparentid <> 0 OR t.tgname LIKE 'aggregation\_%')))
ORDER BY 1)sql"),
	AGG_REPORT(nullptr, R"sql(
SELECT 'check ' || k.conname || ' of ' || c.relname, 'stays', 'whoever writes another value is refused: ALTER TABLE ' || c.oid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname)
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace AND c.relname = 'data_bars'
JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' AND k.conname = 'data_bars_source_check'
WHERE e.extname = 'aggregation')sql"),
	AGG_REPORT("data_agg_state", R"sql(
SELECT 'tasks of ' || s.timeframe, 'may be unknown', count(*) || ' tasks: switch them off if the older functions do not make this timeframe'
FROM @data_agg_state s WHERE s.enabled AND s.timeframe NOT IN ('5m', '1h') GROUP BY s.timeframe ORDER BY min()sql" AGG_WIDTH_MINUTES("s.") "), s.timeframe"),
	AGG_REPORT("data_agg_state", R"sql(
SELECT 'tasks of 1h from ' || s.source_timeframe, 'may be made otherwise', count(*) || ' tasks read ' || s.source_timeframe || ', where older functions may read 5m whatever the task says'
FROM @data_agg_state s WHERE s.timeframe = '1h' AND s.source_timeframe <> '5m' GROUP BY s.source_timeframe ORDER BY 1)sql"),
	AGG_REPORT("data_agg_state", R"sql(
SELECT 'calendar ' || s.calendar, 'is not known', count(*) || ' tasks: the older functions count in UTC'
FROM @data_agg_state s WHERE s.calendar <> 'utc' GROUP BY s.calendar ORDER BY s.calendar)sql"),
	AGG_REPORT("data_agg_state", R"sql(
SELECT 'claims', 'stay', count(*) || ' tasks are being worked on: let their workers finish'
FROM @data_agg_state s WHERE s.status = 'running' HAVING count(*) > 0)sql"),
	AGG_REPORT("agg_dirty_ranges", R"sql(
SELECT 'late work', 'stays undone', count(*) || ' ranges of windows: CALL agg_run() first' FROM @agg_dirty_ranges HAVING count(*) > 0)sql"),
	AGG_REPORT("agg_change_log", R"sql(
SELECT 'log of changes', 'stays undone', count(*) || ' entries: CALL agg_run() first' FROM @agg_change_log HAVING count(*) > 0)sql"),
	AGG_REPORT("derived_data_bars", R"sql(
SELECT 'minutes of ' || d.canonical_symbol, 'come back', count(*) || ' minutes that were retired are live again in derived_data_bars; newer ones are in data_bars alone'
FROM @derived_data_bars d WHERE d.timeframe = '1m' AND d.deleted_at IS NOT NULL AND d.raw ? 'retired' GROUP BY d.canonical_symbol ORDER BY 1)sql"),
	AGG_REPORT("agg_consumers", R"sql(
SELECT 'consumer ' || c.consumer, 'gets nothing any more', 'events of bars are made by the extension' FROM @agg_consumers c ORDER BY 1)sql"),
	AGG_REPORT(nullptr, R"sql(
SELECT 'background worker', 'stops', 'take this database out of aggregation.databases (' || current_setting('aggregation.databases') || ')'
WHERE current_database() = ANY (string_to_array(replace(current_setting('aggregation.databases', true), ' ', ''), ',')))sql")};
	return list;
}

// clang-format on

} // namespace

Op<Answer> agg_rollback_report(Database &db, Arguments) {
	for (const auto &question : questions())
		co_await db.emit_query(question, {});
	co_return Answer::rows();
}

} // namespace aggregation
