// A symbol changes its calendar: all of its tasks at once.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct ChangedTask {
	std::string timeframe;
	std::optional<std::string> calendar; // before
	std::optional<std::string> source_before;
	std::optional<std::string> source;
	std::optional<Timestamp> cursor_before;
	std::optional<Timestamp> cursor;
};

struct ChangedSymbol {
	size_t tasks = 0;
	std::vector<ChangedTask> changed;
};

/// Gives the tasks of a symbol a calendar that exists (need_calendars()). A source whose windows are no parts of the task's any more gives
/// way to the default, and a cursor goes back to the start of its window. What that means for bars the table's trigger says
/// (agg_note_task_change()).
Op<ChangedSymbol> set_calendar(Database &db, const std::string symbol, const std::string calendar);

} // namespace aggregation
