// What the views say of policies of retention, for which rows of agg_retention tell: those of the table on a single node, those of a group
// of shards on a node of many (ops/runner/policy_rows.hpp), as `r`.
#pragma once

#include <string>

namespace aggregation {

inline constexpr const char *all_policies = "@agg_retention r";
/// The policies themselves, which have done nothing there, and what the group has done.
inline constexpr const char *policies_of_group = "@agg_retention r JOIN @agg_hash_values h ON r.shards IN ('', h.first_hash::text)";

/// v_aggregation_retention: one row per policy.
std::string retention_view(const std::string &policies);
/// The same of all groups together, whose rows are `rows`, as `r`.
std::string retention_on_nodes(const std::string &rows);

/// As alarms() are (health_views.hpp).
std::string retention_alarms(const std::string &policies);
/// As figures_of_tasks() are.
std::string figures_of_retention(const std::string &policies);

} // namespace aggregation
