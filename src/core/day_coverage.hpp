// How much of a series of minutes is there, by trading date.
//
//   day           |-----------------------------------|-------------- ... -|
//   sessions          [--------------)   [------)         [------ ... --)
//   saw              -  ---   --    -       - --            --
//                    |       |
//                    outside present
#pragma once

#include "core/calendar.hpp"
#include "core/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aggregation {

/// A trading date, in minutes.
struct DayCoverage {
	int64_t date;
	int64_t expected = 0; // of its sessions, as far as they are over
	int64_t present = 0;
	int64_t longest_gap = 0; // between two that are there, or up to the end of a session; sessions that touch are one
	int64_t outside = 0;     // those that are there outside the sessions

	bool operator==(const DayCoverage &) const = default;
};

class CoverageScan {
public:
	/// The trading days with the dates [first_date, last_date]. What is ahead of `now` is neither expected nor there. Without a calendar days are those of
	/// UTC, and the market is always open.
	CoverageScan(const Calendar *calendar, int64_t first_date, int64_t last_date, Timestamp now);
	/// From where the first day begins to where the last one ends.
	TimeRange range() const {
		return range_;
	}
	/// Ascending; what comes twice in a minute, or lies outside the range, does not matter.
	void saw(Timestamp t);
	/// After the last one: those days that expect something, or have something.
	std::vector<DayCoverage> days();

private:
	/// A session within a day, or what lies between two of them.
	struct Stretch {
		Timestamp from;
		Timestamp to;
		size_t day;
		bool open;
	};
	void begin_stretch(size_t stretch);
	void end_stretch();

	Timestamp now_;
	TimeRange range_;
	std::vector<DayCoverage> days_;
	std::vector<Stretch> stretches_;
	size_t at_ = 0;        // the stretch that the last one lay in
	Timestamp seen_to_ {}; // the end of the last minute in it, or its beginning
};

} // namespace aggregation
