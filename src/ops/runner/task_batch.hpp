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
	int64_t max_windows; // of each task
	Timestamp now;
	int64_t derivation_version = 1;
	Progress *progress = nullptr;
};

/// Runs tasks of one timeframe. Minutes of a synthetic index are computed before the bars that read them.
Op<std::vector<TaskRun>> run_batch(Database &db, std::vector<Task> tasks, const BatchOrder &order);

} // namespace aggregation
