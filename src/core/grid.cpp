#include "core/grid.hpp"

#include "core/civil_date.hpp"
#include "core/default_sources.h"
#include "core/integer_math.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

constexpr Duration one_hour = Duration::minutes(60);
constexpr int64_t first_monday = 4; // 1970-01-05, in days since the Unix epoch
constexpr int64_t months_per_year = 12;

bool infinite(Timestamp t) {
	return t == Timestamp::infinity() || t == Timestamp::minus_infinity();
}

/// Where the trading day of a date begins, in a calendar or in UTC.
Timestamp start_of(const Calendar *calendar, int64_t date) {
	return calendar != nullptr ? calendar->start_of(date) : steps(unix_epoch, date, one_day);
}

/// The weeks' first date at or before the first Monday after the Unix epoch.
int64_t first_week(const Calendar *calendar) {
	const int weekday = calendar != nullptr ? calendar->rules().first_weekday : 1;
	return first_monday - modulo(1 - weekday, 7);
}

} // namespace

Grid::Kind Grid::kind_of(const Timeframe &timeframe, bool utc) {
	switch (timeframe.unit()) {
	case Timeframe::Unit::minutes:
		return utc || timeframe.width() <= one_hour || timeframe.width() >= one_day ? Kind::regular : Kind::in_day;
	case Timeframe::Unit::months:
		return Kind::of_days;
	default:
		return utc ? Kind::regular : Kind::of_days;
	}
}

Grid::Shape Grid::shape_of(Timeframe timeframe, std::shared_ptr<const Calendar> calendar) {
	const Kind kind = kind_of(timeframe, calendar == nullptr);
	const Timestamp origin = timeframe.unit() == Timeframe::Unit::weeks ? steps(unix_epoch, first_monday, one_day) : unix_epoch;
	const int64_t phase_of_origin = kind == Kind::regular ? modulo(origin.us, timeframe.width().us) : 0;
	return {std::move(timeframe), std::move(calendar), kind, origin, phase_of_origin};
}

Grid::Grid(Timeframe timeframe, std::shared_ptr<const Calendar> calendar)
    : shape_(std::make_shared<const Shape>(shape_of(std::move(timeframe), std::move(calendar)))) {
}

int64_t Grid::phase(Timestamp t) const {
	const int64_t width = timeframe().width().us;
	const int64_t past = modulo(t.us, width) - shape_->phase_of_origin;
	return past < 0 ? past + width : past;
}

int64_t Grid::number_of(int64_t date) const {
	switch (timeframe().unit()) {
	case Timeframe::Unit::months: {
		const CivilDate civil = civil_from_days(date);
		return floor_div((civil.year - 1970) * months_per_year + civil.month - 1, timeframe().units());
	}
	case Timeframe::Unit::weeks:
		return floor_div(date - first_week(calendar()), 7 * timeframe().units());
	default:
		return floor_div(date, timeframe().units());
	}
}

int64_t Grid::first_date(int64_t number) const {
	switch (timeframe().unit()) {
	case Timeframe::Unit::months: {
		const int64_t month = number * timeframe().units();
		return days_from_civil({1970 + floor_div(month, months_per_year), static_cast<unsigned>(modulo(month, months_per_year) + 1), 1});
	}
	case Timeframe::Unit::weeks:
		return first_week(calendar()) + number * 7 * timeframe().units();
	default:
		return number * timeframe().units();
	}
}

Timestamp Grid::floor(Timestamp t) const {
	if (shape_->kind == Kind::regular)
		return t - Duration {phase(t)};
	if (infinite(t))
		return t;
	const TradingDay day = trading_day(calendar(), t);
	if (shape_->kind == Kind::of_days)
		return start_of(calendar(), first_date(number_of(day.date)));
	return steps(day.start, (t - day.start).us / timeframe().width().us, timeframe().width());
}

Timestamp Grid::ceil(Timestamp t) const {
	if (shape_->kind == Kind::regular) {
		const int64_t past = phase(t);
		return past == 0 ? t : t + Duration {timeframe().width().us - past};
	}
	const Timestamp start = floor(t);
	return start == t ? t : next(start);
}

bool Grid::aligned(Timestamp t) const {
	return shape_->kind == Kind::regular ? phase(t) == 0 : floor(t) == t;
}

Timestamp Grid::next_in_calendar(Timestamp start) const {
	if (infinite(start))
		return start;
	const TradingDay day = trading_day(calendar(), start);
	if (shape_->kind == Kind::in_day)
		return std::min(start + timeframe().width(), start_of(calendar(), day.date + 1));
	// A date that is missing makes no window.
	int64_t number = number_of(day.date);
	Timestamp end;
	do {
		end = start_of(calendar(), first_date(++number));
	} while (end <= start);
	return end;
}

