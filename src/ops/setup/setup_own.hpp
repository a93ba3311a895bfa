// What is the extension's own and nobody else's business: its tables (agg_...) and its views. Whoever may create in the schema can have put
// something of their names there before agg_setup() ran.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_steps.hpp"

#include <vector>

namespace aggregation {

/// What of somebody's hangs on the own tables that there are, and whose they are: named, and left alone.
Op<std::vector<Step>> plan_own_tables(Database &db);

/// Views that are missing, that belong to somebody who is not trusted, or that say something else than ours.
Op<std::vector<Step>> plan_views(Database &db);

} // namespace aggregation
