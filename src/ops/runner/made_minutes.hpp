// Minutes of an index that a transaction made and then read are not late for the tasks that read them; other tasks have to be told.
#pragma once

#include "ops/bars/engine.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/marks/change_log.hpp"

#include <vector>

namespace aggregation {

/// Marks what `minutes` mean to tasks but for the windows of `read`, whose tasks have read them since they were made. When the cursors stand
/// where the transaction leaves them.
Op<void> mark_made_minutes(Database &db, const MadeMinutes &minutes, const std::vector<ReadSince> read);

/// The same where `runs` have read them.
Op<void> mark_made_minutes(Database &db, const MadeMinutes &minutes, const std::vector<TaskRun> &runs);

} // namespace aggregation
