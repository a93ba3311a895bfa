// How long a symbol may be. Longer ones are refused by every function and by the registry's sync, and changes of their bars are not noted:
// no task can exist for them.
#pragma once

#include <cstddef>

namespace aggregation {

/// In bytes. A symbol stands in every row, every index and every entry of the log.
inline constexpr size_t longest_symbol = 256;

} // namespace aggregation
