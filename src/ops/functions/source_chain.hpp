// What a window's source is missing further down: the chain of tasks between the window's own and the bars that are ingested.
#pragma once

#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <string>

namespace aggregation {

/// What keeps each task below from making the window's source, and where the ingested bars end (of the index: those of its pairs), as
/// clauses that each begin with "; ". Empty if there is nothing to say.
Op<std::string> obstacles_below(Database &db, const Task task, const TimeRange window);

} // namespace aggregation
