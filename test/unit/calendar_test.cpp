// Market calendars: trading days of 23, 24 and 25 hours, dates that do not exist, sessions; and the windows of every timeframe in them,
// against a list of windows that is written down day by day.
#include "core/civil_date.hpp"
#include "core/grid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>

using namespace aggregation;

namespace {

constexpr Duration hour = Duration::minutes(60);

Timestamp at(const char *text) {
	return *parse_iso8601(text);
}
Timeframe timeframe(const char *name) {
	return *Timeframe::parse(name);
}
int64_t date(int64_t year, unsigned month, unsigned day) {
	return days_from_civil({year, month, day});
}

struct World {
	std::vector<TradingDay> days;
	Timestamp end;
	std::vector<TimeRange> sessions;
	std::shared_ptr<const Calendar> calendar;
};

/// Days that begin at any minute, some an hour shorter or longer, now and then a date that does not exist; up to two sessions a day.
World random_world(std::mt19937_64 &random, int64_t first, int64_t count) {
	World world;
	Timestamp start = at("2020-01-01") + Duration::minutes(static_cast<int64_t>(random() % 96) * 15 - 720);
	const int64_t one_off = static_cast<int64_t>(random() % 4);
	for (int64_t i = 0; i < count; ++i) {
		const int64_t dice = static_cast<int64_t>(random() % 60);
		if (dice == 0 && one_off == 0 && !world.days.empty() && world.days.back().date == first + i - 1)
			continue; // the zone skipped this date; it never skips two
		const int64_t hours = dice == 1 ? 25 : (dice == 2 ? 23 : 24);
		world.days.push_back({first + i, start});
		const Timestamp end = start + Duration {hours * hour.us};
		if (random() % 4 != 0) {
			const Timestamp open = start + Duration::minutes(static_cast<int64_t>(random() % 600));
			const Timestamp close = open + Duration::minutes(1 + static_cast<int64_t>(random() % 400));
			world.sessions.push_back({open, close});
			if (random() % 2 == 0)
				world.sessions.push_back({random() % 3 == 0 ? close : close + Duration::minutes(60), end});
		}
		start = end;
	}
	world.end = start;
	world.calendar =
	    std::make_shared<Calendar>(CalendarRules {"random", static_cast<int>(1 + random() % 7)}, world.days, world.end, world.sessions);
	return world;
}

/// Where the windows of a timeframe begin, by walking through the days.
std::vector<Timestamp> starts_of(const World &world, const Timeframe &frame) {
	std::vector<Timestamp> starts;
	const auto period = [&](int64_t day) -> int64_t {
		const CivilDate civil = civil_from_days(day);
		switch (frame.unit()) {
		case Timeframe::Unit::months:
			return (civil.year * 12 + civil.month - 1 - 1970 * 12) / frame.units(); // all dates here are after 1970
		case Timeframe::Unit::weeks: {
			int64_t first = 4; // Monday, 1970-01-05
			while ((first + 3) % 7 != (world.calendar->rules().first_weekday - 1) % 7)
				--first;
			return (day - first) / (7 * frame.units());
		}
		default:
			return day / frame.units();
		}
	};
	for (size_t i = 0; i < world.days.size(); ++i) {
		const TradingDay &day = world.days[i];
		const Timestamp end = i + 1 < world.days.size() ? world.days[i + 1].start : world.end;
		if (frame.unit() == Timeframe::Unit::minutes) {
			for (Timestamp t = day.start; t < end; t = t + frame.width())
				starts.push_back(t);
		} else if (i > 0 && period(day.date) != period(world.days[i - 1].date)) {
			starts.push_back(day.start);
		}
	}
	return starts;
}

int64_t touching(const World &world, Timestamp from, Timestamp to, const Grid &source) {
	int64_t count = 0;
	size_t session = 0;
	for (Timestamp t = from; t < to; t = source.next(t)) {
		while (session < world.sessions.size() && world.sessions[session].to <= t)
			++session;
		count += session < world.sessions.size() && world.sessions[session].from < source.next(t) ? 1 : 0;
	}
	return count;
}

} // namespace

