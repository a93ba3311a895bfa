// agg_rows_of_nodes: what the views of a distributed database read of each group of shards (setup/views_of_nodes.hpp), with the name of the
// node that the group is on.
#include "ops/functions/functions.hpp"

#include "ops/setup/nodes.hpp"
#include "ops/setup/views_of_nodes.hpp"

namespace aggregation {

namespace {

constexpr const char *name_of_node = "(SELECT n.nodename || ':' || n.nodeport FROM pg_catalog.pg_dist_node n "
                                     "JOIN pg_catalog.pg_dist_local_group l ON l.groupid = n.groupid WHERE n.noderole = 'primary')";

} // namespace

Op<Answer> agg_rows_of_nodes(Database &db, Arguments arguments) {
	const std::string what = arguments.text("p_what");
	const SetQuery *query = find_set_query(what);
	if (query == nullptr)
		throw Error(sqlstate::invalid_parameter_value, "there is nothing called \"" + shortened(what) + "\" to be asked of nodes",
		            "Read the views v_aggregation_..., which ask the nodes.");
	const bool several = co_await has_citus(db);
	const std::string sql = std::string("SELECT ") + (several ? name_of_node : "NULL::text") + " AS node, q.* FROM (" + query->text + ") q";
	const Statement statement {"data_agg_state", sql.c_str(), {}, Planning::by_statistics};
	co_await db.emit_query(statement, {});
	co_return Answer::rows();
}

} // namespace aggregation
