// agg_dirty_ranges: for each task the windows that have to be looked at again. Rows of one task may overlap; whoever takes them gets them
// merged.
//
// The rule that everything rests on: a range is deleted only by a transaction that afterwards reads the source of its windows, and writes
// what comes out, before it commits. If it does not commit, the range is still there.
#pragma once

#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <span>
#include <vector>

namespace aggregation {

/// What is marked for a task. A mark ahead of the cursor waits until the cursor has passed it.
struct DirtyRanges {
	RangeSet now;      // a reason to run the task
	RangeSet next_run; // looked at when the task runs anyway

	bool empty() const {
		return now.empty() && next_run.empty();
	}
	RangeSet all() const;
	void add(const DirtyRanges &other);
};

struct TaskMark {
	const TaskKey *key; // lives until the mark is stored
	DirtyRanges ranges;
};

/// Whether this task has.
Op<bool> is_dirty(Database &db, const TaskKey &key);

struct TakenMarks {
	DirtyRanges ranges;
	bool reasons_left = false; // to run, before the cursor: perhaps
};

/// Deletes and returns marks of these tasks, in the same order: of each the newest `most` of those that begin before its cursor, and the
/// oldest `most` of the others; and where those are not all reasons to run, the newest `most` that are. Those that another transaction holds
/// at this moment are left alone.
Op<std::vector<TakenMarks>> take_dirty(Database &db, const std::vector<TaskKey> &keys, const std::vector<Timestamp> &cursors, int64_t most);

/// Stores marks.
Op<void> mark_dirty(Database &db, const std::vector<TaskMark> &marks);

/// Stores those marks that no stored one covers. The covering ones are held until the transaction ends, so that whoever takes them looks
/// after what it has done.
Op<void> mark_uncovered(Database &db, std::vector<TaskMark> marks);

/// Stores marks merged with those that they touch, so that marks which nobody processes stay few, at a cost that depends on these marks
/// alone. Thousands of scattered ranges of one task become fewer and wider ones.
Op<void> merge_dirty(Database &db, std::vector<TaskMark> marks);

/// Windows whose late source a task with late_policy 'freeze' refused, or a seal; and minutes of ticks that a seal did: listed in
/// agg_refused_ranges, merged with what is listed there.
Op<void> list_refused(Database &db, const TaskKey &key, const RangeSet &refused);

/// Takes what is to be looked at again out of agg_refused_ranges; of each mark, what that was. What was refused beside it stays listed.
Op<std::vector<RangeSet>> forget_refused(Database &db, const std::vector<TaskMark> &looked_at);

} // namespace aggregation
