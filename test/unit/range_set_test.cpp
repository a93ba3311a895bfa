// Sets of ranges and what a transaction has changed, against sets of single minutes.
#include "core/change_set.hpp"
#include "core/range_set.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <type_traits>

using namespace aggregation;

namespace {

constexpr int64_t minutes = 120;
using Minutes = std::set<int64_t>;

Timestamp at(int64_t minute) {
	return {minute * Duration::minutes(1).us};
}

/// The longest runs of minutes.
std::vector<std::pair<Timestamp, Timestamp>> runs(const Minutes &set) {
	std::vector<std::pair<Timestamp, Timestamp>> runs;
	for (const int64_t minute : set) {
		if (!runs.empty() && runs.back().second == at(minute))
			runs.back().second = at(minute + 1);
		else
			runs.emplace_back(at(minute), at(minute + 1));
	}
	return runs;
}

std::vector<std::pair<Timestamp, Timestamp>> bounds(const std::vector<TimeRange> &ranges) {
	std::vector<std::pair<Timestamp, Timestamp>> bounds;
	for (const auto &range : ranges)
		bounds.emplace_back(range.from, range.to);
	return bounds;
}

class Dice {
public:
	explicit Dice(unsigned seed) : random_(seed) {
	}
	int64_t below(int64_t n) {
		return static_cast<int64_t>(random_() % static_cast<uint64_t>(n));
	}
	/// Some are empty, some inverted.
	TimeRange range() {
		const int64_t from = below(minutes);
		return {at(from), at(from + below(12) - 2), below(5)};
	}

private:
	std::mt19937 random_;
};

void insert(Minutes &set, const TimeRange &range) {
	for (int64_t minute = 0; minute < 2 * minutes; ++minute) {
		if (at(minute) >= range.from && at(minute) < range.to)
			set.insert(minute);
	}
}

} // namespace

TEST(RangeSet, RandomOperationsEqualASetOfMinutes) {
	for (unsigned seed = 0; seed < 400; ++seed) {
		Dice dice(seed);
		RangeSet set;
		Minutes expected;
		for (int step = 0; step < 40; ++step) {
			RangeSet other;
			Minutes others;
			for (int64_t n = dice.below(6); n > 0; --n) {
				const TimeRange range = dice.range();
				other.add(range);
				insert(others, range);
			}
			switch (dice.below(4)) {
			case 0: {
				const TimeRange range = dice.range();
				set.add(range);
				insert(expected, range);
				break;
			}
			case 1:
				set.add(other);
				expected.insert(others.begin(), others.end());
				break;
			case 2:
				set.subtract(other);
				for (const int64_t minute : others)
					expected.erase(minute);
				break;
			default:
				if (dice.below(4) == 0) {
					const int64_t from = dice.below(minutes);
					const int64_t to = from + dice.below(minutes);
					set.clip(at(from), at(to));
					std::erase_if(expected, [&](int64_t minute) { return minute < from || minute >= to; });
				}
			}
			// Looked at only now and then: what is not looked at is not sorted.
			if (dice.below(3) == 0) {
				ASSERT_EQ(bounds(set.ranges()), runs(expected)) << "seed " << seed << ", step " << step;
			}
			ASSERT_EQ(set.empty(), expected.empty()) << "seed " << seed << ", step " << step;
		}
		ASSERT_EQ(bounds(set.ranges()), runs(expected)) << "seed " << seed;
	}
}

TEST(RangeSet, AddingKeepsCountOfTheRows) {
	for (unsigned seed = 0; seed < 100; ++seed) {
		Dice dice(seed);
		RangeSet set;
		int64_t rows = 0;
		for (int step = 0; step < 100; ++step) {
			const TimeRange range = dice.range();
			set.add(range);
			if (range.from < range.to)
				rows += range.rows;
			ASSERT_EQ(set.rows(), rows) << "seed " << seed;
		}
		set.ranges();
		EXPECT_EQ(set.rows(), rows) << "seed " << seed;
	}
}

RangeSet one_range() {
	RangeSet set;
	set.add({at(1), at(2), 3});
	return set;
}

