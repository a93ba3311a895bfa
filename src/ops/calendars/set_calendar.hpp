// A symbol changes its calendar: all of its tasks at once.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/symbol_tasks.hpp"

#include <string>

namespace aggregation {

/// Gives the tasks of a symbol a calendar that exists (need_calendars()). A source whose windows are no parts of the task's any more gives
/// way to the default, and a cursor goes back to the start of its window.
Op<ChangedSymbol> set_calendar(Database &db, const std::string symbol, const std::string calendar);

} // namespace aggregation
