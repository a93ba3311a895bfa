// What a candlestick is made of: see candlestick.h.
#pragma once

#include "core/candlestick.h"
#include "core/exact_sum.hpp"

#include <array>

/// A price and its time. Earlier, or the better price first: see candlestick.cpp.
struct agg_moment {
	int64_t time;
	double price;
};

/// One exact sum. Its parts lie behind the candlestick.
struct agg_sum {
	uint8_t used;
	bool any;       // whether anything was added: without, the sum is unknown
	bool too_large; // a number was, and the sum is unknown for good
};

/// Trivially copyable but for its parts, which lie behind it.
struct agg_candlestick {
	std::array<agg_moment, 4> moments; // by agg_price
	/// A sum of 128 bits in two halves, because memory from palloc() is not aligned for __int128.
	uint64_t trades_low;
	int64_t trades_high;
	bool has_prices;
	bool has_trades;
	uint8_t room;
	/// Volumes that have a price to be weighted by them, the other volumes, and the sum of price * volume.
	enum Which : uint8_t { weight, other_volume, turnover };
	std::array<agg_sum, 3> sums;

	double *parts(size_t which) {
		return reinterpret_cast<double *>(this + 1) + which * room;
	}
	const double *parts(size_t which) const {
		return reinterpret_cast<const double *>(this + 1) + which * room;
	}
	__int128 trades() const {
		return static_cast<__int128>(static_cast<unsigned __int128>(trades_high) << 64 | trades_low);
	}
	/// Wraps around where not even 128 bits hold it, which text and bytes from outside can bring about.
	void add_trades(__int128 more) {
		set_trades(static_cast<__int128>(static_cast<unsigned __int128>(trades()) + static_cast<unsigned __int128>(more)));
	}
	void set_trades(__int128 count) {
		trades_low = static_cast<uint64_t>(count);
		trades_high = static_cast<int64_t>(count >> 64);
	}
};

namespace aggregation {

/// A candlestick with full room, where C++ needs one of its own.
class OwnCandlestick {
public:
	OwnCandlestick() {
		agg_candlestick_begin(get(), AGG_CANDLESTICK_FULL_ROOM);
	}
	explicit OwnCandlestick(const agg_candlestick *from) {
		agg_candlestick_copy(get(), AGG_CANDLESTICK_FULL_ROOM, from);
	}
	agg_candlestick *get() {
		return reinterpret_cast<agg_candlestick *>(memory_.data());
	}
	const agg_candlestick *get() const {
		return reinterpret_cast<const agg_candlestick *>(memory_.data());
	}

private:
	alignas(16) std::array<unsigned char, sizeof(agg_candlestick) + 3 * AGG_CANDLESTICK_FULL_ROOM * sizeof(double)> memory_;
};

/// Makes the parts of all sums the fewest that there are.
void compress(agg_candlestick *candlestick);

/// Why no trades or bars come to this one, or null: what was read may have been written by anybody.
const char *what_is_wrong(const agg_candlestick *candlestick);

} // namespace aggregation
