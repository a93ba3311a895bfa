// The U.S. Dollar Index, the first row of agg_indexes. Constant and exponents: ICE Futures U.S., "U.S. Dollar Index Contracts: Index
// Methodology".
#pragma once

#include "core/geometric_index.hpp"

#include <string>

namespace aggregation {

GeometricIndex dollar_index();

/// The statement that inserts it.
std::string insert_dollar_index();

} // namespace aggregation
