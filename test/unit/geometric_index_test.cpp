// The dollar index, and lining up its series.
#include "core/geometric_index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace aggregation;

namespace {

const GeometricIndex dollar_index {
    .symbol = "DXY",
    .constant = 50.14348112,
    .components = {{"EURUSD", -0.576}, {"USDJPY", 0.136}, {"GBPUSD", -0.119}, {"USDCAD", 0.091}, {"USDSEK", 0.042}, {"USDCHF", 0.036}},
    .decimals = 8,
    .carry = {}};

} // namespace

TEST(GeometricIndex, TheDollarIndexOfAKnownDay) {
	const double prices[] {1.08, 150.0, 1.27, 1.36, 10.5, 0.90};
	const double expected = 50.14348112 * std::pow(1.08, -0.576) * std::pow(150.0, 0.136) * std::pow(1.27, -0.119) * std::pow(1.36, 0.091) *
	                        std::pow(10.5, 0.042) * std::pow(0.90, 0.036);
	EXPECT_NEAR(*dollar_index.value(prices), expected, 1e-8);
	EXPECT_EQ(*dollar_index.value(prices), std::round(*dollar_index.value(prices) * 1e8) / 1e8);
}

TEST(GeometricIndex, AtParityTheConstantRemains) {
	const double prices[] {1, 1, 1, 1, 1, 1};
	EXPECT_EQ(dollar_index.value(prices), 50.14348112);
}

TEST(GeometricIndex, NoValueWithoutSixGoodPrices) {
	for (const double bad : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
		for (size_t i = 0; i < 6; ++i) {
			double prices[] {1, 1, 1, 1, 1, 1};
			prices[i] = bad;
			EXPECT_FALSE(dollar_index.value(prices)) << bad << " at " << i;
		}
	}
	const double tiny[] {1e308, 1e-308, 1e308, 1e-308, 1e-308, 1e-308};
	EXPECT_FALSE(dollar_index.value(tiny)) << "rounds to zero";
}

TEST(SeriesMerge, RandomSeriesEqualAMapByTime) {
	std::mt19937_64 random(11);
	for (int round = 0; round < 200; ++round) {
		SeriesMerge merge(6);
		std::map<int64_t, std::map<size_t, double>> expected;
		for (int use = 0; use < 2; ++use) { // it is used again for the next stretch
			merge.clear();
			expected.clear();
			for (size_t component = 0; component < 6; ++component) {
				if (random() % 5 == 0)
					continue;
				for (int64_t minute = 0; minute < 50; ++minute) {
					if (random() % 3 == 0)
						continue;
					const auto price = static_cast<double>(random() % 1000);
					merge.add(component, {minute}, price);
					expected[minute][component] = price;
				}
			}
		}
		merge.finish();
		ASSERT_EQ(merge.size(), expected.size());
		size_t row = 0;
		for (const auto &[minute, prices] : expected) {
			ASSERT_EQ(merge.time(row).us, minute);
			for (size_t component = 0; component < 6; ++component) {
				const auto price = prices.find(component);
				if (price == prices.end())
					ASSERT_TRUE(std::isnan(merge.prices(row)[component]));
				else
					ASSERT_EQ(merge.prices(row)[component], price->second);
			}
			++row;
		}
	}
}

TEST(GeometricIndex, ProblemsAreNamed) {
	EXPECT_EQ(problem_of(dollar_index), std::nullopt);
	const auto problem = [](auto change) {
		GeometricIndex index = dollar_index;
		change(index);
		return problem_of(index).value_or(IndexProblem {"none", ""}).text;
	};
	EXPECT_NE(problem([](GeometricIndex &index) { index.constant = 0; }).find("constant"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.components.clear(); }).find("no components"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.components[1].symbol = "DXY"; }).find("itself"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.components[1].symbol = "EURUSD"; }).find("twice"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.components[1].exponent = 101; }).find("exponent"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.components[1].exponent = 0; }).find("is 0"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.decimals = 16; }).find("decimals"), std::string::npos);
	EXPECT_NE(problem([](GeometricIndex &index) { index.carry = Duration {-1}; }).find("carry"), std::string::npos);
}

TEST(GeometricIndex, DecimalsRound) {
	GeometricIndex cross {.symbol = "EURJPY", .constant = 1, .components = {{"EURUSD", 1}, {"USDJPY", 1}}, .decimals = 3, .carry = {}};
	const double prices[] {1.08, 150.1234};
	EXPECT_EQ(cross.value(prices), 162.133);
	cross.decimals = 0;
	EXPECT_EQ(cross.value(prices), 162);
}
