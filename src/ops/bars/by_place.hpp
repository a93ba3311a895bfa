// Rows that are found by where they lie (ctid) so that a call takes a bounded number of them, which is not to be had in compressed chunks.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

/// Executes a statement that finds rows of derived_data_bars so. 55000 with a hint where they lie in compressed chunks.
Op<uint64_t> execute_by_place(Database &db, const Statement &statement, std::vector<Parameter> list);

} // namespace aggregation
