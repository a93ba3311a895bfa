// A candlestick as text, in UTC and with numbers that read back as they were:
//
//   open 1.1 at 2025-07-01T00:00:00+00:00, high 1.3 at …, low 1 at …, close 1.2 at …, trades 12, volume 5.5, turnover 6.05
//
// Behind the prices stands only what is known. "other volume" is what has no price to be weighted with. An exact sum that one number cannot
// hold is written as several: 0.30000000000000004 + -2.7755575615628914e-17.
#include "core/candlestick.hpp"
#include "core/number_text.hpp"
#include "core/timestamp.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <string>

using namespace aggregation;

namespace {

constexpr std::array<const char *, 4> price_names {"open ", ", high ", ", low ", ", close "};
constexpr std::array<const char *, 3> sum_names {", volume ", ", other volume ", ", turnover "};
constexpr std::string_view too_large = "too large";

std::string count_text(__int128 count) {
	unsigned __int128 rest = count < 0 ? -static_cast<unsigned __int128>(count) : static_cast<unsigned __int128>(count);
	std::string text;
	do {
		text.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
		rest /= 10;
	} while (rest > 0);
	if (count < 0)
		text.push_back('-');
	std::reverse(text.begin(), text.end());
	return text;
}

std::string text_of(const agg_candlestick *candlestick) {
	OwnCandlestick fewest(candlestick);
	compress(fewest.get());
	std::string text;
	for (size_t i = 0; i < price_names.size(); ++i) {
		const agg_moment &moment = candlestick->moments[i];
		text += price_names[i] + number_text(moment.price) + " at " + to_iso8601({moment.time});
	}
	if (candlestick->has_trades)
		text += ", trades " + count_text(candlestick->trades());
	for (size_t which = 0; which < sum_names.size(); ++which) {
		const agg_sum &sum = fewest.get()->sums[which];
		if (!sum.any)
			continue;
		text += sum_names[which];
		if (sum.too_large)
			text += too_large;
		else if (sum.used == 0)
			text += '0';
		for (size_t i = sum.used; i > 0; --i)
			text += (i < sum.used ? " + " : "") + number_text(fewest.get()->parts(which)[i - 1]);
	}
	return text;
}

class Reader {
public:
	explicit Reader(std::string_view text) : whole_(text), rest_(text) {
	}
	bool done() const {
		return rest_.empty();
	}
	size_t position() const {
		return whole_.size() - rest_.size() + 1;
	}
	bool take(std::string_view wanted) {
		if (!rest_.starts_with(wanted))
			return false;
		rest_.remove_prefix(wanted.size());
		return true;
	}
	std::optional<double> number() {
		double value = 0;
		const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
		if (error != std::errc {} || !std::isfinite(value))
			return std::nullopt;
		rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
		return value;
	}
	/// Up to the next comma, or the end.
	std::optional<int64_t> time() {
		const std::string_view text = rest_.substr(0, rest_.find(','));
		const auto time = time_of(text);
		if (time)
			rest_.remove_prefix(text.size());
		return time;
	}
	std::optional<__int128> count() {
		const bool negative = take("-");
		unsigned __int128 value = 0;
		size_t digits = 0;
		for (; digits < 39 && digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
			const auto digit = static_cast<unsigned>(rest_[digits] - '0');
			if (value > (static_cast<unsigned __int128>(1) << 127) / 10)
				return std::nullopt;
			value = value * 10 + digit;
		}
		if (digits == 0 || value > (static_cast<unsigned __int128>(1) << 127) - (negative ? 0 : 1))
			return std::nullopt;
		rest_.remove_prefix(digits);
		return static_cast<__int128>(negative ? -value : value);
	}

private:
	/// What to_iso8601() writes of any timestamptz. The calendar repeats every 400 years, by which years come near that parse_iso8601()
	/// does not read.
	static std::optional<int64_t> time_of(std::string_view text) {
		constexpr int64_t years = 4800;
		constexpr Duration shift {years / 400 * 146'097 * one_day.us};
		if (text == "infinity")
			return Timestamp::infinity().us;
		if (text == "-infinity")
			return Timestamp::minus_infinity().us;
		const bool before_christ = text.ends_with(" BC");
		if (before_christ)
			text.remove_suffix(3);
		int64_t year = 0;
		const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), year);
		if (error != std::errc {} || (before_christ && (year < 1 || year > 4714)))
			return std::nullopt;
		const bool far = year >= 200'000;
		if (!before_christ && !far) {
			const auto time = parse_iso8601(text);
			return time ? std::optional(time->us) : std::nullopt;
		}
		std::array<char, 16> near {};
		std::snprintf(near.data(), near.size(), "%04d",
		              static_cast<int>(before_christ ? 1 - year + years : std::min<int64_t>(year, 300'000) - years));
		const auto time = parse_iso8601(near.data() + std::string(end, text.data() + text.size()));
		if (!time)
			return std::nullopt;
		const Timestamp shifted = before_christ ? *time - shift : *time + shift;
		return shifted == Timestamp::infinity() ? std::nullopt : std::optional(shifted.us);
	}

	std::string_view whole_;
	std::string_view rest_;
};

/// Null where it was read to the end, else what was expected where the reader stands.
const char *read(Reader &in, agg_candlestick *into) {
	for (size_t i = 0; i < price_names.size(); ++i) {
		if (!in.take(price_names[i]))
			return price_names[i];
		const auto price = in.number();
		if (!price)
			return "a finite number";
		if (!in.take(" at "))
			return " at ";
		const auto time = in.time();
		if (!time)
			return "a time";
		into->moments[i] = {*time, *price};
	}
	into->has_prices = true;
	if (in.take(", trades ")) {
		const auto trades = in.count();
		if (!trades)
			return "a count";
		into->has_trades = true;
		into->set_trades(*trades);
	}
	for (size_t which = 0; which < sum_names.size(); ++which) {
		if (!in.take(sum_names[which]))
			continue;
		agg_sum &sum = into->sums[which];
		sum.any = true;
		sum.too_large = in.take(too_large);
		if (sum.too_large)
			continue;
		do {
			const auto part = in.number();
			if (!part || sum.used == AGG_CANDLESTICK_FULL_ROOM)
				return "a finite number";
			into->parts(which)[sum.used++] = *part;
		} while (in.take(" + "));
		double *parts = into->parts(which);
		std::reverse(parts, parts + sum.used);
		if (sum.used == 1 && parts[0] == 0)
			sum.used = 0;
	}
	return in.done() ? nullptr : "the end, or what is known of trades, volume, other volume, turnover in this order";
}

/// Without the commas and spaces around it.
std::string_view bare(std::string_view expected) {
	expected.remove_prefix(std::min(expected.find_first_not_of(", "), expected.size()));
	return expected.substr(0, expected.find_last_not_of(' ') + 1);
}

constexpr const char *shape =
    "It looks like: open 1 at 2025-07-01T00:00:00Z, high 1 at ..., low 1 at ..., close 1 at ..., trades 1, volume 2, turnover 2";

} // namespace

extern "C" {

size_t agg_candlestick_print(const agg_candlestick *candlestick, char *text) noexcept {
	try {
		const std::string printed = text_of(candlestick);
		std::memcpy(text, printed.c_str(), printed.size() + 1);
		return printed.size();
	} catch (const std::bad_alloc &) {
		return 0;
	}
}

bool agg_candlestick_parse(const char *text, agg_candlestick *into, agg_misread *why) noexcept {
	agg_candlestick_begin(into, AGG_CANDLESTICK_FULL_ROOM);
	std::string_view trimmed(text);
	while (!trimmed.empty() && std::strchr(" \t\r\n", trimmed.front()) != nullptr)
		trimmed.remove_prefix(1);
	while (!trimmed.empty() && std::strchr(" \t\r\n", trimmed.back()) != nullptr)
		trimmed.remove_suffix(1);
	Reader in(trimmed);
	std::snprintf(why->hint, sizeof why->hint, "%s", shape);
	const char *expected = nullptr;
	try {
		expected = read(in, into);
	} catch (const std::bad_alloc &) {
		expected = "more memory";
	}
	if (expected != nullptr) {
		const std::string_view wanted = bare(expected);
		std::snprintf(why->message, sizeof why->message, "At character %zu this is expected: %.*s.", in.position(),
		              static_cast<int>(wanted.size()), wanted.data());
		return false;
	}
	if (const char *wrong = what_is_wrong(into); wrong != nullptr) {
		std::snprintf(why->message, sizeof why->message, "%c%s.", wrong[0] - 'a' + 'A', wrong + 1);
		return false;
	}
	return true;
}

} // extern "C"
