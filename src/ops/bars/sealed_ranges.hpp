// agg_sealed_ranges: times whose bars were removed by retention. What was made of them stays as it is, whatever becomes of the source.
//
//   retired: 1m bars of a time     [######)           the windows that touch it stay as they are, in each timeframe that is made of 1m
//   5m windows                     |---|---|---|
//                                   sealed  .
//
// A row says of which timeframe the bars were (NULL: 1m) and of which symbol (NULL: all). Where derived bars were retired, the windows of
// their own timeframe that begin in the range are sealed, too: nobody makes them again.
//
// The one who writes bars keeps the seals, and asks for them after it has read the source: the seal is committed together with the removal,
// so a transaction that misses the source knows of the seal.
#pragma once

#include "core/range_set.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <vector>

namespace aggregation {

/// Puts the sealed windows of each segment into its `sealed`.
Op<void> find_sealed(Database &db, std::vector<Segment> &segments);

/// The sealed windows of a task.
Op<RangeSet> sealed_windows(Database &db, const Task &task);

} // namespace aggregation
