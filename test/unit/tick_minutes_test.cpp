// Ticks into minutes: the bars are those of candlesticks that are filled one by one, in whatever order ticks come.
#include "core/candlestick.hpp"
#include "core/tick_minutes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <tuple>

using namespace aggregation;

namespace {

constexpr Duration minute = Duration::minutes(1);

struct Tick {
	std::string symbol;
	Timestamp time;
	double price;
	std::optional<double> volume;
};

using Key = std::pair<std::string, int64_t>;
using Values = std::tuple<double, double, double, double, std::optional<double>, std::optional<double>, std::optional<int64_t>>;

std::map<Key, Values> bars_of(const TickMinutes &ticks) {
	std::map<Key, Values> bars;
	ticks.for_each([&](const TickMinute &at, const std::optional<TickBar> &bar) {
		if (bar)
			bars.emplace(Key(ticks.symbol(at.symbol), at.start.us),
			             Values(bar->open, bar->high, bar->low, bar->close, bar->vol, bar->vwap, bar->trade_count));
	});
	return bars;
}

std::map<Key, Values> one_by_one(const std::vector<Tick> &ticks) {
	std::map<Key, OwnCandlestick> minutes;
	for (const auto &tick : ticks) {
		auto &candlestick = minutes[Key(tick.symbol, minute_of(tick.time).us)];
		agg_candlestick_add_trade(candlestick.get(), tick.time.us, tick.price, {tick.volume.has_value(), tick.volume.value_or(0)});
	}
	std::map<Key, Values> bars;
	for (const auto &[key, candlestick] : minutes) {
		const auto *c = candlestick.get();
		if (agg_candlestick_is_empty(c))
			continue;
		const auto known = [](agg_number n) { return n.known ? std::optional(n.value) : std::nullopt; };
		int64_t trades = 0;
		agg_candlestick_trades(c, &trades);
		bars.emplace(key,
		             Values(agg_candlestick_price(c, AGG_OPEN), agg_candlestick_price(c, AGG_HIGH), agg_candlestick_price(c, AGG_LOW),
		                    agg_candlestick_price(c, AGG_CLOSE), known(agg_candlestick_volume(c)), known(agg_candlestick_vwap(c)), trades));
	}
	return bars;
}

TickMinutes all_of(const std::vector<Tick> &ticks) {
	TickMinutes minutes;
	for (const auto &tick : ticks)
		minutes.want({minutes.number_of(tick.symbol), minute_of(tick.time)});
	for (const auto &tick : ticks)
		EXPECT_TRUE(minutes.add(tick.symbol, tick.time, tick.price, tick.volume));
	return minutes;
}

TEST(TickMinutes, AreTheCandlesticksOfTheirTicksInAnyOrder) {
	std::mt19937_64 random(20250701);
	for (int round = 0; round < 50; ++round) {
		std::vector<Tick> ticks;
		for (int i = 0; i < 300; ++i) {
			// Volumes of all magnitudes need much room in their sums.
			const double volume = std::ldexp(static_cast<double>(random() % 1000), static_cast<int>(random() % 400) - 200);
			ticks.push_back({std::string(1, static_cast<char>('A' + random() % 3)),
			                 Timestamp {static_cast<int64_t>(random() % (5 * minute.us)) - 2 * minute.us},
			                 random() % 20 == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(random() % 100),
			                 random() % 10 == 0 ? std::nullopt : std::optional(volume)});
		}
		const auto expected = one_by_one(ticks);
		EXPECT_EQ(bars_of(all_of(ticks)), expected);
		std::shuffle(ticks.begin(), ticks.end(), random);
		EXPECT_EQ(bars_of(all_of(ticks)), expected);
	}
}

TEST(TickMinutes, LeaveOutWhatNobodyWants) {
	TickMinutes minutes;
	const uint32_t symbol = minutes.number_of("A");
	minutes.want({symbol, Timestamp {0}});
	EXPECT_TRUE(minutes.add("A", {minute.us - 1}, 1, 2));
	EXPECT_FALSE(minutes.add("A", {minute.us}, 1, 2));
	EXPECT_FALSE(minutes.add("A", {-1}, 1, 2));
	EXPECT_FALSE(minutes.add("B", {0}, 1, 2));
	EXPECT_TRUE(minutes.add("A", {0}, 3, std::nullopt));
	EXPECT_EQ(bars_of(minutes), (std::map<Key, Values> {{Key("A", 0), Values(3, 3, 1, 1, 2, 1, 2)}}));
}

TEST(TickMinutes, AreNoneWithoutAPrice) {
	TickMinutes minutes;
	const auto with_ticks = [&] {
		int count = 0;
		minutes.for_each([&](const TickMinute &, const std::optional<TickBar> &) { ++count; });
		return count;
	};
	minutes.want({minutes.number_of("A"), Timestamp {0}});
	EXPECT_EQ(with_ticks(), 0);
	EXPECT_TRUE(minutes.add("A", {0}, std::numeric_limits<double>::infinity(), 1));
	EXPECT_TRUE(bars_of(minutes).empty());
	EXPECT_EQ(with_ticks(), 1);
}

TEST(TickMinutes, BeginAtWholeMinutesBeforeAndAfterTheEpoch) {
	EXPECT_EQ(minute_of({-1}), Timestamp {-minute.us});
	EXPECT_EQ(minute_of({-minute.us}), Timestamp {-minute.us});
	EXPECT_EQ(minute_of({0}), Timestamp {0});
	EXPECT_EQ(minute_of({minute.us - 1}), Timestamp {0});
}

} // namespace
