#include "core/range_set.hpp"

#include <algorithm>
#include <numeric>

namespace aggregation {

void RangeSet::add(const TimeRange &range) {
	if (range.from >= range.to)
		return;
	if (!ranges_.empty() && range.from >= ranges_.back().from && range.from <= ranges_.back().to) {
		ranges_.back().to = std::max(ranges_.back().to, range.to);
		ranges_.back().rows += range.rows;
		return;
	}
	const bool ascending = sorted_ == ranges_.size() && (ranges_.empty() || range.from > ranges_.back().to);
	ranges_.push_back(range);
	if (ascending) {
		sorted_ = ranges_.size();
		return;
	}
	// The same minutes again and again must not pile up.
	constexpr size_t most_unsorted = 1024;
	if (ranges_.size() - sorted_ > std::max(sorted_, most_unsorted))
		normalise();
}

void RangeSet::add(const RangeSet &other) {
	for (const auto &range : other.ranges())
		add(range);
}

void RangeSet::normalise() const {
	if (sorted_ == ranges_.size())
		return;
	std::sort(ranges_.begin(), ranges_.end(), [](const TimeRange &a, const TimeRange &b) { return a.from < b.from; });
	size_t last = 0;
	for (size_t i = 1; i < ranges_.size(); ++i) {
		if (ranges_[i].from <= ranges_[last].to) {
			ranges_[last].to = std::max(ranges_[last].to, ranges_[i].to);
			ranges_[last].rows += ranges_[i].rows;
		} else {
			ranges_[++last] = ranges_[i];
		}
	}
	ranges_.resize(last + 1);
	sorted_ = ranges_.size();
}

void RangeSet::subtract(const RangeSet &other) {
	normalise();
	other.normalise();
	std::vector<TimeRange> left;
	auto cut = other.ranges_.begin();
	for (TimeRange range : ranges_) {
		while (cut != other.ranges_.end() && cut->to <= range.from)
			++cut;
		for (auto next = cut; next != other.ranges_.end() && next->from < range.to; ++next) {
			if (range.from < next->from)
				left.push_back({range.from, next->from, range.rows});
			range.from = std::max(range.from, next->to);
		}
		if (range.from < range.to)
			left.push_back(range);
	}
	ranges_ = std::move(left);
	sorted_ = ranges_.size();
}

void RangeSet::clip(Timestamp from, Timestamp to) {
	normalise();
	std::vector<TimeRange> left;
	for (const auto &range : ranges_) {
		const TimeRange part {std::max(range.from, from), std::min(range.to, to), range.rows};
		if (part.from < part.to)
			left.push_back(part);
	}
	ranges_ = std::move(left);
	sorted_ = ranges_.size();
}

void RangeSet::coarsen(size_t most) {
	normalise();
	if (ranges_.size() <= most)
		return;
	// The widest gaps stay.
	std::vector<size_t> gaps(ranges_.size() - 1); // gap i lies in front of range i + 1
	std::iota(gaps.begin(), gaps.end(), size_t {0});
	const auto width = [&](size_t gap) { return ranges_[gap + 1].from - ranges_[gap].to; };
	std::nth_element(gaps.begin(), gaps.begin() + static_cast<ptrdiff_t>(most - 1), gaps.end(),
	                 [&](size_t a, size_t b) { return width(a) > width(b); });
	std::vector<bool> stays(ranges_.size());
	for (size_t i = 0; i < most - 1; ++i)
		stays[gaps[i]] = true;
	size_t last = 0;
	for (size_t i = 1; i < ranges_.size(); ++i) {
		if (stays[i - 1]) {
			ranges_[++last] = ranges_[i];
		} else {
			ranges_[last].to = ranges_[i].to;
			ranges_[last].rows += ranges_[i].rows;
		}
	}
	ranges_.resize(last + 1);
	sorted_ = ranges_.size();
}

bool RangeSet::holds(Timestamp time) const {
	normalise();
	const auto after =
	    std::upper_bound(ranges_.begin(), ranges_.end(), time, [](Timestamp t, const TimeRange &range) { return t < range.from; });
	return after != ranges_.begin() && time < std::prev(after)->to;
}

int64_t RangeSet::rows() const {
	int64_t sum = 0;
	for (const auto &range : ranges_)
		sum += range.rows;
	return sum;
}

} // namespace aggregation
