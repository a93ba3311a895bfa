// agg_grant and agg_revoke: what somebody may do who makes bars, operates, watches, reads or feeds. They act with their caller's rights.
//
// A right counts as there if it was granted to the role itself: what it has as an owner or through another role is not its duty's.
#include "ops/functions/functions.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/setup/nodes.hpp"

#include <algorithm>

namespace aggregation {

namespace {

/// Whether the caller may grant a privilege on what has this owner and these rights. GRANT and REVOKE themselves warn, of each object.
#define AGG_MAY_GRANT(owner, acl, privilege)                                                                                               \
	"(pg_has_role(" owner ", 'USAGE') OR EXISTS (SELECT FROM aclexplode(" acl ") x "                                                       \
	"WHERE x.is_grantable AND x.privilege_type = " privilege " AND pg_has_role(x.grantee, 'USAGE')))"

constexpr std::string_view duties[] = {"worker", "operator", "monitor", "reader", "consumer", "feed"};

// clang-format off

/// Who needs what on which object: the one place where a duty is spelled out. The operator may do what all others may but the feed, and mends.
///
/// What the role owns is left out: its rights there are not its duty's, and the extension itself acts with them.
///
/// Gives for each right of the duty $1: its object's name, what GRANT and REVOKE call the object (NULL: there is none), the privilege, whether the role
/// $2 itself has been granted it, and whether the caller may. Last comes the schema, which nobody needs who has no other right in it.
const Statement &rights_of_duty() {
	static const Statement statement {nullptr, R"sql(
SELECT r.name, r.called, r.privilege, r.granted, COALESCE(r.may, false) FROM (
SELECT w.name, o.called, w.privilege, EXISTS (SELECT FROM aclexplode(o.acl) a WHERE a.grantee = g.oid AND a.privilege_type = w.privilege) AS granted,
	)sql" AGG_MAY_GRANT("o.owner", "o.acl", "w.privilege") R"sql( AS may
FROM (SELECT DISTINCT name, privilege FROM (VALUES
	('worker operator', 'EXECUTE', 'agg_get_due_tasks agg_start catchup_aggregation_range agg_finish agg_heartbeat agg_wake
		agg_run agg_run_batch agg_aggregate_tasks sync_agg_state_from_registry agg_refresh_calendars agg_bootstrap_cursor
		aggregate_window aggregate_1m_to_5m_window aggregate_5m_to_1h_window calc_dxy_range_1m agg_compute_index
		ops_runlog_start ops_runlog_checkpoint ops_runlog_finish ops_runlog_prune'),
	('worker monitor operator', 'SELECT', 'v_aggregation_progress'),
	('monitor operator', 'EXECUTE', 'agg_health agg_metrics agg_rows_of_nodes agg_why agg_gaps agg_completeness'),
	('monitor operator', 'SELECT', 'v_aggregation_alerts v_aggregation_metrics v_aggregation_lag v_aggregation_quality v_aggregation_frontier_health
		v_aggregation_unread_bars v_aggregation_completeness v_aggregation_truth v_aggregation_consumers v_aggregation_tick_sources v_aggregation_retention
		data_agg_state ops_runlog agg_audit agg_refused_ranges agg_sealed_ranges agg_registry_sync'),
	('reader operator', 'EXECUTE', 'agg_bars agg_latest agg_chart agg_anchored_vwap agg_why agg_gaps agg_completeness'),
	('reader monitor operator', 'EXECUTE', 'agg_trading_days agg_calendar_windows'),
	('reader consumer operator', 'SELECT', 'derived_data_bars'),
	('reader feed operator', 'SELECT', 'data_bars'),
	('reader monitor operator', 'SELECT', 'core_asset_registry_all agg_calendars agg_calendar_sessions agg_calendar_exceptions agg_calendar_days agg_indexes'),
	('consumer operator', 'EXECUTE', 'agg_subscribe agg_unsubscribe agg_poll agg_ack'),
	('feed', 'INSERT, UPDATE', 'data_bars'),
	('feed operator', 'EXECUTE', 'agg_mark_changed agg_wake'),
	('operator', 'INSERT, UPDATE', 'core_asset_registry_all'),
	('operator', 'INSERT, UPDATE, DELETE', 'agg_calendars agg_calendar_sessions agg_calendar_exceptions agg_indexes'),
	('operator', 'EXECUTE', 'agg_reset_task agg_enable_task agg_disable_task agg_set_start agg_reset_cursor agg_set_late_policy agg_set_source
		agg_set_calendar agg_set_freshness_target agg_set_keep_revisions agg_verify agg_verify_sample agg_mend
		agg_seal_range agg_unseal_range agg_retire_source agg_set_retention agg_retire_old_minutes agg_purge_revisions agg_rollback_report
		derived_rebuild_range derived_restore_range derived_soft_delete_range derived_purge_deleted
		agg_add_tick_source agg_remove_tick_source agg_mark_ticks agg_schedule agg_unschedule')
) AS r(duties, privileges, objects), regexp_split_to_table(r.objects, '\s+') name, string_to_table(r.privileges, ', ') privilege
	WHERE $1::text = ANY (string_to_array(r.duties, ' '))) w
JOIN pg_catalog.pg_roles g ON g.rolname = $2::text
JOIN pg_catalog.pg_extension e ON e.extname = 'aggregation'
LEFT JOIN LATERAL (
	SELECT 'TABLE ' || e.extnamespace::regnamespace || '.' || quote_ident(c.relname) AS called, c.relacl AS acl, c.relowner AS owner
	FROM pg_catalog.pg_class c WHERE w.privilege <> 'EXECUTE' AND c.relnamespace = e.extnamespace AND c.relname = w.name
	UNION ALL
	SELECT 'ROUTINE ' || p.oid::regprocedure, p.proacl, p.proowner
	FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend m ON m.classid = 'pg_catalog.pg_proc'::regclass AND m.objid = p.oid AND m.refobjid = e.oid AND m.deptype = 'e'
	WHERE w.privilege = 'EXECUTE' AND p.proname = w.name) o ON true
WHERE o.owner IS DISTINCT FROM g.oid
UNION ALL
SELECT n.nspname, 'SCHEMA ' || quote_ident(n.nspname), 'USAGE', EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = g.oid AND a.privilege_type = 'USAGE'),
	)sql" AGG_MAY_GRANT("n.nspowner", "n.nspacl", "'USAGE'") R"sql(
FROM pg_catalog.pg_roles g, pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE g.rolname = $2::text AND e.extname = 'aggregation' AND n.nspowner <> g.oid) r
ORDER BY r.privilege = 'USAGE', r.called, r.privilege)sql", {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

const Statement &role_exists() {
	static const Statement statement {nullptr, "SELECT quote_ident(g.rolname) FROM pg_catalog.pg_roles g WHERE g.rolname = $1::text", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

/// Whether a role was granted anything else in the extension's schema.
const Statement &schema_needed() {
	static const Statement statement {nullptr, R"sql(
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = e.extnamespace AND a.grantee = g.oid)
	OR EXISTS (SELECT FROM pg_catalog.pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = e.extnamespace AND a.grantee = g.oid)
FROM pg_catalog.pg_roles g, pg_catalog.pg_extension e WHERE g.rolname = $1::text AND e.extname = 'aggregation')sql", {AGG_BOOL}, Planning::by_statistics};
	return statement;
}

// clang-format on

struct Right {
	std::string name;
	std::optional<std::string> called;
	std::string privilege;
	bool granted;
	bool may; // the caller grant it

	bool schema() const {
		return privilege == "USAGE";
	}
};

struct Order {
	std::string duty;
	std::string role;
	std::string quoted_role;
};

Op<std::vector<Right>> rights(Database &db, const Order &order) {
	std::vector<Right> list;
	auto take = [&](const Row &row) {
		list.push_back({std::string(row.text(0)), row.maybe_text(1), std::string(row.text(2)), row.boolean(3), row.boolean(4)});
		return Flow::more;
	};
	co_await db.query(rights_of_duty(), parameters(text_parameter(order.duty), text_parameter(order.role)), take);
	co_return list;
}

Op<Order> check(Database &db, Arguments arguments) {
	Order order {arguments.text("p_duty"), arguments.text("p_role"), ""};
	if (std::find(std::begin(duties), std::end(duties), order.duty) == std::end(duties))
		throw Error(sqlstate::invalid_parameter_value, "there is no duty \"" + order.duty + "\"",
		            "The duties are worker, operator, monitor, reader, consumer and feed.");
	auto take = [&](const Row &row) {
		order.quoted_role = row.text(0);
		return Flow::more;
	};
	co_await db.query(role_exists(), parameters(text_parameter(order.role)), take);
	if (order.quoted_role.empty())
		throw Error(sqlstate::undefined_object, "role \"" + order.role + "\" does not exist",
		            "CREATE ROLE makes one; the name is compared as it is, capitals included.");
	co_return order;
}

Op<bool> needs_schema(Database &db, const Order &order) {
	bool needed = true;
	auto take = [&](const Row &row) {
		needed = row.boolean(0);
		return Flow::more;
	};
	co_await db.query(schema_needed(), parameters(text_parameter(order.role)), take);
	co_return needed;
}

Error may_not(const Order &order, const Right &right, bool grant) {
	Error error(sqlstate::insufficient_privilege,
	            "cannot " + std::string(grant ? "grant " : "revoke ") + right.privilege + " on " + *right.called +
	                (grant ? " to " : " from ") + order.quoted_role,
	            grant ? "Call it as a superuser, or as a role that owns the tables and the extension's functions."
	                  : "Call it as the role that has granted it, or as a superuser after that role has revoked its own grant.");
	return error;
}

std::string in_sql(const Order &order, bool grant, const std::string &privilege, const std::string &objects) {
	return (grant ? "GRANT " : "REVOKE ") + privilege + " ON " + objects + (grant ? " TO " : " FROM ") + order.quoted_role;
}

/// Citus takes rights on tables to all nodes, but not those on functions of an extension.
Op<void> change_on_other_nodes(Database &db, const Order &order, const std::vector<Right> &list, bool grant) {
	constexpr std::string_view kind = "ROUTINE ";
	std::string routines;
	for (const auto &right : list) {
		if (right.called && right.called->starts_with(kind))
			routines += (routines.empty() ? std::string(kind) : ", ") + right.called->substr(kind.size());
	}
	if (!routines.empty())
		co_await run_on_other_nodes(db, in_sql(order, grant, "EXECUTE", routines));
}

/// Grants what is missing, or revokes what is there, and gives a row for each.
Op<void> change(Database &db, const Order &order, bool grant) {
	RowBuffer rows(db, 2);
	const auto before = co_await rights(db, order);
	for (const auto &right : before) {
		if (grant && !right.called)
			throw Error(sqlstate::undefined_table,
			            "there is no \"" + right.name + "\" in the schema " + db.schema() + ", which the duty " + order.duty + " needs",
			            "Run agg_setup() first.");
		if (right.called && right.granted != grant && !right.may && (grant || !right.schema()))
			throw may_not(order, right, grant);
	}
	for (const auto &right : before) {
		if (right.granted == grant || !right.called)
			continue;
		if (!grant && right.schema()) {
			const bool needed = co_await needs_schema(db, order);
			if (needed)
				continue;
		}
		const std::string sql = in_sql(order, grant, right.privilege, *right.called);
		const Statement statement {nullptr, sql.c_str()};
		co_await db.execute(statement, {});
		rows.add({cell(rows.keep(*right.called)), cell(rows.keep(right.privilege))});
	}
	// REVOKE does nothing where another role has granted the same.
	const auto after = co_await rights(db, order);
	for (const auto &right : after) {
		if (right.called && right.granted != grant && !(right.schema() && !grant))
			throw may_not(order, right, grant);
	}
	co_await change_on_other_nodes(db, order, before, grant);
	co_await rows.flush();
}

} // namespace

Op<Answer> agg_grant(Database &db, Arguments arguments) {
	const Order order = co_await check(db, arguments);
	co_await change(db, order, true);
	co_return Answer::rows();
}

Op<Answer> agg_revoke(Database &db, Arguments arguments) {
	const Order order = co_await check(db, arguments);
	co_await change(db, order, false);
	co_return Answer::rows();
}

} // namespace aggregation
