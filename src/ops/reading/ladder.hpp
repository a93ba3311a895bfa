// How the bars that somebody asks for are made, rung by rung, and which of them have to be made while they are read.
//
//   rung 0   1h, asked for   |  stored                 |  to be computed  ---->
//   rung 1   5m, its source  |  stored       |##| late |  stored   |  to be computed  ---->
//   rung 2   1m              |  all there is
//                                                       ^ the cursor of 1h        ^ that of 5m
//
// A window is computed from the rung below while it is read if nobody has made it yet, or if it is to be made anew: because it is marked,
// because minutes changed that it is made of, or because a window of the rung below is computed. All others are read as they are stored.
#pragma once

#include "core/grid.hpp"
#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

struct Rung {
	Grid bars;
	/// Windows to be computed from the next rung; behind the last window that is made they have no end. Empty: all are read.
	RangeSet computed {};
	/// Those of them that can differ from what was there when the rung above was made: without those behind the last source.
	RangeSet unsettled {};
	/// Windows whose stored bar is read although they are to be looked at again.
	RangeSet pending {};
	/// Nobody makes bars of this timeframe: what is computed is as good as what it is computed from, which is unsure in `pending`.
	bool on_the_fly = false;
};

struct Ladder {
	std::string symbol;
	std::vector<Rung> rungs; // at least one; each is made of the next

	const Grid &bars() const {
		return rungs.front().bars;
	}
};

/// One for each symbol, in order. Late work that cannot touch windows from `from` on is not looked for. Windows that begin after `now` are
/// never computed. Throws P0002 for a symbol that no task, asset or bar has, 22023 for a timeframe that makes no sense.
Op<std::vector<Ladder>> read_ladders(Database &db, const std::vector<std::string> symbols, const std::string timeframe, Timestamp from,
                                     Timestamp now);

} // namespace aggregation