Timestamp Grid::after(Timestamp start, int64_t windows) const {
	if (shape_->kind == Kind::regular)
		return steps(start, windows, timeframe().width());
	// No calendar reaches that far; below nothing overflows.
	constexpr int64_t many = 1'000'000'000;
	if (infinite(start) || windows > many || windows < -many)
		return windows == 0 ? start : (windows > 0 ? Timestamp::infinity() : Timestamp::minus_infinity());
	const TradingDay day = trading_day(calendar(), start);
	if (shape_->kind == Kind::of_days) {
		// Missing dates make the guess too short.
		const int64_t number = number_of(day.date);
		int64_t guess = number + windows;
		const auto reached = [&] { return count(start, start_of(calendar(), first_date(guess))); };
		while (reached() < windows)
			++guess;
		while (reached() > windows)
			--guess;
		return start_of(calendar(), first_date(guess));
	}
	const Duration width = timeframe().width();
	const int64_t wanted = (start - day.start).us / width.us + windows;
	int64_t date = day.date + floor_div(wanted, (one_day.us + width.us - 1) / width.us);
	const auto reached = [&](int64_t until) { return calendar()->windows_between(day.date, until, width); };
	while (reached(date) > wanted)
		--date;
	while (reached(date + 1) <= wanted)
		++date;
	return steps(start_of(calendar(), date), wanted - reached(date), width);
}

int64_t Grid::count(Timestamp from, Timestamp to) const {
	if (shape_->kind == Kind::regular)
		return (to - from).us / timeframe().width().us;
	const TradingDay first = trading_day(calendar(), from);
	const TradingDay last = trading_day(calendar(), to);
	if (shape_->kind == Kind::in_day) {
		const Duration width = timeframe().width();
		return calendar()->windows_between(first.date, last.date, width) + (to - last.start).us / width.us -
		       (from - first.start).us / width.us;
	}
	if (timeframe().unit() == Timeframe::Unit::days && timeframe().units() == 1)
		return calendar()->days_between(first.date, last.date);
	return number_of(last.date) - number_of(first.date);
}

int64_t Grid::expected(Timestamp start, const Grid &source) const {
	const Timestamp end = next(start);
	if (shape_->calendar == nullptr)
		return source.count(start, end);
	const auto &sessions = calendar()->sessions();
	int64_t windows = 0;
	Timestamp counted = start;
	for (size_t i = calendar()->session_after(start); i < sessions.size() && sessions[i].from < end; ++i) {
		const Timestamp from = std::max(counted, source.floor(sessions[i].from));
		const Timestamp to = std::min(end, source.ceil(sessions[i].to));
		if (to > from)
			windows += source.count(from, to);
		counted = std::max(counted, to);
	}
	return windows;
}

bool Grid::built_from(const Grid &source) const {
	const Timeframe &wide = timeframe();
	const Timeframe &narrow = source.timeframe();
	if (shape_->calendar != source.shape_->calendar || narrow.width() >= wide.width())
		return false;
	const auto divides = [](int64_t part, int64_t whole) { return whole % part == 0; };
	using Unit = Timeframe::Unit;
	if (shape_->kind == Kind::regular)
		// A source must not only divide the width but share its starts: weeks begin on Mondays, all else at the epoch's Thursday.
		return source.shape_->kind == Kind::regular && divides(narrow.width().us, wide.width().us) &&
		       divides(narrow.width().us, (shape_->origin - source.shape_->origin).us);
	if (narrow.unit() == Unit::minutes) {
		// A window that is cut off where the day ends is made of narrower ones that are cut off there, too.
		const Duration whole = shape_->kind == Kind::in_day ? wide.width() : one_day;
		if (source.shape_->kind == Kind::in_day)
			return shape_->kind == Kind::of_days || divides(narrow.width().us, whole.us);
		return divides(narrow.width().us, whole.us) &&
		       (shape_->calendar == nullptr || divides(narrow.width().us, calendar()->alignment().us));
	}
	if (narrow.unit() == wide.unit())
		return divides(narrow.units(), wide.units());
	return narrow.unit() == Unit::days && narrow.units() == 1;
}

std::vector<Timeframe> Grid::default_sources() const {
	std::vector<Timeframe> sources;
#define AGG_CANDIDATE(name, minutes, ...) name,
	for (const char *candidate : {AGG_DEFAULT_SOURCES(AGG_CANDIDATE)}) {
		auto source = *Timeframe::parse(candidate);
		if (built_from(of(source)))
			sources.push_back(std::move(source));
	}
#undef AGG_CANDIDATE
	return sources;
}

std::optional<Timeframe> Grid::default_source() const {
	auto sources = default_sources();
	return sources.empty() ? std::nullopt : std::optional(std::move(sources.front()));
}

const Grid &minutes() {
	static const Grid grid(*Timeframe::parse("1m"));
	return grid;
}

} // namespace aggregation
