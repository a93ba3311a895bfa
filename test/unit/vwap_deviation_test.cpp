// The width of VWAP bands: exact where two-pass arithmetic in a wider type is, and the same bits in any order.
#include "core/vwap_deviation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace {

struct Trade {
	double price;
	double volume;
};

agg_vwap_deviation of(const std::vector<Trade> &trades) {
	agg_vwap_deviation state {};
	for (const Trade &trade : trades)
		agg_vwap_deviation_add(&state, {true, trade.price}, {true, trade.volume});
	return state;
}

double value(const std::vector<Trade> &trades) {
	const agg_vwap_deviation state = of(trades);
	const agg_number result = agg_vwap_deviation_value(&state);
	return result.known ? result.value : std::numeric_limits<double>::quiet_NaN();
}

/// In two passes and 113 bits.
double oracle(const std::vector<Trade> &trades) {
	__float128 weight = 0;
	__float128 turnover = 0;
	for (const Trade &trade : trades) {
		weight += trade.volume;
		turnover += static_cast<__float128>(trade.price) * trade.volume;
	}
	__float128 squares = 0;
	for (const Trade &trade : trades) {
		const __float128 off = trade.price - turnover / weight;
		squares += off * off * trade.volume;
	}
	return std::sqrt(static_cast<double>(squares / weight));
}

} // namespace

TEST(VwapDeviation, ByHand) {
	EXPECT_EQ(value({{1, 1}, {3, 1}}), 1);
	EXPECT_EQ(value({{10, 3}, {20, 1}}), std::sqrt(300.0) / 4); // S0 = 4, S1 = 50, S2 = 700
	EXPECT_EQ(value({{-1, 1}, {1, 1}}), 1);
	EXPECT_EQ(value({{0.1, 0.3}, {0.1, 0.7}, {0.1, 1e9}}), 0) << "equal prices";
}

TEST(VwapDeviation, LosesNothingWherePricesHardlyDiffer) {
	std::mt19937_64 random(1);
	for (int round = 0; round < 300; ++round) {
		const double spread = std::pow(10.0, -static_cast<double>(random() % 14));
		std::vector<Trade> trades(2 + random() % 100);
		for (Trade &trade : trades)
			trade = {100 + spread * std::uniform_real_distribution(-1.0, 1.0)(random), std::uniform_real_distribution(1e-3, 1e6)(random)};
		const double expected = oracle(trades);
		const double result = value(trades);
		ASSERT_NEAR(result, expected, expected * 1e-14);
		std::shuffle(trades.begin(), trades.end(), random);
		const auto middle = trades.begin() + static_cast<std::ptrdiff_t>(random() % trades.size());
		agg_vwap_deviation together = of({trades.begin(), middle});
		const agg_vwap_deviation rest = of({middle, trades.end()});
		agg_vwap_deviation_merge(&together, &rest);
		ASSERT_EQ(std::bit_cast<uint64_t>(agg_vwap_deviation_value(&together).value), std::bit_cast<uint64_t>(result));
	}
}

TEST(VwapDeviation, WhatCannotBeKnownIsUnknown) {
	constexpr double nan = std::numeric_limits<double>::quiet_NaN();
	constexpr double infinite = std::numeric_limits<double>::infinity();
	EXPECT_TRUE(std::isnan(value({})));
	EXPECT_TRUE(std::isnan(value({{nan, 1}, {infinite, 1}, {1, nan}, {1, infinite}, {1, 0}, {1, -1}})));
	EXPECT_EQ(value({{1, 1}, {nan, 1}, {3, 1}, {100, 0}}), 1);
	EXPECT_TRUE(std::isnan(value({{1e200, 1}, {1, 1}})));
	EXPECT_TRUE(std::isnan(value({{1, 1}, {1, 1e295}})));
	EXPECT_TRUE(std::isnan(value({{1e60, 1e160}, {2e60, 1e160}})));
	std::mt19937_64 random(2);
	for (int round = 0; round < 300; ++round) {
		std::vector<Trade> trades(50);
		for (Trade &trade : trades)
			trade = {std::ldexp(1.0, static_cast<int>(random() % 600) - 300) * (random() % 2 == 0 ? 1 : -1.1),
			         std::ldexp(1.3, static_cast<int>(random() % 400) - 200)};
		const double result = value(trades);
		EXPECT_TRUE(std::isnan(result) || (std::isfinite(result) && result >= 0)) << result;
	}
}
