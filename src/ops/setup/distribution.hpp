// What becomes of the tables of a single node where Citus distributes them by symbol.
//
//   of a symbol          sharded by canonical_symbol, all of them alike: a group of shards is what the engine works on (table_set.h)
//   of all symbols       a copy on each node
//   kept from others     agg_timeframes, agg_next_due: no use to a group, which asks its few tasks
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

struct DistributionStep {
	std::string object;
	std::string action; // as a participle: "distributed"
	std::string sql;
};

/// Locks all that is to be distributed, and the views: who came to a table later, with others of them locked, would wait for the copy, and the
/// copy for him. 55P03 where that does not come about.
Op<void> keep_everybody_out(Database &db);

/// What is left to do; nothing where all is distributed. Throws where the database is not ready for it.
Op<std::vector<DistributionStep>> distribution_steps(Database &db, int64_t shard_count);

} // namespace aggregation
