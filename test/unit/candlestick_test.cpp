// Candlesticks: whatever the order and the split, the same bits; and what bars are rolled up to is what the engine stores.
#include "core/candlestick.hpp"
#include "core/window_aggregator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace aggregation;

namespace {

struct Trade {
	int64_t time;
	double price;
	std::optional<double> volume;
};

agg_number number(std::optional<double> value) {
	return {value.has_value(), value.value_or(0)};
}

void add(OwnCandlestick &to, const Trade &trade) {
	EXPECT_TRUE(agg_candlestick_add_trade(to.get(), trade.time, trade.price, number(trade.volume)));
}

OwnCandlestick of(const std::vector<Trade> &trades) {
	OwnCandlestick result;
	for (const Trade &trade : trades)
		add(result, trade);
	return result;
}

std::string text(const OwnCandlestick &candlestick) {
	std::string buffer(AGG_CANDLESTICK_MOST_TEXT, '\0');
	buffer.resize(agg_candlestick_print(candlestick.get(), buffer.data()));
	return buffer;
}

std::vector<uint8_t> bytes(const OwnCandlestick &candlestick) {
	std::vector<uint8_t> buffer(AGG_CANDLESTICK_MOST_BYTES);
	buffer.resize(agg_candlestick_encode(candlestick.get(), buffer.data()));
	return buffer;
}

std::optional<OwnCandlestick> decoded(const std::vector<uint8_t> &from) {
	OwnCandlestick result;
	agg_misread why {};
	if (!agg_candlestick_decode(from.data(), from.size(), result.get(), &why) || !agg_candlestick_check(result.get(), &why))
		return std::nullopt;
	return result;
}

std::optional<OwnCandlestick> parsed(const std::string &from) {
	OwnCandlestick result;
	agg_misread why {};
	if (!agg_candlestick_parse(from.c_str(), result.get(), &why))
		return std::nullopt;
	return result;
}

/// Any finite double whose sums stay finite, of every magnitude.
double wild(std::mt19937_64 &random) {
	const double magnitude =
	    std::ldexp(std::uniform_real_distribution(0.5, 1.0)(random), std::uniform_int_distribution(-1070, 969)(random));
	return random() % 2 == 0 ? magnitude : -magnitude;
}

bool same_bits(std::optional<double> a, agg_number b) {
	return a.has_value() == b.known && (!a || std::bit_cast<uint64_t>(*a) == std::bit_cast<uint64_t>(b.value));
}

} // namespace

TEST(ExactSum, RoundsOnceAndToEven) {
	std::vector<double> parts(exact_sum::most_parts);
	const auto sum = [&](const std::vector<double> &numbers) {
		size_t used = 0;
		for (const double one : numbers)
			used = exact_sum::add(parts.data(), used, one);
		return exact_sum::rounded(parts.data(), used);
	};
	EXPECT_EQ(sum({}), 0);
	EXPECT_EQ(sum({0.1, 0.2, 0.3, -0.1, -0.2, -0.3}), 0);
	EXPECT_EQ(sum({1e100, 1, -1e100}), 1);
	EXPECT_EQ(sum({1, 0x1p-53}), 1) << "halfway: to even";
	EXPECT_EQ(sum({1, 0x1p-53, 0x1p-1074}), 1 + DBL_EPSILON) << "a little more than halfway";
	EXPECT_EQ(sum({1, 0x1p-53, -0x1p-1074}), 1) << "a little less";
	EXPECT_EQ(sum({1 + DBL_EPSILON, 0x1p-53}), 1 + 2 * DBL_EPSILON) << "halfway: to even, upwards";
	EXPECT_EQ(sum(std::vector<double>(10, 0.1)), 1);
	EXPECT_EQ(sum({DBL_TRUE_MIN, -DBL_TRUE_MIN}), 0);
}

TEST(ExactSum, FewestPartsAreThoseOfTheValue) {
	std::mt19937_64 random(1);
	for (int round = 0; round < 2000; ++round) {
		std::vector<double> numbers(1 + random() % 60);
		std::generate(numbers.begin(), numbers.end(), [&] { return wild(random); });
		std::vector<double> first;
		for (int order = 0; order < 3; ++order) {
			std::vector<double> parts(exact_sum::most_parts);
			size_t used = 0;
			for (const double one : numbers) {
				if (used == parts.size())
					used = exact_sum::compress(parts.data(), used);
				ASSERT_LT(used, parts.size()) << "compressed, there is always room";
				used = exact_sum::add(parts.data(), used, one);
			}
			parts.resize(exact_sum::compress(parts.data(), used));
			ASSERT_LE(parts.size(), 40u);
			if (order == 0)
				first = parts;
			EXPECT_EQ(parts, first);
			std::shuffle(numbers.begin(), numbers.end(), random);
		}
	}
}

