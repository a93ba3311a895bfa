#include "core/gap_scan.hpp"

#include <algorithm>

namespace aggregation {

std::vector<TimeRange> open_between(const Calendar *calendar, Timestamp from, Timestamp to) {
	RangeSet open;
	if (calendar == nullptr) {
		open.add({from, to});
	} else {
		const auto &sessions = calendar->sessions();
		for (size_t i = calendar->session_after(from); i < sessions.size() && sessions[i].from < to; ++i)
			open.add(sessions[i]);
	}
	open.clip(from, to);
	return open.ranges();
}

void GapScan::saw(Timestamp from, Timestamp to) {
	miss_until(from);
	seen_to_ = std::max(seen_to_, to);
}

std::vector<TimeRange> GapScan::gaps() {
	miss_until(Timestamp::infinity());
	return std::move(gaps_);
}

void GapScan::miss_until(Timestamp t) {
	for (; next_ < expected_.size(); ++next_) {
		const auto &range = expected_[next_];
		const Timestamp from = std::max(range.from, seen_to_);
		const Timestamp to = std::min(range.to, t);
		if (from < to)
			gaps_.push_back({from, to});
		if (t < range.to)
			break;
	}
	seen_to_ = std::max(seen_to_, t);
}

} // namespace aggregation
