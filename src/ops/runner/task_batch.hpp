// A batch of tasks, run from their stored cursors and recorded in their rows: bars, cursors, totals and schedules together, in the caller's
// transaction.
#pragma once

#include "ops/bars/engine.hpp"
#include "ops/bars/progress.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

struct BatchOrder {
	int64_t max_windows;      // of each task
	int64_t max_late_windows; // before its cursor
	Timestamp now;
	int64_t derivation_version = 1;
	Progress *progress = nullptr;
};

/// Tasks that may run together, in the order in which they are to run: first all that are made of minutes, which are read once for a
/// symbol's timeframes, then narrow timeframes before wide ones, so that an hour sees the 5m bars of the same call.
std::vector<std::vector<Task>> in_groups(std::vector<Task> tasks);

/// Runs tasks of one group. Minutes of a synthetic index are computed before the bars that read them.
Op<std::vector<TaskRun>> run_batch(Database &db, std::vector<Task> tasks, const BatchOrder &order);

} // namespace aggregation
