// Up to when the source of a task is complete.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <vector>

namespace aggregation {

/// For each task the instant before which its source will not change by work that is still to be done: the first bar that the task which
/// writes its source (or one further down the chain to 1m) has not processed yet. A window that ends later must wait, else an hour would
/// be made of 8 of its 12 five-minute bars because the 5m task was late. Infinity where the source is ingested, where no task writes it,
/// and where every task down the chain has processed all there is: an empty source is nothing to wait for.
Op<std::vector<Timestamp>> source_watermarks(Database &db, const std::vector<Task> &tasks);

} // namespace aggregation
