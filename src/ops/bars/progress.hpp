// How far a running call is, for other sessions to see before anything is committed (view v_aggregation_progress).
#pragma once

#include "ops/bars/engine.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

class Progress {
public:
	/// `activity` is the SQL function that is running.
	Progress(Database &db, const char *activity) : db_(db), activity_(activity), started_(db.clock()) {
	}

	/// So many windows lie ahead from here, empty ones included.
	void expect(int64_t windows) {
		windows_total_ = windows_done_ + windows;
	}
	/// Runs went on by `windows`, jumped-over ones included; `run` is one of them.
	Op<void> advance(const TaskRun &run, int64_t windows);

private:
	Database &db_;
	const char *activity_;
	Timestamp started_;
	int64_t windows_done_ = 0;
	int64_t windows_total_ = 0;
};

/// How many windows of the task end, with its delay, between its cursor and `now`.
int64_t windows_ahead(const Task &task, Timestamp cursor, Timestamp now);

} // namespace aggregation
