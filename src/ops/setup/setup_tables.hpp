// What tables, indexes, triggers and the check of sources lack, compared with the plan.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/setup/setup_catalog.hpp"
#include "ops/setup/setup_steps.hpp"

#include <vector>

namespace aggregation {

/// The steps that make the catalog what setup_plan.hpp says.
std::vector<Step> plan_tables(const Database &db, const Catalog &catalog);

} // namespace aggregation
