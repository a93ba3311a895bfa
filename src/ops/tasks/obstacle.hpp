// What keeps a task from being run: its own row, or its asset. Whoever asks is told in words, with what to do.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>

namespace aggregation {

/// A task's row and its asset, as far as they decide whether and when somebody runs it.
struct Standing {
	std::optional<std::string> status;
	bool enabled = true;
	bool disabled_by_operator = false;
	std::optional<std::string> last_error;
	std::optional<Timestamp> running_since;
	std::optional<std::string> claim;
	std::optional<Timestamp> next_run;
	bool registered = false;
	bool active = false;
	bool test_active = false;

	/// Why the row cannot be claimed, as a clause; empty if nothing is in the way.
	std::string own_obstacle() const;
	/// The same, or why no run takes the task of this symbol: its asset.
	std::string obstacle(const std::string &symbol) const;
	/// What keeps it from running, or when it runs.
	std::string when_it_runs(const std::string &symbol) const;
};

/// nullopt if there is no such task.
Op<std::optional<Standing>> read_standing(Database &db, TaskKey key);

} // namespace aggregation
