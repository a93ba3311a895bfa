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
	static const Statement statement {.relation = "data_agg_state",
	                                  .sql = R"sql(
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
	AND s.timeframe = free.timeframe)sql",
	                                  .notes_due = NotesDue::operation};
	return statement;
}

struct Waiting {
	std::vector<TaskKey> tasks;
	bool stale_claims = false;
};

Op<Waiting> read_waiting(Database &db, Timestamp now) {
	Waiting waiting;
	auto take = [&](const Row &row) {
		// What has no timeframe has no source either.
		if (row.is_null(1))
			waiting.stale_claims = true;
		else if (Timeframe::parse(row.text(1)))
			waiting.tasks.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	const Timestamp stale_before = claims_stale_before(db, now, claim_lasts);
	co_await db.query(waiting_tasks(), parameters(timestamp_parameter(now), timestamp_parameter(stale_before)), take);
	co_return waiting;
}

/// Makes those of the tasks due that have source now. Says whether there are any.
Op<bool> wake(Database &db, const std::vector<Task> &tasks, Timestamp now) {
	const auto indexes = co_await indexes_for(db, tasks);
	std::vector<TaskKey> returned;
	std::vector<TaskKey> asked;
	std::vector<SourceProbe> probes;
	for (const auto &task : tasks) {
		if (const GeometricIndex *index = index_read_by(task, indexes)) {
			const auto minute = co_await next_index_minute(db, indexes, *index, task.effective_cursor());
			if (minute && *minute <= now)
				returned.push_back(task.key);
		} else {
			asked.push_back(task.key);
			probes.push_back({task.key.symbol, task.source, task.effective_cursor()});
		}
	}
	const auto found = co_await first_bars(db, probes);
	for (size_t i = 0; i < found.size(); ++i) {
		if (found[i] && *found[i] <= now) // what is ahead of the clock is no feed
			returned.push_back(asked[i]);
	}
	if (returned.empty())
		co_return false;
	const Statement statement = for_keys(make_due(), returned.size());
	const uint64_t woken =
	    co_await db.execute(statement, parameters(symbols_of(returned), timeframes_of(returned), timestamp_parameter(now)));
	if (woken > 0)
		co_await db.note_due(now);
	co_return woken > 0;
}

/// The tasks of the keys that are there, and make sense: what is nonsense is found again, and recorded, when the task runs.
Op<std::vector<Task>> read_those(Database &db, const std::vector<TaskKey> &keys) {
	Nonsense nonsense;
	auto found = co_await read_tasks(db, keys, &nonsense);
	std::vector<Task> tasks;
	for (auto &task : found) {
		if (task)
			tasks.push_back(std::move(*task));
	}
	co_return tasks;
}

} // namespace

Op<Restless> wake_tasks_of_returned_feeds(Database &db, Timestamp now) {
	const auto waiting = co_await read_waiting(db, now);
	Restless restless {.tasks_waiting = !waiting.tasks.empty(), .stale_claims = waiting.stale_claims};
	if (restless.tasks_waiting) {
		const auto tasks = co_await read_those(db, waiting.tasks);
		restless.woken = co_await wake(db, tasks, now);
	}
	co_return restless;
}

Op<bool> wake_tasks_above(Database &db, SeenTasks &ran, Timestamp now) {
	auto waiting = co_await read_waiting(db, now);
	std::erase_if(waiting.tasks, [&](const TaskKey &key) { return !ran.contains_symbol(key.symbol); });
	if (waiting.tasks.empty())
		co_return false;
	auto tasks = co_await read_those(db, waiting.tasks);
	std::erase_if(tasks, [&](const Task &task) { return task.source.ingested() || !ran.contains({task.key.symbol, task.source.name()}); });
	if (tasks.empty())
		co_return false;
	co_return co_await wake(db, tasks, now);
}

} // namespace aggregation
