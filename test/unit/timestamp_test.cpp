// Instants: their text, and arithmetic at the ends of the range.
#include "core/timestamp.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace aggregation;

namespace {

Timestamp at(const char *text) {
	const auto parsed = parse_iso8601(text);
	EXPECT_TRUE(parsed) << text;
	return parsed.value_or(Timestamp {});
}

} // namespace

TEST(Timestamp, PrintsIso8601InUtc) {
	EXPECT_EQ(to_iso8601({0}), "2000-01-01T00:00:00+00:00");
	EXPECT_EQ(to_iso8601({-1}), "1999-12-31T23:59:59.999999+00:00");
	EXPECT_EQ(to_iso8601({804'643'200'000'000}), "2025-07-01T00:00:00+00:00");
	EXPECT_EQ(to_iso8601({1'500'000}), "2000-01-01T00:00:01.5+00:00");
}

TEST(Timestamp, PrintsTheEndsOfTheRange) {
	EXPECT_EQ(to_iso8601(Timestamp::range_begin()), "4600-01-01T00:00:00+00:00 BC");
	EXPECT_EQ(to_iso8601({Timestamp::range_end().us - 1}), "289999-12-31T23:59:59.999999+00:00");
	EXPECT_EQ(to_iso8601(Timestamp::infinity()), "infinity");
	EXPECT_EQ(to_iso8601(Timestamp::minus_infinity()), "-infinity");
}

TEST(Timestamp, ReadsZonesAndFractions) {
	EXPECT_EQ(at("2025-07-01"), Timestamp {804'643'200'000'000});
	EXPECT_EQ(at("2025-07-01T00:00:00Z"), at("2025-07-01"));
	EXPECT_EQ(at("2025-07-01 02:30+02:30"), at("2025-07-01"));
	EXPECT_EQ(at("2025-06-30T19:00:00-05"), at("2025-07-01"));
	EXPECT_EQ(at("2025-07-01T00:00:00.25+0000"), at("2025-07-01") + Duration {250'000});
}

TEST(Timestamp, RefusesWhatIsNoTime) {
	for (const char *text : {"", "2025", "2025-13-01", "2025-02-29", "2100-02-29", "2025-07-01T24:00", "2025-07-01T12", "2025-07-01T12:60",
	                         "2025-07-01T12:00:60", "2025-07-01T12:00:00.", "2025-07-01T12:00+", "2025-07-01 x", "0000-01-01", "07/01/2025",
	                         "999999-01-01", "2025-07-01T00:00:00Zjunk"})
		EXPECT_FALSE(parse_iso8601(text)) << text;
	EXPECT_TRUE(parse_iso8601("2000-02-29"));
}

TEST(Timestamp, TextComesBackAsTheSameInstant) {
	std::mt19937_64 random(20250701);
	std::uniform_int_distribution<int64_t> any(at("0001-01-01").us, Timestamp::range_end().us - 1);
	for (int i = 0; i < 20'000; ++i) {
		const Timestamp t {any(random)};
		ASSERT_EQ(parse_iso8601(to_iso8601(t)), t) << to_iso8601(t);
	}
}

TEST(Timestamp, ArithmeticSaturates) {
	EXPECT_EQ(Timestamp::infinity() + Duration::seconds(1), Timestamp::infinity());
	EXPECT_EQ(Timestamp::minus_infinity() - Duration::seconds(1), Timestamp::minus_infinity());
	EXPECT_EQ((Timestamp::infinity() - Timestamp::minus_infinity()).us, INT64_MAX);
	EXPECT_FALSE(Timestamp::infinity().finite());
	EXPECT_FALSE(Timestamp::range_end().finite());
	EXPECT_TRUE(Timestamp::range_begin().finite());
}
