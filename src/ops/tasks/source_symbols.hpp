// The symbols whose bars something is made of: those that have tasks, and, since an index is made of the minutes of its parts, which may
// have no tasks of their own, the parts of such indexes.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// In the order of their bytes.
Op<std::vector<std::string>> source_symbols(Database &db);

} // namespace aggregation
