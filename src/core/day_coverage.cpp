#include "core/day_coverage.hpp"

#include "core/grid.hpp"

#include <algorithm>

namespace aggregation {

namespace {

constexpr Duration one_minute = Duration::minutes(1);

int64_t minutes_between(Timestamp from, Timestamp to) {
	return (to - from).us / one_minute.us;
}

Timestamp day_start(const Calendar *calendar, int64_t date) {
	return calendar == nullptr ? steps(unix_epoch, date, one_day) : calendar->start_of(date);
}

} // namespace

CoverageScan::CoverageScan(const Calendar *calendar, int64_t first_date, int64_t last_date, Timestamp now)
    : now_(minutes().floor(now)), range_ {day_start(calendar, first_date), day_start(calendar, last_date + 1)} {
	for (Timestamp start = range_.from; start < range_.to;) {
		const int64_t date = trading_day(calendar, start).date;
		const Timestamp end = day_start(calendar, date + 1);
		days_.push_back({.date = date});
		const size_t day = days_.size() - 1;
		const auto add = [&](Timestamp from, Timestamp to, bool open) {
			if (from < to)
				stretches_.push_back({from, to, day, open});
		};
		Timestamp closed_from = start;
		if (calendar == nullptr) {
			add(start, end, true);
			closed_from = end;
		} else {
			const auto &sessions = calendar->sessions();
			for (size_t i = calendar->session_after(start); i < sessions.size() && sessions[i].from < end; ++i) {
				const Timestamp opens = std::max(start, sessions[i].from);
				const Timestamp closes = std::min(end, sessions[i].to);
				add(closed_from, opens, false);
				add(opens, closes, true);
				closed_from = closes;
			}
		}
		add(closed_from, end, false);
		start = end;
	}
	begin_stretch(0);
}

void CoverageScan::begin_stretch(size_t stretch) {
	at_ = stretch;
	if (at_ < stretches_.size())
		seen_to_ = stretches_[at_].from;
}

void CoverageScan::end_stretch() {
	const Stretch &stretch = stretches_[at_];
	const Timestamp over = std::min(stretch.to, now_);
	if (stretch.open && stretch.from < over) {
		DayCoverage &day = days_[stretch.day];
		day.expected += minutes_between(stretch.from, over);
		day.longest_gap = std::max(day.longest_gap, minutes_between(seen_to_, over));
	}
	begin_stretch(at_ + 1);
}

void CoverageScan::saw(Timestamp t) {
	while (at_ < stretches_.size() && stretches_[at_].to <= t)
		end_stretch();
	if (at_ == stretches_.size() || t < stretches_[at_].from)
		return;
	const Stretch &stretch = stretches_[at_];
	const Timestamp minute = minutes().floor(t);
	if (minute < seen_to_ || minute >= now_)
		return;
	DayCoverage &day = days_[stretch.day];
	if (stretch.open) {
		day.longest_gap = std::max(day.longest_gap, minutes_between(seen_to_, minute));
		++day.present;
	} else {
		++day.outside;
	}
	seen_to_ = minute + one_minute;
}

std::vector<DayCoverage> CoverageScan::days() {
	while (at_ < stretches_.size())
		end_stretch();
	std::erase_if(days_, [](const DayCoverage &day) { return day.expected == 0 && day.outside == 0; });
	return std::move(days_);
}

} // namespace aggregation
