// Which tasks are due, most urgent first.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/environment.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// What a worker is told of a task besides.
struct DueDetails {
	std::optional<std::string> source; // source_timeframe, as configured
	std::optional<int64_t> run_interval_minutes;
	std::optional<int64_t> delay_seconds;
	std::optional<Timestamp> cursor;
	std::string status;
	std::optional<int64_t> hard_fail_streak;
};

/// A task that is idle, enabled, and due or dirty.
struct DueTask {
	TaskKey key;
	std::optional<int64_t> priority;
	std::optional<Timestamp> last_success;
	int64_t place = 0; // ctid, see AGG_TID
	Duration width;    // of its windows; the longest there is for a timeframe that makes no sense
	bool mandatory = false;
	bool dirty = false;                     // has late work, whether its time has come or not
	std::unique_ptr<DueDetails> details {}; // where they are wanted
};

/// Mandatory tasks first; then the shorter window; then task_priority, lower first; then the longest without success,
/// never-run first; then the symbol, byte by byte.
bool more_urgent(const DueTask &a, const DueTask &b);

/// When the next task becomes due after `now`; infinity if none will.
Op<Timestamp> next_due_after(Database &db, Timestamp now);

/// Whether there are marks that make tasks run before their time.
Op<bool> any_late_work(Database &db);

enum class Details { left_out, wanted };

struct DueTasks {
	std::vector<DueTask> tasks;
	bool time_of_none_has_come = false; // all tasks were looked at to find that out
};

/// The first `limit` tasks that are due at `now`, or have late work, and whose assets count. Locks nothing.
Op<DueTasks> read_due_tasks(Database &db, Timestamp now, Assets assets, int64_t limit, Details details = Details::left_out);

} // namespace aggregation
