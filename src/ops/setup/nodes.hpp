// The nodes of a Citus cluster, as its catalogs know them.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>

namespace aggregation {

/// Whether Citus is installed in this database: without it, its catalogs are not there.
Op<bool> has_citus(Database &db);

/// Where this is the node that is asked for all others, and has distributed the tables: runs a command on each of the others, in a
/// transaction of its own. Elsewhere nothing happens.
Op<void> run_on_other_nodes(Database &db, const std::string command);

} // namespace aggregation
