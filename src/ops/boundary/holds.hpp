// A question with one answer, yes or no.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <vector>

namespace aggregation {

/// Whether the query has a row, and its first value is true.
Op<bool> holds(Database &db, const Statement &question, std::vector<Parameter> list = {});

} // namespace aggregation
