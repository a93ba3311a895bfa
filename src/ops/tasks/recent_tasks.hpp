// agg_recent_tasks: tasks of wider timeframes that were made, or got another source, a moment ago. A transaction that was at work on the
// bars below at that moment may have looked for tasks above before it could see them, and will not mark what it changes.
//
// Triggers of data_agg_state list them (src/pg/task_changes.c). The first run that sees such a task notes the time: who begins later knows
// it. As soon as all derivers at work have begun later, or there is none, the row goes; until then all that the task derives is looked at
// again (look_again.hpp).
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

struct RecentKey {
	std::string_view symbol;
	std::string_view timeframe;
};

/// Which of these tasks somebody who derives at this moment may not know. To be asked before their source is read.
Op<std::vector<bool>> not_known_to_all(Database &db, const std::vector<RecentKey> &keys);

} // namespace aggregation
