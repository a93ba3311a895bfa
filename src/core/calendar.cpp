#include "core/calendar.hpp"

#include "core/integer_math.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace aggregation {

namespace {

int64_t windows_in(Duration day, Duration width) {
	return (day.us + width.us - 1) / width.us;
}

} // namespace

Calendar::Calendar(CalendarRules rules, std::vector<TradingDay> days, Timestamp end, std::span<const TimeRange> sessions)
    : rules_(std::move(rules)), days_(std::move(days)), alignment_(Duration::minutes(60)) {
	if (days_.empty())
		throw std::invalid_argument("calendar " + rules_.name + " has no days");
	days_.push_back({days_.back().date + 1, end});
	for (size_t i = 0; i + 1 < days_.size(); ++i) {
		const TradingDay &day = days_[i];
		const TradingDay &next = days_[i + 1];
		if (next.date <= day.date || next.start <= day.start)
			throw std::invalid_argument("the days of calendar " + rules_.name + " are not in order");
		for (int64_t date = day.date + 1; date < next.date; ++date)
			missing_.push_back(date);
		if (next.start - day.start != one_day)
			odd_.push_back(i);
		alignment_ = {std::gcd(alignment_.us, day.start.us)};
	}
	alignment_ = {std::gcd(alignment_.us, end.us)};
	for (const auto &session : sessions) {
		if (session.to <= session.from || (!sessions_.empty() && session.from < sessions_.back().to))
			throw std::invalid_argument("the sessions of calendar " + rules_.name + " are not in order");
		if (!sessions_.empty() && session.from == sessions_.back().to)
			sessions_.back().to = session.to;
		else
			sessions_.push_back({session.from, session.to});
	}
}

TradingDay Calendar::day_of(Timestamp t) const {
	const TradingDay &first = days_.front();
	const TradingDay &end = days_.back();
	if (t < first.start || t >= end.start) {
		const TradingDay &edge = t < first.start ? first : end;
		const int64_t days = floor_div((t - edge.start).us, one_day.us);
		return {edge.date + days, steps(edge.start, days, one_day)};
	}
	// Days of 23 and 25 hours hardly shift the others.
	auto i = static_cast<size_t>((t - first.start).us / one_day.us);
	i = std::min(i, days_.size() - 2);
	while (days_[i].start > t)
		--i;
	while (days_[i + 1].start <= t)
		++i;
	return days_[i];
}

Timestamp Calendar::start_of(int64_t date) const {
	if (date < days_.front().date)
		return steps(days_.front().start, date - days_.front().date, one_day);
	if (date >= days_.back().date)
		return steps(days_.back().start, date - days_.back().date, one_day);
	auto i = static_cast<size_t>(date - days_.front().date);
	i = std::min(i, days_.size() - 1);
	// Missing dates shift those behind them.
	while (i > 0 && days_[i - 1].date >= date)
		--i;
	return days_[i].start;
}

int64_t Calendar::days_between(int64_t from, int64_t to) const {
	if (to < from)
		return -days_between(to, from);
	const auto first = std::lower_bound(missing_.begin(), missing_.end(), from);
	const auto last = std::lower_bound(first, missing_.end(), to);
	return to - from - (last - first);
}

int64_t Calendar::windows_between(int64_t from, int64_t to, Duration width) const {
	if (to < from)
		return -windows_between(to, from, width);
	const int64_t regular = windows_in(one_day, width);
	int64_t windows = days_between(from, to) * regular;
	auto i = std::lower_bound(odd_.begin(), odd_.end(), from, [&](size_t day, int64_t date) { return days_[day].date < date; });
	for (; i != odd_.end() && days_[*i].date < to; ++i)
		windows += windows_in(days_[*i + 1].start - days_[*i].start, width) - regular;
	return windows;
}

size_t Calendar::session_after(Timestamp t, size_t from) const {
	const auto begin = sessions_.begin() + static_cast<ptrdiff_t>(from);
	const auto found =
	    std::upper_bound(begin, sessions_.end(), t, [](Timestamp time, const TimeRange &session) { return time < session.to; });
	return static_cast<size_t>(found - sessions_.begin());
}

TradingDay trading_day(const Calendar *calendar, Timestamp t) {
	if (calendar != nullptr)
		return calendar->day_of(t);
	const int64_t date = floor_div((t - unix_epoch).us, one_day.us);
	return {date, steps(unix_epoch, date, one_day)};
}

bool SessionScan::touches(Timestamp from, Timestamp to) {
	if (calendar_ == nullptr)
		return true;
	const auto &sessions = calendar_->sessions();
	if (next_ > 0 && sessions[next_ - 1].to > from) // back in time
		next_ = 0;
	if (next_ < sessions.size() && sessions[next_].to <= from)
		next_ = calendar_->session_after(from, next_);
	return next_ < sessions.size() && sessions[next_].from < to;
}

} // namespace aggregation
