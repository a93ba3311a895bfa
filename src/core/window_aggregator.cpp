#include "core/window_aggregator.hpp"

#include <limits>

namespace aggregation {

bool WindowAggregator::add(const SourceBar &bar) {
	if (!bar.is_candle()) {
		++bar_.unusable;
		return false;
	}
	if (bar_.candles++ == 0) {
		bar_.open = *bar.open;
		bar_.high = *bar.high;
		bar_.low = *bar.low;
	} else {
		// On a tie the later one wins, as in PostgreSQL's max and min: visible only between 0 and -0.
		bar_.high = bar_.high > *bar.high ? bar_.high : *bar.high;
		bar_.low = bar_.low < *bar.low ? bar_.low : *bar.low;
	}
	bar_.close = *bar.close;

	if (bar.vol && std::isfinite(*bar.vol)) {
		vol_sum_ = any_vol_ ? vol_sum_ + *bar.vol : *bar.vol;
		any_vol_ = true;
		if (*bar.vol > 0 && bar.vwap && std::isfinite(*bar.vwap)) {
			const double product = *bar.vwap * *bar.vol;
			weighted_sum_ = any_weight_ ? weighted_sum_ + product : product;
			weight_ = any_weight_ ? weight_ + *bar.vol : *bar.vol;
			any_weight_ = true;
		}
	}
	if (bar.trade_count) {
		trades_ += *bar.trade_count;
		any_trades_ = true;
	}
	return true;
}

BarValues WindowAggregator::values() const {
	BarValues result = bar_;
	if (any_vol_ && std::isfinite(vol_sum_))
		result.vol = vol_sum_;
	if (any_weight_ && std::isfinite(weighted_sum_) && std::isfinite(weight_))
		result.vwap = weighted_sum_ / weight_;
	if (result.vwap && !std::isfinite(*result.vwap))
		result.vwap = std::nullopt; // the weighted sum was rounded up, at the end of double precision's range
	if (any_trades_ && trades_ >= std::numeric_limits<int64_t>::min() && trades_ <= std::numeric_limits<int64_t>::max())
		result.trade_count = static_cast<int64_t>(trades_);
	return result;
}

WindowSums WindowAggregator::sums() const {
	WindowSums result;
	if (any_vol_)
		result.vol = vol_sum_;
	if (any_weight_) {
		result.weighted = weighted_sum_;
		result.weight = weight_;
	}
	if (any_trades_)
		result.trades = trades_;
	return result;
}

} // namespace aggregation
