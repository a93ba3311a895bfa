// At most one transaction at a time derives the bars of a task: the one that holds the lock on the task's row, until it ends. Else one that
// read the source earlier could overwrite what another made of newer source.
//
// A catch-up over windows that are there already mostly finds nothing to write, and a lock is a write. So it may begin without: then
// nothing is written before the lock is held and the source is read once more.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

namespace aggregation {

class TaskGuard {
public:
	TaskGuard(Database &db, TaskKey key) : db_(db), key_(std::move(key)) {
	}
	/// Waits for the lock. True if it was not held before: what was read without it may be old. (Without a task there is nothing to guard.)
	Op<bool> acquire();
	/// The same for bars that were computed from `source` before: meanwhile the task may have got another one, or another calendar.
	Op<void> acquire_late(const Grid &source);
	bool held() const {
		return held_;
	}
	/// What is derived is not what the task's source gives, and has to be looked at again.
	bool has_other_source() const {
		return other_source_;
	}

private:
	Database &db_;
	TaskKey key_;
	bool held_ = false;
	bool other_source_ = false;
};

/// Waits for the locks of all these tasks, in the order of their keys.
Op<void> lock_tasks(Database &db, const std::vector<TaskKey> &keys);

} // namespace aggregation