TEST(Calendar, EveryTimeframesWindowsAreThoseOfTheDays) {
	std::random_device seeds;
	const char *given = std::getenv("AGGREGATION_TEST_SEED");
	const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : seeds();
	SCOPED_TRACE("AGGREGATION_TEST_SEED=" + std::to_string(seed));
	std::mt19937_64 random(seed);
	for (int round = 0; round < 10; ++round) {
		const World world = random_world(random, date(2020, 1, 1), 1200);
		for (const char *name :
		     {"90m", "2h", "3h", "4h", "6h", "8h", "12h", "5h", "7h", "1d", "2d", "5d", "1w", "2w", "1mo", "2mo", "3mo", "1y"}) {
			const Timeframe frame = timeframe(name);
			const Grid grid(frame, world.calendar);
			const auto starts = starts_of(world, frame);
			ASSERT_GE(starts.size(), 2U);
			for (int i = 0; i < 60; ++i) {
				const size_t a = random() % (starts.size() - 1);
				const size_t b = random() % (starts.size() - 1);
				const auto steps = static_cast<int64_t>(b) - static_cast<int64_t>(a);
				const Duration inside {static_cast<int64_t>(random() % static_cast<uint64_t>((starts[a + 1] - starts[a]).us))};
				ASSERT_EQ(grid.floor(starts[a] + inside), starts[a]) << name;
				ASSERT_EQ(grid.ceil(starts[a] + inside), inside.us == 0 ? starts[a] : starts[a + 1]) << name;
				ASSERT_EQ(grid.aligned(starts[a] + inside), inside.us == 0) << name;
				ASSERT_EQ(grid.next(starts[a]), starts[a + 1]) << name;
				ASSERT_EQ(grid.after(starts[a], steps), starts[b]) << name;
				ASSERT_EQ(grid.count(starts[a], starts[b]), steps) << name;
				if (steps >= 0) {
					ASSERT_EQ(grid.count(starts[a], starts[b] + Duration {1}), steps) << name;
				}
			}
			for (const char *narrow : {"1m", "30m", "1h", "2h", "1d", "1mo"}) {
				const Grid source(timeframe(narrow), world.calendar);
				if (!grid.built_from(source))
					continue;
				for (int i = 0; i < 2; ++i) {
					const size_t a = random() % (starts.size() - 1);
					ASSERT_TRUE(source.aligned(starts[a])) << name << " of " << narrow;
					ASSERT_EQ(grid.expected(starts[a], source), touching(world, starts[a], starts[a + 1], source))
					    << name << " of " << narrow;
				}
			}
		}
	}
}

TEST(Calendar, ScansSessionsInAnyOrder) {
	std::mt19937_64 random(5);
	const World world = random_world(random, date(2020, 1, 1), 100);
	SessionScan scan(world.calendar.get());
	Timestamp t = world.days.front().start;
	for (int i = 0; i < 5000; ++i) {
		const bool jump = random() % 50 == 0;
		t = jump ? world.days.front().start + Duration::minutes(static_cast<int64_t>(random() % (100 * 1440))) : t + Duration::minutes(7);
		const Timestamp end = t + Duration::minutes(5);
		const bool touches = std::any_of(world.sessions.begin(), world.sessions.end(),
		                                 [&](const TimeRange &session) { return session.from < end && session.to > t; });
		ASSERT_EQ(scan.touches(t, end), touches);
	}
}

TEST(Calendar, GoesOnInDaysOf24HoursWhereNoneAreKnown) {
	const std::vector<TradingDay> days {{date(2025, 3, 7), at("2025-03-06T22:00:00Z")}, {date(2025, 3, 8), at("2025-03-07T22:00:00Z")}};
	const auto calendar = std::make_shared<Calendar>(CalendarRules {"short"}, days, at("2025-03-08T22:00:00Z"), std::vector<TimeRange>());
	const Grid day(timeframe("1d"), calendar);
	EXPECT_EQ(day.floor(at("1999-01-01T23:00:00Z")), at("1999-01-01T22:00:00Z"));
	EXPECT_EQ(day.floor(at("2099-01-01T21:00:00Z")), at("2098-12-31T22:00:00Z"));
	EXPECT_EQ(day.count(at("2025-03-01T22:00:00Z"), at("2025-04-01T22:00:00Z")), 31);
	EXPECT_EQ(Grid(timeframe("1mo"), calendar).floor(at("2025-03-08T00:00:00Z")), at("2025-02-28T22:00:00Z")) << "the first of March";
	EXPECT_EQ(Grid(timeframe("1y"), calendar).next(at("2024-12-31T22:00:00Z")), at("2025-12-31T22:00:00Z"));
	EXPECT_EQ(day.expected(at("2099-01-01T22:00:00Z"), Grid(timeframe("1h"), calendar)), 0) << "no session is known there";
	EXPECT_EQ(day.after(at("2025-03-06T22:00:00Z"), std::numeric_limits<int64_t>::max()), Timestamp::infinity());
	EXPECT_EQ(day.floor(Timestamp::infinity()), Timestamp::infinity());
}

