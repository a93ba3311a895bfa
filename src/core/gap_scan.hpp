// What is missing of a series that should be there at certain times:
//
//   expected   [--------------)        [-----)
//   saw          -- ---     -
//   gaps       [)  [)  [---)           [-----)
#pragma once

#include "core/calendar.hpp"
#include "core/range_set.hpp"
#include "core/timestamp.hpp"

#include <cstddef>
#include <vector>

namespace aggregation {

/// When the market is open in [from, to); ranges that touch are one. Without a calendar it always is.
std::vector<TimeRange> open_between(const Calendar *calendar, Timestamp from, Timestamp to);

class GapScan {
public:
	/// `expected`: disjoint and ascending.
	explicit GapScan(std::vector<TimeRange> expected) : expected_(std::move(expected)) {
	}
	/// Ascending by `from`; what is not expected, or comes twice, does not matter.
	void saw(Timestamp from, Timestamp to);
	/// After the last one: each range of expected times without anything, as long as it is.
	std::vector<TimeRange> gaps();

private:
	void miss_until(Timestamp t);

	std::vector<TimeRange> expected_;
	std::vector<TimeRange> gaps_;
	Timestamp seen_to_ = Timestamp::minus_infinity();
	size_t next_ = 0; // the first expected range that does not end before seen_to_
};

} // namespace aggregation
