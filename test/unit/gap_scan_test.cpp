#include "core/gap_scan.hpp"

#include "core/grid.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace aggregation {

namespace {

Timestamp minute(int64_t n) {
	return Timestamp {n * 60'000'000};
}

std::vector<TimeRange> ranges(std::initializer_list<std::pair<int64_t, int64_t>> list) {
	std::vector<TimeRange> result;
	for (const auto &[from, to] : list)
		result.push_back({minute(from), minute(to)});
	return result;
}

std::vector<TimeRange> gaps(std::vector<TimeRange> expected, std::initializer_list<int64_t> seen) {
	GapScan scan(std::move(expected));
	for (const int64_t n : seen)
		scan.saw(minute(n), minute(n + 1));
	return scan.gaps();
}

} // namespace

TEST(GapScan, NothingExpectedIsNotMissed) {
	EXPECT_TRUE(gaps({}, {}).empty());
	EXPECT_TRUE(gaps({}, {1, 2, 7}).empty());
}

TEST(GapScan, WhatIsNotSeenIsMissing) {
	EXPECT_EQ(gaps(ranges({{0, 10}, {20, 25}}), {}), ranges({{0, 10}, {20, 25}}));
	EXPECT_EQ(gaps(ranges({{0, 10}}), {0, 9}), ranges({{1, 9}}));
	EXPECT_EQ(gaps(ranges({{0, 10}}), {4}), ranges({{0, 4}, {5, 10}}));
	EXPECT_EQ(gaps(ranges({{0, 3}}), {0, 1, 2}), ranges({}));
}

TEST(GapScan, WhatLiesOutsideOrComesTwiceDoesNotMatter) {
	EXPECT_EQ(gaps(ranges({{0, 3}, {10, 13}}), {-5, 0, 0, 1, 5, 6, 12, 12, 20}), ranges({{2, 3}, {10, 12}}));
}

TEST(GapScan, RandomSeriesLeaveWhatASetLeaves) {
	const auto seed = std::random_device()();
	std::mt19937_64 random(seed);
	for (int round = 0; round < 2000; ++round) {
		std::vector<TimeRange> expected;
		std::set<int64_t> missing;
		for (int64_t at = 0; at < 60;) {
			const auto from = at + 1 + static_cast<int64_t>(random() % 6);
			const auto to = from + 1 + static_cast<int64_t>(random() % 9);
			expected.push_back({minute(from), minute(to)});
			for (int64_t n = from; n < to; ++n)
				missing.insert(n);
			at = to;
		}
		GapScan scan(expected);
		for (int64_t n = -2; n < 90; ++n) {
			if (random() % 3 == 0)
				continue;
			scan.saw(minute(n), minute(n + 1));
			missing.erase(n);
		}
		std::set<int64_t> found;
		Timestamp end = Timestamp::minus_infinity();
		for (const auto &gap : scan.gaps()) {
			EXPECT_LT(gap.from, gap.to);
			EXPECT_LE(end, gap.from) << "seed " << seed;
			end = gap.to;
			for (Timestamp t = gap.from; t < gap.to; t = t + Duration::minutes(1))
				found.insert(t.us / 60'000'000);
		}
		EXPECT_EQ(found, missing) << "seed " << seed;
	}
}

TEST(OpenBetween, OfSessionsThatTouchAreOneRange) {
	const std::vector<TimeRange> sessions {{minute(10), minute(20)}, {minute(20), minute(30)}, {minute(40), minute(51)}};
	const Calendar calendar({.name = "test"}, {{0, minute(0)}}, minute(1440), sessions);
	EXPECT_EQ(open_between(&calendar, minute(0), minute(100)), ranges({{10, 30}, {40, 51}}));
	EXPECT_EQ(open_between(&calendar, minute(15), minute(45)), ranges({{15, 30}, {40, 45}}));
	EXPECT_EQ(open_between(&calendar, minute(31), minute(39)), ranges({}));
	EXPECT_EQ(open_between(nullptr, minute(3), minute(5)), ranges({{3, 5}}));
}

} // namespace aggregation
