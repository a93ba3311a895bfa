#include "ops/setup/nodes.hpp"

#include "core/error.hpp"
#include "ops/boundary/holds.hpp"
#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

const Statement &ask_citus() {
	static const Statement statement {
	    nullptr, "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL", {AGG_BOOL}, Planning::by_statistics};
	return statement;
}

/// Not where the tables are not distributed: the function is not called then.
const Statement &command_others() {
	static const Statement statement {
	    nullptr,
	    "SELECT w.nodename || ':' || w.nodeport, w.result "
	    "FROM (SELECT FROM pg_dist_local_group l WHERE l.groupid = 0 AND EXISTS (SELECT FROM pg_dist_partition p "
	    "JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid JOIN pg_catalog.pg_extension e ON e.extnamespace = c.relnamespace "
	    "WHERE e.extname = 'aggregation' AND c.relname = 'data_bars')) here "
	    "CROSS JOIN LATERAL run_command_on_workers($1::text) w WHERE NOT w.success",
	    {AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

} // namespace

Op<bool> has_citus(Database &db) {
	return holds(db, ask_citus());
}

Op<void> run_on_other_nodes(Database &db, const std::string command) {
	const bool several = co_await has_citus(db);
	if (!several)
		co_return;
	std::string failure;
	auto take = [&](const Row &row) {
		failure = "node " + std::string(row.text(0)) + ": " + std::string(row.text(1));
		return Flow::more;
	};
	co_await db.query(command_others(), parameters(text_parameter(command)), take);
	if (!failure.empty())
		throw Error(sqlstate::object_not_in_prerequisite_state, failure, "What the other nodes have done by now is done. Call it again.");
}

} // namespace aggregation
