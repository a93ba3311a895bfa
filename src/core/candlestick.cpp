#include "core/candlestick.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace aggregation;

namespace {

static_assert(exact_sum::most_parts == AGG_CANDLESTICK_FULL_ROOM);

/// A total order of finite prices: -0 is below 0.
bool below(double a, double b) {
	return a < b || (a == b && std::signbit(a) && !std::signbit(b));
}

/// Each of the four is the first moment in a total order, so the order of rows does not matter.
inline void add_open(agg_moment &open, const agg_moment &other) {
	if (other.time < open.time || (other.time == open.time && below(other.price, open.price)))
		open = other;
}

inline void add_high(agg_moment &high, const agg_moment &other) {
	if (other.price >= high.price && (below(high.price, other.price) || (!below(other.price, high.price) && other.time < high.time)))
		high = other;
}

inline void add_low(agg_moment &low, const agg_moment &other) {
	if (other.price <= low.price && (below(other.price, low.price) || (!below(low.price, other.price) && other.time < low.time)))
		low = other;
}

inline void add_close(agg_moment &close, const agg_moment &other) {
	if (other.time > close.time || (other.time == close.time && below(other.price, close.price)))
		close = other;
}

inline void add_moments(agg_candlestick *to, const agg_moment &open, const agg_moment &high, const agg_moment &low,
                        const agg_moment &close) {
	if (!to->has_prices) {
		to->moments = {open, high, low, close};
		to->has_prices = true;
		return;
	}
	add_open(to->moments[AGG_OPEN], open);
	add_high(to->moments[AGG_HIGH], high);
	add_low(to->moments[AGG_LOW], low);
	add_close(to->moments[AGG_CLOSE], close);
}

/// Whether there is room for `more` parts in a sum, after compressing it where that helps.
inline bool make_room(agg_candlestick *in, size_t which, size_t more) {
	agg_sum &sum = in->sums[which];
	if (sum.used + more <= in->room)
		return true;
	sum.used = static_cast<uint8_t>(exact_sum::compress(in->parts(which), sum.used));
	return sum.used + more <= in->room;
}

/// There is room.
inline void add_to(agg_candlestick *to, size_t which, double number) {
	agg_sum &sum = to->sums[which];
	sum.any = true;
	double *parts = to->parts(which);
	if (!(std::abs(number) < exact_sum::too_large)) {
		sum.too_large = true;
	} else if (number != 0 && !sum.too_large) {
		sum.used = static_cast<uint8_t>(exact_sum::add(parts, sum.used, number));
		sum.too_large = sum.used > 0 && std::abs(parts[sum.used - 1]) >= exact_sum::sum_too_large;
	}
	if (sum.too_large)
		sum.used = 0;
}

bool usable(agg_number number) {
	return number.known && std::isfinite(number.value);
}

/// A volume, and the price that it weighs where there is one. Whether there was room.
inline bool add_volume(agg_candlestick *to, agg_number volume, agg_number price) {
	if (!usable(volume))
		return true;
	if (volume.value > 0 && usable(price)) {
		if (!make_room(to, agg_candlestick::weight, 1) || !make_room(to, agg_candlestick::turnover, 1))
			return false;
		add_to(to, agg_candlestick::weight, volume.value);
		add_to(to, agg_candlestick::turnover, price.value * volume.value);
		return true;
	}
	if (!make_room(to, agg_candlestick::other_volume, 1))
		return false;
	add_to(to, agg_candlestick::other_volume, volume.value);
	return true;
}

void add_sum(agg_candlestick *to, const agg_candlestick *from, size_t which) {
	agg_sum &sum = to->sums[which];
	const agg_sum &added = from->sums[which];
	if (!added.any)
		return;
	if (!sum.any) {
		sum = added;
		std::copy_n(from->parts(which), added.used, to->parts(which));
		return;
	}
	sum.too_large = sum.too_large || added.too_large;
	for (size_t i = 0; i < added.used && !sum.too_large; ++i) {
		(void)make_room(to, which, 1);
		const double part = from->parts(which)[i];
		const double largest = sum.used == 0 ? 0 : to->parts(which)[sum.used - 1];
		if (std::abs(part) >= exact_sum::sum_too_large || std::abs(largest) >= exact_sum::sum_too_large) {
			sum.too_large = true; // as text and rollups of bars may hold it
		} else {
			sum.used = static_cast<uint8_t>(exact_sum::add(to->parts(which), sum.used, part));
		}
	}
	if (sum.too_large)
		sum.used = 0;
}

agg_number rounded_sum(const agg_candlestick *of, size_t which) {
	const agg_sum &sum = of->sums[which];
	if (!sum.any || sum.too_large)
		return {false, 0};
	return {true, exact_sum::rounded(of->parts(which), sum.used)};
}

} // namespace

void aggregation::compress(agg_candlestick *candlestick) {
	for (size_t which = 0; which < candlestick->sums.size(); ++which) {
		agg_sum &sum = candlestick->sums[which];
		sum.used = static_cast<uint8_t>(exact_sum::compress(candlestick->parts(which), sum.used));
	}
}

