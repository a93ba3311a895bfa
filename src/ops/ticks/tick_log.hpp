// agg_tick_log: minutes of ticks that came, changed or went, and that nobody has made anew yet. The writers' triggers fill it, each in the
// transaction that changes the ticks. So whoever takes an entry out, and reads the ticks afterwards, sees what it stands for; and of ticks
// that he does not see, the entry is still there.
//
// An entry without a symbol means all symbols: a range that somebody wants to be made.
//
// An entry says whether ticks are known to have left (`gone`): a minute that has none then loses its bar. Where they only came or changed,
// as far as anybody knows, a minute without ticks keeps its bar: they went without being noticed, which is retention.
#pragma once

#include "core/change_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

struct TickRange {
	std::optional<std::string> symbol; // nullopt: all
	Timestamp from;
	Timestamp to;
	bool gone = false;
};

/// Entries, merged.
class TickChanges {
public:
	void add(std::optional<std::string_view> symbol, const TimeRange &range, bool gone);
	/// Disjoint ranges of each symbol: where ticks are gone, it does not matter that others came.
	std::vector<TickRange> of_symbols() const;
	/// The same of all symbols, in order.
	std::vector<TickRange> of_all() const;

private:
	struct Kind {
		ChangeSet of_symbols;
		RangeSet of_all;
	};
	Kind came_;
	Kind gone_;
};

/// Takes up to `most` rows out of the log of a source: those whose first minute lies in [from, to), by that minute, and that nobody is
/// folding. Each has many ranges, some of which may lie behind. How many rows there were.
Op<int64_t> take_tick_entries(Database &db, const std::string source, const TimeRange range, int64_t most, TickChanges &changes);

/// Puts ranges into the log.
Op<void> log_ticks(Database &db, const std::string source, const std::vector<TickRange> &ranges);

/// The same of all sources (but `but`). False: there is none, or nothing to be put.
Op<bool> log_ticks_of_all(Database &db, const std::optional<std::string> but, const std::vector<TickRange> &ranges);

/// Makes few rows of many, and removes those of sources that are none any more: where nobody makes minutes for long, the log stays small.
Op<void> fold_tick_log(Database &db);

} // namespace aggregation
