// Timeframes: their names.
#include "core/timeframe.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

TEST(Timeframe, NamesThatMakeSense) {
	for (const char *name : {"1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "7m", "99999m", "2w", "1mo", "3mo", "1y", "1200mo", "100y"})
		EXPECT_TRUE(Timeframe::parse(name)) << name;
	for (const char *name : {"",     "m",  "5",    "5M",     "05m",  "0m",   "-5m", "5 m",   "5min",   "100000m", "1M",
	                         "01mo", "mo", "1mo ", "1201mo", "101y", "1mon", "1yr", "5201w", "99999w", "5m "})
		EXPECT_FALSE(Timeframe::parse(name)) << name;
}
