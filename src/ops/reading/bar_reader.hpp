// Reads the bars of a ladder: what is stored as it is stored, what is to be computed by the very fold of the engine (window_fold.hpp),
// while the rows stream past. So what is read of a window that is over is bit by bit what the table is going to hold.
//
// The window that is open is computed from what is there now: from stored source bars, and from the source's own open window, which is
// computed in the same way down to the minutes. It has a bar as soon as there is one candle.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/reading/bar_row.hpp"
#include "ops/reading/ladder.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

/// The newest bars, the last one first; too many are not kept, but counted.
struct NewestBars {
	std::vector<BarRow> rows;
	int64_t found = 0;
	Timestamp first; // when the oldest of them begins
	bool kept = true;
};

class BarReader {
public:
	BarReader(Database &db, const Ladder &ladder, Timestamp now) : db_(db), ladder_(ladder), now_(now) {
	}
	/// Hands the bars that begin in [from, to), but not after now, to the sink, by time. Whether it wants more.
	Op<Flow> read(Timestamp from, Timestamp to, BarRowSink &sink);
	/// The newest `most` of them.
	Op<NewestBars> newest(Timestamp from, Timestamp to, int64_t most);

private:
	Op<Flow> read_rung(size_t rung, Timestamp from, Timestamp to, BarRowSink &sink);
	Op<Flow> read_stored_of(size_t rung, Timestamp from, Timestamp to, BarRowSink &sink);
	Op<Flow> compute(size_t rung, Timestamp from, Timestamp to, BarRowSink &sink);
	Op<void> newest_stored_of(Timestamp from, Timestamp to, int64_t most, NewestBars &newest);
	Op<void> newest_computed(Timestamp from, Timestamp to, int64_t most, NewestBars &newest);
	/// The start of the last window before `to` that can have source; nullopt: there is none.
	Op<std::optional<Timestamp>> last_with_source(Timestamp to);
	/// A stored bar with the state that it has.
	BarRow with_state(size_t rung, BarRow row) const;

	Database &db_;
	const Ladder &ladder_;
	Timestamp now_;
};

} // namespace aggregation
