// Which failures park a task.
#include "core/failure.hpp"

#include <gtest/gtest.h>

namespace aggregation {
namespace {

Error of_state(const char *state) {
	return {state, "it failed"};
}

TEST(Failure, OfTheTasksOwnRowsOrConfigurationIsHard) {
	for (const char *state : {"21000", "22003", "22012", "22023", "23503", "23505", "23P01", "27000", "38000", "44000", "54000", "P0001",
	                          "P0002", "XX000", "ZZZZZ", ""})
		EXPECT_EQ(failure_kind(of_state(state)), FailureKind::hard) << state;
}

TEST(Failure, OfATableOrTheServerIsTransient) {
	for (const char *state : {"0A000", "42501", "42703", "42804", "42P01", "3F000", "28000", "23502", "08006", "25006", "40001", "40P01",
	                          "53100", "53200", "55000", "55P03", "57000", "58030"})
		EXPECT_EQ(failure_kind(of_state(state)), FailureKind::transient) << state;
}

TEST(Failure, OfTheWholeRunStopsIt) {
	for (const char *state : {"57014", "57P01", "57P02", "57P03", "57P04", "57P05", "XX001", "XX002"})
		EXPECT_EQ(failure_kind(of_state(state)), FailureKind::everything) << state;
}

TEST(Failure, OfTheMomentMayNotComeAgain) {
	for (const char *state : {"55P03", "55006", "40001", "40P01", "53100", "53200", "57014", "57P01", "08006", "58030"})
		EXPECT_TRUE(another_try_may_do(of_state(state))) << state;
	for (const char *state : {"55000", "22023", "42703", "25006", "P0001", "P0002", "XX001", ""})
		EXPECT_FALSE(another_try_may_do(of_state(state))) << state;
}

TEST(Failure, OfACheckIsTheTasksOfAMissingPartitionTheTables) {
	Error error = of_state("23514");
	EXPECT_EQ(failure_kind(error), FailureKind::hard) << "a trigger's";
	error.table = "derived_data_bars";
	EXPECT_EQ(failure_kind(error), FailureKind::transient) << "no partition for the row";
	error.constraint = "positive";
	EXPECT_EQ(failure_kind(error), FailureKind::hard);
}

TEST(Failure, OfACheckOrAMissingValueShowsTheRow) {
	EXPECT_TRUE(detail_shows_row(of_state("23502")));
	Error error = of_state("23514");
	error.table = "derived_data_bars";
	EXPECT_FALSE(detail_shows_row(error)) << "a missing partition's shows its key";
	error.constraint = "positive";
	EXPECT_TRUE(detail_shows_row(error));
	EXPECT_FALSE(detail_shows_row(of_state("P0001")));
}

} // namespace
} // namespace aggregation
