// Bars that come late, are corrected or go, behind and ahead of the cursors: in the end the bars are those of a fresh database, wherever
// the runs in between were killed.
#include "fake_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

using namespace aggregation;

namespace {

const Timestamp day = *parse_iso8601("2025-07-01");
constexpr int64_t length = 6 * 60;
const Timestamp later = day + Duration::minutes(2 * length);

FakeDatabase market() {
	FakeDatabase db;
	db.now = later;
	for (const char *symbol : {"AAA", "BBB"}) {
		db.add_minutes(symbol, day, length, 1.5);
		db.add_task(symbol, "4h", day);
		db.add_task(symbol, "1h", day);
		db.add_task(symbol, "15m", day);
		db.add_task(symbol, "5m", day);
		db.tables.tasks[{symbol, "4h"}].source = "1h";
		db.tables.tasks[{symbol, "15m"}].source = "5m";
	}
	return db;
}

std::vector<agg_argument> order(Timestamp now = later, int64_t max_windows = 1000) {
	return {text_argument("p_env_name", "prod"),
	        integer_argument("p_max_tasks", 100),
	        integer_argument("p_max_windows", max_windows),
	        integer_argument("p_time_budget", 1'000'000'000, AGG_INT8),
	        integer_argument("p_batch", 3),
	        time_argument("p_now_utc", now),
	        null_argument("p_sync_minutes", AGG_INT4)};
}

std::vector<agg_argument> catch_up(const char *symbol, const char *timeframe) {
	return {text_argument("p_symbol", symbol),
	        text_argument("p_to_tf", timeframe),
	        time_argument("p_start_cursor_utc", day),
	        integer_argument("p_max_windows", 1000),
	        time_argument("p_now_utc", later),
	        integer_argument("p_derivation_version", 1),
	        integer_argument("p_ignore_confirmation", 0, AGG_BOOL)};
}

/// What a writer does in one transaction.
void change(FakeDatabase &db, const std::string &symbol, int64_t minute, int64_t what) {
	const Timestamp at = day + Duration::minutes(minute);
	const BarKey key {symbol, "1m", at.us};
	if (what == 0) {
		db.tables.data_bars.erase(key);
	} else {
		db.add_minutes(symbol, at, 1, 1.5 + static_cast<double>(what));
	}
	db.tables.change_log.push_back({symbol, at, at + Duration::minutes(1), 1});
}

/// The bars that a fresh database makes of the same minutes.
std::map<BarKey, StoredBar> bars_from_scratch(const FakeDatabase &db) {
	FakeDatabase fresh = market();
	fresh.tables.data_bars = db.tables.data_bars;
	fresh.call(AGG_FN_agg_run, order());
	return fresh.tables.derived;
}

/// Runs until nothing is due: each run is a little later, so that no task waits for its time.
void run_all(FakeDatabase &db) {
	Timestamp now = later;
	for (int run = 0; run < 3; ++run, now = now + Duration::minutes(300)) {
		db.now = now;
		const auto ending = db.call(AGG_FN_agg_run, order(now));
		ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	}
	EXPECT_TRUE(db.tables.change_log.empty());
	EXPECT_TRUE(db.tables.dirty.empty()) << db.tables.dirty.front().symbol << " " << db.tables.dirty.front().timeframe << " "
	                                     << db.tables.dirty.front().due;
}

std::vector<std::string> differences(const std::map<BarKey, StoredBar> &bars, const std::map<BarKey, StoredBar> &expected) {
	std::vector<std::string> found;
	for (const auto &[key, bar] : expected) {
		const auto stored = bars.find(key);
		if (stored == bars.end() || !(stored->second == bar))
			found.push_back((stored == bars.end() ? "missing " : "differs ") + std::get<0>(key) + " " + std::get<1>(key) + " " +
			                to_iso8601({std::get<2>(key)}));
	}
	for (const auto &[key, bar] : bars) {
		if (!expected.contains(key))
			found.push_back("surplus " + std::get<0>(key) + " " + std::get<1>(key) + " " + to_iso8601({std::get<2>(key)}));
	}
	return found;
}

} // namespace

TEST(LateWork, ACorrectedMinuteReachesEveryTimeframe) {
	FakeDatabase db = market();
	db.call(AGG_FN_agg_run, order());
	change(db, "AAA", 7, 2);
	db.call(AGG_FN_agg_run, order());
	EXPECT_EQ(differences(db.tables.derived, bars_from_scratch(db)), std::vector<std::string> {});
	EXPECT_EQ((db.tables.derived[{"AAA", "4h", day.us}].bar.high), 4.0);
	EXPECT_EQ((db.tables.tasks[{"AAA", "5m"}].late_rows), 1);
	EXPECT_EQ((db.tables.tasks[{"BBB", "5m"}].late_rows), 0);
}

TEST(LateWork, KilledAtAnyRequestItIsDoneInTheEnd) {
	const auto changed = [] {
		FakeDatabase db = market();
		db.call(AGG_FN_agg_run, order());
		for (int64_t minute = 60; minute < 70; ++minute)
			change(db, "AAA", minute, 0); // two bars go
		change(db, "AAA", 7, 2);
		change(db, "BBB", 300, 3);
		return db;
	};
	FakeDatabase whole = changed();
	const int requests = whole.call(AGG_FN_agg_run, order(later, 1)).requests;
	const auto expected = bars_from_scratch(whole);
	ASSERT_EQ(differences(whole.tables.derived, expected), std::vector<std::string> {});
	ASSERT_GT(requests, 50);
	for (int at = 0; at < requests; ++at) {
		FakeDatabase db = changed();
		db.call(AGG_FN_agg_run, order(later, 1), {.kind = Fault::Kind::abandon, .at = at});
		run_all(db);
		EXPECT_EQ(differences(db.tables.derived, expected), std::vector<std::string> {}) << "killed at request " << at;
	}
}

TEST(LateWork, RandomChangesAndKilledRunsEndAsAFreshDatabaseDoes) {
	constexpr std::array<const char *, 2> symbols {"AAA", "BBB"};
	constexpr std::array<const char *, 4> timeframes {"5m", "15m", "1h", "4h"};
	for (unsigned seed = 0; seed < 50; ++seed) {
		std::mt19937 random(seed);
		const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
		FakeDatabase db = market();
		// Part of the day is not there yet.
		for (int64_t minute = below(length); minute < length; ++minute) {
			if (below(4) != 0)
				db.tables.data_bars.erase({symbols[static_cast<size_t>(below(2))], "1m", (day + Duration::minutes(minute)).us});
		}
		Timestamp now = day + Duration::minutes(60 + below(length));
		for (int step = 0; step < 12; ++step) {
			db.seed = random();
			for (int n = below(5); n > 0; --n)
				change(db, symbols[static_cast<size_t>(below(2))], below(length), below(4));
			const Fault fault {.kind = below(2) == 0 ? Fault::Kind::abandon : Fault::Kind::none, .at = below(60)};
			db.now = now;
			db.fixed_snapshot = below(8) == 0;
			if (below(3) == 0)
				db.call(AGG_FN_catchup_aggregation_range,
				        catch_up(symbols[static_cast<size_t>(below(2))], timeframes[static_cast<size_t>(below(4))]), fault);
			else if (!db.fixed_snapshot)
				db.call(AGG_FN_agg_run, order(now, 1 + below(20)), fault);
			db.fixed_snapshot = false;
			now = now + Duration::minutes(below(60));
		}
		run_all(db);
		ASSERT_EQ(differences(db.tables.derived, bars_from_scratch(db)), std::vector<std::string> {}) << "seed " << seed;
	}
}

TEST(LateWork, SourceThatComesAtAnyRequestAndGoesAgain) {
	// Ahead of the stored cursor there is no source, but a mark; whoever looks at it finds source that has just come, and goes again. Later
	// there is source behind it, so that the cursor passes it as a gap.
	const auto world = [] {
		FakeDatabase db = market();
		for (int64_t minute = 60; minute < length; ++minute)
			db.tables.data_bars.erase({"AAA", "1m", (day + Duration::minutes(minute)).us});
		db.call(AGG_FN_agg_run, order(day + Duration::minutes(61)));
		db.tables.dirty.push_back({"AAA", "5m", day + Duration::minutes(30), day + Duration::minutes(150), 0, "next_run"});
		return db;
	};
	FakeDatabase whole = world();
	const int requests = whole.call(AGG_FN_catchup_aggregation_range, catch_up("AAA", "5m")).requests;
	ASSERT_GT(requests, 5);
	for (int at = 0; at < requests + 3; ++at) {
		FakeDatabase db = world();
		bool came = false;
		db.meanwhile_at = at;
		db.meanwhile = [&] {
			for (int64_t minute = 75; minute < 80 && !came; ++minute)
				change(db, "AAA", minute, 1);
			came = true;
		};
		ASSERT_EQ(db.call(AGG_FN_catchup_aggregation_range, catch_up("AAA", "5m")).kind, AGG_DONE);
		db.meanwhile = nullptr;
		for (int64_t minute = 75; minute < 80; ++minute)
			change(db, "AAA", minute, 0);
		db.call(AGG_FN_agg_run, order());
		for (int64_t minute = 200; minute < 240; ++minute)
			change(db, "AAA", minute, 1);
		run_all(db);
		EXPECT_EQ(differences(db.tables.derived, bars_from_scratch(db)), std::vector<std::string> {}) << "at request " << at;
	}
}

TEST(LateWork, WhatOneSnapshotCouldNotSeeIsLookedAtOnceMore) {
	FakeDatabase db = market();
	db.fixed_snapshot = true;
	db.tables.change_log.push_back({"AAA", day, day + Duration::minutes(1), 1});
	const auto ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("AAA", "5m"));
	ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	EXPECT_EQ(db.tables.change_log.size(), 1u) << "its snapshot may be older than the entry's absorber needs";
	EXPECT_TRUE(std::any_of(db.tables.dirty.begin(), db.tables.dirty.end(),
	                        [](const DirtyRow &row) { return row.timeframe == "5m" && row.due == "now" && row.from == day; }));
	db.fixed_snapshot = false;
	run_all(db);
	EXPECT_EQ(differences(db.tables.derived, bars_from_scratch(db)), std::vector<std::string> {});
}

TEST(LateWork, AFrozenTaskKeepsItsBarsAndListsWhatItRefused) {
	FakeDatabase db = market();
	db.call(AGG_FN_agg_run, order());
	db.tables.tasks[{"AAA", "1h"}].freeze = true;
	const auto before = db.tables.derived;
	change(db, "AAA", 7, 2);
	run_all(db);
	EXPECT_TRUE((db.tables.derived[{"AAA", "1h", day.us}] == before.at({"AAA", "1h", day.us})));
	EXPECT_TRUE((db.tables.derived[{"AAA", "4h", day.us}] == before.at({"AAA", "4h", day.us}))) << "it is made of what is frozen";
	EXPECT_FALSE(
	    (db.tables.derived[{"AAA", "5m", (day + Duration::minutes(5)).us}] == before.at({"AAA", "5m", (day + Duration::minutes(5)).us})));
	ASSERT_EQ(db.tables.refused.size(), 1u);
	EXPECT_EQ(db.tables.refused[0].timeframe, "1h");
	EXPECT_GE((db.tables.tasks[{"AAA", "1h"}].refused_rows), 1);
}
