#include "core/change_set.hpp"

namespace aggregation {

RangeSet &ChangeSet::ranges_of(std::string_view symbol) {
	if (last_ == nullptr || last_->first != symbol)
		last_ = &*symbols_.try_emplace(std::string(symbol)).first;
	return last_->second;
}

void ChangeSet::add_bar(std::string_view symbol, Timestamp time) {
	if (!time.finite())
		return;
	constexpr int64_t minute = Duration::minutes(1).us;
	const int64_t phase = ((time.us % minute) + minute) % minute;
	const Timestamp start = time - Duration {phase};
	ranges_of(symbol).add({start, start + Duration::minutes(1), 1});
}

void ChangeSet::add_range(std::string_view symbol, const TimeRange &range) {
	ranges_of(symbol).add(range);
}

void ChangeSet::merge(const ChangeSet &other) {
	for (const auto &[symbol, ranges] : other.symbols_)
		ranges_of(symbol).add(ranges);
}

std::vector<SymbolChange> ChangeSet::list() const {
	std::vector<SymbolChange> changes;
	changes.reserve(symbols_.size());
	for (const auto &[symbol, ranges] : symbols_) {
		for (const auto &range : ranges.ranges())
			changes.push_back({&symbol, range});
	}
	return changes;
}

} // namespace aggregation
