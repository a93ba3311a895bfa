#include "ops/setup/setup_own.hpp"

#include "core/error.hpp"
#include "core/failure.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/old_functions.h"
#include "ops/setup/own_tables.h"
#include "ops/setup/setup_plan.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string_view>

namespace aggregation {

namespace {

#define AGG_CALLER "(SELECT u.oid FROM pg_catalog.pg_roles u WHERE u.rolname = current_user)"

// clang-format off

// $1: schema; $2: our tables.
const Statement &intruders() {
	static const Statement statement {nullptr, R"sql(
SELECT x.kind, x.name, c.relname::text
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL )sql" AGG_INTRUDERS(AGG_CALLER) R"sql(
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY ($2::text[]) AND c.relname ~ '^agg_' AND c.relkind IN ('r', 'p')
ORDER BY 3, 1, 2)sql",
		{AGG_TEXT, AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// $1: schema; $2: a view of ours. What it says is asked only of those that it is believed of. Who may read it may read what takes its
// place, its owner, too, unless it was a stranger's: the grants, as statements, each behind "; ".
const Statement &present_view() {
	static const Statement statement {nullptr, R"sql(
SELECT c.relkind = 'v' AS is_view,
	c.relowner = )sql" AGG_CALLER " OR " AGG_TRUSTED("c.relowner") R"sql( AS trusted,
	pg_get_userbyid(c.relowner)::text AS owner,
	COALESCE((
		SELECT string_agg('; GRANT ' || g.privilege || ' ON ' || chr(64) || c.relname || ' TO ' || g.grantee || g.option, ''
			ORDER BY g.grantee, g.privilege)
		FROM (
			SELECT x.privilege_type AS privilege,
				CASE x.grantee WHEN 0 THEN 'PUBLIC'
				ELSE (SELECT )sql" AGG_QUOTED_ROLE("u.rolname") R"sql( FROM pg_catalog.pg_roles u WHERE u.oid = x.grantee) END AS grantee,
				CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
			FROM aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) x
			WHERE x.grantee <> c.relowner OR x.privilege_type = 'SELECT') g
		WHERE g.grantee IS NOT NULL AND ()sql" AGG_OWNS_THE_REST " OR " AGG_TRUSTED("c.relowner") R"sql()), '') AS grants
FROM pg_catalog.pg_class c
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = $2::text)sql",
		{AGG_BOOL, AGG_BOOL, AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// $1: schema. Whoever owns the tables of bars and tasks may read a new view of them, whoever makes it.
const Statement &owner_of_the_rest() {
	static const Statement statement {nullptr, R"sql(
SELECT )sql" AGG_QUOTED_ROLE("u.rolname") R"sql(
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_roles u ON u.oid = c.relowner
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = 'data_bars' AND u.rolname <> current_user AND )sql" AGG_OWNS_THE_REST,
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// clang-format on

// Whether two views say the same; and whether the first one can become the second where it stands: its columns are there, in the same
// order.
const Statement &compare_views() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT pg_get_viewdef(a.oid) = pg_get_viewdef(b.oid), NOT EXISTS (
	SELECT FROM pg_catalog.pg_attribute o
	LEFT JOIN pg_catalog.pg_attribute n ON n.attrelid = b.oid AND n.attnum = o.attnum
	WHERE o.attrelid = a.oid AND o.attnum > 0
		AND (o.attname, o.atttypid, o.atttypmod, o.attcollation) IS DISTINCT FROM (n.attname, n.atttypid, n.atttypmod, n.attcollation))
FROM pg_catalog.pg_class a
JOIN pg_catalog.pg_class b ON a.relnamespace = b.relnamespace
WHERE a.relnamespace = $1::text::regnamespace AND a.relname = $2::text AND b.relname = $3::text)sql",
	                                  {AGG_BOOL, AGG_BOOL},
	                                  Planning::by_statistics};
	return statement;
}

// $1: schema; $2: a view of ours. What depends on it and keeps it from being dropped.
const Statement &dependents() {
	static const Statement statement {
	    nullptr,
	    "SELECT DISTINCT " AGG_DEPENDENT(
	        "d") " FROM pg_catalog.pg_class c "
	             "JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid "
	             "WHERE c.relnamespace = $1::text::regnamespace AND c.relname = $2::text AND d.deptype = 'n' AND NOT ("
	             "d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid IN ("
	             "SELECT r.oid FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid)) ORDER BY 1",
	    {AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

// $1: schema; $2: our tables. Something else in the place of one: a view, whose owner could be anybody.
const Statement &no_tables() {
	static const Statement statement {
	    nullptr,
	    "SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY ($2::text[]) "
	    "AND c.relkind NOT IN ('r', 'p') ORDER BY 1 LIMIT 1",
	    {AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

// A name that nobody can have taken.
const Statement &fresh_name() {
	static const Statement statement {
	    nullptr, "SELECT 'v_aggregation_' || replace(gen_random_uuid()::text, '-', '')", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

struct PresentView {
	bool is_view;
	bool trusted;
	std::string owner;
	std::string grants; // as statements, each behind "; "
};

Op<std::optional<PresentView>> find_view(Database &db, const std::string schema, const std::string name) {
	std::optional<PresentView> found;
	auto take = [&](const Row &row) {
		found = PresentView {row.boolean(0), row.boolean(1), std::string(row.text(2)), std::string(row.text(3))};
		return Flow::more;
	};
	co_await db.query(present_view(), parameters(text_parameter(schema), text_parameter(name)), take);
	co_return found;
}

/// Quoted; nobody where there are no tables of bars yet, or they are the caller's.
Op<std::optional<std::string>> find_owner_of_the_rest(Database &db, const std::string schema) {
	std::optional<std::string> owner;
	auto take = [&](const Row &row) {
		owner = row.text(0);
		return Flow::more;
	};
	co_await db.query(owner_of_the_rest(), parameters(text_parameter(schema)), take);
	co_return owner;
}

/// What depends on a view, as a list; empty if nothing does.
Op<std::string> depend_on(Database &db, const std::string schema, const std::string name) {
	std::string list;
	auto take = [&](const Row &row) {
		list += (list.empty() ? "" : ", ") + std::string(row.text(0));
		return Flow::more;
	};
	co_await db.query(dependents(), parameters(text_parameter(schema), text_parameter(name)), take);
	co_return list;
}

/// How a view differs from ours.
enum class Difference {
	none,
	text,    // it has our columns, or the first of them
	columns, // it must be dropped to become ours
	unknown  // a table has not yet what ours reads
};

/// PostgreSQL's text of both is compared, ours being made for a moment under another name. Where it cannot be made because a table has not
/// what it reads, the other one cannot be like it; where the caller may not, nothing is known against it.
Op<Difference> difference_of(Database &db, const std::string schema, const WantedView &wanted) {
	const auto nothing = [](const Row &) { return Flow::more; };
	std::string name;
	auto take_name = [&](const Row &row) {
		name = row.text(0);
		return Flow::more;
	};
	co_await db.query(fresh_name(), {}, take_name);
	const std::string sql = "CREATE VIEW @" + name + " AS " + wanted.definition;
	Difference difference = Difference::none;
	auto take = [&](const Row &row) {
		difference = row.boolean(0) ? Difference::none : row.boolean(1) ? Difference::text : Difference::columns;
		return Flow::more;
	};
	const std::string present = wanted.name;
	const auto fault = co_await in_subtransaction(db, IfDone::undo, [&]() -> Op<void> {
		const Statement create {nullptr, sql.c_str(), {}, Planning::by_statistics};
		co_await db.query(create, {}, nothing);
		auto list = parameters(text_parameter(schema), text_parameter(present), text_parameter(name));
		co_await db.query(compare_views(), std::move(list), take);
	});
	if (!fault)
		co_return difference;
	const Error &error = fault->error();
	if (failure_kind(error) == FailureKind::everything)
		fault->raise();
	co_return error.sqlstate.starts_with("42") && error.sqlstate != sqlstate::insufficient_privilege ? Difference::unknown
	                                                                                                 : Difference::none;
}

} // namespace

Op<std::vector<Step>> plan_own_tables(Database &db) {
	const std::string schema = db.schema();
	std::vector<Step> steps;
	auto take = [&](const Row &row) {
		const std::string kind(row.text(0));
		const std::string name(row.text(1));
		const std::string table(row.text(2));
		const std::string detail =
		    kind == "owner"
		        ? "it belongs to \"" + name +
		              "\", who lacks the rights of the extension's owner and can write anything into it; check what is in "
		              "it, then ALTER TABLE ... OWNER TO somebody you trust"
		        : kind + " \"" + name +
		              "\" does not belong on it: nothing else may run when one of the extension's own tables is written; remove it";
		steps.push_back({"table " + table, Action::cannot_mend, "", detail});
		return Flow::more;
	};
	co_await db.query(intruders(), parameters(text_parameter(schema), text_array(wanted_table_names())), take);
	co_return steps;
}

Op<std::vector<Step>> plan_views(Database &db) {
	const std::string schema = db.schema();
	std::vector<Step> steps;
	std::string no_table;
	auto take_no_table = [&](const Row &row) {
		no_table = row.text(0);
		return Flow::more;
	};
	co_await db.query(no_tables(), parameters(text_parameter(schema), text_array(wanted_table_names())), take_no_table);
	const auto owner = co_await find_owner_of_the_rest(db, schema);
	for (const auto &view : wanted_views()) {
		const std::string name = view.name;
		const std::string object = "view " + name;
		const std::string as = " @" + name + " AS " + view.definition;
		const auto present = co_await find_view(db, schema, name);
		if (!no_table.empty()) {
			if (!present || !present->trusted)
				steps.push_back({object, Action::cannot_mend, "",
				                 "it must read \"" + no_table + "\", which is not a table; fix that first, then run agg_setup() again"});
			continue;
		}
		if (!present) {
			const std::string grant = owner ? "; GRANT SELECT ON @" + name + " TO " + *owner : "";
			steps.push_back({object, Action::create, "CREATE VIEW" + as + grant, ""});
			continue;
		}
		if (!present->is_view) {
			steps.push_back({object, Action::cannot_mend, "",
			                 "a relation of this name exists that is not a view (it belongs to \"" + present->owner +
			                     "\"); rename it and run agg_setup() again"});
			continue;
		}
		Difference difference = Difference::columns;
		if (present->trusted)
			difference = co_await difference_of(db, schema, view);
		if (difference == Difference::none)
			continue;
		if (difference == Difference::text) {
			steps.push_back({object, Action::replace, "CREATE OR REPLACE VIEW" + as, ""});
			continue;
		}
		const std::string above = co_await depend_on(db, schema, name);
		if (!above.empty() && difference == Difference::columns) {
			steps.push_back({object, Action::cannot_mend, "",
			                 "it has other columns or an owner who is not trusted, and cannot be dropped to be made anew: " + above +
			                     " depends on it; look at that, drop it, and run agg_setup() again"});
			continue;
		}
		steps.push_back({object, Action::replace, "DROP VIEW @" + name + "; CREATE VIEW" + as + present->grants, ""});
		if (!above.empty())
			steps.back().detail = "cannot mend if its columns change: " + above + " depends on it";
	}
	co_return steps;
}

} // namespace aggregation
