// Tables that are mostly empty, such as the marks: before single rows of them are asked for, it is worth a look whether there are any.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// False: the statement's table has no row, and asking can be left out. `any_row` looks for one; it only runs before many questions.
Op<bool> worth_asking(Database &db, const Statement &any_row, size_t questions);

} // namespace aggregation
