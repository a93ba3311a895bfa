// Cursors that ran ahead of their source, or that somebody wants back.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <vector>

namespace aggregation {

struct MovedCursor {
	TaskKey key;
	Timestamp from;
	Timestamp to;
};

/// Locks these tasks and reads those that have a cursor, if only one past the end of time. A row that makes no sense otherwise is left out,
/// and the caller told; a single one is thrown.
Op<std::vector<Task>> lock_cursors(Database &db, const std::vector<TaskKey> &keys);

/// Moves back those of the tasks' cursors that ran ahead of their source, or that are behind `to`. The tasks are locked, and have cursors.
Op<std::vector<MovedCursor>> move_cursors_back(Database &db, const std::vector<Task> &tasks, std::optional<Timestamp> to);

} // namespace aggregation
