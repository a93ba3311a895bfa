// What somebody may have meant.
#include "core/spelling.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

TEST(Spelling, CountsSlips) {
	EXPECT_EQ(spelling_distance("EURUSD", "EURUSD", 2), 0U);
	EXPECT_EQ(spelling_distance("eurusd", "EURUSD", 2), 0U);
	EXPECT_EQ(spelling_distance("EURUDS", "EURUSD", 2), 1U);
	EXPECT_EQ(spelling_distance("EURSD", "EURUSD", 2), 1U);
	EXPECT_EQ(spelling_distance("EURXUSD", "EURUSD", 2), 1U);
	EXPECT_EQ(spelling_distance("GBPUSD", "EURUSD", 2), 3U);
	EXPECT_EQ(spelling_distance("", "EU", 2), 2U);
	EXPECT_EQ(spelling_distance("", "EURUSD", 2), 3U);
}

TEST(Spelling, FindsTheNearestName) {
	const std::vector<std::string> names {"DXY", "EURUSD", "EURJPY", "A"};
	EXPECT_EQ(nearest_name("eurusd", names), "EURUSD");
	EXPECT_EQ(nearest_name(" EURUSD ", names), "EURUSD");
	EXPECT_EQ(nearest_name("EURUDS", names), "EURUSD");
	EXPECT_EQ(nearest_name("DXX", names), "DXY");
	EXPECT_EQ(nearest_name("GBPUSD", names), std::nullopt);
	EXPECT_EQ(nearest_name("B", names), std::nullopt);
	EXPECT_EQ(nearest_name("", names), std::nullopt);
	EXPECT_EQ(nearest_name("EURUSD", {"EURUSD"}), std::nullopt);
}
