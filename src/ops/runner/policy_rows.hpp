// Which rows of agg_retention are a runner's own.
//
//   a single node    those without shards: a row is the policy, and says how far it has been carried out
//   a node of many   each group of shards has its own, called after where its hash values begin, in the node's copy of the table, which
//   this
//                    node alone writes; Citus writes the policies in all copies
//
// A group that comes to a node, or is made by a split, begins anew there: what is old is looked for, not remembered.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>

namespace aggregation {

/// Gives the group a row for each policy. Answers what its rows say in `shards`.
Op<std::string> provide_policies(Database &db);

} // namespace aggregation