TEST(Candlestick, EarliestHighestLowestLatest) {
	const auto candlestick = of({{20, 5, 1}, {10, 3, 2}, {40, 4, 3}, {30, 7, 4}, {35, 2, 5}, {36, 7, 6}});
	const auto *c = candlestick.get();
	EXPECT_EQ(text(candlestick),
	          "open 3 at 2000-01-01T00:00:00.00001+00:00, high 7 at 2000-01-01T00:00:00.00003+00:00, "
	          "low 2 at 2000-01-01T00:00:00.000035+00:00, close 4 at 2000-01-01T00:00:00.00004+00:00, trades 6, volume 21, turnover 103");
	EXPECT_EQ(agg_candlestick_price(c, AGG_OPEN), 3);
	EXPECT_EQ(agg_candlestick_time(c, AGG_CLOSE), 40);
	EXPECT_EQ(agg_candlestick_vwap(c).value, 103.0 / 21);
	int64_t trades = 0;
	EXPECT_TRUE(agg_candlestick_trades(c, &trades));
	EXPECT_EQ(trades, 6);
}

TEST(Candlestick, OnATieTheLowestPrice) {
	const auto candlestick = of({{10, 5, {}}, {10, 3, {}}, {10, 4, {}}});
	EXPECT_EQ(agg_candlestick_price(candlestick.get(), AGG_OPEN), 3);
	EXPECT_EQ(agg_candlestick_price(candlestick.get(), AGG_CLOSE), 3);
	EXPECT_EQ(text(of({{1, 0.0, {}}, {1, -0.0, {}}})), text(of({{1, -0.0, {}}, {1, 0.0, {}}})));
}

TEST(Candlestick, WhatIsNotFiniteIsNotThere) {
	constexpr double nan = std::numeric_limits<double>::quiet_NaN();
	constexpr double inf = std::numeric_limits<double>::infinity();
	EXPECT_TRUE(agg_candlestick_is_empty(of({{1, nan, 1}, {2, inf, 1}, {3, -inf, 1}}).get()));
	const auto unknown = of({{1, 1, {}}, {2, 2, nan}, {3, 3, inf}});
	EXPECT_FALSE(agg_candlestick_volume(unknown.get()).known);
	EXPECT_FALSE(agg_candlestick_vwap(unknown.get()).known);
	const auto nothing = of({{1, 1, {}}, {2, 2, 0}});
	EXPECT_TRUE(same_bits(0.0, agg_candlestick_volume(nothing.get())));
	EXPECT_FALSE(agg_candlestick_vwap(nothing.get()).known);
	const auto negative = of({{1, 1, 3}, {2, 2, -1}});
	EXPECT_TRUE(same_bits(2.0, agg_candlestick_volume(negative.get())));
	EXPECT_TRUE(same_bits(1.0, agg_candlestick_vwap(negative.get()))) << "over volumes above zero";
	const auto too_large = of({{1, 1, 1e300}, {2, 2, -1e300}, {3, 3, 5}});
	EXPECT_FALSE(agg_candlestick_volume(too_large.get()).known);
	EXPECT_NE(text(too_large).find("volume too large"), std::string::npos);
}

