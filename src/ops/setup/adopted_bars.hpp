// What adopted_bars.h says, of tasks that were there before the extension's triggers.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// Seals what their bars were made of and is not there any more. Where the owner of derived_data_bars may not read the other tables it only
/// says so.
Op<void> adopt_bars(Database &db);

} // namespace aggregation
