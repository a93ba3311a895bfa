// Timeframes: names, alignment, sources.
#include "core/timeframe.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace aggregation;

namespace {

Timeframe tf(const char *name) {
	return *Timeframe::parse(name);
}
Timestamp at(const char *text) {
	return *parse_iso8601(text);
}

} // namespace

TEST(Timeframe, NamesThatMakeSense) {
	for (const char *name : {"1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "7m", "99999m", "2w"})
		EXPECT_TRUE(Timeframe::parse(name)) << name;
	for (const char *name : {"", "m", "5", "5M", "05m", "0m", "-5m", "5 m", "5min", "1y", "100000m", "5201w", "99999w", "5m "})
		EXPECT_FALSE(Timeframe::parse(name)) << name;
}

TEST(Timeframe, WeeksBeginOnMondayAndDaysAtMidnight) {
	EXPECT_EQ(tf("1w").floor(at("2025-07-06T23:59:59Z")), at("2025-06-30"));
	EXPECT_EQ(tf("1w").ceil(at("2025-07-06T23:59:59Z")), at("2025-07-07"));
	EXPECT_EQ(tf("1w").floor(at("1969-12-31")), at("1969-12-29"));
	EXPECT_EQ(tf("1d").floor(at("1969-12-31T00:00:00.000001Z")), at("1969-12-31"));
	EXPECT_EQ(tf("4h").floor(at("2025-07-01T07:59:00Z")), at("2025-07-01T04:00:00Z"));
	EXPECT_EQ(tf("5m").ceil(at("2025-07-01T00:00:00Z")), at("2025-07-01T00:00:00Z"));
}

TEST(Timeframe, EveryInstantLiesInExactlyOneAlignedWindow) {
	std::mt19937_64 random(7);
	std::uniform_int_distribution<int64_t> any(Timestamp::range_begin().us, Timestamp::range_end().us - 1);
	for (const char *name : {"1m", "5m", "7m", "15m", "30m", "1h", "4h", "1d", "1w", "3w"}) {
		const auto frame = tf(name);
		for (int i = 0; i < 2000; ++i) {
			const Timestamp t {any(random)};
			const Timestamp start = frame.floor(t);
			ASSERT_LE(start, t) << name;
			ASSERT_LT(t - start, frame.width()) << name;
			ASSERT_TRUE(frame.aligned(start)) << name;
			ASSERT_TRUE(frame.ceil(t) == start + frame.width() || (frame.ceil(t) == t && start == t)) << name;
		}
	}
}

TEST(Timeframe, TheWidestWindowsAtTheEndsOfTimeFitTimestamptz) {
	EXPECT_LT(tf("5200w").ceil(Timestamp {Timestamp::range_end().us - 1}).us, 9'223'371'331'200'000'000); // 294277-01-01
	EXPECT_GE(tf("5200w").floor(Timestamp::range_begin()).us, -211'813'488'000'000'000);                  // 4714-11-24 BC
}

TEST(Timeframe, CeilSaturatesBehindTheRange) {
	EXPECT_EQ(tf("5200w").ceil(Timestamp {Timestamp::infinity().us - 1}), Timestamp::infinity());
}

TEST(Timeframe, DefaultSourcesAreThoseOfTheContract) {
	const std::pair<const char *, const char *> expected[] {{"5m", "1m"}, {"15m", "5m"}, {"30m", "5m"}, {"1h", "5m"}, {"4h", "1h"},
	                                                        {"1d", "1h"}, {"1w", "1d"},  {"7m", "1m"},  {"2h", "1h"}, {"90m", "5m"}};
	for (const auto &[target, source] : expected)
		EXPECT_EQ(tf(target).default_source()->name(), source) << target;
	EXPECT_FALSE(tf("1m").default_source());
}

TEST(Timeframe, BarsInACompleteWindow) {
	EXPECT_EQ(tf("5m").bars_from(tf("1m")), 5);
	EXPECT_EQ(tf("1h").bars_from(tf("5m")), 12);
	EXPECT_EQ(tf("1w").bars_from(tf("1d")), 7);
	EXPECT_EQ(tf("1h").bars_from(tf("1h")), 0);
	EXPECT_EQ(tf("5m").bars_from(tf("1h")), 0);
	EXPECT_EQ(tf("1h").bars_from(tf("7m")), 0);
	EXPECT_EQ(tf("4w").bars_from(tf("7d")), 0) << "7d windows begin on Thursdays, weeks on Mondays";
}
