// Planning a catch-up, driven against an imaginary source: a set of row times. No database, no clock.
#include "core/catch_up.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace aggregation;

namespace {

const Grid five(*Timeframe::parse("5m"));
const Timestamp day = *parse_iso8601("2025-07-01");

Timestamp minute(int64_t n) {
	return day + Duration::minutes(n);
}

struct Source {
	std::set<int64_t> rows; // in microseconds

	void add(int64_t first, int64_t last) {
		for (int64_t n = first; n <= last; ++n)
			rows.insert(minute(n).us);
	}
	std::optional<Timestamp> next(Timestamp from) const {
		const auto found = rows.lower_bound(from.us);
		return found == rows.end() ? std::nullopt : std::optional(Timestamp {*found});
	}
	std::optional<Timestamp> last() const {
		return rows.empty() ? std::nullopt : std::optional(Timestamp {*rows.rbegin()});
	}
};

struct Run {
	StopReason reason;
	Timestamp cursor;
	std::vector<Timestamp> windows;
	int steps = 0;
};

CatchUp::Settings settings(Timestamp cursor, Timestamp now) {
	return {.target = five,
	        .start_cursor = cursor,
	        .agg_start = day,
	        .now = now,
	        .delay = Duration::seconds(30),
	        .confirmation = Confirmation::required,
	        .max_windows = 1000,
	        .at_gap = AtGap::stop,
	        .source_complete_until = Timestamp::infinity()};
}

/// One call: does what the plan says until it is over.
Run call(const Source &source, const CatchUp::Settings &with, int64_t most_windows = 1000) {
	CatchUp plan(with);
	Run run {};
	for (;; ++run.steps) {
		const auto step = plan.next(most_windows);
		if (const auto *finished = std::get_if<CatchUp::Finished>(&step)) {
			run.reason = finished->reason;
			break;
		}
		if (const auto *find = std::get_if<CatchUp::FindNext>(&step)) {
			plan.next_source(source.next(find->from));
		} else if (std::holds_alternative<CatchUp::FindLast>(step)) {
			plan.last_source(source.last());
		} else {
			const auto read = std::get<CatchUp::Read>(step);
			EXPECT_TRUE(five.aligned(read.from) && five.aligned(read.to));
			EXPECT_LT(read.from, read.to);
			EXPECT_LE(five.count(read.from, read.to), most_windows);
			std::optional<Timestamp> open;
			for (auto row = source.next(read.from); row && *row < read.to; row = source.next(*row + Duration {1})) {
				const Timestamp start = five.floor(*row);
				if (open == start)
					continue;
				open = start;
				if (!plan.window(start))
					break;
				run.windows.push_back(start);
			}
			plan.read_done(read);
		}
		if (run.steps > 100'000) {
			ADD_FAILURE() << "the plan never ends";
			break;
		}
	}
	run.cursor = plan.cursor();
	EXPECT_EQ(plan.windows_processed(), static_cast<int64_t>(run.windows.size()));
	return run;
}

} // namespace

TEST(CatchUp, StopsAtTheFrontier) {
	Source source;
	source.add(0, 14);
	const auto run = call(source, settings(day, minute(1000)));
	EXPECT_EQ(run.reason, StopReason::frontier);
	EXPECT_EQ(run.cursor, minute(15));
	EXPECT_EQ(run.windows.size(), 3U);
}

