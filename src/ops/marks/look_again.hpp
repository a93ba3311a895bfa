// Windows that are looked at again although this transaction has just read their source: it cannot be sure that those who change source
// or bars meanwhile will tell it.
//
//   whoever derives   sees the database as it was when it began, or derives tasks that nobody else can see yet: everything it reads
//   wider windows     made of bars that another transaction may be changing at this moment: that one does not mark a window above that has
//                     not ended yet (windows_above.hpp), so windows are certain only if they had ended before the oldest such transaction
//                     began
//   recent tasks      which such a transaction, or one that has absorbed its own changes, may not know yet (recent_tasks.hpp): none of
//                     their windows is certain
//
// The marks are stored at the moment when the transaction commits, so that it does not work them off itself. What was passed for the first
// time by one who may miss changes is looked at as soon as possible, everything else when the task runs next: who looks again with another
// old snapshot must not make a task due for ever.
#pragma once

#include "core/range_set.hpp"
#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

/// Windows that end at or before this instant are certain to be told of. '-infinity': none is.
struct CertainUntil {
	Timestamp end;
};

enum class Look { as_soon_as_possible, with_next_run };

/// Windows of one task that are about to be read.
struct Reading {
	std::string_view symbol;
	const Grid *source;
	const Grid *target;
};

/// Of each. To be asked before the source is read.
Op<std::vector<CertainUntil>> certain_until(Database &db, const std::vector<Reading> &readings);

class LookAgain {
public:
	/// Takes the windows of the range, which is aligned to the target, that are not certain. Symbol and target must outlive it.
	void add_uncertain(std::string_view symbol, const Grid &target, const TimeRange &range, CertainUntil certain, Look look);
	Op<void> note(Database &db) const;

private:
	std::vector<agg_cell> cells_;
};

} // namespace aggregation