TEST(Candlestick, NeitherOrderNorSplitMatters) {
	std::mt19937_64 random(2);
	for (int round = 0; round < 500; ++round) {
		std::vector<Trade> trades(1 + random() % 50);
		for (Trade &trade : trades) {
			const bool ordinary = round % 2 == 0;
			trade.time = static_cast<int64_t>(random() % 20);
			trade.price = ordinary ? std::round(std::uniform_real_distribution(90.0, 110.0)(random) * 100) / 100 : wild(random);
			if (random() % 8 != 0)
				trade.volume = ordinary ? std::uniform_real_distribution(-1.0, 10.0)(random) : wild(random);
			if (random() % 40 == 0)
				trade.volume = 1e295;
		}
		const auto whole = of(trades);
		std::shuffle(trades.begin(), trades.end(), random);
		const size_t split = random() % trades.size();
		const auto left = of({trades.begin(), trades.begin() + static_cast<std::ptrdiff_t>(split)});
		const auto right = of({trades.begin() + static_cast<std::ptrdiff_t>(split), trades.end()});
		OwnCandlestick together;
		for (const auto *part : {&left, &right})
			ASSERT_TRUE(agg_candlestick_merge(together.get(), part->get()));
		ASSERT_EQ(text(whole), text(together));
		ASSERT_EQ(bytes(whole), bytes(together));
		const auto read_bytes = decoded(bytes(whole));
		ASSERT_TRUE(read_bytes);
		ASSERT_EQ(bytes(*read_bytes), bytes(whole));
		const auto read_text = parsed(text(whole));
		ASSERT_TRUE(read_text) << text(whole);
		ASSERT_EQ(bytes(*read_text), bytes(whole));
	}
}

TEST(Candlestick, LittleRoomIsNeverTooLittle) {
	std::mt19937_64 random(3);
	std::vector<std::byte> memory(agg_candlestick_size(AGG_CANDLESTICK_ROOM));
	auto *small = reinterpret_cast<agg_candlestick *>(memory.data());
	agg_candlestick_begin(small, AGG_CANDLESTICK_ROOM);
	OwnCandlestick full;
	bool refused = false;
	for (int i = 0; i < 100; ++i) {
		const Trade trade {i, 1, std::abs(wild(random))};
		if (!agg_candlestick_add_trade(small, trade.time, trade.price, number(trade.volume))) {
			refused = true;
			break;
		}
		add(full, trade);
		ASSERT_EQ(text(OwnCandlestick(small)), text(full));
	}
	EXPECT_TRUE(refused);
	EXPECT_EQ(text(OwnCandlestick(small)), text(full)) << "with nothing done";
}

TEST(Candlestick, TradesBeyondABigint) {
	OwnCandlestick candlestick;
	agg_bar_row bar {};
	for (agg_number *price : {&bar.open, &bar.high, &bar.low, &bar.close})
		*price = {true, 1};
	bar.has_trades = true;
	bar.trades = std::numeric_limits<int64_t>::max();
	int64_t trades = 0;
	for (int i = 0; i < 3; ++i)
		ASSERT_TRUE(agg_candlestick_add_bar(candlestick.get(), &bar));
	EXPECT_FALSE(agg_candlestick_trades(candlestick.get(), &trades));
	EXPECT_NE(text(candlestick).find("trades 27670116110564327421"), std::string::npos);
	EXPECT_EQ(bytes(*parsed(text(candlestick))), bytes(candlestick));
	EXPECT_EQ(text(*decoded(bytes(candlestick))), text(candlestick));
	bar.trades = -bar.trades;
	for (int i = 0; i < 2; ++i)
		ASSERT_TRUE(agg_candlestick_add_bar(candlestick.get(), &bar));
	EXPECT_TRUE(agg_candlestick_trades(candlestick.get(), &trades)) << "whatever those on the way were";
	EXPECT_EQ(trades, std::numeric_limits<int64_t>::max());
}

TEST(Candlestick, CountsAtTheEndOf128Bits) {
	const std::string prices =
	    "open 1 at 2025-07-01T00:00:00+00:00, high 1 at 2025-07-01T00:00:00+00:00, low 1 at 2025-07-01T00:00:00+00:00, "
	    "close 1 at 2025-07-01T00:00:00+00:00, trades ";
	for (const char *count : {"170141183460469231731687303715884105727", "-170141183460469231731687303715884105728"}) {
		const auto candlestick = parsed(prices + count);
		ASSERT_TRUE(candlestick) << count;
		EXPECT_EQ(text(*candlestick), prices + count);
		EXPECT_EQ(text(*decoded(bytes(*candlestick))), prices + count);
		OwnCandlestick twice(candlestick->get());
		EXPECT_TRUE(agg_candlestick_merge(twice.get(), candlestick->get()));
	}
	for (const char *count :
	     {"170141183460469231731687303715884105728", "-170141183460469231731687303715884105729", "340282366920938463463374607431768211457"})
		EXPECT_FALSE(parsed(prices + count)) << count;
}

