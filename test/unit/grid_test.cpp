// Grids: where windows begin and end, how many there are, and how many source bars fill them.
#include "core/grid.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

using namespace aggregation;

namespace {

Grid grid(const char *name) {
	return Grid(*Timeframe::parse(name));
}
Timestamp at(const char *text) {
	return *parse_iso8601(text);
}

} // namespace

TEST(Grid, WeeksBeginOnMondayAndDaysAtMidnight) {
	EXPECT_EQ(grid("1w").floor(at("2025-07-06T23:59:59Z")), at("2025-06-30"));
	EXPECT_EQ(grid("1w").ceil(at("2025-07-06T23:59:59Z")), at("2025-07-07"));
	EXPECT_EQ(grid("1w").floor(at("1969-12-31")), at("1969-12-29"));
	EXPECT_EQ(grid("1d").floor(at("1969-12-31T00:00:00.000001Z")), at("1969-12-31"));
	EXPECT_EQ(grid("4h").floor(at("2025-07-01T07:59:00Z")), at("2025-07-01T04:00:00Z"));
	EXPECT_EQ(grid("5m").ceil(at("2025-07-01T00:00:00Z")), at("2025-07-01T00:00:00Z"));
}

TEST(Grid, EveryInstantLiesInExactlyOneAlignedWindow) {
	std::mt19937_64 random(7);
	std::uniform_int_distribution<int64_t> any(Timestamp::range_begin().us, Timestamp::range_end().us - 1);
	for (const char *name : {"1m", "5m", "7m", "15m", "30m", "1h", "4h", "1d", "1w", "3w", "1mo", "3mo", "1y", "1200mo"}) {
		const Grid frame = grid(name);
		for (int i = 0; i < 2000; ++i) {
			const Timestamp t {any(random)};
			const Timestamp start = frame.floor(t);
			ASSERT_LE(start, t) << name;
			ASSERT_LT(t, frame.next(start)) << name;
			ASSERT_TRUE(frame.aligned(start)) << name;
			ASSERT_TRUE(frame.ceil(t) == (start == t ? t : frame.next(start))) << name;
		}
	}
}

TEST(Grid, TheWidestWindowsAtTheEndsOfTimeFitTimestamptz) {
	EXPECT_LT(grid("5200w").ceil(Timestamp {Timestamp::range_end().us - 1}).us, 9'223'371'331'200'000'000); // 294277-01-01
	EXPECT_GE(grid("5200w").floor(Timestamp::range_begin()).us, -211'813'488'000'000'000);                  // 4714-11-24 BC
}

TEST(Grid, CeilSaturatesBehindTheRange) {
	EXPECT_EQ(grid("5200w").ceil(Timestamp {Timestamp::infinity().us - 1}), Timestamp::infinity());
}

TEST(Grid, CountsAndStepsAgree) {
	std::mt19937_64 random(8);
	std::uniform_int_distribution<int64_t> any(Timestamp::range_begin().us / 2, Timestamp::range_end().us / 2);
	for (const char *name : {"1m", "5m", "7m", "1h", "4h", "1d", "1w", "3w", "1mo", "3mo", "1y"}) {
		const Grid frame = grid(name);
		for (int i = 0; i < 500; ++i) {
			const Timestamp start = frame.floor({any(random)});
			const int64_t steps = static_cast<int64_t>(random() % 100);
			Timestamp end = start;
			for (int64_t step = 0; step < steps; ++step)
				end = frame.next(end);
			ASSERT_EQ(frame.after(start, steps), end) << name;
			ASSERT_EQ(frame.after(end, -steps), start) << name;
			ASSERT_EQ(frame.count(start, end), steps) << name;
			ASSERT_EQ(frame.count(start, end + Duration {1}), steps) << name << ": whole windows only";
		}
	}
}

TEST(Grid, StepsSaturate) {
	const int64_t many = std::numeric_limits<int64_t>::max() / 2;
	EXPECT_EQ(grid("1d").after(at("2025-07-01"), many), Timestamp::infinity());
	EXPECT_EQ(grid("1d").after(at("2025-07-01"), -many), Timestamp::minus_infinity());
}

TEST(Grid, SourceBarsOfACompleteWindow) {
	const Timestamp day = at("2025-07-01");
	EXPECT_EQ(grid("5m").expected(day, grid("1m")), 5);
	EXPECT_EQ(grid("1h").expected(day, grid("5m")), 12);
	EXPECT_EQ(grid("1w").expected(at("2025-06-30"), grid("1d")), 7);
}

TEST(Grid, DefaultSourcesAreThoseOfTheContract) {
	const std::pair<const char *, const char *> expected[] {{"5m", "1m"}, {"15m", "5m"}, {"30m", "5m"}, {"1h", "5m"},  {"4h", "1h"},
	                                                        {"1d", "1h"}, {"1w", "1d"},  {"1mo", "1d"}, {"3mo", "1d"}, {"1y", "1d"},
	                                                        {"2w", "1d"}, {"7m", "1m"},  {"2h", "1h"},  {"90m", "5m"}};
	for (const auto &[target, source] : expected)
		EXPECT_EQ(grid(target).default_source()->name(), source) << target;
	EXPECT_FALSE(grid("1m").default_source());
}

TEST(Grid, IsBuiltFromNarrowerOnesThatDivideItAndShareItsStarts) {
	EXPECT_TRUE(grid("1h").built_from(grid("5m")));
	EXPECT_TRUE(grid("1w").built_from(grid("1d")));
	EXPECT_FALSE(grid("1h").built_from(grid("1h")));
	EXPECT_FALSE(grid("5m").built_from(grid("1h")));
	EXPECT_FALSE(grid("1h").built_from(grid("7m")));
	EXPECT_FALSE(grid("4w").built_from(grid("7d"))) << "7d windows begin on Thursdays, weeks on Mondays";
}
