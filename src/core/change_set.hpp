// What a transaction has changed so far: for each symbol the minutes whose 1m bars came, changed or went.
#pragma once

#include "core/range_set.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aggregation {

struct SymbolChange {
	const std::string *symbol;
	TimeRange range;
};

class ChangeSet {
public:
	ChangeSet() = default;
	ChangeSet(const ChangeSet &) = delete;
	ChangeSet &operator=(const ChangeSet &) = delete;

	/// The minute of a bar at `time`; bars at infinite times are in no window.
	void add_bar(std::string_view symbol, Timestamp time);
	void add_range(std::string_view symbol, const TimeRange &range);
	void merge(const ChangeSet &other);
	bool empty() const {
		return symbols_.empty();
	}
	/// All of it, symbol by symbol. The symbols live as long as the set is not changed.
	std::vector<SymbolChange> list() const;

private:
	RangeSet &ranges_of(std::string_view symbol);

	std::unordered_map<std::string, RangeSet> symbols_;
	std::pair<const std::string, RangeSet> *last_ = nullptr; // the bars of one symbol mostly come together
};

} // namespace aggregation
