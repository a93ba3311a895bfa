// Catch-ups, windows and many tasks as whole operations against the fake database.
#include "fake_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace aggregation;

namespace {

const Timestamp day = *parse_iso8601("2025-07-01");

std::vector<agg_argument> catch_up(const char *symbol, const char *timeframe, Timestamp cursor, int64_t max_windows, Timestamp now) {
	return {text_argument("p_symbol", symbol),
	        text_argument("p_to_tf", timeframe),
	        time_argument("p_start_cursor_utc", cursor),
	        integer_argument("p_max_windows", max_windows),
	        time_argument("p_now_utc", now),
	        integer_argument("p_derivation_version", 1),
	        integer_argument("p_ignore_confirmation", 0, AGG_BOOL)};
}

std::vector<agg_argument> window(const char *symbol, const char *timeframe, Timestamp from, Timestamp to) {
	return {text_argument("p_symbol", symbol), text_argument("p_to_tf", timeframe), time_argument("p_from_utc", from),
	        time_argument("p_to_utc", to), integer_argument("p_derivation_version", 1)};
}

std::vector<agg_argument> many(const std::vector<std::string> &symbols, const std::vector<std::string> &timeframes, Timestamp now) {
	return {texts_argument("p_symbols", symbols), texts_argument("p_timeframes", timeframes), integer_argument("p_max_windows", 100'000),
	        time_argument("p_now_utc", now), integer_argument("p_derivation_version", 1)};
}

bool contains(const Ending &ending, const std::string &part) {
	return ending.json.find(part) != std::string::npos;
}

const std::vector<std::string> all_timeframes {"1w", "1d", "4h", "1h", "30m", "15m", "5m"};

/// Two symbols with holes, all timeframes.
FakeDatabase market() {
	FakeDatabase db;
	for (const char *symbol : {"EURUSD", "it's"}) {
		db.add_minutes(symbol, day, 700);
		db.add_minutes(symbol, day + Duration::minutes(3000), 7000, 2.0);
		for (const auto &timeframe : all_timeframes)
			db.add_task(symbol, timeframe, day);
	}
	for (int64_t n = 0; n < 10'000; n += 13)
		db.tables.data_bars.erase({"EURUSD", "1m", (day + Duration::minutes(n)).us});
	return db;
}

const Timestamp late = day + Duration::minutes(60 * 24 * 30);

} // namespace

TEST(CatchUpOperation, AnswersEveryKeyOfTheContract) {
	FakeDatabase db;
	db.add_minutes("EURUSD", day, 12);
	db.add_task("EURUSD", "5m", day);
	const auto ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 100, late));
	ASSERT_EQ(ending.kind, AGG_DONE);
	EXPECT_EQ(ending.json,
	          "{\"success\": true, \"windows_processed\": 3, \"cursor_advanced_to\": \"2025-07-01T00:15:00+00:00\", \"bars_created\": 2, "
	          "\"bars_inserted\": 2, \"bars_updated\": 0, \"bars_unchanged\": 0, \"bars_deleted\": 0, \"bars_quality_poor\": 0, "
	          "\"bars_skipped\": 1, \"windows_sealed\": 0, \"source_rows_refused\": 0, \"late_windows_processed\": 0, "
	          "\"late_bars_changed\": 0, \"continue\": false, \"reason\": \"frontier\", "
	          "\"max_source_ts\": \"2025-07-01T00:11:00+00:00\", \"agg_start_enforced\": \"2025-07-01T00:00:00+00:00\"}");
	EXPECT_EQ(db.tables.derived.size(), 2U);
}

TEST(CatchUpOperation, ASecondRunWritesNothing) {
	FakeDatabase db = market();
	db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 1000, late));
	const auto before = db.tables.derived;
	const auto ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 1000, late));
	EXPECT_TRUE(contains(ending, "\"bars_inserted\": 0, \"bars_updated\": 0"));
	EXPECT_EQ(std::count(ending.log.begin(), ending.log.end(), "bulk"), 0);
	EXPECT_TRUE(before == db.tables.derived);
}

