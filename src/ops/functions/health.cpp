// agg_health: one row that says whether all is well, and if not, what is wrong and which call helps; agg_set_freshness_target: how late the
// bars of a task may be. What an alarm is stands in the view v_aggregation_alerts (setup/health_views.cpp).
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/setup/health_views.hpp"
#include "ops/tasks/unknown.hpp"

namespace aggregation {

namespace {

// clang-format off

// What is alike is one line: the first three of them, and how many more there are.
const Statement &sum_up() {
	static const Statement statement {"data_agg_state", R"sql(
WITH alarm AS MATERIALIZED (
	SELECT a.*, COALESCE(a.canonical_symbol || '/' || a.timeframe, '') AS task FROM @v_aggregation_alerts a
), line AS (
	SELECT a.alert, a.severity, count(*) AS tasks, min(a.since) AS since,
		CASE WHEN count(a.canonical_symbol) = 0 THEN '' ELSE array_to_string((array_agg(a.task ORDER BY a.since, a.task))[1:3], ', ')
			|| CASE WHEN count(*) > 3 THEN ' and ' || count(*) - 3 || ' more' ELSE '' END || ': ' END
			|| (array_agg(a.detail ORDER BY a.since, a.task))[1] AS reason,
		(array_agg(a.remedy ORDER BY a.since, a.task))[1] AS remedy
	FROM alarm a GROUP BY a.alert, a.severity
)
SELECT )sql" AGG_HEALTH_STATUS("l.severity") R"sql(,
	COALESCE(string_agg(l.alert || ': ' || l.reason, chr(10) ORDER BY l.severity, l.alert), ''),
	COALESCE(string_agg(DISTINCT l.remedy, chr(10)), ''),
	COALESCE(sum(l.tasks) FILTER (WHERE l.alert = 'late'), 0)::int8, COALESCE(sum(l.tasks) FILTER (WHERE l.alert = 'failing'), 0)::int8,
	COALESCE(sum(l.tasks) FILTER (WHERE l.alert = 'stopped'), 0)::int8, COALESCE(sum(l.tasks) FILTER (WHERE l.alert = 'orphaned'), 0)::int8
FROM line l)sql",
		{AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_INT8, AGG_INT8, AGG_INT8, AGG_INT8}, Planning::by_statistics};
	return statement;
}

const Statement &set_target() {
	static const Statement statement {"data_agg_state",
		"UPDATE @data_agg_state s SET freshness_target_seconds = $3::int4, updated_at = now() WHERE s.canonical_symbol = $1::text "
		"AND s.timeframe = $2::text AND s.freshness_target_seconds IS DISTINCT FROM $3::int4"};
	return statement;
}

// clang-format on

} // namespace

Op<Answer> agg_health(Database &db, Arguments) {
	co_await db.emit_query(sum_up(), {});
	co_return Answer::rows();
}

Op<Answer> agg_set_freshness_target(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	(void)timeframe_or_throw(key.symbol, key.timeframe);
	const auto seconds = arguments.maybe_integer("p_seconds");
	if (seconds)
		arguments.check_positive("p_seconds", "Pass the seconds that a bar may be late, or NULL for an hour.");
	const bool found = co_await lock_task(db, key);
	if (!found)
		co_return co_await not_found(db, key);
	const auto changed = co_await db.execute(
	    set_target(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe), Parameter(AGG_INT4, cell(seconds))));
	co_return Answer::json(JsonObject().add("success", true).add("changed", changed > 0).text());
}

} // namespace aggregation
