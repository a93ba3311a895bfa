// Timeframes: names and sources.
#include "core/timeframe.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

namespace {

Timeframe tf(const char *name) {
	return *Timeframe::parse(name);
}

} // namespace

TEST(Timeframe, NamesThatMakeSense) {
	for (const char *name : {"1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "7m", "99999m", "2w"})
		EXPECT_TRUE(Timeframe::parse(name)) << name;
	for (const char *name : {"", "m", "5", "5M", "05m", "0m", "-5m", "5 m", "5min", "1y", "100000m", "5201w", "99999w", "5m "})
		EXPECT_FALSE(Timeframe::parse(name)) << name;
}

TEST(Timeframe, DefaultSourcesAreThoseOfTheContract) {
	const std::pair<const char *, const char *> expected[] {{"5m", "1m"}, {"15m", "5m"}, {"30m", "5m"}, {"1h", "5m"}, {"4h", "1h"},
	                                                        {"1d", "1h"}, {"1w", "1d"},  {"7m", "1m"},  {"2h", "1h"}, {"90m", "5m"}};
	for (const auto &[target, source] : expected)
		EXPECT_EQ(tf(target).default_source()->name(), source) << target;
	EXPECT_FALSE(tf("1m").default_source());
}

TEST(Timeframe, IsBuiltFromNarrowerOnesThatDivideItAndShareItsStarts) {
	EXPECT_TRUE(tf("1h").built_from(tf("5m")));
	EXPECT_TRUE(tf("1w").built_from(tf("1d")));
	EXPECT_FALSE(tf("1h").built_from(tf("1h")));
	EXPECT_FALSE(tf("5m").built_from(tf("1h")));
	EXPECT_FALSE(tf("1h").built_from(tf("7m")));
	EXPECT_FALSE(tf("4w").built_from(tf("7d"))) << "7d windows begin on Thursdays, weeks on Mondays";
}
