// What follows when people write agg_indexes: the rules are checked, and everything that is made of the index's minutes is looked at again.
//
// Once for each statement, however many rows it has written:
//
//   row of DXY changed   ->   tasks that read minutes of DXY, and of each index that DXY is a part of: all windows that they have passed
//
// The tasks' rows are locked for that, and whoever computes minutes is waited for: who computes afterwards reads the new rules. A run has
// locked its tasks when it comes to an index, so the tasks come first here, too:
//
//   rules read -> their readers locked -> whoever computes waited for -> rules read again -> the same readers?   go on
//                       ^                                                                    others, too?
//                       '------------------- the index is let go of ------------------------------'
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// `symbols`: whose rows were made, changed or deleted. Throws 22023 for a rule that makes no sense, and for indexes that are made of one
/// another.
Op<void> follow_indexes(Database &db, const std::vector<std::string> symbols);

} // namespace aggregation
