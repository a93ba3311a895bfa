// What prevents a bar on tables that are otherwise complete: found before the first run, and named with what to do about it.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

struct Obstacle {
	std::string object;
	std::string detail; // what is wrong, and what to do
};

/// Looks at the tables as they are now; whatever does not exist yet cannot be in the way. Expressions of the tables' owner are evaluated as
/// the owner, on rows that are nowhere stored.
Op<std::vector<Obstacle>> find_obstacles(Database &db);

} // namespace aggregation
