// agg_recent_tasks: tasks that were made, or got another source, a moment ago. A transaction that was at work at that moment may have
// looked for tasks before it could see them: for those above the bars that it changes, or for those that read the minutes that it has
// changed, if it absorbs its own entries of the log (change_log.hpp). It has marked nothing for them.
//
// Triggers of data_agg_state list them (src/pg/task_changes.c). The first run that sees such a task notes the time: who begins later knows
// it. As soon as all at work have begun later, or there is none, the row goes; until then all that the task derives is looked at
// again (look_again.hpp).
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

struct RecentKey {
	std::string_view symbol;
	std::string_view timeframe;
	bool reads_minutes; // else bars
};

/// Lists tasks that get another calendar, or whose minutes become others by a rule. Triggers of data_agg_state do so themselves.
Op<void> list_recent(Database &db, const std::vector<TaskKey> &keys);

/// Which of these tasks somebody who is at work at this moment may not know. To be asked before their source is read.
Op<std::vector<bool>> not_known_to_all(Database &db, const std::vector<RecentKey> &keys);

/// Takes those of the tasks out of the list that have never run and that everybody knows. Else who reads minutes does not ask while nobody
/// has absorbed his own changes, and they would stay.
Op<void> forget_known(Database &db, const std::vector<Task> &tasks);

} // namespace aggregation
