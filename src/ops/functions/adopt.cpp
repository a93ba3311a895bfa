// agg_adopt: takes over the tables of an older system whose functions have made way.
//
//   functions    moved by CREATE EXTENSION; their callers get the new ones; what still calls the old ones is named
//   tables       as agg_setup() has it
//   cursors      those that cannot be right are reported, and moved back where that is asked for
//   minutes      what was kept in derived_data_bars is copied to data_bars
//
// Bars that were made too early, or of too little, are for the proof to find and for agg_mend() to have made anew.
#include "ops/functions/functions.hpp"
#include "ops/functions/reset_cursor.hpp"
#include "ops/functions/setup.hpp"

#include "core/time_range.h"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/old_functions.h"
#include "ops/setup/old_minutes.hpp"
#include "ops/setup/own_tables.h"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// clang-format off

const Statement &moved_functions() {
	static const Statement statement {nullptr, "SELECT " AGG_SIGNATURE("p") " FROM " AGG_OLD_FUNCTIONS " ORDER BY 1", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// Roles that may call an old function and not the new one of the same name; and whether that came from those whose tables these are. Anybody
// who may create objects in the schema could have put a function there and granted it.
const Statement &callers() {
	static const Statement statement {nullptr,
		"SELECT " AGG_SIGNATURE("n") ", a.role, " AGG_QUOTED_ROLE("a.role") ", bool_or(a.is_trusted) FROM ("
		"SELECT p.proname, pg_get_userbyid(x.grantee)::text AS role, x.grantee, " AGG_TRUSTED("p.proowner") " OR EXISTS ("
			"SELECT FROM pg_catalog.pg_class t JOIN pg_catalog.pg_extension e ON e.extnamespace = t.relnamespace "
			"WHERE e.extname = 'aggregation' AND t.relname = 'data_agg_state' AND pg_has_role(p.proowner, t.relowner, 'USAGE')) AS is_trusted "
		"FROM (SELECT p.* FROM " AGG_OLD_FUNCTIONS ") p "
		"CROSS JOIN LATERAL aclexplode(p.proacl) x WHERE x.privilege_type = 'EXECUTE' AND x.grantee <> p.proowner AND x.grantee <> 0) a "
		"CROSS JOIN LATERAL (SELECT n.* FROM " AGG_NEW_FUNCTION_OF("a") ") n "
		"WHERE NOT has_function_privilege(a.grantee, n.oid, 'EXECUTE') GROUP BY 1, 2, 3 ORDER BY 1, 2",
		{AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

const Statement &called_by_everybody() {
	static const Statement statement {nullptr,
		"SELECT " AGG_SIGNATURE("p") " FROM " AGG_OLD_FUNCTIONS " AND EXISTS (SELECT FROM " AGG_NEW_FUNCTION_OF("p") ") "
		"AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1",
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &still_calling() {
	static const Statement statement {nullptr,
		"SELECT DISTINCT " AGG_DEPENDENT("d") ", " AGG_SIGNATURE("p") " FROM (SELECT p.* FROM " AGG_OLD_FUNCTIONS ") p "
		"JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid "
		"WHERE NOT (d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid IN (SELECT p.oid FROM " AGG_OLD_FUNCTIONS ")) ORDER BY 1, 2",
		{AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// By the columns that every older system has, and with minutes that are still to be copied. One past the end of time is ahead of any source. A bar at the cursor or behind it was made by somebody for whom the cursor was the last bar.
const Statement &odd_cursors() {
	static const Statement statement {nullptr, R"sql(
SELECT c.canonical_symbol, c.timeframe, c.cursor, c.last_source, c.is_ahead
FROM (
	SELECT s.canonical_symbol, s.timeframe, s.last_agg_bar_ts_utc AS cursor, l.last_source, o.last_bar,
		COALESCE((to_jsonb(s) ->> 'agg_start_utc')::timestamptz, '2025-07-01 00:00+00') AS start,
		COALESCE(s.last_agg_bar_ts_utc > l.last_source + make_interval(mins => )sql" AGG_WIDTH_MINUTES("s.") R"sql(::int4), true) AS is_ahead
	FROM @data_agg_state s
	CROSS JOIN LATERAL (SELECT )sql" AGG_SOURCE_TIMEFRAME("s.") R"sql( AS source_timeframe) t
	CROSS JOIN LATERAL (SELECT GREATEST(
		(SELECT max(b.ts_utc) FROM @data_bars b
			WHERE t.source_timeframe = '1m' AND b.canonical_symbol = s.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc <= now()
				AND )sql" AGG_IS_TIME("b.ts_utc") R"sql(),
		(SELECT max(b.ts_utc) FROM @derived_data_bars b
			WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = t.source_timeframe AND b.deleted_at IS NULL AND b.ts_utc <= now()
				AND )sql" AGG_IS_TIME("b.ts_utc") R"sql()) AS last_source) l
	CROSS JOIN LATERAL (SELECT max(b.ts_utc) AS last_bar FROM @derived_data_bars b
		WHERE b.canonical_symbol = s.canonical_symbol AND b.timeframe = s.timeframe AND b.deleted_at IS NULL AND b.ts_utc <= now()
			AND )sql" AGG_IS_TIME("b.ts_utc") R"sql() o
	WHERE s.last_agg_bar_ts_utc >= ')sql" AGG_FIRST_TIME R"sql('
	OFFSET 0
) c
WHERE (c.is_ahead AND c.cursor > c.start) OR (NOT c.is_ahead AND c.last_bar >= c.cursor)
ORDER BY c.canonical_symbol, c.timeframe)sql",
		{AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

// clang-format on

/// Says something, rather than what was done about it.
Done told(std::string object, std::string action, std::string detail) {
	return {std::move(object), std::move(action), std::move(detail), true, false};
}

Op<void> tell_functions(Database &db, const bool dry_run, SetupRows &rows) {
	std::vector<Done> list;
	auto take_moved = [&](const Row &row) {
		list.push_back(told("function " + std::string(row.text(0)), "moved",
		                    "to the schema " AGG_OLD_SCHEMA ", from which " AGG_OLD_SCHEMA ".restore() brings it back"));
		return Flow::more;
	};
	co_await db.query(moved_functions(), {}, take_moved);
	co_await rows.tell(std::move(list));

	std::vector<Step> steps;
	list.clear();
	auto take_caller = [&](const Row &row) {
		const std::string function(row.text(0));
		const std::string object = "function " + function + " for role " + std::string(row.text(1));
		if (row.boolean(3))
			steps.push_back({object, Action::add, "GRANT EXECUTE ON ROUTINE @" + function + " TO " + std::string(row.text(2)), ""});
		else
			list.push_back(told(object, "left",
			                    "the old function is neither a superuser's nor of who owns the tables: grant the new one if it should be"));
		return Flow::more;
	};
	co_await db.query(callers(), {}, take_caller);
	co_await rows.tell(std::move(list));
	auto done = co_await perform(db, std::move(steps), dry_run);
	co_await rows.tell(std::move(done));

	std::string everybodys;
	auto take_public = [&](const Row &row) {
		everybodys += (everybodys.empty() ? "" : ", ") + std::string(row.text(0));
		return Flow::more;
	};
	co_await db.query(called_by_everybody(), {}, take_public);
	list.clear();
	if (!everybodys.empty())
		list.push_back(told("functions that PUBLIC could call", "left", everybodys + ": grant the new ones to the roles that call them"));
	auto take_dependent = [&](const Row &row) {
		list.push_back(told(std::string(row.text(0)), "still calls",
		                    AGG_OLD_SCHEMA "." + std::string(row.text(1)) + ": create it again, so that it calls the new function"));
		return Flow::more;
	};
	co_await db.query(still_calling(), {}, take_dependent);
	co_await rows.tell(std::move(list));
}

Op<std::vector<Done>> move_back(Database &db) {
	std::vector<Done> list;
	const auto keys = co_await matching_tasks(db, std::nullopt, std::nullopt);
	const auto tasks = co_await lock_cursors(db, keys);
	const auto moved = co_await move_cursors_back(db, tasks, std::nullopt);
	for (const auto &one : moved)
		list.push_back(told("cursor of " + one.key.label(), "moved back", "from " + to_iso8601(one.from) + " to " + to_iso8601(one.to)));
	co_return list;
}

Op<void> tell_cursors(Database &db, const bool mend, SetupRows &rows) {
	std::vector<Done> list;
	if (mend)
		list = co_await move_back(db);
	auto take = [&](const Row &row) {
		const std::string object = "cursor of " + std::string(row.text(0)) + "/" + std::string(row.text(1));
		const std::string cursor = to_iso8601(row.timestamp(2));
		if (row.boolean(4))
			list.push_back(told(object, "ahead of its source",
			                    "it is " + cursor + ", and " +
			                        (row.is_null(3) ? "there is no source bar" : "the last source bar is " + to_iso8601(row.timestamp(3))) +
			                        ": agg_adopt(mend_cursors => true) moves it back"));
		else
			list.push_back(told(object, "names its last bar",
			                    "there is a bar at " + cursor + " or later already: the next run looks at these windows once more"));
		return Flow::more;
	};
	co_await db.query(odd_cursors(), {}, take);
	co_await rows.tell(std::move(list));
}

/// What tables lack or a dry run has not made is named, and the rest goes on.
template <class Work>
Op<void> attempt(Database &db, const char *object, Work work, SetupRows &rows) {
	const auto fault = co_await in_subtransaction(db, IfDone::keep, work);
	if (!fault)
		co_return;
	if (!belongs_to_object(fault->error()))
		fault->raise();
	std::vector<Done> list;
	list.push_back(told(object, "not looked at", fault->error().message));
	co_await rows.tell(std::move(list));
}

} // namespace

Op<Answer> agg_adopt(Database &db, Arguments arguments) {
	const bool dry_run = arguments.boolean("dry_run");
	const bool mend_cursors = arguments.boolean("mend_cursors");
	const int64_t most = arguments.integer("max_rows");
	arguments.check_positive("max_rows", "Pass the maximum number of minutes to copy in one call, such as 1000000.");
	SetupRows rows(db, dry_run);
	co_await tell_functions(db, dry_run, rows);
	const size_t before = rows.done();
	co_await set_up(db, dry_run, rows);
	if (rows.done() > before) {
		// Whoever reads and writes the tables waits for the end of this transaction: it does nothing else.
		std::vector<Done> list;
		list.push_back(told("cursors and minutes", "left", "call agg_adopt() again when this transaction has ended"));
		co_await rows.tell(std::move(list));
		co_return Answer::rows();
	}
	auto cursors = [&]() -> Op<void> { co_await tell_cursors(db, mend_cursors && !dry_run, rows); };
	co_await attempt(db, "cursors", cursors, rows);
	auto minutes = [&]() -> Op<void> {
		auto copied = co_await copy_old_minutes(db, dry_run, most);
		co_await rows.tell(std::move(copied));
	};
	co_await attempt(db, "minutes of derived_data_bars", minutes, rows);
	co_return Answer::rows();
}

} // namespace aggregation
