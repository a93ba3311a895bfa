// What agg_setup() says of tables that TimescaleDB manages: nothing is missing there, but whoever sets up wants to know what was found.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// A notice for each table of bars that is a hypertable: its chunks, and how they are compressed.
Op<void> tell_hypertables(Database &db);

} // namespace aggregation
