// Operations when something goes wrong: at every request, in every way that the database or memory can fail.
#include "fake_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

using namespace aggregation;

namespace {

// Memory that runs out at a chosen allocation.
thread_local long allocations_left = -1;

void *allocate(std::size_t size) {
	if (allocations_left >= 0 && allocations_left-- == 0)
		throw std::bad_alloc();
	if (void *memory = std::malloc(size == 0 ? 1 : size))
		return memory;
	throw std::bad_alloc();
}

} // namespace

void *operator new(std::size_t size) {
	return allocate(size);
}
// Without this one AddressSanitizer's own would allocate what is freed below.
void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
	try {
		return allocate(size);
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}
void operator delete(void *memory) noexcept {
	std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
	std::free(memory);
}

namespace {

const Timestamp day = *parse_iso8601("2025-07-01");
const Timestamp late = day + Duration::minutes(100'000);

FakeDatabase market() {
	FakeDatabase db;
	db.now = late;
	for (const char *symbol : {"EURUSD", "USDJPY", "GBPUSD", "USDCAD", "USDSEK", "USDCHF"}) {
		db.add_minutes(symbol, day, 200, 1.5);
		db.add_task(symbol, "5m", day);
		db.add_task(symbol, "1h", day);
	}
	return db;
}

std::vector<agg_argument> tasks() {
	return {texts_argument("p_symbols", {"EURUSD", "EURUSD", "USDJPY"}), texts_argument("p_timeframes", {"5m", "1h", "5m"}),
	        integer_argument("p_max_windows", 1000), time_argument("p_now_utc", late), integer_argument("p_derivation_version", 1)};
}

std::vector<agg_argument> range() {
	return {time_argument("p_from_utc", day), time_argument("p_to_utc", day + Duration::minutes(1000)),
	        integer_argument("p_derivation_version", 1)};
}

} // namespace

TEST(Faults, AnOperationCanBeDestroyedAtEveryRequest) {
	for (const auto function : {AGG_FN_agg_aggregate_tasks, AGG_FN_calc_dxy_range_1m}) {
		const auto arguments = function == AGG_FN_calc_dxy_range_1m ? range() : tasks();
		FakeDatabase whole = market();
		const int requests = whole.call(function, arguments).requests;
		ASSERT_GT(requests, 5);
		for (int at = 0; at < requests; ++at) {
			FakeDatabase db = market();
			db.call(function, arguments, {.kind = Fault::Kind::abandon, .at = at}); // leaks are the sanitizer's to find
		}
	}
}

TEST(Faults, AUniqueViolationLeadsToAComparisonAndTheSameBars) {
	FakeDatabase expected = market();
	expected.call(AGG_FN_agg_aggregate_tasks, tasks());
	for (int at = 0; at < 3; ++at) {
		FakeDatabase db = market();
		const auto ending = db.call(AGG_FN_agg_aggregate_tasks, tasks(),
		                            {.kind = Fault::Kind::error_outcome, .at = at, .sqlstate = "23505", .bulk_only = true});
		ASSERT_EQ(ending.kind, AGG_DONE);
		EXPECT_TRUE(db.tables.derived == expected.tables.derived) << at;
	}
}

TEST(Faults, AnyOtherErrorOfABulkInsertIsRaisedAsItWas) {
	for (const char *sqlstate : {"40001", "57014", "53200", "23514"}) {
		FakeDatabase db = market();
		const auto ending = db.call(AGG_FN_agg_aggregate_tasks, tasks(),
		                            {.kind = Fault::Kind::error_outcome, .at = 0, .sqlstate = sqlstate, .bulk_only = true});
		EXPECT_EQ(ending.kind, AGG_FAILED_BY_DATABASE) << sqlstate;
	}
}

TEST(Faults, TheIndexAnswersErrorsAndWritesNothing) {
	FakeDatabase whole = market();
	const auto good = whole.call(AGG_FN_calc_dxy_range_1m, range());
	ASSERT_NE(good.json.find("\"inserted\": 200"), std::string::npos) << good.json;
	for (int at = 1; at < good.requests; ++at) {
		for (const char *sqlstate : {"22012", "42P01", "55000"}) {
			FakeDatabase db = market();
			const auto ending =
			    db.call(AGG_FN_calc_dxy_range_1m, range(), {.kind = Fault::Kind::error_outcome, .at = at, .sqlstate = sqlstate});
			ASSERT_EQ(ending.kind, AGG_DONE) << at;
			if (ending.log.end() != std::find(ending.log.begin(), ending.log.end(), "fault")) {
				EXPECT_NE(ending.json.find("\"success\": false, \"error\": \"made to fail\""), std::string::npos) << ending.json;
				EXPECT_TRUE(db.tables.dxy.empty()) << at;
			}
		}
		for (const char *sqlstate : {"57014", "57P01", "53200", "40P01", "55P03"}) {
			FakeDatabase db = market();
			const auto ending =
			    db.call(AGG_FN_calc_dxy_range_1m, range(), {.kind = Fault::Kind::error_outcome, .at = at, .sqlstate = sqlstate});
			if (ending.log.end() != std::find(ending.log.begin(), ending.log.end(), "fault")) {
				EXPECT_EQ(ending.kind, AGG_FAILED_BY_DATABASE) << sqlstate << " must be raised, at " << at;
			}
		}
	}
}

TEST(Faults, TheIndexRefusesABadRangeInItsAnswer) {
	FakeDatabase db = market();
	auto ending = db.call(AGG_FN_calc_dxy_range_1m,
	                      {time_argument("p_from_utc", late), time_argument("p_to_utc", day), integer_argument("p_derivation_version", 1)});
	EXPECT_NE(ending.json.find("\"success\": false"), std::string::npos);
	ending = db.call(AGG_FN_calc_dxy_range_1m, {null_argument("p_from_utc", AGG_TIMESTAMPTZ), time_argument("p_to_utc", day),
	                                            integer_argument("p_derivation_version", 1)});
	EXPECT_NE(ending.json.find("\"success\": false"), std::string::npos);
}

TEST(Faults, MemoryMayRunOutAtEveryAllocation) {
	// The fake allocates too; its own bad_alloc is caught here, the operation's must come out as 53200.
	int clean_failures = 0;
	for (long k = 0; k < 4000; k += 3) {
		FakeDatabase db;
		db.now = late;
		db.add_minutes("EURUSD", day, 40);
		db.add_task("EURUSD", "5m", day);
		const std::vector<agg_argument> arguments {text_argument("p_symbol", "EURUSD"),
		                                           text_argument("p_to_tf", "5m"),
		                                           time_argument("p_start_cursor_utc", day),
		                                           integer_argument("p_max_windows", 100),
		                                           time_argument("p_now_utc", late),
		                                           integer_argument("p_derivation_version", 1),
		                                           integer_argument("p_ignore_confirmation", 0, AGG_BOOL)};
		const agg_context context {{"x", nullptr, 0}, late.us, false, "9.9", db.calendars.get(), AGG_READ_AS_CHEAPER};
		agg_outcome outcome {};
		agg_request request {};
		allocations_left = k;
		agg_operation *operation = agg_operation_new(AGG_FN_catchup_aggregation_range, &context, arguments.data(), arguments.size());
		if (operation == nullptr) {
			allocations_left = -1;
			++clean_failures;
			continue;
		}
		agg_operation_resume(operation, &outcome, &request);
		allocations_left = -1;
		if (request.kind == AGG_FAILED) {
			EXPECT_STREQ(request.error.sqlstate, "53200");
			++clean_failures;
		} else {
			EXPECT_EQ(request.kind, AGG_QUERY);
			agg_operation_free(operation);
			break;
		}
		agg_operation_free(operation);
	}
	EXPECT_GE(clean_failures, 3);
}