TEST(CatchUpOperation, CorrectionsRewriteAndThinWindowsLoseTheirBar) {
	FakeDatabase db;
	db.add_minutes("EURUSD", day, 15);
	db.add_task("EURUSD", "5m", day);
	db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 100, late));
	db.tables.data_bars[{"EURUSD", "1m", (day + Duration::minutes(2)).us}].high = 99;
	for (const int64_t n : {6, 7, 8})
		db.tables.data_bars.erase({"EURUSD", "1m", (day + Duration::minutes(n)).us});
	const auto ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 100, late));
	EXPECT_TRUE(contains(ending, "\"bars_inserted\": 0, \"bars_updated\": 1, \"bars_unchanged\": 1, \"bars_deleted\": 1")) << ending.json;
	EXPECT_EQ(db.tables.derived.size(), 2U);
	EXPECT_EQ((db.tables.derived[{"EURUSD", "5m", day.us}].bar.high), 99);
}

TEST(CatchUpOperation, EveryPathGivesTheSameBars) {
	FakeDatabase reference = market();
	for (const auto &symbol : {"EURUSD", "it's"})
		for (auto timeframe = all_timeframes.rbegin(); timeframe != all_timeframes.rend(); ++timeframe)
			reference.call(AGG_FN_agg_aggregate_tasks, many({symbol}, {*timeframe}, late));

	FakeDatabase together = market();
	std::vector<std::string> symbols;
	std::vector<std::string> timeframes;
	for (const auto &symbol : {"it's", "EURUSD"})
		for (const auto &timeframe : all_timeframes) {
			symbols.emplace_back(symbol);
			timeframes.push_back(timeframe);
		}
	const auto ending = together.call(AGG_FN_agg_aggregate_tasks, many(symbols, timeframes, late));
	ASSERT_EQ(ending.kind, AGG_DONE);
	EXPECT_EQ(ending.emitted_rows, 14);
	EXPECT_TRUE(together.tables.derived == reference.tables.derived);

	for (const int64_t max_windows : {1, 3, 50}) {
		FakeDatabase by_calls = market();
		by_calls.seed = static_cast<unsigned>(max_windows);
		for (const auto &symbol : {"EURUSD", "it's"}) {
			for (auto timeframe = all_timeframes.rbegin(); timeframe != all_timeframes.rend(); ++timeframe) {
				Timestamp cursor = day;
				for (int calls = 0; calls < 5000; ++calls) {
					const auto one =
					    by_calls.call(AGG_FN_catchup_aggregation_range, catch_up(symbol, timeframe->c_str(), cursor, max_windows, late));
					ASSERT_EQ(one.kind, AGG_DONE) << one.message;
					const auto at = one.json.find("cursor_advanced_to\": \"") + 22;
					cursor = *parse_iso8601(one.json.substr(at, 25));
					if (one.json.find("\"continue\": true") == std::string::npos)
						break;
				}
				by_calls.tables.tasks[{symbol, *timeframe}].cursor = cursor; // as agg_finish would
			}
		}
		EXPECT_TRUE(by_calls.tables.derived == reference.tables.derived) << max_windows;
	}
}

TEST(CatchUpOperation, AnHourWaitsForItsFiveMinutes) {
	FakeDatabase db;
	db.add_minutes("EURUSD", day, 120);
	db.add_task("EURUSD", "5m", day);
	db.add_task("EURUSD", "1h", day);
	auto ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "1h", day, 100, late));
	EXPECT_TRUE(contains(ending, "\"reason\": \"waiting_for_source\"")) << ending.json;
	db.call(AGG_FN_agg_aggregate_tasks, many({"EURUSD"}, {"5m"}, day + Duration::minutes(61)));
	ending = db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "1h", day, 100, late));
	EXPECT_TRUE(contains(ending, "\"windows_processed\": 1")) << ending.json;
	EXPECT_TRUE(contains(ending, "\"reason\": \"waiting_for_source\"")) << ending.json;
	db.call(AGG_FN_agg_aggregate_tasks, many({"EURUSD", "EURUSD"}, {"1h", "5m"}, late));
	EXPECT_EQ(db.tables.derived.count({"EURUSD", "1h", (day + Duration::minutes(60)).us}), 1U) << "narrow before wide in one call";
}

