// Candles as text: what is drawn where, and what cannot be drawn.
#include "core/candle_chart.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace aggregation;

namespace {

const Timestamp day = *parse_iso8601("2025-07-01T10:00Z");

SourceBar bar(int64_t minute, double open, double high, double low, double close, std::optional<double> vol = {}) {
	return {.start = day + Duration::minutes(minute),
	        .open = open,
	        .high = high,
	        .low = low,
	        .close = close,
	        .vol = vol,
	        .vwap = {},
	        .trade_count = {}};
}

std::string drawn(const std::vector<SourceBar> &bars, int64_t height, ChartStyle::Characters characters = ChartStyle::Characters::boxes,
                  ChartStyle::Labels labels = ChartStyle::Labels::times) {
	std::string text = "\n";
	for (const auto &line : draw_candles(bars, {.height = height, .characters = characters, .labels = labels}))
		text += line + "\n";
	return text;
}

const std::vector<SourceBar> three {bar(0, 4, 5, 1, 2, 10), bar(5, 2, 3, 2, 3, 5), bar(10, 3, 3, 3, 3)};

TEST(CandleChart, BodiesWicksAndAxes) {
	EXPECT_EQ(drawn(three, 5), R"(
│  ┤ 5
░  │
░█─│
░█ │
│  ┤ 1
█▄   volume up to 10
┬──┘
07-01 10:00
)");
}

TEST(CandleChart, PlainAscii) {
	EXPECT_EQ(drawn(three, 5, ChartStyle::Characters::ascii, ChartStyle::Labels::dates), R"(
|  + 5
:  |
:#-|
:# |
|  + 1
@=   volume up to 10
+--+
2025-07-01
)");
	for (const char byte : drawn(three, 30, ChartStyle::Characters::ascii))
		EXPECT_TRUE(byte == '\n' || (byte >= ' ' && byte < 0x7f));
}

TEST(CandleChart, OnePriceHasOneLine) {
	EXPECT_EQ(drawn({bar(0, 2.5, 2.5, 2.5, 2.5)}, 4), R"(
 │
 │
─┤ 2.5
 │
┬┘
07-01 10:00
)");
}

TEST(CandleChart, WhatIsNoCandleLeavesItsColumnEmpty) {
	SourceBar none = bar(5, 1, 2, 1, 2, 1e300);
	none.high = std::numeric_limits<double>::quiet_NaN();
	SourceBar nothing = bar(10, 1, 2, 1, 2);
	nothing.close = {};
	EXPECT_EQ(drawn({bar(0, 1, 2, 1, 2), none, nothing}, 2), R"(
█  ┤ 2
█  ┤ 1
┬──┘
07-01 10:00
)");
	EXPECT_EQ(drawn({none}, 2), "\n │\n ┤ 0\n┬┘\n07-01 10:05\n");
}

TEST(CandleChart, TimesAreFourteenColumnsApart) {
	std::vector<SourceBar> bars;
	for (int64_t i = 0; i < 30; ++i)
		bars.push_back(bar(i, 1, 2, 1, 2));
	const auto lines = draw_candles(bars, {.height = 2, .characters = ChartStyle::Characters::ascii, .labels = ChartStyle::Labels::times});
	EXPECT_EQ(lines[2], "+-------------+---------------+");
	EXPECT_EQ(lines[3], "07-01 10:00   07-01 10:14");
}

TEST(CandleChart, LabelsHaveTheDecimalsOfAMarket) {
	const auto label = [](double low, double high) {
		const auto lines = draw_candles(std::vector {bar(0, low, high, low, high)},
		                                {.height = 2, .characters = ChartStyle::Characters::ascii, .labels = ChartStyle::Labels::times});
		return lines[0].substr(3) + " " + lines[1].substr(3);
	};
	EXPECT_EQ(label(1.17, 1.17345), "1.17345 1.17000");
	EXPECT_EQ(label(147.4, 147.512), "147.512 147.400");
	EXPECT_EQ(label(97.123456789, 98), "98.0000 97.1235");
	EXPECT_EQ(label(65000.123, 65001.5), "65001.50 65000.12");
	EXPECT_EQ(label(1.234e-5, 2e-5), "0.0000200000 0.0000123400");
	EXPECT_EQ(label(0, 0.5), "0.5 0.0");
	EXPECT_EQ(label(1e20, 2e20), "2.00000e+20 1.00000e+20");
	EXPECT_EQ(label(1e-20, 2e-20), "2.00000e-20 1.00000e-20");
}

TEST(CandleChart, TheLargestNumbersStayInside) {
	const double most = std::numeric_limits<double>::max();
	const auto lines = draw_candles(std::vector {bar(0, -most, most, -most, most, most), bar(1, 0, 0, 0, 0, 1e-300)},
	                                {.height = 3, .characters = ChartStyle::Characters::ascii, .labels = ChartStyle::Labels::times});
	EXPECT_EQ(lines[0].substr(0, 3), "# +");
	EXPECT_EQ(lines[1].substr(0, 3), "#-|");
	EXPECT_EQ(lines[2].substr(0, 3), "# +");
	EXPECT_EQ(lines[3].substr(0, 4), "@.  ");
}

TEST(CandleChart, TimesBeforeOurEra) {
	SourceBar early = bar(0, 1, 1, 1, 1);
	early.start = Timestamp::range_begin();
	EXPECT_FALSE(
	    draw_candles(std::vector {early}, {.height = 2, .characters = ChartStyle::Characters::ascii, .labels = ChartStyle::Labels::times})
	        .empty());
}

} // namespace
