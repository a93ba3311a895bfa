// Which release's shape the extension's own tables have: a comment on one of them says which release has brought them up last, so that
// a person who works on them sees it at once. The comment goes with a dump.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_steps.hpp"

#include <vector>

namespace aggregation {

/// The comment, where it is missing or another release's.
Op<std::vector<Step>> plan_shape_mark(Database &db);

} // namespace aggregation
