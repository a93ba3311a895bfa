// A task from idle to running and back: claims, finishes, failures, what is due.
#include "fake_database.hpp"

#include <gtest/gtest.h>

using namespace aggregation;

namespace {

const Timestamp day = *parse_iso8601("2025-07-01");
const Timestamp noon = day + Duration::minutes(720);

struct Life : testing::Test {
	FakeDatabase db;

	Life() {
		db.now = noon;
		db.add_task("EURUSD", "5m", day);
	}
	StoredTask &task() {
		return db.tables.tasks.at({"EURUSD", "5m"});
	}
	Ending start() {
		return db.call(AGG_FN_agg_start,
		               {text_argument("p_symbol", "EURUSD"), text_argument("p_tf", "5m"), time_argument("p_now_utc", noon)});
	}
	Ending finish(bool success, std::optional<Timestamp> cursor = {}, const char *kind = nullptr, const char *token = nullptr) {
		const auto text = [](const char *name, const char *value) {
			return value == nullptr ? null_argument(name, AGG_TEXT) : text_argument(name, value);
		};
		return db.call(AGG_FN_agg_finish,
		               {text_argument("p_symbol", "EURUSD"), text_argument("p_tf", "5m"), integer_argument("p_success", success, AGG_BOOL),
		                cursor ? time_argument("p_new_cursor_utc", *cursor) : null_argument("p_new_cursor_utc", AGG_TIMESTAMPTZ),
		                null_argument("p_stats", AGG_TEXT), text("p_fail_kind", kind), text_argument("p_error", "boom"),
		                time_argument("p_now_utc", noon), integer_argument("p_auto_disable_hard_fail_threshold", 3),
		                text("p_claim_token", token)});
	}
	int due(Timestamp at) {
		return db
		    .call(AGG_FN_agg_get_due_tasks, {text_argument("p_env_name", "prod"), time_argument("p_now_utc", at),
		                                     integer_argument("p_limit", 20), integer_argument("p_running_stale_seconds", 900)})
		    .emitted_rows;
	}
	static bool says(const Ending &ending, const char *words) {
		return ending.json.find(words) != std::string::npos;
	}
};

} // namespace

TEST_F(Life, AClaimIsGivenOnceAndOnlyOfAnIdleEnabledTask) {
	EXPECT_TRUE(says(start(), "\"claim_token\": \"token"));
	EXPECT_TRUE(says(start(), "not_idle_or_missing"));
	task().status = "idle";
	task().enabled = false;
	EXPECT_TRUE(says(start(), "not_idle_or_missing"));
	db.tables.tasks.clear();
	EXPECT_TRUE(says(start(), "not_idle_or_missing"));
}

TEST_F(Life, ASuccessMovesTheCursorToItsWindowAndEndsTheStreak) {
	task().streak = 2;
	task().last_error = "old";
	start();
	EXPECT_TRUE(says(finish(true, noon + Duration::minutes(3)), "\"success\": true, \"status\": \"idle\""));
	EXPECT_EQ(task().cursor, noon);
	EXPECT_EQ(task().streak, 0);
	EXPECT_EQ(task().last_error, std::nullopt);
	EXPECT_EQ(task().token, std::nullopt);
	EXPECT_EQ(task().next_run, noon + Duration::minutes(5)); // the run interval comes before the confirmation
}

TEST_F(Life, TheCursorNeverMovesBack) {
	task().cursor = noon;
	const auto ending = finish(true, noon - Duration::minutes(5));
	EXPECT_EQ(ending.sqlstate, "22023");
	EXPECT_NE(ending.message.find("EURUSD/5m"), std::string::npos);
	EXPECT_EQ(task().cursor, noon);
	EXPECT_EQ(task().runs, 0);
}

TEST_F(Life, AFinishWithAnothersTokenChangesNothing) {
	start();
	EXPECT_TRUE(says(finish(true, noon, nullptr, "somebody else's"), "claim_lost"));
	EXPECT_EQ(task().status, "running");
	EXPECT_EQ(task().cursor, std::nullopt);
	const std::string token = *task().token;
	EXPECT_TRUE(says(finish(true, noon, nullptr, token.c_str()), "\"success\": true"));
	EXPECT_EQ(task().status, "idle");
}

