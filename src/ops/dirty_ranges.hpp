// agg_dirty_ranges: for each task the windows that have to be looked at again. Rows of one task may overlap; whoever takes them gets them
// merged.
//
// The rule that everything rests on: a range is deleted only by a transaction that afterwards reads the source of its windows, and writes
// what comes out, before it commits. If it does not commit, the range is still there.
#pragma once

#include "core/range_set.hpp"
#include "ops/database.hpp"
#include "ops/op.hpp"
#include "ops/tasks.hpp"

#include <span>
#include <vector>

namespace aggregation {

/// What is marked for a task, in whole windows of its timeframe.
struct DirtyRanges {
	RangeSet due;     // 'now': a reason to run the task
	RangeSet ahead;   // 'once_passed': the same as soon as the cursor is behind it, unless the run that gets there looks at it itself
	RangeSet recheck; // 'next_run': looked at when the task runs anyway

	bool empty() const {
		return due.empty() && ahead.empty() && recheck.empty();
	}
	RangeSet all() const;
	void add(const DirtyRanges &other);
};

struct TaskMark {
	const TaskKey *key; // lives until the mark is stored
	DirtyRanges ranges;
};

/// Whether any task has dirty ranges at all; mostly not.
Op<bool> any_dirty(Database &db);

/// Whether this task has.
Op<bool> is_dirty(Database &db, const TaskKey &key);

/// Deletes and returns the marks of these tasks, in the same order; of each those that begin before a time of its own. Those that another
/// transaction holds at this moment are left alone.
Op<std::vector<DirtyRanges>> take_dirty(Database &db, const std::vector<TaskKey> &keys, const std::vector<Timestamp> &before);

/// Stores marks.
Op<void> mark_dirty(Database &db, const std::vector<TaskMark> &marks);

/// Stores those marks that no stored one covers. The covering ones are held until the transaction ends, so that whoever takes them looks
/// after what it has done.
Op<void> mark_uncovered(Database &db, std::vector<TaskMark> marks);

/// Stores marks merged with those that are there already, so that what nobody works off stays small.
Op<void> merge_dirty(Database &db, std::vector<TaskMark> marks);

/// Marks what lies between the cursors of these tasks and `until`: a claim that ended without moving the cursor may have left bars there.
Op<void> mark_ahead(Database &db, const std::vector<TaskKey> &keys, Timestamp until);

/// Windows whose late source a task with late_policy 'freeze' refused: listed in agg_refused_ranges, merged with what is listed there.
Op<void> list_refused(Database &db, const TaskKey &key, const RangeSet &refused);

} // namespace aggregation
