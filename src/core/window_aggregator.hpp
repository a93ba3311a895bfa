// One window's candles, in time order, folded into one bar.
//
//   open = the first candle's open         vol, trade_count = sums over those that are there
//   high = max(high), low = min(low)       vwap = sum(vwap * vol) / sum(vol) over candles with a vwap and vol > 0
//   close = the last candle's close
//
// Sums run left to right in time order in double precision, so that the same candles give the same bits by whatever path they come.
// A vol or vwap that is NaN or infinite counts as missing. A sum that double precision cannot hold, or a vwap that it cannot, is NULL
// rather than infinite or an error: one absurd volume must neither poison every wider bar nor stop a task. Trade counts are added exactly;
// a sum that does not fit into bigint is NULL, whatever those on the way to it were.
#pragma once

#include "core/bar.hpp"

namespace aggregation {

/// The sums behind a bar's values, as they run: infinite where double precision cannot hold them.
struct WindowSums {
	std::optional<double> vol;
	std::optional<double> weighted; // sum(vwap * vol)
	std::optional<double> weight;   // sum(vol) over the same candles
	std::optional<__int128> trades;
};

class WindowAggregator {
public:
	/// Rows must come in ascending order of their start. Whether it is a candle.
	bool add(const SourceBar &bar);
	/// Prices are meaningful only if `candles` > 0.
	BarValues values() const;
	WindowSums sums() const;

private:
	BarValues bar_;
	double vol_sum_ = 0;
	double weighted_sum_ = 0;
	double weight_ = 0;
	__int128 trades_ = 0;
	bool any_vol_ = false;
	bool any_weight_ = false;
	bool any_trades_ = false;
};

} // namespace aggregation
