// Tables that are mostly empty, such as the marks: before single rows of them are asked for, it is worth a look whether there are any.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// False: the table has no row, and asking can be left out. Before many questions it is looked for one; before few only for pages.
Op<bool> worth_asking(Database &db, const char *relation, size_t questions);

} // namespace aggregation
