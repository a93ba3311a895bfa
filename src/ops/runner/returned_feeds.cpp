#include "ops/runner/returned_feeds.hpp"

#include "ops/bars/index_minutes.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/stale_claims.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/tasks.hpp"

namespace aggregation {

namespace {

// And a row without a task if there is a stale claim: one question less for a call that finds nothing, which is the most frequent one.
const Statement &waiting_tasks() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
SELECT s.canonical_symbol, s.timeframe
FROM @data_agg_state s
WHERE s.waiting_since_utc IS NOT NULL
	AND )sql" AGG_CLAIMABLE("s.") R"sql(
	AND s.next_run_at > $1::timestamptz
UNION ALL
SELECT NULL, NULL
WHERE EXISTS (
	SELECT
	FROM @data_agg_state s
	WHERE )sql" AGG_STALE_CLAIM("s.", "$2") R"sql(
))sql",
	                                  {AGG_TEXT, AGG_TEXT}};
	return statement;
}

// A row that is locked is being run at this moment.
const Statement &make_due() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET next_run_at = $3::timestamptz
FROM (
	SELECT c.canonical_symbol, c.timeframe
	FROM unnest($1::text[], $2::text[]) AS t(symbol, timeframe)
	JOIN @data_agg_state c ON c.canonical_symbol = t.symbol
		AND c.timeframe = t.timeframe
	WHERE c.waiting_since_utc IS NOT NULL
	FOR NO KEY UPDATE OF c SKIP LOCKED
) free
WHERE s.canonical_symbol = free.canonical_symbol
	AND s.timeframe = free.timeframe)sql"};
	return statement;
}

} // namespace

Op<Restless> wake_tasks_of_returned_feeds(Database &db, Timestamp now) {
	std::vector<TaskKey> keys;
	Restless restless;
	auto take = [&](const Row &row) {
		if (row.is_null(1)) {
			restless.stale_claims = true;
			return Flow::more;
		}
		// What has no timeframe has no source either.
		if (Timeframe::parse(row.text(1)))
			keys.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	const Timestamp stale_before = claims_stale_before(db, now, claim_lasts);
	co_await db.query(waiting_tasks(), parameters(timestamp_parameter(now), timestamp_parameter(stale_before)), take);
	restless.tasks_waiting = !keys.empty();
	if (keys.empty())
		co_return restless;

	Nonsense nonsense; // is found again, and recorded, when the task runs
	const auto tasks = co_await read_tasks(db, keys, &nonsense);
	const auto indexes = co_await read_indexes(db);
	std::vector<TaskKey> returned;
	std::vector<TaskKey> asked;
	std::vector<SourceProbe> probes;
	for (const auto &task : tasks) {
		if (!task)
			continue;
		if (const GeometricIndex *index = index_read_by(*task, indexes)) {
			const auto minute = co_await next_index_minute(db, indexes, *index, task->effective_cursor());
			if (minute && *minute <= now)
				returned.push_back(task->key);
		} else {
			asked.push_back(task->key);
			probes.push_back({task->key.symbol, task->source, task->effective_cursor()});
		}
	}
	const auto found = co_await first_bars(db, probes);
	for (size_t i = 0; i < found.size(); ++i) {
		if (found[i] && *found[i] <= now) // what is ahead of the clock is no feed
			returned.push_back(asked[i]);
	}
	if (!returned.empty()) {
		const Statement statement = for_keys(make_due(), returned.size());
		co_await db.execute(statement, parameters(symbols_of(returned), timeframes_of(returned), timestamp_parameter(now)));
	}
	co_return restless;
}

} // namespace aggregation
