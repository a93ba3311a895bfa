// What the administrator's functions over ranges of derived bars share: their arguments, and the locks and marks around what they change.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/marks/windows_above.hpp"
#include "ops/tasks/tasks.hpp"

#include <string>

namespace aggregation {

/// A range of bars of one symbol and timeframe, half-open: whole windows.
struct BarRange {
	TaskKey key;
	Grid target;
	Timestamp from;
	Timestamp to;
};

/// The first four arguments: p_symbol, p_tf, p_from_utc, p_to_utc, and with them all windows that the range touches. Throws 22023 for an empty or inverted range and for 1m, whose bars are
/// ingested.
Op<BarRange> bar_range(Database &db, Arguments &arguments);

/// Throws 22023 unless from < to.
void check_range(const std::string &subject, Timestamp from, Timestamp to);

/// Locks the task and tells others that bars are being derived. To be called before anything of the range is read.
Op<void> begin_bar_change(Database &db, const BarRange &range);

/// Marks windows of a task: those before its cursor to be looked at at once, those ahead of it as soon as it has passed them.
Op<void> mark_windows(Database &db, const Task &task, RangeSet windows);

} // namespace aggregation