TEST(Calendar, AWeekBeginsWithTheCalendarsDay) {
	// Currencies: the trading day of Monday begins on Sunday at 17:00 in New York.
	std::vector<TradingDay> days;
	Timestamp start = at("2025-06-29T21:00:00Z");
	for (int64_t i = 0; i < 14; ++i, start = start + Duration {24 * hour.us})
		days.push_back({date(2025, 6, 30) + i, start});
	std::vector<TimeRange> sessions;
	for (size_t i = 0; i < days.size(); ++i) {
		if (i % 7 < 5)
			sessions.push_back({days[i].start, days[i].start + Duration {24 * hour.us}});
	}
	const auto fx = std::make_shared<Calendar>(CalendarRules {"fx", 1}, days, start, sessions);
	EXPECT_EQ(fx->sessions().size(), 2U) << "sessions that touch are one";
	const Grid week(timeframe("1w"), fx);
	const Grid day(timeframe("1d"), fx);
	EXPECT_EQ(week.floor(at("2025-07-02")), at("2025-06-29T21:00:00Z"));
	EXPECT_EQ(week.expected(at("2025-06-29T21:00:00Z"), day), 5);
	EXPECT_EQ(week.expected(at("2025-06-29T21:00:00Z"), Grid(timeframe("1m"), fx)), 5 * 24 * 60);
	EXPECT_EQ(day.expected(at("2025-07-04T21:00:00Z"), Grid(timeframe("1h"), fx)), 0) << "Saturday";
	EXPECT_TRUE(day.built_from(Grid(timeframe("1h"), fx)));
	EXPECT_EQ(day.default_source()->name(), "1h");
}

TEST(Calendar, WhereDaysBeginBetweenHoursTheyAreNotMadeOfHours) {
	const std::vector<TradingDay> days {{date(2025, 3, 7), at("2025-03-06T18:30:00Z")}}; // midnight in India
	const auto calendar = std::make_shared<Calendar>(CalendarRules {"nse"}, days, at("2025-03-07T18:30:00Z"), std::vector<TimeRange>());
	EXPECT_FALSE(Grid(timeframe("1d"), calendar).built_from(Grid(timeframe("1h"), calendar)));
	EXPECT_EQ(Grid(timeframe("1d"), calendar).default_source()->name(), "5m");
	EXPECT_EQ(Grid(timeframe("4h"), calendar).default_source()->name(), "5m");
	EXPECT_TRUE(Grid(timeframe("4h"), calendar).built_from(Grid(timeframe("2h"), calendar))) << "both count from the beginning of the day";
	EXPECT_EQ(Grid(timeframe("1w"), calendar).default_source()->name(), "1d");
	EXPECT_EQ(Grid(timeframe("1h"), calendar).default_source()->name(), "5m");
}

TEST(Calendar, RefusesWhatIsNotInOrder) {
	const auto make = [](std::vector<TradingDay> days, std::vector<TimeRange> sessions) {
		return Calendar({"bad"}, std::move(days), at("2025-01-10"), sessions);
	};
	EXPECT_THROW(make({}, {}), std::invalid_argument);
	EXPECT_THROW(make({{1, at("2025-01-02")}, {2, at("2025-01-02")}}, {}), std::invalid_argument);
	EXPECT_THROW(make({{2, at("2025-01-02")}, {1, at("2025-01-03")}}, {}), std::invalid_argument);
	EXPECT_THROW(make({{1, at("2025-01-11")}}, {}), std::invalid_argument);
	EXPECT_THROW(make({{1, at("2025-01-02")}}, {{at("2025-01-02"), at("2025-01-04")}, {at("2025-01-03"), at("2025-01-05")}}),
	             std::invalid_argument);
	EXPECT_THROW(make({{1, at("2025-01-02")}}, {{at("2025-01-02"), at("2025-01-02")}}), std::invalid_argument);
}

TEST(Grid, MonthsQuartersAndYearsInUtc) {
	const Grid month(timeframe("1mo"));
	EXPECT_EQ(month.floor(at("2024-02-29T23:59:59Z")), at("2024-02-01"));
	EXPECT_EQ(month.next(at("2024-02-01")), at("2024-03-01"));
	EXPECT_EQ(month.ceil(at("1969-12-31T00:00:00.000001Z")), at("1970-01-01"));
	EXPECT_EQ(Grid(timeframe("3mo")).floor(at("2025-06-30")), at("2025-04-01"));
	EXPECT_EQ(Grid(timeframe("1y")).floor(at("1969-06-30")), at("1969-01-01"));
	EXPECT_EQ(month.after(at("2024-01-01"), -13), at("2022-12-01"));
	EXPECT_EQ(month.count(at("2022-12-01"), at("2024-01-31")), 13);
	EXPECT_EQ(month.expected(at("2024-02-01"), Grid(timeframe("1d"))), 29);
	EXPECT_EQ(Grid(timeframe("1y")).expected(at("2024-01-01"), Grid(timeframe("1mo"))), 12);
	EXPECT_TRUE(Grid(timeframe("1y")).built_from(Grid(timeframe("3mo"))));
	EXPECT_FALSE(Grid(timeframe("1mo")).built_from(Grid(timeframe("1w"))));
	EXPECT_FALSE(Grid(timeframe("1mo")).built_from(Grid(timeframe("2d"))));
	EXPECT_TRUE(Grid(timeframe("1mo")).built_from(Grid(timeframe("1m"))));
	EXPECT_EQ(month.floor(Timestamp::infinity()), Timestamp::infinity());
}
