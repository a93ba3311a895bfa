#include "ops/bars/window_fold.hpp"

#include "core/quality.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

std::vector<SharedRead> shared_reads(const std::vector<Segment> &segments) {
	std::vector<SharedRead> reads;
	reads.reserve(segments.size());
	for (size_t i = 0; i < segments.size(); ++i) {
		const Segment &segment = segments[i];
		if (!reads.empty()) {
			SharedRead &last = reads.back();
			if (last.read.symbol == segment.symbol && *last.read.source == *segment.source && segment.from < last.read.to &&
			    segment.to > last.read.from) {
				last.read.from = std::min(last.read.from, segment.from);
				last.read.to = std::max(last.read.to, segment.to);
				++last.segments;
				continue;
			}
		}
		reads.push_back({{segment.symbol, segment.source, segment.from, segment.to}, i, 1});
	}
	return reads;
}

SavedPlans::SavedPlans(const std::vector<Segment> &segments) {
	plans_.reserve(segments.size());
	for (const auto &segment : segments)
		plans_.push_back(segment.plan == nullptr ? CatchUp::Progress() : segment.plan->progress());
}

void SavedPlans::restore(std::vector<Segment> &segments, size_t from, size_t to) const {
	for (size_t i = from; i < to; ++i) {
		if (segments[i].plan != nullptr)
			segments[i].plan->resume(plans_[i]);
	}
}

bool WindowFold::take(const SourceBar &bar, Place place, std::vector<ComputedWindow> &windows) {
	if (stopped_ || bar.start >= segment_->to)
		return false;
	if (!open_ || bar.start >= window_end_) {
		if (bar.start < segment_->from)
			return true;
		if (!start_window(bar.start, windows))
			return false;
	}
	if (place != Place::left_out && aggregator_.add(bar) && place == Place::inside)
		++inside_;
	return true;
}

void WindowFold::close_window(std::vector<ComputedWindow> &windows) {
	if (!open_)
		return;
	open_ = false;
	const BarValues values = aggregator_.values();
	aggregator_ = WindowAggregator();
	const int64_t inside = std::exchange(inside_, 0);
	const int64_t expected = segment_->target->expected(window_start_, *segment_->source);
	windows.push_back({index_, window_start_, values, expected, session_quality(values.candles, inside, expected)});
}

bool WindowFold::start_window(Timestamp time, std::vector<ComputedWindow> &windows) {
	close_window(windows);
	const Grid &target = *segment_->target;
	window_start_ = target.floor(time);
	window_end_ = target.next(window_start_);
	if (segment_->plan != nullptr && !segment_->plan->window(window_start_)) {
		stopped_ = true;
		return false;
	}
	open_ = true;
	return true;
}

SharedFold::SharedFold(std::vector<Segment> &segments, const SharedRead &shared)
    : source_(shared.read.source), calendar_(shared.read.source->calendar()), scan_(calendar_),
      first_(segments[shared.first], shared.first) {
	for (size_t i = shared.first + 1; i < shared.first + shared.segments; ++i)
		others_.emplace_back(segments[i], i);
	windows_of_others_.resize(others_.size());
}

bool SharedFold::take(const SourceBar &bar, std::vector<ComputedWindow> &windows) {
	last_time_ = bar.start;
	Place place = Place::inside;
	if (calendar_ != nullptr && !scan_.touches(bar.start, source_->next(bar.start)))
		place = calendar_->rules().outside == OutsideSessions::left_out ? Place::left_out : Place::outside;
	bool wanted = first_.take(bar, place, windows);
	for (size_t i = 0; i < others_.size(); ++i)
		wanted = others_[i].take(bar, place, windows_of_others_[i]) || wanted;
	return wanted;
}

void SharedFold::finish(std::vector<ComputedWindow> &windows) {
	first_.close_window(windows);
	for (size_t i = 0; i < others_.size(); ++i) {
		auto &of_this = windows_of_others_[i];
		others_[i].close_window(of_this);
		windows.insert(windows.end(), of_this.begin(), of_this.end());
	}
}

} // namespace aggregation
