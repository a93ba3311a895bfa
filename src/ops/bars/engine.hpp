// The engine: brings any number of tasks forward. A catch-up of one task and a pass over ten thousand are the same code: each round asks
// every task's plan what it needs, answers all probes of a kind in one statement, and packs the reads of many tasks into batches of
// windows.
#pragma once

#include "core/catch_up.hpp"
#include "core/indexes.hpp"
#include "core/range_set.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

class Progress;

/// A task on its way.
struct TaskRun {
	Task task;
	CatchUp plan;
	int64_t most_windows; // that it makes, and as many that it looks at again
	int64_t derivation_version = 1;
	bool expected_new = false; // see Segment
	WindowCounts counts;
	StopReason reason = StopReason::max_windows; // set when the run is over
	RangeSet passed {};                          // the windows that were processed on the way
	RangeSet strays {}; // windows without source, gaps and what lies behind the last one, up to their last stored bar
	// Of a task that reads minutes of an index: what they are made of, and where they were made before they were read.
	std::vector<Dependent> index_parts {};
	RangeSet index_computed {};

	// Windows before the cursor; see rederive.hpp.
	DirtyRanges dirty {};     // taken to be looked at again
	RangeSet late_passed {};  // what was looked at again
	int64_t late_windows = 0; // of these
	WindowCounts late_counts {};
	RangeSet refused {}; // of these: sealed ones, and those that would have changed if the task's late_policy let them
	bool late_work_left = false;

	Timestamp next_run {}; // when the task is due again

	bool reads_index() const {
		return !index_parts.empty();
	}
};

/// Up to where it is certain that the run has found no source from its cursor on, and nobody is to make any; the cursor, if it found some.
Timestamp no_source_until(const TaskRun &run);

/// The windows that the run has passed, if it has read their source as it is now: minutes of an index that nobody computed just now may be
/// older than their parts.
RangeSet looked_at(const TaskRun &run);

/// Runs every plan to its end. The targets of the runs must not be built from one another: of such tasks the narrower ones come first, in
/// a call of their own. `progress`, where given, is told after each batch of windows.
Op<void> run_tasks(Database &db, std::vector<TaskRun> &runs, TaskGuard *guard = nullptr, Progress *progress = nullptr);

} // namespace aggregation
