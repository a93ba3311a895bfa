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
#include "ops/reading/stored_bars.hpp"

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

/// A span of a rung, either read as it is stored or computed from the rung below.
struct Stretch {
	bool computed;
	Timestamp from;
	Timestamp to;
};

class BarReader {
public:
	BarReader(Database &db, const Ladder &ladder, Timestamp now, StoredBars &stored)
	    : db_(db), ladder_(ladder), now_(now), stored_(stored) {
	}
	/// What is asked for in [from, to), by time; nothing behind now.
	std::vector<Stretch> stretches(Timestamp from, Timestamp to) const {
		return stretches_of(0, from, to);
	}
	/// Whether what is stored of what is asked for is final, all of it.
	bool all_stored_is_final() const {
		return ladder_.rungs.front().pending.empty() && !ladder_.bars().ingested();
	}
	/// Hands the bars that begin in [from, to), but not after now, to the sink, by time. Whether it wants more.
	Op<Flow> read(Timestamp from, Timestamp to, BarRowSink &sink);
	/// The newest `most` of them.
	Op<NewestBars> newest(Timestamp from, Timestamp to, int64_t most);
	/// What newest() is going to read at first for one bar; nothing if that is a lot.
	std::vector<StoredRange> foreseen(Timestamp to) const;
	/// And then, if that is empty: where the newest stored bar is looked for.
	std::optional<StoredRange> foreseen_below(Timestamp to) const;

private:
	std::vector<Stretch> stretches_of(size_t rung, Timestamp from, Timestamp to) const;
	StoredRange stored_of(size_t rung, Timestamp from, Timestamp to) const {
		return {ladder_.symbol, &ladder_.rungs[rung].bars, from, to};
	}
	/// The newest range to be computed, if newer ones are not stored.
	const TimeRange *newest_computed_range(Timestamp to) const;
	bool foresee(size_t rung, Timestamp from, Timestamp to, std::vector<StoredRange> &ranges) const;
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
	StoredBars &stored_;
};

} // namespace aggregation