TEST(Candlestick, BarsAreRolledUpAsTheEngineDoes) {
	std::mt19937_64 random(4);
	constexpr double nan = std::numeric_limits<double>::quiet_NaN();
	for (int round = 0; round < 1000; ++round) {
		WindowAggregator engine;
		std::vector<std::byte> memory(agg_bar_rollup_size() + AGG_BAR_ROLLUP_ALIGNMENT);
		auto *rollup = reinterpret_cast<agg_bar_rollup *>((reinterpret_cast<uintptr_t>(memory.data()) + AGG_BAR_ROLLUP_ALIGNMENT - 1) /
		                                                  AGG_BAR_ROLLUP_ALIGNMENT * AGG_BAR_ROLLUP_ALIGNMENT);
		agg_bar_rollup_begin(rollup);
		const auto some = [&](double value) -> std::optional<double> {
			return random() % 10 == 0 ? std::nullopt
			                          : std::optional(random() % 20 == 0    ? nan
			                                          : random() % 40 == 0  ? 0
			                                          : random() % 200 == 0 ? 1.7e308
			                                                                : value);
		};
		for (int i = 0; i < 30; ++i) {
			const auto price = [&] {
				return random() % 50 == 0 ? std::nullopt
				                          : std::optional(random() % 9 == 0   ? 0.0
				                                          : random() % 9 == 0 ? -0.0
				                                                              : std::uniform_real_distribution(1.0, 2.0)(random));
			};
			SourceBar bar {.start = {i},
			               .open = price(),
			               .high = price(),
			               .low = price(),
			               .close = price(),
			               .vol = some(std::uniform_real_distribution(-1.0, 20.0)(random)),
			               .vwap = some(1.5),
			               .trade_count = {}};
			if (random() % 3 == 0)
				bar.trade_count = std::numeric_limits<int64_t>::max() / static_cast<int64_t>(1 + random() % 30);
			engine.add(bar);
			const agg_bar_row row {.time = i,
			                       .open = number(bar.open),
			                       .high = number(bar.high),
			                       .low = number(bar.low),
			                       .close = number(bar.close),
			                       .vol = number(bar.vol),
			                       .vwap = number(bar.vwap),
			                       .has_trades = bar.trade_count.has_value(),
			                       .trades = bar.trade_count.value_or(0)};
			agg_bar_rollup_add(rollup, &row);
		}
		OwnCandlestick candlestick;
		agg_bar_rollup_value(rollup, candlestick.get());
		const BarValues values = engine.values();
		ASSERT_EQ(agg_candlestick_is_empty(candlestick.get()), values.candles == 0);
		if (values.candles == 0)
			continue;
		const auto check = [&](const OwnCandlestick &c) {
			const double expected[] = {values.open, values.high, values.low, values.close};
			for (const agg_price which : {AGG_OPEN, AGG_HIGH, AGG_LOW, AGG_CLOSE})
				EXPECT_TRUE(same_bits(expected[which], {true, agg_candlestick_price(c.get(), which)}));
			EXPECT_TRUE(same_bits(values.vol, agg_candlestick_volume(c.get()))) << text(c);
			EXPECT_TRUE(same_bits(values.vwap, agg_candlestick_vwap(c.get()))) << text(c);
			int64_t trades = 0;
			EXPECT_EQ(agg_candlestick_trades(c.get(), &trades), values.trade_count.has_value());
			if (values.trade_count) {
				EXPECT_EQ(trades, *values.trade_count);
			}
		};
		check(candlestick);
		const auto read_text = parsed(text(candlestick));
		ASSERT_TRUE(read_text) << text(candlestick);
		check(*read_text);
		const auto read_bytes = decoded(bytes(candlestick));
		ASSERT_TRUE(read_bytes) << text(candlestick);
		check(*read_bytes);
	}
}

TEST(Candlestick, TimesOfAnyTimestamptz) {
	for (const int64_t time : {int64_t {0}, int64_t {-1}, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
	                           int64_t {-211813488000000000}, int64_t {9223371331199999999}, int64_t {AGG_FIRST_TIME_US},
	                           int64_t {AGG_END_OF_TIME_US}, int64_t {-63082281600000000} + 1, int64_t {-63082281600000000} - 1}) {
		const auto written = of({{time, 1, {}}});
		const auto read = parsed(text(written));
		ASSERT_TRUE(read) << text(written);
		EXPECT_EQ(agg_candlestick_time(read->get(), AGG_OPEN), time) << text(written);
	}
}

