// Which minutes a symbol should have: from when on, and by which calendar.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct ExpectedMinutes {
	std::string symbol;
	CalendarPointer calendar; // that of its tasks; nullptr: utc, also without a task
	/// Its first minute. Where it had none up to now: the earliest start of its enabled tasks, but not before 1990, where calendars begin.
	/// nullopt: nobody has asked for any.
	std::optional<Timestamp> from;
};

/// Of these symbols, or of all that have tasks, by name. Throws P0002 for one that no task, asset or bar has.
Op<std::vector<ExpectedMinutes>> expected_minutes(Database &db, const std::optional<std::vector<std::string>> symbols);

} // namespace aggregation
