#include "ops/marks/kept_revisions.hpp"

#include "ops/boundary/isolation.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/events.h"
#include "ops/marks/recording.hpp"

namespace aggregation {

namespace {

// clang-format off

const Statement &kept_of_symbols() {
	static const Statement statement {"agg_kept_revisions", R"sql(
SELECT k.canonical_symbol, k.timeframe, k.began_at, k.readable_since
FROM @agg_kept_revisions k
WHERE k.canonical_symbol = ANY ($1::text[]))sql",
		{AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &tasks_that_keep() {
	static const Statement statement {"data_agg_state",
		"SELECT s.canonical_symbol, s.timeframe FROM @data_agg_state s WHERE s.keep_revisions", {AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// $1, $2: symbols and timeframes of those that are to be kept. How many are not yet, and how many others are.
const Statement &ask_differences() {
	static const Statement statement {"agg_kept_revisions", R"sql(
SELECT count(*) FILTER (WHERE k.canonical_symbol IS NULL), count(*) FILTER (WHERE t.symbol IS NULL), count(k.canonical_symbol)
FROM unnest($1::text[], $2::text[]) AS t(symbol, timeframe)
FULL JOIN @agg_kept_revisions k ON k.canonical_symbol = t.symbol AND k.timeframe = t.timeframe)sql",
		{AGG_INT8, AGG_INT8, AGG_INT8}, Planning::by_statistics};
	return statement;
}

// A place in the order of those who commit bars. Nobody else does so at this moment.
const Statement &take_moment() {
	static const Statement statement {"agg_event_batches", R"sql(
INSERT INTO @agg_event_batches (batch, first_id, last_id, made_at)
SELECT )sql" AGG_NO_EVENTS R"sql(, n.id, n.id, )sql" AGG_NEXT_MOMENT R"sql(
FROM (SELECT COALESCE(()sql" AGG_NEWEST_EVENT R"sql(), 0) + 1 AS id) n
RETURNING made_at)sql",
		{AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

const Statement &begin() {
	static const Statement statement {"agg_kept_revisions", R"sql(
INSERT INTO @agg_kept_revisions (canonical_symbol, timeframe, began_at, readable_since)
SELECT t.symbol, t.timeframe, $3::timestamptz, $3::timestamptz
FROM unnest($1::text[], $2::text[]) AS t(symbol, timeframe)
ON CONFLICT (canonical_symbol, timeframe) DO NOTHING)sql",
		{}, Planning::by_statistics};
	return statement;
}

const Statement &end_others() {
	static const Statement statement {"agg_kept_revisions", R"sql(
DELETE FROM @agg_kept_revisions k
WHERE NOT EXISTS (
	SELECT FROM unnest($1::text[], $2::text[]) AS t(symbol, timeframe)
	WHERE t.symbol = k.canonical_symbol AND t.timeframe = k.timeframe
))sql",
		{}, Planning::by_statistics};
	return statement;
}

// clang-format on

struct Wanted {
	std::vector<std::string> symbols;
	std::vector<std::string> timeframes;
};

Op<Wanted> wanted_tasks(Database &db) {
	Wanted wanted;
	auto take = [&](const Row &row) {
		wanted.symbols.emplace_back(row.text(0));
		wanted.timeframes.emplace_back(row.text(1));
		return Flow::more;
	};
	co_await db.query(tasks_that_keep(), {}, take);
	co_return wanted;
}

struct Differences {
	int64_t to_begin = 0;
	int64_t to_end = 0;
	int64_t kept = 0;
};

Op<Differences> find_differences(Database &db, const Wanted &wanted) {
	Differences found;
	auto take = [&](const Row &row) {
		found = {row.integer(0), row.integer(1), row.integer(2)};
		return Flow::more;
	};
	co_await db.query(ask_differences(), parameters(text_array(wanted.symbols), text_array(wanted.timeframes)), take);
	co_return found;
}

} // namespace

Op<KeptTasks> kept_tasks(Database &db, const std::vector<std::string> &symbols) {
	KeptTasks kept;
	auto take = [&](const Row &row) {
		kept[{std::string(row.text(0)), std::string(row.text(1))}] = {row.timestamp(2), row.timestamp(3)};
		return Flow::more;
	};
	co_await db.query(kept_of_symbols(), parameters(text_array(symbols)), take);
	co_return kept;
}

Op<void> follow_keep_revisions(Database &db) {
	auto wanted = co_await wanted_tasks(db);
	const auto found = co_await find_differences(db, wanted);
	bool recorded = true;
	if (found.kept > 0)
		recorded = co_await is_recorded(db);
	if (found.to_begin == 0 && found.to_end == 0 && recorded)
		co_return;
	refuse_old_snapshot(db, "which revisions are kept");
	co_await lock_recording(db);
	wanted = co_await wanted_tasks(db); // what others have committed since
	if (!wanted.symbols.empty()) {
		co_await begin_recording(db);
		Timestamp now;
		auto take = [&](const Row &row) {
			now = row.timestamp(0);
			return Flow::more;
		};
		co_await db.query(take_moment(), {}, take);
		co_await db.execute(begin(), parameters(text_array(wanted.symbols), text_array(wanted.timeframes), timestamp_parameter(now)));
	}
	co_await db.execute(end_others(), parameters(text_array(wanted.symbols), text_array(wanted.timeframes)));
	co_await stop_recording_if_unused(db);
}

} // namespace aggregation
