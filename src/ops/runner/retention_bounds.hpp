// How far bars may be removed because they are old: never ahead of what is derived from them.
//
//   bars of 1m      |######|######|######|######|######|###       now
//   wanted                                 ^ older than a policy keeps them
//   5m, 1h          done                            ^ cursor
//   1w              |----------------|----------------|-- done      ^ cursor
//   may go          |################|
//
// The source of a window goes only once the whole window is that old, and nothing is left to be done before its end:
//
//   readers     the tasks that are made of these bars, and of index minutes that are made of them: their cursors have passed it, no mark
//               of theirs lies before it
//   makers      the task that makes these bars, and those below it: as long as one of them may change a bar, so may its readers
//   the log     changes of minutes that no run has absorbed; ticks whose minutes are not made
//
// The tasks are locked while this is looked at and until the transaction ends, so nobody is in the middle of deriving one of them: what
// such a run had marked could not be seen yet. A change that commits afterwards comes too late, as it would a moment later: what it
// touches is sealed, and is listed as refused.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

struct RetentionBound {
	Timestamp before;         // what begins before this may go
	std::string waits_for {}; // why not all that is wanted may go, for people; empty: it may, but for windows that are not old enough
	bool busy = false;        // somebody works on one of the tasks at this moment
};

/// For each of the symbols, of its bars of that timeframe that begin before `wanted`. Not with a fixed snapshot.
Op<std::vector<RetentionBound>> retention_bounds(Database &db, const std::vector<std::string> symbols, const std::string timeframe,
                                                 Timestamp wanted);

} // namespace aggregation
