// Where the tables are distributed, an index and its parts may be in different groups of shards, on this node or others. What changes of a
// part is noted in the log of the part's group, and has to reach the group of the index:
//
//   group of EURUSD    log: EURUSD  --- absorbed: what reads EURUSD here is marked
//                                  \                                                  one transaction, on both nodes
//   group of DXY       log: EURUSD <-'  under the key DXY, which brings it there
//                           EURUSD  --- absorbed: what is made of EURUSD here, DXY, is marked
//
// So both groups work on their logs as a single node does. The transaction is prepared on both nodes, and committed on that of the part
// first: whoever sees the entry in the log of the index sees the change, also where the transaction has made it itself (an index's minutes
// that go into another index). What came from another group is not sent on: that group has told all the others.
#pragma once

#include "core/change_set.hpp"
#include "core/indexes.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <vector>

namespace aggregation {

/// False: other nodes may know rules of indexes that are prepared here and not settled yet. Who does not see them does not know whom to tell,
/// and must leave the log alone. (What is not prepared here yet no other node knows; so this is to be asked before rules are read.)
Op<bool> rules_are_settled(Database &db);

/// True: there was something to tell. Of symbols that no index is made of nothing is asked.
Op<bool> tell_other_groups(Database &db, const std::vector<SymbolChange> &changes, const Indexes &indexes);

} // namespace aggregation
