// agg_tick_log: minutes of ticks that came, changed or went, and that nobody has made anew yet. The writers' triggers fill it, each in the
// transaction that changes the ticks. So whoever takes an entry out, and reads the ticks afterwards, sees what it stands for; and of ticks
// that he does not see, the entry is still there.
//
// An entry without a symbol means all symbols: a range that somebody wants to be made.
#pragma once

#include "core/change_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct TickChanges {
	ChangeSet of_symbols;
	RangeSet of_all;
};

struct TickRange {
	std::optional<std::string> symbol; // nullopt: all
	Timestamp from;
	Timestamp to;
};

/// Takes up to `most` rows out of the log of a source: those whose first minute lies in [from, to), by that minute, and that nobody is
/// folding. Each has many ranges, some of which may lie behind. How many rows there were.
Op<int64_t> take_tick_entries(Database &db, const std::string source, const TimeRange range, int64_t most, TickChanges &changes);

/// Puts ranges into the log.
Op<void> log_ticks(Database &db, const std::string source, const std::vector<TickRange> &ranges);

/// Makes few rows of many, and removes those of sources that are none any more: where nobody makes minutes for long, the log stays small.
Op<void> fold_tick_log(Database &db);

} // namespace aggregation
