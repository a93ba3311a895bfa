// The dollar index, and lining up its series.
#include "core/geometric_index.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace aggregation;

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
		SeriesMerge merge;
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
		const auto &rows = merge.finish();
		ASSERT_EQ(rows.size(), expected.size());
		auto row = rows.begin();
		for (const auto &[minute, prices] : expected) {
			ASSERT_EQ(row->time.us, minute);
			ASSERT_EQ(row->present.count(), prices.size());
			for (const auto &[component, price] : prices) {
				ASSERT_TRUE(row->present.test(component));
				ASSERT_EQ(row->prices[component], price);
			}
			++row;
		}
	}
}
