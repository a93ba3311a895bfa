// Grids: where the windows of a timeframe lie on the time axis. Nothing else knows how wide a window is.
//
//        floor(t)      t      next(start), ceil(t)
//   |-------|----------+-----------|--------|-----------|
//         start                              after(start, 3)
//
// Windows are half-open, [start, next), and tile the axis. In UTC minutes, hours and days count from the Unix epoch, weeks from a Monday.
#pragma once

#include "core/timeframe.hpp"
#include "core/timestamp.hpp"

#include <cstdint>
#include <string>

namespace aggregation {

class Grid {
public:
	explicit Grid(Timeframe timeframe) : timeframe_(std::move(timeframe)) {
	}

	const Timeframe &timeframe() const {
		return timeframe_;
	}
	const std::string &name() const {
		return timeframe_.name();
	}
	/// See Timeframe.
	bool ingested() const {
		return timeframe_.ingested();
	}
	bool operator==(const Grid &other) const {
		return timeframe_ == other.timeframe_;
	}

	/// The start of the window that holds t; t itself if it is a start.
	Timestamp floor(Timestamp t) const;
	/// The first start at or after t. Saturates at infinity behind the end of the range.
	Timestamp ceil(Timestamp t) const;
	bool aligned(Timestamp t) const;
	/// The end of the window that begins at `start`, and the start of the one behind it.
	Timestamp next(Timestamp start) const;
	/// The start of the window `windows` windows after the one that begins at `start`; before it, if `windows` is negative.
	/// Saturates.
	Timestamp after(Timestamp start, int64_t windows) const;
	/// How many windows lie between two starts, or between a start and any later instant: whole ones. Negative if `to` is before `from`.
	int64_t count(Timestamp from, Timestamp to) const;
	/// How many source bars a complete window needs, the one that begins at `start`.
	int64_t expected(Timestamp start, const Grid &source) const;

private:
	Timeframe timeframe_;
};

/// The minutes in which source is ingested; the same in every calendar.
const Grid &minutes();

} // namespace aggregation
