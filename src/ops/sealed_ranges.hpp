// agg_sealed_ranges: times whose source was removed by retention. The bars made of it stay as they are, whatever becomes of the source.
#pragma once

#include "core/range_set.hpp"
#include "ops/database.hpp"
#include "ops/op.hpp"
#include "ops/tasks.hpp"

namespace aggregation {

/// The windows of a task that are sealed: those of a task that reads 1m bars that touch a sealed range of its symbol or of all symbols.
/// Other tasks read bars that retention of 1m bars does not remove; none of their windows is sealed.
Op<RangeSet> sealed_windows(Database &db, const Task &task);

} // namespace aggregation
