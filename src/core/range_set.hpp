// Sets of time ranges, half-open, with the number of rows that each stands for.
//
//   add      [----)      [--)          adjacent and overlapping ranges merge, and their rows add up:
//        +       [-----)                [---------)  [--)
//   subtract     [-)                    [---)   [-)  [--)
//
// Ranges that come in ascending order, as a feed's do, cost no more than a comparison each; others are sorted when somebody looks.
#pragma once

#include "core/timestamp.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace aggregation {

struct TimeRange {
	Timestamp from;
	Timestamp to;
	int64_t rows = 0;

	bool operator==(const TimeRange &) const = default;
};

class RangeSet {
public:
	/// Empty and inverted ranges are ignored.
	void add(const TimeRange &range);
	void add(const RangeSet &other);
	void subtract(const RangeSet &other);
	/// Leaves at most `most` ranges (> 0): the narrowest gaps between them are filled.
	void coarsen(size_t most);
	/// Leaves what lies in [from, to).
	void clip(Timestamp from, Timestamp to);

	/// Disjoint, not even adjacent, ascending. Those of a set that is about to go are the caller's.
	const std::vector<TimeRange> &ranges() const & {
		normalise();
		return ranges_;
	}
	std::vector<TimeRange> ranges() && {
		normalise();
		return std::move(ranges_);
	}
	bool empty() const {
		return ranges_.empty();
	}
	bool holds(Timestamp time) const;
	int64_t rows() const;

private:
	void normalise() const;

	mutable std::vector<TimeRange> ranges_;
	mutable size_t sorted_ = 0; // how many of the first ranges are disjoint and ascending
};

} // namespace aggregation
