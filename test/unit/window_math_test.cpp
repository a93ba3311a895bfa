// One window: its values and its quality score.
#include "core/quality.hpp"
#include "core/window_aggregator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>

using namespace aggregation;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

SourceBar bar(double open, double high, double low, double close) {
	return {.start = {}, .open = open, .high = high, .low = low, .close = close, .vol = {}, .vwap = {}, .trade_count = {}};
}

BarValues fold(const std::vector<SourceBar> &bars) {
	WindowAggregator aggregator;
	for (const auto &one : bars)
		aggregator.add(one);
	return aggregator.values();
}

bool same_bits(std::optional<double> a, std::optional<double> b) {
	return a.has_value() == b.has_value() && (!a || std::bit_cast<uint64_t>(*a) == std::bit_cast<uint64_t>(*b));
}

} // namespace

TEST(WindowMath, FirstOpenHighestHighLowestLowLastClose) {
	const auto values = fold({bar(1, 5, 0.5, 2), bar(2, 7, 1, 3), bar(3, 4, 2, 3.5)});
	EXPECT_EQ(values.open, 1);
	EXPECT_EQ(values.high, 7);
	EXPECT_EQ(values.low, 0.5);
	EXPECT_EQ(values.close, 3.5);
	EXPECT_EQ(values.candles, 3);
	EXPECT_FALSE(values.vol || values.vwap || values.trade_count);
}

TEST(WindowMath, RowsWithoutAPriceAreRefusedAndCounted) {
	auto missing = bar(9, 9, 9, 9);
	missing.low.reset();
	const auto values = fold({bar(not_a_number, 1, 1, 1), missing, bar(1, 2, 1, 2), bar(1, infinite, 1, 1), bar(1, 1, 1, -infinite)});
	EXPECT_EQ(values.candles, 1);
	EXPECT_EQ(values.unusable, 4);
	EXPECT_EQ(values.open, 1);
	EXPECT_EQ(values.close, 2);
}

TEST(WindowMath, VwapWeighsBarsThatHaveBothParts) {
	auto whole = bar(1, 1, 1, 1);
	whole.vol = 10;
	whole.vwap = 2;
	auto heavy = whole;
	heavy.vol = 30;
	heavy.vwap = 4;
	auto no_vwap = whole;
	no_vwap.vwap.reset();
	auto no_volume = whole;
	no_volume.vol = 0;
	const auto values = fold({whole, no_vwap, no_volume, heavy});
	EXPECT_EQ(values.vwap, (10.0 * 2 + 30 * 4) / 40);
	EXPECT_EQ(values.vol, 50);
	EXPECT_FALSE(fold({no_vwap, no_volume}).vwap);
}

TEST(WindowMath, AbsurdVolumesAreMissing) {
	auto absurd = bar(1, 1, 1, 1);
	absurd.vol = not_a_number;
	absurd.vwap = 1;
	auto good = bar(1, 1, 1, 1);
	good.vol = 3;
	good.vwap = infinite;
	const auto values = fold({absurd, good});
	EXPECT_EQ(values.vol, 3);
	EXPECT_FALSE(values.vwap);
}

TEST(WindowMath, SumsThatDoNotFitAreNull) {
	auto huge = bar(1, 1, 1, 1);
	huge.vol = 1e308;
	huge.vwap = 1;
	huge.trade_count = INT64_MAX;
	const auto values = fold({huge, huge});
	EXPECT_FALSE(values.vol || values.vwap || values.trade_count);
	EXPECT_EQ(values.candles, 2);
	EXPECT_EQ(fold({huge}).trade_count, INT64_MAX);
}

TEST(WindowMath, TradeCountsAreAddedExactly) {
	const auto trades = [](std::initializer_list<int64_t> counts) {
		std::vector<SourceBar> bars;
		for (const int64_t count : counts) {
			bars.push_back(bar(1, 1, 1, 1));
			bars.back().trade_count = count;
		}
		return fold(bars).trade_count;
	};
	EXPECT_EQ(trades({INT64_MAX, 10, -10}), INT64_MAX);
	EXPECT_EQ(trades({INT64_MIN, -1, INT64_MAX}), -2);
	EXPECT_EQ(trades({INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, 2}), 0);
	EXPECT_FALSE(trades({INT64_MAX, 1}));
	EXPECT_FALSE(trades({INT64_MIN, -1}));
}

