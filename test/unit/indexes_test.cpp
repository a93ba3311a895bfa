// What depends on what among indexes.
#include "core/indexes.hpp"
#include "ops/bars/index_minutes.hpp"

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
	EXPECT_EQ(indexes.made_of_any({"EURUSD", "XAUUSD"}), (std::set<std::string> {"DXY", "EURJPY", "GOLDDXY"}));
	EXPECT_TRUE(indexes.in_circles().empty());
	EXPECT_EQ(indexes.find("DXY")->components.size(), 2U);
	EXPECT_EQ(indexes.find("XAUUSD"), nullptr);
}

TEST(Indexes, TheLongestWayCounts) {
	const Indexes indexes({index("A", {"X", "B", "C"}, 1), index("B", {"X"}, 10), index("C", {"B"}, 100)});
	EXPECT_EQ(text(indexes.parts_of("A")), "B+101 C+1 X+111 ");
	EXPECT_EQ(text(indexes.made_of("X")), "A+111 B+10 C+110 ");
}

TEST(Indexes, ComponentsAreMadeBeforeWhatIsMadeOfThem) {
	const Indexes indexes({index("A", {"Z", "C", "B"}, 1), index("Z", {"B"}, 10), index("B", {"C", "X"}, 100), index("C", {"X"})});
	EXPECT_EQ(text(indexes.indexes_below("A")), "C+111 B+11 Z+1 ");
	EXPECT_EQ(text(indexes.indexes_below("C")), "");
	EXPECT_EQ(text(indexes.indexes_below("X")), "");
}

TEST(Indexes, CirclesAreFoundAndGoneRoundOnce) {
	const Indexes two({index("A", {"B"}), index("B", {"A", "X"})});
	EXPECT_EQ(two.circle_through("A"), (std::vector<std::string> {"A", "B", "A"}));
	EXPECT_EQ(two.circle_through("B"), (std::vector<std::string> {"B", "A", "B"}));
	EXPECT_EQ(two.in_circles(), (std::vector<std::string> {"A", "B"}));
	EXPECT_EQ(text(two.parts_of("A")), "A+0 B+0 X+0 ");
	const Indexes below({index("A", {"B"}), index("B", {"C"}), index("C", {"D"}), index("D", {"B"})});
	EXPECT_FALSE(below.circle_through("A"));
	EXPECT_EQ(below.circle_through("D"), (std::vector<std::string> {"D", "B", "C", "D"}));
	EXPECT_EQ(below.in_circles(), (std::vector<std::string> {"B", "C", "D"}));
	EXPECT_EQ(text(below.made_of("C")), "A+0 B+0 C+0 D+0 ");
	const Indexes diamond({index("A", {"B", "C"}), index("B", {"D"}), index("C", {"D"}), index("D", {"X"})});
	EXPECT_TRUE(diamond.in_circles().empty());
	const Indexes eight({index("A", {"B"}), index("B", {"A", "C"}), index("C", {"B"}), index("D", {"A", "E"}), index("E", {"E"})});
	EXPECT_EQ(eight.in_circles(), (std::vector<std::string> {"A", "B", "C", "E"}));
}

TEST(Indexes, AChainMayBeLong) {
	std::vector<GeometricIndex> chain;
	for (int i = 0; i < 100'000; ++i)
		chain.push_back(index(std::to_string(i), {std::to_string(i + 1)}, 1));
	const Indexes indexes(chain);
	EXPECT_TRUE(indexes.in_circles().empty());
	EXPECT_EQ(indexes.made_of("100000").size(), 100'000U);
	EXPECT_EQ(indexes.parts_of("0").size(), 100'000U);
	EXPECT_EQ(indexes.ingested_parts_of("0"), std::vector<std::string> {"100000"});
	chain.push_back(index("100000", {"0"}));
	const Indexes round(chain);
	EXPECT_EQ(round.circle_through("7")->size(), 100'002U);
	EXPECT_EQ(round.in_circles().size(), 100'001U);
}

// Each layer is made of both indexes of the one below: there are 2^64 ways down.
TEST(Indexes, ManyWaysAreGoneOnce) {
	std::vector<GeometricIndex> layers;
	for (int i = 0; i < 64; ++i) {
		const std::vector<std::string> below {"A" + std::to_string(i + 1), "B" + std::to_string(i + 1)};
		layers.push_back(index("A" + std::to_string(i), below, 1));
		layers.push_back(index("B" + std::to_string(i), below, 2));
	}
	const Indexes indexes(layers);
	const auto parts = indexes.parts_of("A0");
	EXPECT_EQ(parts.size(), 128U);
	const auto made = indexes.made_of("A64");
	EXPECT_EQ(made.size(), 128U);
	for (const auto &part : parts) {
		const int64_t layer = std::stoi(part.symbol.substr(1));
		EXPECT_EQ(part.reach.us / Duration::minutes(1).us, 1 + 2 * (layer - 1));
	}
}

TEST(Indexes, ATransactionComputesSoManyMinutesOfThem) {
	const Grid five_minutes(*Timeframe::parse("5m"));
	const Grid years(*Timeframe::parse("1y"));
	const std::vector<Dependent> none;
	const std::vector<Dependent> six(6, {"X", Duration {}});
	const std::vector<Dependent> chain(2000, {"X", Duration {}});
	EXPECT_EQ(windows_at_once(years, none, 100'000), 100'000);
	EXPECT_EQ(windows_at_once(five_minutes, six, 100'000), 100'000);
	EXPECT_EQ(windows_at_once(five_minutes, chain, 100'000), 500);
	EXPECT_EQ(windows_at_once(five_minutes, chain, 100), 100);
	EXPECT_EQ(windows_at_once(years, chain, 100), 1);
}
