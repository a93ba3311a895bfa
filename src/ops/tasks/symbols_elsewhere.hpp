// Symbols of other groups of shards: what is said of them is not in this set of tables.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <set>
#include <string>
#include <vector>

namespace aggregation {

using SymbolSet = std::set<std::string, std::less<>>;

/// Those of the symbols that this set of tables does not hold; none where it holds all that there are.
Op<SymbolSet> symbols_elsewhere(Database &db, const std::vector<std::string> symbols);

} // namespace aggregation