TEST_F(Life, TransientFailuresKeepTheStreakOthersAddToIt) {
	finish(false, {}, "transient");
	EXPECT_EQ(task().streak, 0);
	EXPECT_EQ(task().next_run, noon + Duration::minutes(1));
	finish(false, {}, "hard");
	EXPECT_EQ(task().streak, 1);
	EXPECT_EQ(task().next_run, noon + Duration::minutes(5));
	EXPECT_EQ(task().last_error, "boom");
}

TEST_F(Life, AtTheThresholdATaskIsParked) {
	for (const bool mandatory : {true, false}) {
		task() = StoredTask {};
		task().mandatory = mandatory;
		for (int i = 0; i < 2; ++i)
			finish(false);
		EXPECT_EQ(task().status, "idle");
		finish(false);
		EXPECT_EQ(task().status, mandatory ? "hard_failed" : "disabled");
		finish(false, {}, "transient");
		EXPECT_EQ(task().status, mandatory ? "hard_failed" : "disabled");
	}
}

TEST_F(Life, AFinishOfNoTaskSaysSo) {
	db.tables.tasks.clear();
	EXPECT_TRUE(says(finish(true), "not_found"));
}

TEST_F(Life, StaleClaimsAreReleasedWhenSomebodyAsksWhatIsDue) {
	start();
	EXPECT_EQ(due(noon + Duration::minutes(14)), 0);
	db.now = noon + Duration::minutes(14);
	EXPECT_EQ(due(noon + Duration::minutes(16)), 0) << "by the clock it is not";
	db.now = noon + Duration::minutes(16);
	EXPECT_EQ(due(noon + Duration::minutes(16)), 1);
	EXPECT_NE(task().last_error.value_or("").find("stale"), std::string::npos);
}

TEST_F(Life, OnlyTasksOfActiveAssetsThatAreDueAreHandedOut) {
	EXPECT_EQ(due(noon), 1);
	task().next_run = noon + Duration::minutes(1);
	EXPECT_EQ(due(noon), 0);
	EXPECT_EQ(due(noon + Duration::minutes(1)), 1);
	db.tables.assets["EURUSD"] = false;
	EXPECT_EQ(due(noon + Duration::minutes(1)), 0);
}

TEST_F(Life, EveryRequestMayFail) {
	struct Call {
		agg_function function;
		std::vector<agg_argument> arguments;
	};
	const std::vector<Call> calls {
	    {AGG_FN_agg_start, {text_argument("p_symbol", "EURUSD"), text_argument("p_tf", "5m"), time_argument("p_now_utc", noon)}},
	    {AGG_FN_agg_get_due_tasks,
	     {text_argument("p_env_name", "prod"), time_argument("p_now_utc", noon), integer_argument("p_limit", 20),
	      integer_argument("p_running_stale_seconds", 0)}},
	    {AGG_FN_agg_finish,
	     {text_argument("p_symbol", "EURUSD"), text_argument("p_tf", "5m"), integer_argument("p_success", 1, AGG_BOOL),
	      time_argument("p_new_cursor_utc", noon), null_argument("p_stats", AGG_TEXT), null_argument("p_fail_kind", AGG_TEXT),
	      null_argument("p_error", AGG_TEXT), time_argument("p_now_utc", noon), integer_argument("p_auto_disable_hard_fail_threshold", 3),
	      null_argument("p_claim_token", AGG_TEXT)}}};
	for (const auto &call : calls) {
		const int requests = FakeDatabase(db).call(call.function, call.arguments).requests;
		ASSERT_GT(requests, 0);
		for (int at = 0; at < requests; ++at) {
			FakeDatabase copy(db);
			const auto ending = copy.call(call.function, call.arguments, {.kind = Fault::Kind::abandon, .at = at});
			if (ending.kind == AGG_FAILED_BY_DATABASE) {
				EXPECT_EQ(copy.tables.tasks.at({"EURUSD", "5m"}).runs, 0) << "a failed call leaves nothing behind";
			}
		}
	}
}
