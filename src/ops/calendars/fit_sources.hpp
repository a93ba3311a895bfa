// What tasks are made of where the rules of their calendar have changed: 4h is made of 1h only where its windows are whole hours.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// Gives those tasks of the calendars whose source does not fit them any more the widest one that does, and tells of it. Their bars are
/// made anew, as with any change of a source. The tasks' rows must be locked.
Op<void> fit_sources(Database &db, const std::vector<std::string> calendars);

/// The same for the tasks of a symbol.
Op<void> fit_sources_of(Database &db, const std::string symbol, const Calendars &calendars);

} // namespace aggregation
