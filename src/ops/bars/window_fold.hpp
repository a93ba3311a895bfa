// Folding source rows into windows: what a segment's rows come to, and how the segments of one read share its rows.
#pragma once

#include "core/calendar.hpp"
#include "core/window_aggregator.hpp"
#include "ops/bars/source_bars.hpp"
#include "ops/bars/window_batch.hpp"

#include <cstddef>
#include <vector>

namespace aggregation {

/// One read, and the segments made of it: those beside one another that want rows of the same source in ranges that overlap, as the
/// timeframes of a symbol do that are all made of its minutes.
struct SharedRead {
	SourceRead read;
	size_t first;
	size_t segments;
};

std::vector<SharedRead> shared_reads(const std::vector<Segment> &segments);

/// What the segments' plans knew before a read that may have to be repeated.
class SavedPlans {
public:
	explicit SavedPlans(const std::vector<Segment> &segments);
	/// Of the segments [from, to).
	void restore(std::vector<Segment> &segments, size_t from, size_t to) const;

private:
	std::vector<CatchUp::Progress> plans_;
};

/// Where a row lies. One that is left out is no part of its window's bar. But the window has been read: what looks for source by the index
/// alone finds the row, and would wait for ever for the cursor to pass it.
enum class Place { inside, outside, left_out };

/// Folds the rows of one segment, which come in order, into windows.
class WindowFold {
public:
	WindowFold(Segment &segment, size_t index) : segment_(&segment), index_(index) {
	}

	/// False if no more rows are wanted.
	bool take(const SourceBar &bar, Place place, std::vector<ComputedWindow> &windows);
	void close_window(std::vector<ComputedWindow> &windows);

private:
	/// False if the segment's plan wants no more windows.
	bool start_window(Timestamp time, std::vector<ComputedWindow> &windows);

	Segment *segment_;
	size_t index_;
	WindowAggregator aggregator_;
	Timestamp window_start_;
	Timestamp window_end_;
	int64_t inside_ = 0; // candles of the open window that lie in sessions
	bool open_ = false;
	bool stopped_ = false;
};

/// Hands the rows of one read to the folds of its segments.
class SharedFold {
public:
	SharedFold(std::vector<Segment> &segments, const SharedRead &shared);

	/// Whether the row is not before one that was taken already.
	bool in_order(const SourceBar &bar) const {
		return bar.start >= last_time_;
	}
	/// Takes a row; false if no segment wants more. The windows of the first segment that end with it go to `windows`.
	bool take(const SourceBar &bar, std::vector<ComputedWindow> &windows);
	/// Adds the windows that are still open, and those of the other segments: with what take() gave they are in order, by segment and then
	/// by time.
	void finish(std::vector<ComputedWindow> &windows);

private:
	const Grid *source_;
	const Calendar *calendar_;
	SessionScan scan_;
	Timestamp last_time_ = Timestamp::minus_infinity();
	WindowFold first_;
	std::vector<WindowFold> others_;
	std::vector<std::vector<ComputedWindow>> windows_of_others_;
};

} // namespace aggregation
