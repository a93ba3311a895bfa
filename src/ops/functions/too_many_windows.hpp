// How many windows an answer may list.
#pragma once

#include "core/grid.hpp"

#include <string>

namespace aggregation {

/// Throws 54000 where more windows lie in the range than an answer may have rows: they are kept until it is complete, on disk where they
/// are many. `subject` says what the call is about.
void refuse_too_many_windows(const Grid &grid, const std::string &subject, Timestamp from, Timestamp to);

} // namespace aggregation