// As in a loop over the ranges of a set that a function returns.
TEST(RangeSet, ItsRangesOutliveIt) {
	static_assert(!std::is_reference_v<decltype(one_range().ranges())>);
	for (const auto &range : one_range().ranges())
		EXPECT_EQ(range, (TimeRange {at(1), at(2), 3}));
}

TEST(RangeSet, TheSameMinutesAgainAndAgainDoNotPileUp) {
	RangeSet set;
	for (int64_t n = 0; n < 1'000'000; ++n)
		set.add({at(2 * ((n * 7) % 50)), at(2 * ((n * 7) % 50) + 1), 1});
	EXPECT_EQ(set.ranges().size(), 50u);
	EXPECT_LT(set.ranges().capacity(), 10'000u);
	EXPECT_EQ(set.rows(), 1'000'000);
}

TEST(ChangeSet, RandomChangesEqualSetsOfMinutes) {
	constexpr std::array<const char *, 6> symbols {"", "A", "B", "a symbol of more than fifteen bytes", "EURUSD", "EURUSD2"};
	for (unsigned seed = 0; seed < 300; ++seed) {
		Dice dice(seed);
		ChangeSet set;
		std::map<std::string, Minutes> expected;
		for (int step = 0; step < 60; ++step) {
			const std::string symbol = symbols[static_cast<size_t>(dice.below(symbols.size()))];
			const int64_t minute = dice.below(minutes);
			switch (dice.below(10)) {
			case 0: {
				const TimeRange range = dice.range();
				set.add_range(symbol, range);
				insert(expected[symbol], range);
				break;
			}
			case 1: {
				ChangeSet other;
				other.add_bar("B", at(minute));
				other.add_bar(symbol, at(minute + 3));
				set.merge(other);
				expected["B"].insert(minute);
				expected[symbol].insert(minute + 3);
				break;
			}
			case 2:
				if (dice.below(20) == 0) {
					set.clear();
					expected.clear();
				}
				break;
			default: // a feed: some minutes in a row
				for (int64_t n = 0; n < 1 + dice.below(4); ++n) {
					set.add_bar(symbol, at(minute + n) + Duration::seconds(dice.below(60)));
					expected[symbol].insert(minute + n);
				}
			}
		}
		std::erase_if(expected, [](const auto &entry) { return entry.second.empty(); });
		std::map<std::string, std::vector<TimeRange>> listed;
		for (const auto &change : set.list())
			listed[*change.symbol].push_back(change.range);
		ASSERT_EQ(listed.size(), expected.size()) << "seed " << seed;
		for (const auto &[symbol, ranges] : listed)
			ASSERT_EQ(bounds(ranges), runs(expected[symbol])) << symbol << ", seed " << seed;
		EXPECT_EQ(set.empty(), expected.empty());
	}
}

TEST(ChangeSet, TenThousandSymbolsInTheOrderInWhichTheyCame) {
	ChangeSet set;
	for (int round = 0; round < 2; ++round) {
		for (int minute = 0; minute < 3; ++minute) {
			for (int n = 0; n < 10'000; ++n)
				set.add_bar("S" + std::to_string(n), at(minute));
		}
		const auto changes = set.list();
		ASSERT_EQ(changes.size(), 10'000u);
		for (int n = 0; n < 10'000; ++n) {
			EXPECT_EQ(*changes[static_cast<size_t>(n)].symbol, "S" + std::to_string(n));
			EXPECT_EQ(changes[static_cast<size_t>(n)].range, (TimeRange {at(0), at(3), 3}));
		}
		set.clear();
		EXPECT_TRUE(set.empty());
		EXPECT_TRUE(set.list().empty());
	}
}

TEST(ChangeSet, BarsAtInfiniteTimesAreInNoWindow) {
	ChangeSet set;
	set.add_bar("A", Timestamp::infinity());
	set.add_bar("A", Timestamp::minus_infinity());
	EXPECT_TRUE(set.empty());
	set.add_bar("A", at(-3) - Duration::seconds(1));
	EXPECT_EQ(set.list().at(0).range, (TimeRange {at(-4), at(-3), 1}));
}
