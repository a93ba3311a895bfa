// Cursors that fit a calendar that is another one now, or has changed: one that lies inside a window goes back to where it begins, since
// that window may not be over, and nobody has passed it. The task is due.
#pragma once

#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// Where a cursor goes in this grid. One at the ends of time stays.
Timestamp fitted_cursor(const Grid &grid, Timestamp cursor);

/// Moves those of all tasks of these calendars. Their rows must be locked.
Op<void> fit_cursors(Database &db, const std::vector<std::string> names);

/// The same for the tasks of a symbol.
Op<void> fit_cursors_of(Database &db, const std::string symbol, const Calendars &calendars);

} // namespace aggregation
