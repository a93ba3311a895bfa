// What the windows of some segments come to: their source is read, by key or by time, and folded as it streams past.
#pragma once

#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <vector>

namespace aggregation {

/// The windows of the segments that have source rows, by segment and then by time. All sources must be in the same table. Tells the
/// segments' plans of each. The same bits whichever way the rows come.
Op<std::vector<ComputedWindow>> compute_windows(Database &db, std::vector<Segment> &segments);

} // namespace aggregation
