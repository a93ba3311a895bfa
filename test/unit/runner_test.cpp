// The runner: each window once, whatever fails or is killed on the way.
#include "fake_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace aggregation;

namespace {

const Timestamp day = *parse_iso8601("2025-07-01");
const Timestamp later = day + Duration::minutes(301);

FakeDatabase market() {
	FakeDatabase db;
	db.now = later;
	for (const char *symbol : {"AAA", "BBB", "CCC"}) {
		db.add_minutes(symbol, day, 300, 1.5);
		db.add_task(symbol, "1h", day);
		db.add_task(symbol, "5m", day);
	}
	return db;
}

std::vector<agg_argument> order(int64_t batch = 2, int64_t max_windows = 1000, int64_t max_tasks = 100, int64_t budget_us = 1'000'000'000) {
	return {text_argument("p_env_name", "prod"),
	        integer_argument("p_max_tasks", max_tasks),
	        integer_argument("p_max_windows", max_windows),
	        integer_argument("p_time_budget", budget_us, AGG_INT8),
	        integer_argument("p_batch", batch),
	        time_argument("p_now_utc", later),
	        null_argument("p_sync_minutes", AGG_INT4)};
}

int64_t created(const FakeDatabase &db) {
	int64_t sum = 0;
	for (const auto &[key, task] : db.tables.tasks)
		sum += task.created;
	return sum;
}

auto count(const Ending &ending, const char *what) {
	return std::count(ending.log.begin(), ending.log.end(), what);
}

} // namespace

TEST(Runner, BringsAllTasksUpToDateNarrowOnesFirst) {
	FakeDatabase db = market();
	const auto ending = db.call(AGG_FN_agg_run, order());
	ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	EXPECT_EQ(db.tables.derived.size(), 3u * (60 + 5));
	for (const auto &[key, task] : db.tables.tasks) {
		EXPECT_EQ(task.cursor, day + Duration::minutes(300)) << key.first << key.second;
		EXPECT_GT(*task.next_run, later);
	}
	EXPECT_EQ(count(ending, "commit"), 4) << "three batches and the log's end";
	EXPECT_EQ(count(ending, "notice"), 1);
}

TEST(Runner, MakesTheSameBarsInAnyBatches) {
	FakeDatabase whole = market();
	whole.call(AGG_FN_agg_run, order(100));
	for (const int64_t batch : {1, 2, 4}) {
		for (const int64_t windows : {1, 7, 1000}) {
			FakeDatabase db = market();
			db.call(AGG_FN_agg_run, order(batch, windows));
			EXPECT_TRUE(db.tables.derived == whole.tables.derived) << batch << " " << windows;
			EXPECT_EQ(created(db), created(whole));
		}
	}
}

TEST(Runner, BeginsWithSymbolsOfItsOwnWhereOthersRun) {
	FakeDatabase whole = market();
	whole.call(AGG_FN_agg_run, order(100));
	const std::vector<std::string> symbols {"AAA", "BBB", "CCC"};
	for (const size_t others : {1u, 2u}) {
		for (size_t before = 0; before <= others; ++before) {
			FakeDatabase db = market();
			db.runners = {others, before};
			const auto ending = db.call(AGG_FN_agg_run, order(100));
			ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
			EXPECT_TRUE(db.tables.derived == whole.tables.derived) << "all is done where nobody else does it";
			// A row's place says when it was written: its own symbols first, and of each the 5m bars before the hour.
			const std::string &own = symbols[before * symbols.size() / (others + 1)];
			for (const auto &symbol : symbols) {
				EXPECT_LT((db.tables.tasks[{symbol, "5m"}].place), (db.tables.tasks[{symbol, "1h"}].place)) << symbol;
				if (symbol < own) {
					EXPECT_GT((db.tables.tasks[{symbol, "5m"}].place), (db.tables.tasks[{own, "1h"}].place)) << symbol << others << before;
				}
			}
		}
	}
}

