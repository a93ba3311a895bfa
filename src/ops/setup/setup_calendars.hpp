// The shipped calendars as steps of agg_setup.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_steps.hpp"

#include <vector>

namespace aggregation {

/// Those that are missing or differ. A caller who may not read the tables of calendars has none.
Op<std::vector<Step>> plan_calendars(Database &db);

} // namespace aggregation