TEST(Candlestick, WhatIsMalformedIsRefused) {
	const std::string good =
	    "open 1 at 2025-07-01T00:00:00Z, high 2 at 2025-07-01T00:00:01Z, low 1 at 2025-07-01, close 2 at 2025-07-01T00:00:02Z";
	EXPECT_TRUE(parsed(good));
	EXPECT_TRUE(parsed("  " + good + "\n"));
	for (const char *rest : {", trades 3", ", volume 1, turnover 2", ", other volume 3", ", volume too large, turnover 2",
	                         ", other volume 0", ", volume 1 + 1e-30, turnover 0"})
		EXPECT_TRUE(parsed(good + rest)) << rest;
	for (const char *rest :
	     {" ", ", ", ", trades", ", trades x", ", trades 1.5", ", trades 999999999999999999999999999999999999999999", ", volume 1",
	      ", turnover 1", ", volume -1, turnover 1", ", volume 0, turnover 1", ", volume 1 + 1, turnover 1",
	      ", volume 1e-30 + 1, turnover 1", ", volume nan, turnover 1", ", volume inf, turnover 1", ", turnover 1, volume 1",
	      ", volume 1e308 + 1e300, turnover 1", ", volume 1 + 0, turnover 1", ", volume 1 +, turnover 1", ", volume 1e999, turnover 1"})
		EXPECT_EQ(parsed(good + rest).has_value(), std::string(rest) == " ") << rest;
	for (size_t i = 0; i < good.size(); ++i)
		EXPECT_FALSE(parsed(good.substr(0, i)) && good.substr(0, i).find("close 2 at 2025-07-01") == std::string::npos) << i;
	EXPECT_FALSE(parsed("open 1 at 2025-07-02, high 2 at 2025-07-01, low 1 at 2025-07-01, close 2 at 2025-07-01"));
	EXPECT_FALSE(parsed("open NaN at 2025-07-01, high 2 at 2025-07-01, low 1 at 2025-07-01, close 2 at 2025-07-01"));
}

TEST(Candlestick, SumsAtTheEndOfTheRangeAreUnknownRatherThanInfinite) {
	const auto largest =
	    parsed("open 1 at 2025-07-01, high 1 at 2025-07-01, low 1 at 2025-07-01, close 1 at 2025-07-01, "
	           "volume 1.7976931348623157e308 + 9e291, other volume 1.7976931348623157e308, turnover 1.7976931348623157e308");
	ASSERT_TRUE(largest);
	EXPECT_FALSE(agg_candlestick_volume(largest->get()).known);
	EXPECT_TRUE(same_bits(1, agg_candlestick_vwap(largest->get())));
	OwnCandlestick twice(largest->get());
	ASSERT_TRUE(agg_candlestick_merge(twice.get(), largest->get()));
	EXPECT_FALSE(agg_candlestick_vwap(twice.get()).known);
	EXPECT_TRUE(decoded(bytes(twice)));
}

TEST(Candlestick, AnyBytesAreReadOrRefused) {
	std::mt19937_64 random(5);
	const auto good = bytes(of({{1, 0.1, 0.3}, {2, 0.7, 0.9}, {3, 0.2, -1}}));
	for (size_t i = 0; i < good.size(); ++i)
		EXPECT_FALSE(decoded({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i)})) << i;
	auto more = good;
	more.push_back(0);
	EXPECT_FALSE(decoded(more));
	size_t read = 0;
	for (int round = 0; round < 20000; ++round) {
		auto changed = good;
		for (size_t n = 1 + random() % 3; n > 0; --n)
			changed[random() % changed.size()] = static_cast<uint8_t>(random());
		if (const auto candlestick = decoded(changed)) {
			++read;
			ASSERT_EQ(bytes(*candlestick), changed) << "what is accepted is written the same way";
			OwnCandlestick twice(candlestick->get());
			ASSERT_TRUE(agg_candlestick_merge(twice.get(), candlestick->get()));
			ASSERT_TRUE(decoded(bytes(twice)));
			(void)agg_candlestick_volume(candlestick->get());
			(void)agg_candlestick_vwap(candlestick->get());
		}
	}
	EXPECT_GT(read, 0u);
}
