// When a task runs next.
#include "core/schedule.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

namespace {
constexpr Timestamp now {1'000'000'000'000};
constexpr Duration interval = Duration::minutes(5);
} // namespace

TEST(Schedule, RunsWhenTheNextWindowCanBeConfirmed) {
	EXPECT_EQ(next_run_after_success(now, now + Duration::seconds(90), interval, true), now + Duration::seconds(90));
	EXPECT_EQ(next_run_after_success(now, now + Duration::minutes(60), interval, true), now + interval);
	EXPECT_EQ(next_run_after_success(now, now - Duration::minutes(60), interval, true), now - Duration::minutes(60))
	    << "there is more to do";
}

TEST(Schedule, ALateSourceIsProbedEverMoreRarely) {
	const auto wait = [](Duration overdue) { return next_run_after_success(now, now - overdue, interval, false) - now; };
	EXPECT_EQ(wait(Duration::seconds(0)), Duration::seconds(5));
	EXPECT_EQ(wait(Duration::seconds(8)), Duration::seconds(5));
	EXPECT_EQ(wait(Duration::seconds(60)), Duration::seconds(30));
	EXPECT_EQ(wait(Duration::minutes(600)), interval);
}

TEST(Schedule, FailuresWait) {
	EXPECT_EQ(next_run_after_failure(now, interval, true), now + Duration::minutes(1));
	EXPECT_EQ(next_run_after_failure(now, Duration::seconds(20), true), now + Duration::seconds(20));
	EXPECT_EQ(next_run_after_failure(now, interval, false), now + interval);
}
