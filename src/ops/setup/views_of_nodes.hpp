// The views where the tables are distributed over several nodes: what a view says is read of each group of shards, where it is, and put
// together where it is asked for (agg_rows_of_nodes).
#pragma once

#include "ops/setup/setup_plan.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// What can be asked of a set of tables.
struct SetQuery {
	std::string name;
	std::string text;
};

/// nullptr: there is none of this name.
const SetQuery *find_set_query(std::string_view name);

struct ViewColumns {
	std::string names; // as a list
	std::string typed; // as a column definition list
};
using ColumnsOfViews = std::map<std::string, ViewColumns, std::less<>>;

/// The view's definition on several nodes, with the columns that it has. nullopt: it stays as it is.
std::optional<std::string> definition_on_nodes(const std::string &view, const ColumnsOfViews &columns);

} // namespace aggregation
