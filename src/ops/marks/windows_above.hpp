// The cascade: when bars change, the windows of wider timeframes that are made of them have to be looked at again.
//
//      5m bars  ....|x|....|x|x|....        changed in this transaction
//      1h       [--------)[--------)        marked dirty in the same transaction, for each task that is built from 5m
//
// The tasks above are looked for as of now, however old the snapshot of the transaction is. One that is made later knows of us
// (recent_tasks.hpp).
//
// A window above that has not ended yet is not marked, which spares a live feed most of the marks. Nobody has passed it, or if somebody
// has, he looks again: whoever derives wider windows counts as certain only those that had ended before the oldest transaction that may
// change bars at that moment began, and before his database's clock (look_again.hpp). "Not ended" is said by the same measure: the later of
// the clock, the beginning of this transaction, and the beginning of the newest of the others, should a clock have been put back.
#pragma once

#include "core/range_set.hpp"
#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

/// Bars that were written or deleted. What is added must outlive it.
class ChangedBars {
public:
	/// Of one symbol and timeframe, in a row.
	struct Stretch {
		std::string_view symbol;
		const Grid *bars;
		TimeRange windows; // with the number of bars
	};

	void add(std::string_view symbol, const Grid &bars, Timestamp start) {
		const Timestamp end = bars.next(start);
		++count_;
		if (!stretches_.empty()) {
			Stretch &last = stretches_.back();
			if (last.windows.to == start && last.symbol == symbol && last.bars == &bars) {
				last.windows.to = end;
				++last.windows.rows;
				return;
			}
		}
		stretches_.push_back({symbol, &bars, {start, end, 1}});
	}
	const std::vector<Stretch> &stretches() const {
		return stretches_;
	}
	int64_t count() const {
		return count_;
	}

private:
	std::vector<Stretch> stretches_;
	int64_t count_ = 0;
};

/// Marks the windows above.
Op<void> mark_windows_above(Database &db, const ChangedBars &changes);

} // namespace aggregation
