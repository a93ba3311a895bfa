// Tasks that keep the former bars of their windows, with the times between which these were current.
//
//   data_agg_state.keep_revisions   says that a task is to do so
//   agg_kept_revisions              says since when it does, without a gap: who records bars looks only there
//   agg_bar_revisions               a row for each bar that became current since then, or none in its place
//
//   began                  readable_since                       now
//   |   removed for good   |  v1 ------ v2 ---- none -- v3 ----->     as of any moment here the newest row up to it counts
//   |                      |  a bar without a row is the live one: it has not changed since `began`
//
// A bar that was there before the task began gets a row when it changes for the first time: as it was, current since then.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace aggregation {

struct KeptRevisions {
	Timestamp began;
	Timestamp readable_since;
};

/// By symbol and timeframe.
using KeptTasks = std::map<std::pair<std::string, std::string>, KeptRevisions>;

/// Those of these symbols.
Op<KeptTasks> kept_tasks(Database &db, const std::vector<std::string> &symbols);

/// Makes what is kept what data_agg_state says. A task that begins waits until no transaction is writing bars. For who has locked the rows
/// that he has changed.
Op<void> follow_keep_revisions(Database &db);

} // namespace aggregation
