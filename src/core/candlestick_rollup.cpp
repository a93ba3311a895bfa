// Bars rolled up as the engine stores them: the sums are the window aggregator's, bit by bit where rows come in time order.
#include "core/candlestick.hpp"
#include "core/window_aggregator.hpp"

#include <new>

using namespace aggregation;

struct agg_bar_rollup {
	WindowAggregator sums;
	/// Open and close are those of the earliest and the latest time, whatever the order of rows.
	agg_candlestick prices;
};

namespace {

std::optional<double> number(agg_number from) {
	return from.known ? std::optional(from.value) : std::nullopt;
}

void set_sum(agg_candlestick *in, size_t which, const std::optional<double> &value) {
	agg_sum &sum = in->sums[which];
	sum.any = value.has_value();
	sum.too_large = value && !std::isfinite(*value);
	sum.used = 0;
	if (value && !sum.too_large && *value != 0) {
		in->parts(which)[0] = *value;
		sum.used = 1;
	}
}

} // namespace

extern "C" {

size_t agg_bar_rollup_size(void) noexcept {
	static_assert(alignof(agg_bar_rollup) <= AGG_BAR_ROLLUP_ALIGNMENT && std::is_trivially_destructible_v<agg_bar_rollup>);
	return sizeof(agg_bar_rollup);
}

void agg_bar_rollup_begin(agg_bar_rollup *memory) noexcept {
	auto *rollup = new (memory) agg_bar_rollup;
	agg_candlestick_begin(&rollup->prices, 0);
}

void agg_bar_rollup_add(agg_bar_rollup *rollup, const agg_bar_row *bar) noexcept {
	const SourceBar row {.start = {bar->time},
	                     .open = number(bar->open),
	                     .high = number(bar->high),
	                     .low = number(bar->low),
	                     .close = number(bar->close),
	                     .vol = number(bar->vol),
	                     .vwap = number(bar->vwap),
	                     .trade_count = bar->has_trades ? std::optional(bar->trades) : std::nullopt};
	if (!rollup->sums.add(row))
		return;
	agg_bar_row prices = *bar;
	prices.vol.known = false;
	(void)agg_candlestick_add_bar(&rollup->prices, &prices);
}

void agg_bar_rollup_value(const agg_bar_rollup *rollup, agg_candlestick *into) noexcept {
	const BarValues values = rollup->sums.values();
	const WindowSums sums = rollup->sums.sums();
	agg_candlestick_copy(into, AGG_CANDLESTICK_FULL_ROOM, &rollup->prices);
	// They differ in the sign of a zero, where that of the engine is the later one's.
	into->moments[AGG_HIGH].price = values.high;
	into->moments[AGG_LOW].price = values.low;
	set_sum(into, agg_candlestick::weight, sums.weight);
	set_sum(into, agg_candlestick::turnover, sums.weighted);
	// What must be added to the weight for the volume that is stored.
	set_sum(into, agg_candlestick::other_volume, sums.vol);
	agg_sum &other = into->sums[agg_candlestick::other_volume];
	const agg_sum &weight = into->sums[agg_candlestick::weight];
	if (other.used > 0 && weight.used > 0) {
		double *parts = into->parts(agg_candlestick::other_volume);
		other.used = static_cast<uint8_t>(exact_sum::add(parts, other.used, -into->parts(agg_candlestick::weight)[0]));
	}
	if (weight.any && other.used == 0 && !other.too_large)
		other.any = false;
	into->has_trades = sums.trades.has_value();
	into->set_trades(sums.trades.value_or(0));
}

} // extern "C"
