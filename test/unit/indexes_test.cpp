// What depends on what among indexes.
#include "core/indexes.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

namespace {

GeometricIndex index(std::string symbol, std::vector<std::string> components, int64_t carry_minutes = 0) {
	GeometricIndex made;
	made.symbol = std::move(symbol);
	for (auto &component : components)
		made.components.push_back({std::move(component), 1});
	made.carry = Duration::minutes(carry_minutes);
	return made;
}

std::string text(const std::vector<Dependent> &list) {
	std::string all;
	for (const auto &one : list)
		all += one.symbol + "+" + std::to_string(one.reach.us / Duration::minutes(1).us) + " ";
	return all;
}

} // namespace

TEST(Indexes, PartsGoAllTheWayDown) {
	const Indexes indexes(
	    {index("DXY", {"EURUSD", "USDJPY"}, 2), index("GOLDDXY", {"XAUUSD", "DXY"}, 5), index("EURJPY", {"EURUSD", "USDJPY"})});
	EXPECT_EQ(text(indexes.parts_of("EURJPY")), "EURUSD+0 USDJPY+0 ");
	EXPECT_EQ(text(indexes.parts_of("GOLDDXY")), "DXY+5 EURUSD+7 USDJPY+7 XAUUSD+5 ");
	EXPECT_EQ(text(indexes.parts_of("EURUSD")), "");
	EXPECT_EQ(text(indexes.made_of("EURUSD")), "DXY+2 EURJPY+0 GOLDDXY+7 ");
	EXPECT_EQ(text(indexes.made_of("DXY")), "GOLDDXY+5 ");
	EXPECT_EQ(text(indexes.made_of("GOLDDXY")), "");
	EXPECT_FALSE(indexes.circle());
	EXPECT_EQ(indexes.find("DXY")->components.size(), 2U);
	EXPECT_EQ(indexes.find("XAUUSD"), nullptr);
}

TEST(Indexes, TheLongestWayCounts) {
	const Indexes indexes({index("A", {"X", "B", "C"}, 1), index("B", {"X"}, 10), index("C", {"B"}, 100)});
	EXPECT_EQ(text(indexes.parts_of("A")), "B+101 C+1 X+111 ");
	EXPECT_EQ(text(indexes.made_of("X")), "A+111 B+10 C+110 ");
}

TEST(Indexes, CirclesAreFoundAndGoneRoundOnce) {
	const Indexes two({index("A", {"B"}), index("B", {"A", "X"})});
	EXPECT_EQ(*two.circle(), (std::vector<std::string> {"A", "B", "A"}));
	EXPECT_EQ(text(two.parts_of("A")), "A+0 B+0 X+0 ");
	const Indexes below({index("A", {"B"}), index("B", {"C"}), index("C", {"D"}), index("D", {"B"})});
	EXPECT_EQ(*below.circle(), (std::vector<std::string> {"B", "C", "D", "B"}));
	const Indexes diamond({index("A", {"B", "C"}), index("B", {"D"}), index("C", {"D"}), index("D", {"X"})});
	EXPECT_FALSE(diamond.circle());
}
