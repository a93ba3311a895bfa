// What a transaction has changed so far: for each symbol the minutes whose 1m bars came, changed or went.
#pragma once

#include "core/range_set.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

struct SymbolChange {
	const std::string *symbol;
	TimeRange range;
};

/// Of one symbol in one list: more scattered ranges than that become fewer and wider ones.
inline constexpr size_t most_ranges_of_symbol = 4096;
inline constexpr size_t any_number_of_ranges = std::numeric_limits<size_t>::max();

class ChangeSet {
public:
	ChangeSet() = default;
	ChangeSet(const ChangeSet &) = delete;
	ChangeSet &operator=(const ChangeSet &) = delete;

	/// The minute of a bar at `time`; bars at infinite times are in no window.
	void add_bar(std::string_view symbol, Timestamp time);
	/// The minute that a time lies in, which stands for no row.
	void add_minute(std::string_view symbol, Timestamp time);
	/// Empty and inverted ranges are ignored.
	void add_range(std::string_view symbol, const TimeRange &range);
	void merge(const ChangeSet &other);
	bool empty() const {
		return noted_.empty();
	}
	/// Forgets everything, and keeps the memory for as many symbols as a live batch has.
	void clear();
	/// All of it, symbol by symbol in the order of their first changes. The symbols live as long as the set is not changed.
	std::vector<SymbolChange> list(size_t most_of_symbol = most_ranges_of_symbol) const;

private:
	// Most symbols have one range in a transaction: it is kept at hand, and the others go to a set.
	struct Noted {
		std::string symbol;
		size_t hash;
		TimeRange latest;
		RangeSet others;
	};
	Noted &noted_of(std::string_view symbol, const TimeRange &first);
	void grow_places();

	std::vector<Noted> noted_;
	std::vector<uint32_t> places_; // open addressing: 1 + the place in noted_, 0 is free; a power of two, at most half full
	size_t last_ = 0;              // the bars of one symbol mostly come together
};

} // namespace aggregation