TEST(WindowMath, AVwapThatRoundsBeyondTheRangeIsNull) {
	std::mt19937_64 random(7);
	std::uniform_real_distribution<double> volume(0.01, 0.1);
	int beyond = 0;
	for (int i = 0; i < 1000; ++i) {
		std::vector<SourceBar> bars(10, bar(1, 1, 1, 1));
		double weighted = 0;
		double weight = 0;
		for (auto &one : bars) {
			one.vwap = std::numeric_limits<double>::max();
			one.vol = volume(random);
			weighted += *one.vwap * *one.vol;
			weight += *one.vol;
		}
		beyond += std::isinf(weighted / weight) ? 1 : 0;
		ASSERT_EQ(fold(bars).vwap.has_value(), std::isfinite(weighted / weight));
	}
	EXPECT_GT(beyond, 0);
}

TEST(WindowMath, OfEqualPricesTheLaterOneWins) {
	EXPECT_TRUE(same_bits(fold({bar(0, 0.0, 0.0, 0), bar(0, -0.0, -0.0, 0)}).high, -0.0));
	EXPECT_TRUE(same_bits(fold({bar(0, -0.0, -0.0, 0), bar(0, 0.0, 0.0, 0)}).low, 0.0));
}

TEST(WindowMath, RandomWindowsEqualASlowSecondReading) {
	std::mt19937_64 random(42);
	std::uniform_real_distribution<double> price(-10, 10);
	std::uniform_int_distribution<int> die(0, 9);
	for (int round = 0; round < 3000; ++round) {
		std::vector<SourceBar> bars(static_cast<size_t>(die(random) + 1));
		for (auto &one : bars) {
			one = bar(price(random), price(random), price(random), price(random));
			if (die(random) == 0)
				one.open = not_a_number;
			if (die(random) > 2)
				one.vol = die(random) == 0 ? 0 : price(random);
			if (die(random) > 2)
				one.vwap = price(random);
			if (die(random) > 2)
				one.trade_count = die(random);
		}
		std::vector<SourceBar> candles;
		std::copy_if(bars.begin(), bars.end(), std::back_inserter(candles), [](const SourceBar &b) { return !std::isnan(*b.open); });
		const auto values = fold(bars);
		ASSERT_EQ(values.candles, static_cast<int64_t>(candles.size()));
		if (candles.empty())
			continue;
		double high = -infinite, low = infinite, vol = 0, weighted = 0, weight = 0;
		int64_t trades = 0;
		bool any_vol = false, any_trades = false;
		for (const auto &one : candles) {
			high = std::max(high, *one.high);
			low = std::min(low, *one.low);
			any_vol |= one.vol.has_value();
			vol += one.vol.value_or(0);
			any_trades |= one.trade_count.has_value();
			trades += one.trade_count.value_or(0);
			if (one.vol.value_or(0) > 0 && one.vwap) {
				weighted += *one.vwap * *one.vol;
				weight += *one.vol;
			}
		}
		ASSERT_EQ(values.open, *candles.front().open);
		ASSERT_EQ(values.close, *candles.back().close);
		ASSERT_EQ(values.high, high);
		ASSERT_EQ(values.low, low);
		ASSERT_EQ(values.vol, any_vol ? std::optional(vol) : std::nullopt);
		ASSERT_EQ(values.trade_count, any_trades ? std::optional(trades) : std::nullopt);
		ASSERT_EQ(values.vwap, weight > 0 ? std::optional(weighted / weight) : std::nullopt);
	}
}

TEST(Quality, TheTablesOfFiveAndTwelve) {
	const std::optional<int> none;
	const std::optional<int> of_five[] {none, none, none, 0, 1, 2};
	for (int n = 0; n <= 5; ++n)
		EXPECT_EQ(quality_score(n, 5), of_five[n]) << n;
	const std::optional<int> of_twelve[] {none, none, none, none, none, none, none, -1, 0, 0, 1, 1, 2};
	for (int n = 0; n <= 12; ++n)
		EXPECT_EQ(quality_score(n, 12), of_twelve[n]) << n;
}

TEST(Quality, MoreCandlesNeverScoreLess) {
	for (int expected = 1; expected <= 400; ++expected) {
		int last = -2;
		for (int n = 0; n <= expected + 1; ++n) {
			const int score = quality_score(n, expected).value_or(-2);
			ASSERT_GE(score, last) << n << " of " << expected;
			ASSERT_EQ(score == 2, n >= expected);
			last = score;
		}
	}
}
