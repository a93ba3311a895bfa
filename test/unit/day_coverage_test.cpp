#include "core/day_coverage.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>

namespace aggregation {

namespace {

constexpr int64_t minutes_of_day = 24 * 60;

Timestamp minute(int64_t n) {
	return unix_epoch + Duration::minutes(n);
}

/// Days of 24, 23 and 25 hours from 1970-01-01 22:00 on, each open for its second and third hour and for its last ten minutes.
Calendar three_days() {
	const std::vector<int64_t> starts {22 * 60, 46 * 60, 69 * 60, 94 * 60};
	std::vector<TradingDay> days;
	std::vector<TimeRange> sessions;
	for (size_t i = 0; i + 1 < starts.size(); ++i) {
		days.push_back({static_cast<int64_t>(i) + 1, minute(starts[i])});
		sessions.push_back({minute(starts[i] + 60), minute(starts[i] + 180)});
		sessions.push_back({minute(starts[i + 1] - 10), minute(starts[i + 1])});
	}
	return Calendar({.name = "three"}, days, minute(starts.back()), sessions);
}

std::vector<DayCoverage> coverage(CoverageScan scan, const std::set<int64_t> &seen) {
	for (const int64_t n : seen)
		scan.saw(minute(n));
	return scan.days();
}

} // namespace

TEST(CoverageScan, WithoutAMinuteEverythingIsMissing) {
	const Calendar calendar = three_days();
	const std::vector<DayCoverage> expected {{1, 130, 0, 120, 0}, {2, 130, 0, 120, 0}, {3, 130, 0, 120, 0}};
	EXPECT_EQ(coverage(CoverageScan(&calendar, 1, 3, minute(100'000)), {}), expected);
	EXPECT_EQ(coverage(CoverageScan(nullptr, 5, 5, minute(100'000)), {}), (std::vector<DayCoverage> {{5, 1440, 0, 1440, 0}}));
}

TEST(CoverageScan, CountsInsideAndOutsideSessions) {
	const Calendar calendar = three_days();
	const int64_t opens = 47 * 60;
	const auto days = coverage(CoverageScan(&calendar, 2, 2, minute(100'000)),
	                           {opens - 1, opens, opens + 10, opens + 119, opens + 120, 69 * 60 - 10, 69 * 60});
	EXPECT_EQ(days, (std::vector<DayCoverage> {{2, 130, 4, 108, 2}}));
}

TEST(CoverageScan, AMinuteCountsOnce) {
	CoverageScan scan(nullptr, 0, 0, minute(100'000));
	for (const int64_t second : {0, 1, 59, 60, 61, 3'600, 3'601})
		scan.saw(unix_epoch + Duration::seconds(second));
	EXPECT_EQ(scan.days(), (std::vector<DayCoverage> {{0, 1440, 3, 1440 - 61, 0}}));
}

TEST(CoverageScan, NothingIsExpectedFromNowOn) {
	const Calendar calendar = three_days();
	const int64_t opens = 47 * 60;
	EXPECT_TRUE(coverage(CoverageScan(&calendar, 2, 2, minute(opens - 30)), {opens - 30, opens - 20, opens + 3}).empty());
	EXPECT_EQ(coverage(CoverageScan(&calendar, 2, 3, minute(opens + 20) + Duration::seconds(30)), {opens + 3, opens + 20, opens + 30}),
	          (std::vector<DayCoverage> {{2, 20, 1, 16, 0}}));
	EXPECT_TRUE(coverage(CoverageScan(&calendar, 3, 3, minute(opens)), {}).empty());
}

TEST(CoverageScan, ADayWithoutSessionsCountsWhatIsThere) {
	const Calendar calendar = three_days();
	EXPECT_EQ(coverage(CoverageScan(&calendar, 4, 6, minute(100'000)), {94 * 60, 95 * 60, 142 * 60}),
	          (std::vector<DayCoverage> {{4, 0, 0, 0, 2}, {6, 0, 0, 0, 1}}));
}

TEST(CoverageScan, AgreesWithCountingMinuteByMinute) {
	const Calendar calendar = three_days();
	uint64_t state = 1;
	std::set<int64_t> seen;
	for (int64_t n = 20 * 60; n < 96 * 60; ++n) {
		state = state * 6364136223846793005U + 1442695040888963407U;
		if (state >> 62 != 0)
			seen.insert(n);
	}
	const int64_t now = 69 * 60 + 100;
	std::vector<DayCoverage> expected {{1}, {2}, {3}};
	for (auto &day : expected) {
		int64_t gap = 0;
		for (int64_t n = 0; n < 5 * minutes_of_day; ++n) {
			if (calendar.day_of(minute(n)).date != day.date)
				continue;
			const auto &sessions = calendar.sessions();
			const size_t next = calendar.session_after(minute(n));
			const bool open = next < sessions.size() && sessions[next].from <= minute(n);
			day.outside += !open && n < now && seen.contains(n);
			gap = open && n < now && !seen.contains(n) ? gap + 1 : 0;
			day.longest_gap = std::max(day.longest_gap, gap);
			day.expected += open && n < now;
			day.present += open && n < now && seen.contains(n);
		}
	}
	EXPECT_EQ(coverage(CoverageScan(&calendar, 1, 3, minute(now)), seen), expected);
}

} // namespace aggregation
