// The proof: recomputes bars from their source by a path that shares nothing with the engine but the timeframes, one plain SQL statement,
// and compares them with what is stored, column by column, bit by bit.
#pragma once

#include "core/timestamp.hpp"
#include "ops/database.hpp"
#include "ops/op.hpp"
#include "ops/tasks.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// One thing that is not as it should be.
struct Difference {
	TaskKey key;
	Timestamp window;
	std::string kind;   // missing, surplus, differs, stale_version
	std::string column; // where it differs; else empty
	std::optional<std::string> stored;
	std::optional<std::string> expected;
	std::string explanation; // pending: will be made again; refused: the task's late_policy; deleted: by hand; empty: there should be none
};

/// What is looked at: windows of a task between its start and its cursor, in [from, to).
struct Verification {
	Task task;
	Timestamp from;
	Timestamp to;

	int64_t windows() const {
		return from < to ? (to - from).us / task.target.width().us : 0;
	}
};

/// The part of [from, to) that can be verified: whole windows that the task has passed, as far as there is source or bars. Empty where
/// there is nothing.
Op<Verification> verifiable(Database &db, const Task &task, Timestamp from, Timestamp to);

Op<std::vector<Difference>> verify(Database &db, const Verification &what);

/// The minutes of the index in [from, to), against its pairs. Values may differ by 1e-8, the last digit kept. Minutes that a feed delivered
/// are not looked at.
Op<std::vector<Difference>> verify_index_minutes(Database &db, Timestamp from, Timestamp to);

} // namespace aggregation