TEST(CatchUpOperation, SomebodyElsesBarsAreFoundAfterAConflict) {
	FakeDatabase db = market();
	db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 1000, late));
	const auto finished = db.tables.derived;
	// The cursor says that nothing is stored beyond it, yet there it is: the bulk insert hits its keys.
	db.tables.tasks[{"EURUSD", "5m"}].cursor = day;
	const auto ending = db.call(AGG_FN_agg_aggregate_tasks, many({"EURUSD"}, {"5m"}, late));
	ASSERT_EQ(ending.kind, AGG_DONE) << ending.message;
	for (const auto &[key, bar] : finished)
		ASSERT_TRUE(db.tables.derived.at(key) == bar);
}

TEST(CatchUpOperation, ErrorsNameTheTaskAndSayWhatToDo) {
	FakeDatabase db;
	db.add_task("EURUSD", "5m", day);
	const auto expect = [&](const Ending &ending, const char *sqlstate, const char *message) {
		EXPECT_EQ(ending.kind, AGG_FAILED);
		EXPECT_EQ(ending.sqlstate, sqlstate) << ending.message;
		EXPECT_NE(ending.message.find(message), std::string::npos) << ending.message;
		EXPECT_FALSE(ending.hint.empty()) << ending.message;
	};
	expect(db.call(AGG_FN_catchup_aggregation_range, catch_up("GBPUSD", "5m", day, 1, late)), "P0002", "Missing agg config GBPUSD/5m");
	expect(db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5 min", day, 1, late)), "22023", "unknown timeframe");
	expect(db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", day, 0, late)), "22023", "p_max_windows");
	expect(db.call(AGG_FN_catchup_aggregation_range, catch_up("EURUSD", "5m", Timestamp::infinity(), 1, late)), "22008", "EURUSD/5m");
	auto arguments = catch_up("EURUSD", "5m", day, 1, late);
	arguments[2] = null_argument("p_start_cursor_utc", AGG_TIMESTAMPTZ);
	expect(db.call(AGG_FN_catchup_aggregation_range, arguments), "22004", "p_start_cursor_utc must not be null (EURUSD/5m)");
	expect(db.call(AGG_FN_agg_bootstrap_cursor,
	               {text_argument("p_symbol", "X"), text_argument("p_to_tf", "5m"), time_argument("p_now_utc", day)}),
	       "P0002", "Missing config in data_agg_state for X/5m");
	expect(db.call(AGG_FN_aggregate_window, window("EURUSD", "5m", day, day + Duration::minutes(6))), "22023",
	       "is not a window of EURUSD/5m");
	expect(db.call(AGG_FN_agg_aggregate_tasks, many({"EURUSD"}, {}, late)), "22023", "elements");
	expect(db.call(AGG_FN_agg_aggregate_tasks, many({"EURUSD", "EURUSD"}, {"5m", "5m"}, late)), "22023", "named twice");
	EXPECT_TRUE(db.tables.derived.empty());
}

TEST(CatchUpOperation, BootstrapIsTheFirstBoundaryAfterTheStart) {
	FakeDatabase db;
	db.add_task("EURUSD", "1h", day + Duration::minutes(1));
	const auto ending = db.call(AGG_FN_agg_bootstrap_cursor,
	                            {text_argument("p_symbol", "EURUSD"), text_argument("p_to_tf", "1h"), time_argument("p_now_utc", day)});
	EXPECT_EQ(ending.timestamp, day + Duration::minutes(60));
}

TEST(CatchUpOperation, OneWindowAnswersItsCountsOrWhyThereIsNoBar) {
	FakeDatabase db;
	db.add_minutes("EURUSD", day, 7);
	auto ending = db.call(AGG_FN_aggregate_window, window("EURUSD", "5m", day, day + Duration::minutes(5)));
	EXPECT_EQ(ending.json, "{\"success\": true, \"stored\": true, \"source_count\": 5, \"refused\": 0, \"quality_score\": 2}");
	ending = db.call(AGG_FN_aggregate_1m_to_5m_window,
	                 {text_argument("p_symbol", "EURUSD"), time_argument("p_from_utc", day + Duration::minutes(5)),
	                  time_argument("p_to_utc", day + Duration::minutes(10)), integer_argument("p_derivation_version", 1)});
	EXPECT_EQ(ending.json,
	          "{\"success\": true, \"stored\": false, \"source_count\": 2, \"refused\": 0, \"reason\": \"insufficient_source_bars\"}");
}
