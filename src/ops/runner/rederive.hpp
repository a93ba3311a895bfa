// Truth under change: what happens to windows that a task has passed and whose source changed afterwards.
//
//                      cursor before        cursor after
//   [###]   [####]         | [##########]   |    [##]        marked windows (dirty_ranges.hpp)
//     '--------'                '----------'      '--------- put back: whoever passes them reads them anyway
//     recomputed,          of these, what was passed just now is done
//     newest first, at most max_windows a call; the rest is put back
//
// Bars ahead of a cursor (a worker left them, a cursor went back) need no mark: whoever passes them reads their source, and where a run
// finds no source, at a gap or at the end, it looks whether bars are stored there (TaskRun::strays); these are recomputed, too.
//
// Nothing new is made before a task's start, but a bar that is there stays true. A task with late_policy 'freeze' computes what lies before
// its cursor, too, but lists what would have changed (agg_refused_ranges) instead of writing it. A bar that comes out the same is not written
// or listed, and nothing above it is marked.
#pragma once

#include "ops/bars/engine.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

/// Takes marks of the runs' tasks, whose rows must be locked and which will go on by at most `max_windows`: as many as the call can work
/// off. To be called before any of their source is read.
Op<void> take_late_work(Database &db, std::vector<TaskRun> &runs, int64_t max_windows);

/// After run_tasks(): looks at what was taken and at strays, at most `most_windows` of each task, and counts the late rows of each task in
/// its row.
Op<void> rederive(Database &db, std::vector<TaskRun> &runs, IndexMinutes &minutes, TaskGuard *guard = nullptr);

} // namespace aggregation
