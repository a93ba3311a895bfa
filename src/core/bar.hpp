// The values of a bar, as read from a source and as derived.
#pragma once

#include "core/timestamp.hpp"

#include <cmath>
#include <cstdint>
#include <optional>

namespace aggregation {

/// One row of a source: prices in quote currency; NULL is nullopt.
struct SourceBar {
	Timestamp start;
	std::optional<double> open;
	std::optional<double> high;
	std::optional<double> low;
	std::optional<double> close;
	std::optional<double> vol;
	std::optional<double> vwap;
	std::optional<int64_t> trade_count;

	/// A row is a candle if all four of its prices are there and finite.
	bool is_candle() const {
		for (const auto &price : {open, high, low, close}) {
			if (!price || !std::isfinite(*price))
				return false;
		}
		return true;
	}
};

/// What one window of candles comes to.
struct BarValues {
	double open = 0;
	double high = 0;
	double low = 0;
	double close = 0;
	std::optional<double> vol;
	std::optional<double> vwap;
	std::optional<int64_t> trade_count;
	int64_t candles = 0;  // source rows that count
	int64_t unusable = 0; // source rows whose prices are no candle's
};

} // namespace aggregation