TEST(Runner, ListsNothingMoreWhereAllThatWasDueIsDone) {
	FakeDatabase db = market();
	const auto ending = db.call(AGG_FN_agg_run, order(100, 1000));
	ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	FakeDatabase behind = market();
	const auto longer = behind.call(AGG_FN_agg_run, order(100, 40));
	ASSERT_EQ(longer.kind, AGG_DONE) << longer.message;
	EXPECT_TRUE(behind.tables.derived == db.tables.derived);
	const auto lists = [](const Ending &of) { return count(of, "query core_asset_registry_all"); };
	EXPECT_EQ(lists(ending), 1);
	EXPECT_EQ(lists(longer), 2) << "5m has 60 windows";
	// Where it took its time, other tasks may have come due meanwhile.
	const auto by_the_clock = [](Duration step) {
		FakeDatabase fresh = market();
		fresh.clock_step = step;
		auto arguments = order(100);
		arguments[5] = null_argument("p_now_utc", AGG_TIMESTAMPTZ);
		return count(fresh.call(AGG_FN_agg_run, arguments), "query data_agg_state");
	};
	EXPECT_EQ(by_the_clock(Duration::seconds(2)), by_the_clock({}) + 1);
}

TEST(Runner, ClaimsFewOfWhatOthersHaveBegunWith) {
	FakeDatabase db;
	db.now = later;
	const auto name = [](int n) { return "S" + std::to_string(10'000 + n); };
	constexpr int symbols = 2000;
	const Timestamp last_window = day + Duration::minutes(295);
	for (int n = 0; n < symbols; ++n) {
		db.add_minutes(name(n), last_window, 5, 1.5);
		db.add_task(name(n), "5m", last_window);
	}
	db.runners = {1, 1}; // the second half is its own
	const auto ending = db.call(AGG_FN_agg_run, order(10'000, 1000, 10'000));
	ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	EXPECT_EQ(db.tables.derived.size(), static_cast<size_t>(symbols));
	EXPECT_EQ(count(ending, "commit"), 4) << "1,000 of its own, 512, the other 488, and the log's end";
}

TEST(Runner, KilledAtAnyRequestItDoesEachWindowOnce) {
	FakeDatabase whole = market();
	const int requests = whole.call(AGG_FN_agg_run, order(2, 13)).requests;
	ASSERT_GT(requests, 50);
	for (int at = 0; at < requests; ++at) {
		FakeDatabase db = market();
		db.call(AGG_FN_agg_run, order(2, 13), {.kind = Fault::Kind::abandon, .at = at});
		const auto ending = db.call(AGG_FN_agg_run, order(2, 13));
		ASSERT_EQ(ending.kind, AGG_DONE) << at;
		EXPECT_TRUE(db.tables.derived == whole.tables.derived) << at;
		EXPECT_EQ(created(db), created(whole)) << at;
	}
}

TEST(Runner, AFailingTaskTakesNobodyWithIt) {
	for (const char *state : {"P0001", "55P03"}) {
		FakeDatabase db = market();
		db.poison["BBB"] = state;
		const auto ending = db.call(AGG_FN_agg_run, order(100));
		ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
		EXPECT_EQ(db.tables.derived.size(), 2u * (60 + 5));
		const auto &failed = db.tables.tasks.at({"BBB", "5m"});
		EXPECT_EQ(failed.streak, state == std::string("P0001") ? 1 : 0);
		EXPECT_EQ(failed.last_error, std::string(state) + " refused");
		EXPECT_GT(*failed.next_run, later);
		EXPECT_EQ(db.tables.tasks.at({"AAA", "5m"}).streak, 0);
	}
}

TEST(Runner, ACancelEndsTheCallAndKeepsWhatIsCommitted) {
	FakeDatabase db = market();
	db.poison["CCC"] = "57014";
	const auto ending = db.call(AGG_FN_agg_run, order(1));
	EXPECT_EQ(ending.kind, AGG_FAILED_BY_DATABASE);
	EXPECT_EQ(db.tables.tasks.at({"AAA", "5m"}).cursor, day + Duration::minutes(300));
	EXPECT_EQ(db.tables.tasks.at({"CCC", "5m"}).streak, 0);
}

TEST(Runner, ARowThatMakesNoSenseIsRecordedAsAFailure) {
	FakeDatabase db = market();
	db.tables.tasks.at({"AAA", "5m"}).source = "3m";
	db.call(AGG_FN_agg_run, order(100));
	EXPECT_EQ(db.tables.tasks.at({"AAA", "5m"}).streak, 1);
	EXPECT_EQ(db.tables.tasks.at({"BBB", "5m"}).cursor, day + Duration::minutes(300));
}

TEST(Runner, StopsWhenTheTimeIsUp) {
	FakeDatabase db = market();
	db.clock_step = Duration::seconds(1);
	const auto ending = db.call(AGG_FN_agg_run, order(1, 1000, 100, 1));
	EXPECT_EQ(ending.kind, AGG_DONE);
	EXPECT_EQ(std::count_if(db.tables.tasks.begin(), db.tables.tasks.end(), [](const auto &entry) { return entry.second.runs > 0; }), 1);
}

TEST(Runner, WorksOnNoMoreTasksThanItMay) {
	FakeDatabase db = market();
	db.call(AGG_FN_agg_run, order(1, 1, 2));
	EXPECT_EQ(db.tables.tasks.at({"AAA", "5m"}).cursor, day + Duration::minutes(300)) << "to their end";
	EXPECT_EQ(db.tables.tasks.at({"BBB", "5m"}).cursor, day + Duration::minutes(300));
	EXPECT_EQ(db.tables.tasks.at({"CCC", "5m"}).runs, 0);
}

TEST(Runner, WritesNothingWhereNothingIsDue) {
	FakeDatabase db = market();
	for (auto &[key, task] : db.tables.tasks)
		task.next_run = later + Duration::minutes(1);
	const auto ending = db.call(AGG_FN_agg_run, order());
	EXPECT_EQ(ending.requests, 12) << "whether there are chunks, partitions to be made, ticks and policies, who waits or left a claim, that it runs, what has changed, when somebody is due, who is, who is dirty, "
	                                 "from when on that changes, and a word";
	EXPECT_EQ(std::count(ending.log.begin(), ending.log.end(), "commit"), 0);
}

TEST(Runner, LooksAtNoTaskBeforeOneIsDue) {
	FakeDatabase db = market();
	db.next_due = later + Duration::seconds(1);
	const auto ending = db.call(AGG_FN_agg_run, order());
	EXPECT_EQ(ending.requests, 10) << "whether there are chunks, partitions to be made, ticks and policies, who waits or left a claim, that it runs, what has changed, when somebody is due, who is dirty, and a word";
	EXPECT_EQ(db.tables.tasks.at({"AAA", "5m"}).runs, 0) << "whatever the tasks say";
	db.next_due = later;
	db.call(AGG_FN_agg_run, order());
	EXPECT_GT(db.tables.tasks.at({"AAA", "5m"}).runs, 0);
}

TEST(Runner, EveryFailureInsideABatchIsSurvivedOrRaised) {
	FakeDatabase whole = market();
	const int requests = whole.call(AGG_FN_agg_run, order(100)).requests;
	for (int at = 0; at < requests; ++at) {
		for (const char *state : {"40P01", "23514", "57014"}) {
			FakeDatabase db = market();
			const auto ending = db.call(AGG_FN_agg_run, order(100), {.kind = Fault::Kind::error_outcome, .at = at, .sqlstate = state});
			ASSERT_TRUE(ending.kind == AGG_DONE || ending.kind == AGG_FAILED_BY_DATABASE) << at << state << ending.message;
			// A fault that strikes once is gone when the batch is run again in halves.
			if (ending.kind == AGG_DONE) {
				EXPECT_TRUE(db.tables.derived == whole.tables.derived) << at << state;
			}
		}
	}
}
