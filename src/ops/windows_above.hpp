// The cascade: when bars change, the windows of wider timeframes that are made of them have to be looked at again.
//
//      5m bars  ....|x|....|x|x|....        changed in this transaction
//      1h       [--------)[--------)        marked dirty in the same transaction, for each task that is built from 5m
//
// A window above that has not ended yet is not marked. Nobody can have derived it: a task derives only what is over, and one whose snapshot
// is too old to see the rows that these bars are made of looked at an older clock. One whose snapshot is not older finds that the task
// below has something unread in that window, and waits.
#pragma once

#include "core/range_set.hpp"
#include "core/timeframe.hpp"
#include "ops/database.hpp"
#include "ops/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// Bars of one symbol and timeframe that were written or deleted.
struct ChangedBars {
	std::string symbol;
	const Timeframe *timeframe;
	RangeSet windows;
};

/// Marks the windows above. `now` is where the caller's clock stands; the database's counts where it is ahead.
Op<void> mark_windows_above(Database &db, const std::vector<ChangedBars> &changes, Timestamp now);

} // namespace aggregation
