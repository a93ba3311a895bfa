// How runs of tasks end: what is written to their rows in data_agg_state, whoever ran them.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// A run that succeeded.
struct Success {
	const TaskKey *key;
	std::optional<Timestamp> cursor; // where the task got to; the stored cursor never moves back. nullopt: not known
	Timestamp next_run;
	int64_t bars_created = 0;
	int64_t bars_quality_poor = 0;
	int64_t windows_skipped = 0;     // too few candles for a bar
	int64_t source_rows_refused = 0; // without usable prices
	bool waiting = false;            // found nothing to do although its next window's time has come
	std::optional<int64_t> place {}; // see Task
};

/// Ends the failure streaks, moves the cursors, adds to the totals, schedules the next runs. Tasks that somebody parked meanwhile
/// (hard_failed, disabled) stay parked.
Op<void> record_successes(Database &db, const std::vector<Success> &successes, Timestamp now);

/// A run that failed.
struct Failure {
	const TaskKey *key;
	Duration run_interval;
	bool transient = false;
	std::optional<std::string> error; // kept up to 1,900 characters
	Timestamp now;
	int64_t threshold = 3; // hard failures in a row after which the task is taken out of service
};

/// What is stored about a task's failures; the row must be locked.
struct FailureState {
	std::string status;
	int64_t streak = 0;
	bool mandatory = false;

	bool parked() const {
		return status == "hard_failed" || status == "disabled";
	}
};

struct FailureOutcome {
	std::string status;
	int64_t streak;
	Timestamp next_run;
};

/// A transient failure keeps the streak; any other adds one, and at the threshold a mandatory task becomes hard_failed, an optional one
/// disabled.
Op<FailureOutcome> record_failure(Database &db, const Failure &failure, const FailureState &stored);

} // namespace aggregation