extern "C" {

size_t agg_candlestick_size(size_t room) noexcept {
	return sizeof(agg_candlestick) + 3 * room * sizeof(double);
}

void agg_candlestick_begin(agg_candlestick *memory, size_t room) noexcept {
	std::memset(static_cast<void *>(memory), 0, sizeof(agg_candlestick));
	memory->room = static_cast<uint8_t>(room);
}

void agg_candlestick_copy(agg_candlestick *memory, size_t room, const agg_candlestick *from) noexcept {
	*memory = *from;
	memory->room = static_cast<uint8_t>(room);
	for (size_t which = 0; which < from->sums.size(); ++which)
		std::copy_n(from->parts(which), from->sums[which].used, memory->parts(which));
}

bool agg_candlestick_is_empty(const agg_candlestick *candlestick) noexcept {
	return !candlestick->has_prices;
}

bool agg_candlestick_add_trade(agg_candlestick *candlestick, int64_t time, double price, agg_number volume) noexcept {
	if (!std::isfinite(price))
		return true;
	if (!add_volume(candlestick, volume, {true, price}))
		return false;
	const agg_moment moment {time, price};
	add_moments(candlestick, moment, moment, moment, moment);
	candlestick->has_trades = true;
	if (++candlestick->trades_low == 0)
		++candlestick->trades_high;
	return true;
}

bool agg_candlestick_add_bar(agg_candlestick *candlestick, const agg_bar_row *bar) noexcept {
	if (!usable(bar->open) || !usable(bar->high) || !usable(bar->low) || !usable(bar->close))
		return true;
	if (!add_volume(candlestick, bar->vol, bar->vwap))
		return false;
	add_moments(candlestick, {bar->time, bar->open.value}, {bar->time, bar->high.value}, {bar->time, bar->low.value},
	            {bar->time, bar->close.value});
	if (bar->has_trades) {
		candlestick->add_trades(bar->trades);
		candlestick->has_trades = true;
	}
	return true;
}

bool agg_candlestick_merge(agg_candlestick *into, const agg_candlestick *from) noexcept {
	if (!from->has_prices)
		return true;
	if (into->room < AGG_CANDLESTICK_FULL_ROOM) {
		for (size_t which = 0; which < from->sums.size(); ++which) {
			if (!make_room(into, which, from->sums[which].used))
				return false;
		}
	}
	for (size_t which = 0; which < from->sums.size(); ++which)
		add_sum(into, from, which);
	add_moments(into, from->moments[AGG_OPEN], from->moments[AGG_HIGH], from->moments[AGG_LOW], from->moments[AGG_CLOSE]);
	into->has_trades = into->has_trades || from->has_trades;
	into->add_trades(from->trades());
	return true;
}

double agg_candlestick_price(const agg_candlestick *candlestick, agg_price which) noexcept {
	return candlestick->moments[which].price;
}

int64_t agg_candlestick_time(const agg_candlestick *candlestick, agg_price which) noexcept {
	return candlestick->moments[which].time;
}

agg_number agg_candlestick_volume(const agg_candlestick *candlestick) noexcept {
	const agg_sum &weight = candlestick->sums[agg_candlestick::weight];
	const agg_sum &other = candlestick->sums[agg_candlestick::other_volume];
	if (!weight.any)
		return rounded_sum(candlestick, agg_candlestick::other_volume);
	if (!other.any)
		return rounded_sum(candlestick, agg_candlestick::weight);
	OwnCandlestick both(candlestick);
	agg_sum &sum = both.get()->sums[agg_candlestick::weight];
	double *parts = both.get()->parts(agg_candlestick::weight);
	for (size_t i = 0; i < other.used; ++i) {
		(void)make_room(both.get(), agg_candlestick::weight, 1);
		sum.used = static_cast<uint8_t>(exact_sum::add(parts, sum.used, candlestick->parts(agg_candlestick::other_volume)[i]));
		if (sum.used > 0 && !std::isfinite(parts[sum.used - 1]))
			return {false, 0};
	}
	const double total = exact_sum::rounded(parts, sum.used);
	return {!weight.too_large && !other.too_large && std::isfinite(total), total};
}

agg_number agg_candlestick_vwap(const agg_candlestick *candlestick) noexcept {
	const agg_number weight = rounded_sum(candlestick, agg_candlestick::weight);
	const agg_number turnover = rounded_sum(candlestick, agg_candlestick::turnover);
	const double vwap = turnover.value / weight.value;
	return {weight.known && turnover.known && std::isfinite(vwap), vwap};
}

bool agg_candlestick_trades(const agg_candlestick *candlestick, int64_t *trades) noexcept {
	const __int128 count = candlestick->trades();
	*trades = static_cast<int64_t>(count);
	return candlestick->has_trades && count == *trades;
}

} // extern "C"
