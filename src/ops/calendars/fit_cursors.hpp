// Cursors that fit a changed calendar.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// A cursor of a task with one of these calendars that lies inside a window of the days that they have now goes back to where it begins: that
/// window may not be over, and nobody has passed it. The tasks are due. Their rows must be locked.
Op<void> fit_cursors(Database &db, const std::vector<std::string> names);

} // namespace aggregation