TEST(CatchUp, StopsAtAnEmptyWindowAndTheNextCallJumps) {
	Source source;
	source.add(0, 9);
	source.add(3000, 3004);
	auto run = call(source, settings(day, minute(10'000)));
	EXPECT_EQ(run.reason, StopReason::gap);
	EXPECT_EQ(run.cursor, minute(10));
	run = call(source, settings(run.cursor, minute(10'000)));
	EXPECT_EQ(run.windows, std::vector {minute(3000)});
	EXPECT_EQ(run.reason, StopReason::frontier);
}

TEST(CatchUp, AGapCostsOneProbeHoweverWideItIs) {
	for (const int64_t width : {100, 10'000, 100'000'000}) {
		Source source;
		source.add(0, 4);
		source.add(width, width + 4);
		auto with = settings(day, minute(width + 1000));
		with.at_gap = AtGap::jump;
		EXPECT_LE(call(source, with, 64).steps, 6) << width;
	}
}

TEST(CatchUp, WaitsForConfirmation) {
	Source source;
	source.add(0, 9);
	auto with = settings(day, minute(10) + Duration::seconds(29));
	EXPECT_EQ(call(source, with).reason, StopReason::not_confirmed);
	EXPECT_EQ(call(source, with).cursor, minute(5));
	with.now = minute(10) + Duration::seconds(30);
	EXPECT_EQ(call(source, with).cursor, minute(10));
	with.now = minute(10);
	with.confirmation = Confirmation::ignored;
	EXPECT_EQ(call(source, with).cursor, minute(10));
	with.now = minute(10) - Duration {1};
	EXPECT_EQ(call(source, with).cursor, minute(5)) << "the end of the window is never waived";
}

TEST(CatchUp, WaitsForAnUnfinishedSource) {
	Source source;
	source.add(0, 29);
	auto with = settings(day, minute(1000));
	with.source_complete_until = minute(12);
	const auto run = call(source, with);
	EXPECT_EQ(run.reason, StopReason::waiting_for_source);
	EXPECT_EQ(run.cursor, minute(10));
}

TEST(CatchUp, SaysWhereThereIsNothing) {
	Source source;
	EXPECT_EQ(call(source, settings(day, minute(100))).reason, StopReason::no_source_data_anywhere);
	source.add(0, 4);
	EXPECT_EQ(call(source, settings(minute(5), minute(100))).reason, StopReason::cursor_beyond_source_data);
	EXPECT_EQ(call(source, settings(minute(500), minute(100))).reason, StopReason::cursor_beyond_source_data);
	EXPECT_EQ(call(source, settings(day, minute(1))).reason, StopReason::not_confirmed);
	auto waiting = settings(minute(60), minute(1000));
	waiting.source_complete_until = minute(7);
	EXPECT_EQ(call(source, waiting).reason, StopReason::waiting_for_source) << "rather than beyond the source";
}

TEST(CatchUp, NothingBeforeTheStartAndNothingUnaligned) {
	Source source;
	source.add(0, 100);
	auto with = settings(minute(-100), minute(1000));
	with.agg_start = minute(11);
	with.max_windows = 1;
	const auto run = call(source, with);
	EXPECT_EQ(run.windows, std::vector {minute(15)});
	EXPECT_EQ(run.reason, StopReason::max_windows);
}

TEST(CatchUp, TheEndOfTheRangeIsNeverPassed) {
	Source source;
	auto with = settings(Timestamp {Timestamp::range_end().us - 1}, Timestamp {Timestamp::range_end().us - 1});
	EXPECT_EQ(call(source, with).reason, StopReason::no_source_data_anywhere);
	with.start_cursor = Timestamp::range_end() - Duration::minutes(7);
	EXPECT_EQ(call(source, with).reason, StopReason::no_source_data_anywhere);
}

TEST(CatchUp, AnyBatchAndCallSizeGivesTheSameWindows) {
	std::mt19937_64 random(20250701);
	for (int round = 0; round < 400; ++round) {
		Source source;
		const int64_t total = 600;
		for (int64_t n = 0; n < total;) {
			const auto run = static_cast<int64_t>(random() % 40);
			if (random() % 3 != 0) {
				for (int64_t k = n; k < n + run; ++k) {
					if (random() % 4 != 0)
						source.rows.insert(minute(k).us);
				}
			}
			n += run + 1;
		}
		auto with = settings(day + Duration::minutes(static_cast<int64_t>(random() % 30)), minute(static_cast<int64_t>(random() % 700)));
		if (random() % 3 == 0)
			with.source_complete_until = minute(static_cast<int64_t>(random() % 700));

		// What has to come out, window by window.
		std::vector<Timestamp> expected;
		const Timestamp ready = std::min(with.now - with.delay, with.source_complete_until);
		for (Timestamp w = five.ceil(with.start_cursor); five.next(w) <= ready; w = five.next(w)) {
			const auto row = source.next(w);
			if (row && *row < five.next(w))
				expected.push_back(w);
		}

		with.at_gap = AtGap::jump;
		ASSERT_EQ(call(source, with, static_cast<int64_t>(random() % 20) + 1).windows, expected) << "jumping, round " << round;

		with.at_gap = AtGap::stop;
		with.max_windows = static_cast<int64_t>(random() % 9) + 1;
		std::vector<Timestamp> got;
		for (int calls = 0; calls < 1000; ++calls) {
			const auto run = call(source, with, static_cast<int64_t>(random() % 20) + 1);
			got.insert(got.end(), run.windows.begin(), run.windows.end());
			ASSERT_LE(run.windows.size(), static_cast<size_t>(with.max_windows));
			for (size_t i = 1; i < run.windows.size(); ++i)
				ASSERT_EQ(run.windows[i] - run.windows[i - 1], Duration::minutes(5)) << "no call passes an empty window";
			if (!run.windows.empty()) {
				ASSERT_EQ(run.cursor, five.next(run.windows.back()));
			}
			with.start_cursor = run.cursor;
			if (!worth_calling_again(run.reason))
				break;
			ASSERT_FALSE(run.windows.empty()) << "a call that is worth repeating makes progress";
		}
		ASSERT_EQ(got, expected) << "stopping, round " << round;
	}
}
