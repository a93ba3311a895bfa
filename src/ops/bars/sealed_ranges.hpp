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

#include <string>
#include <vector>

namespace aggregation {

struct Seal {
	std::string symbol;
	Timestamp from;
	Timestamp to;
};

/// Seals what was made of bars of this timeframe, symbol by symbol. Seals of a symbol that touch and have the same reason become one; one
/// that covers another stays as it is.
Op<void> put_seals(Database &db, const std::vector<Seal> seals, const std::string timeframe, const std::string reason);

/// Puts the sealed windows of each segment into its `sealed`.
Op<void> find_sealed(Database &db, std::vector<Segment> &segments);

/// The sealed windows of a task.
Op<RangeSet> sealed_windows(Database &db, const Task &task);

} // namespace aggregation
