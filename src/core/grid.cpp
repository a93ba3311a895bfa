#include "core/grid.hpp"

namespace aggregation {

namespace {

int64_t modulo(int64_t value, int64_t divisor) {
	const int64_t rest = value % divisor;
	return rest < 0 ? rest + divisor : rest;
}

/// Microseconds since the start of t's window, 0 <= phase < width.
int64_t phase(Timestamp t, Duration width, Timestamp origin) {
	return modulo(modulo(t.us, width.us) - modulo(origin.us, width.us), width.us);
}

} // namespace

Timestamp Grid::floor(Timestamp t) const {
	return t - Duration {phase(t, timeframe_.width_, timeframe_.origin_)};
}

Timestamp Grid::ceil(Timestamp t) const {
	const int64_t past = phase(t, timeframe_.width_, timeframe_.origin_);
	return past == 0 ? t : t + Duration {timeframe_.width_.us - past};
}

bool Grid::aligned(Timestamp t) const {
	return phase(t, timeframe_.width_, timeframe_.origin_) == 0;
}

Timestamp Grid::next(Timestamp start) const {
	return start + timeframe_.width_;
}

Timestamp Grid::after(Timestamp start, int64_t windows) const {
	int64_t span = 0;
	if (__builtin_mul_overflow(timeframe_.width_.us, windows, &span))
		return windows > 0 ? Timestamp::infinity() : Timestamp::minus_infinity();
	return start + Duration {span};
}

int64_t Grid::count(Timestamp from, Timestamp to) const {
	return (to - from).us / timeframe_.width_.us;
}

int64_t Grid::expected(Timestamp, const Grid &source) const {
	return timeframe_.width_.us / source.timeframe_.width_.us;
}

const Grid &minutes() {
	static const Grid grid(*Timeframe::parse("1m"));
	return grid;
}

} // namespace aggregation
