// Which tasks are due, most urgent first.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/environment.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// A task that is idle, enabled, and due or dirty.
struct DueTask {
	TaskKey key;
	std::optional<std::string> source; // source_timeframe, as configured
	std::optional<int64_t> run_interval_minutes;
	std::optional<int64_t> delay_seconds;
	std::optional<Timestamp> cursor;
	std::string status;
	std::optional<int64_t> hard_fail_streak;
	std::optional<int64_t> priority;
	bool mandatory = false;
	std::optional<Timestamp> last_success;
	int64_t place = 0;  // ctid, see AGG_TID
	bool dirty = false; // has late work, whether its time has come or not
	Duration width;     // of its windows; the longest there is for a timeframe that makes no sense
};

/// Mandatory tasks first; then the shorter window; then task_priority, lower first; then the longest without success,
/// never-run first; then the symbol, byte by byte.
bool more_urgent(const DueTask &a, const DueTask &b);

/// When the next task becomes due after `now`; infinity if none will.
Op<Timestamp> next_due_after(Database &db, Timestamp now);

/// The first `limit` tasks that are due at `now`, or have late work, and whose assets count. Locks nothing.
Op<std::vector<DueTask>> read_due_tasks(Database &db, Timestamp now, Assets assets, int64_t limit);

} // namespace aggregation
