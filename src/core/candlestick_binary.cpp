// A candlestick as bytes: what a column holds, what COPY BINARY and drivers exchange, and what parallel workers hand over. Most significant
// byte first.
//
//   1 byte    version, 1
//   1 byte    flags: 1 trades are known, 2 they take 16 bytes; 4 weighted volumes, 8 other volumes, 16 turnover too large to be held
//   4 x 16    open, high, low, close: microseconds since 2000-01-01 UTC, then the price
//   8 or 16   trades, if they are known
//   3 sums    weighted volumes, other volumes, turnover: 1 byte, how many doubles (255: the sum is unknown), and the doubles, largest first
//
// A later version has another first byte; this one will always be read.
#include "core/candlestick.hpp"

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace aggregation;

namespace {

constexpr uint8_t version = 1;
constexpr uint8_t unknown_sum = 255;

enum Flag : uint8_t { trades_known = 1, wide_trades = 2, first_too_large = 4, all_flags = 31 };

/// From this machine's order of bytes to the form's, and back.
uint64_t in_order(uint64_t word) {
	return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

class Writer {
public:
	explicit Writer(uint8_t *bytes) : begin_(bytes), at_(bytes) {
	}
	void byte(uint8_t value) {
		*at_++ = value;
	}
	void word(uint64_t value) {
		const uint64_t big_endian = in_order(value);
		std::memcpy(at_, &big_endian, sizeof big_endian);
		at_ += sizeof big_endian;
	}
	size_t written() const {
		return static_cast<size_t>(at_ - begin_);
	}

private:
	uint8_t *begin_;
	uint8_t *at_;
};

/// Reads zeros behind the end, and remembers that.
class Reader {
public:
	Reader(const uint8_t *bytes, size_t length) : at_(bytes), left_(length) {
	}
	uint8_t byte() {
		if (!take(1))
			return 0;
		return at_[-1];
	}
	uint64_t word() {
		uint64_t big_endian = 0;
		if (take(sizeof big_endian))
			std::memcpy(&big_endian, at_ - sizeof big_endian, sizeof big_endian);
		return in_order(big_endian);
	}
	bool exhausted() const {
		return left_ == 0 && !too_short_;
	}
	bool too_short() const {
		return too_short_;
	}

private:
	bool take(size_t bytes) {
		too_short_ = too_short_ || bytes > left_;
		if (too_short_)
			return false;
		at_ += bytes;
		left_ -= bytes;
		return true;
	}

	const uint8_t *at_;
	size_t left_;
	bool too_short_ = false;
};

bool fits_into_a_word(const agg_candlestick *candlestick) {
	return candlestick->trades() == static_cast<int64_t>(candlestick->trades_low);
}

bool refuse(agg_misread *why, const char *message, const char *hint) {
	std::snprintf(why->message, sizeof why->message, "%s", message);
	std::snprintf(why->hint, sizeof why->hint, "%s", hint);
	return false;
}

} // namespace

const char *aggregation::what_is_wrong(const agg_candlestick *candlestick) {
	for (const agg_moment &moment : candlestick->moments) {
		if (!std::isfinite(moment.price))
			return "a price is not finite";
		if (moment.time < candlestick->moments[AGG_OPEN].time || moment.time > candlestick->moments[AGG_CLOSE].time)
			return "a time is not between those of open and close";
	}
	if (candlestick->sums[agg_candlestick::weight].any != candlestick->sums[agg_candlestick::turnover].any)
		return "there must be both a weighted volume and a turnover, or neither";
	OwnCandlestick fewest(candlestick);
	for (size_t which = 0; which < candlestick->sums.size(); ++which) {
		const double *parts = candlestick->parts(which);
		for (size_t i = 0; i < candlestick->sums[which].used; ++i) {
			if (!std::isfinite(parts[i]) || parts[i] == 0)
				return "a part of a sum is zero, or not finite";
			// Near the end of double precision they are not even added where that could round to infinity.
			if (i > 0 && (!(std::abs(parts[i - 1]) < std::abs(parts[i])) ||
			              (std::abs(parts[i]) >= exact_sum::sum_too_large && parts[i - 1] + parts[i] != parts[i])))
				return "a sum is not written in its fewest parts, largest first";
		}
	}
	compress(fewest.get());
	for (size_t which = 0; which < candlestick->sums.size(); ++which) {
		const size_t used = candlestick->sums[which].used;
		if (fewest.get()->sums[which].used != used ||
		    std::memcmp(fewest.get()->parts(which), candlestick->parts(which), used * sizeof(double)) != 0)
			return "a sum is not written in its fewest parts, largest first";
	}
	if (const agg_sum &weight = candlestick->sums[agg_candlestick::weight];
	    weight.any && !weight.too_large && (weight.used == 0 || candlestick->parts(agg_candlestick::weight)[weight.used - 1] < 0))
		return "the weighted volume is not above zero";
	return nullptr;
}

extern "C" {

size_t agg_candlestick_encode(const agg_candlestick *candlestick, uint8_t *bytes) noexcept {
	OwnCandlestick fewest(candlestick);
	compress(fewest.get());
	Writer out(bytes);
	out.byte(version);
	uint8_t flags = 0;
	if (candlestick->has_trades)
		flags |= fits_into_a_word(candlestick) ? trades_known : trades_known | wide_trades;
	for (size_t which = 0; which < candlestick->sums.size(); ++which)
		flags |= candlestick->sums[which].too_large ? static_cast<uint8_t>(first_too_large << which) : uint8_t {0};
	out.byte(flags);
	for (const agg_moment &moment : candlestick->moments) {
		out.word(static_cast<uint64_t>(moment.time));
		out.word(std::bit_cast<uint64_t>(moment.price));
	}
	if ((flags & wide_trades) != 0)
		out.word(static_cast<uint64_t>(candlestick->trades_high));
	if ((flags & trades_known) != 0)
		out.word(candlestick->trades_low);
	for (size_t which = 0; which < candlestick->sums.size(); ++which) {
		const agg_sum &sum = fewest.get()->sums[which];
		out.byte(sum.any ? sum.used : unknown_sum);
		for (size_t i = sum.used; i > 0; --i)
			out.word(std::bit_cast<uint64_t>(fewest.get()->parts(which)[i - 1]));
	}
	return out.written();
}

bool agg_candlestick_decode(const uint8_t *bytes, size_t length, agg_candlestick *into, agg_misread *why) noexcept {
	agg_candlestick_begin(into, AGG_CANDLESTICK_FULL_ROOM);
	Reader in(bytes, length);
	if (const uint8_t found = in.byte(); length > 0 && found != version) {
		std::snprintf(why->message, sizeof why->message, "version %d of the binary form is not known", found);
		std::snprintf(why->hint, sizeof why->hint, "%s", "Update the extension on the server that reads it.");
		return false;
	}
	const uint8_t flags = in.byte();
	for (agg_moment &moment : into->moments) {
		moment.time = static_cast<int64_t>(in.word());
		moment.price = std::bit_cast<double>(in.word());
	}
	into->has_prices = true;
	into->has_trades = (flags & trades_known) != 0;
	if ((flags & wide_trades) != 0)
		into->trades_high = static_cast<int64_t>(in.word());
	if (into->has_trades)
		into->trades_low = in.word();
	if ((flags & wide_trades) == 0)
		into->trades_high = static_cast<int64_t>(into->trades_low) < 0 ? -1 : 0;
	bool well_formed =
	    flags <= all_flags && (into->has_trades || (flags & wide_trades) == 0) && ((flags & wide_trades) == 0 || !fits_into_a_word(into));
	for (size_t which = 0; which < into->sums.size(); ++which) {
		agg_sum &sum = into->sums[which];
		const uint8_t parts = in.byte();
		sum.any = parts != unknown_sum;
		sum.too_large = (flags & (first_too_large << which)) != 0;
		const uint8_t used = sum.any ? parts : uint8_t {0};
		if (used > AGG_CANDLESTICK_FULL_ROOM || (sum.too_large && (!sum.any || used > 0))) {
			well_formed = false;
			break;
		}
		sum.used = used;
		for (size_t i = used; i > 0; --i)
			into->parts(which)[i - 1] = std::bit_cast<double>(in.word());
	}
	if (!well_formed || !in.exhausted())
		return refuse(why, in.too_short() ? "it is too short" : "it is malformed", "Send what the type's binary output gives, unchanged.");
	return true;
}

bool agg_candlestick_check(const agg_candlestick *candlestick, agg_misread *why) noexcept {
	const char *wrong = what_is_wrong(candlestick);
	return wrong == nullptr || refuse(why, wrong, "Send what the type's binary output gives, unchanged.");
}

} // extern "C"
