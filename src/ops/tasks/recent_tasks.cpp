#include "ops/tasks/recent_tasks.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/boundary/worth_asking.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>

namespace aggregation {

namespace {

const Statement &find() {
	static const Statement statement {
	    "agg_recent_tasks",
	    "SELECT t.ord, NULLIF(r.known_since, 'infinity'), r.ctid FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "
	    "AS t(symbol, timeframe, ord) JOIN @agg_recent_tasks r ON r.canonical_symbol = t.symbol AND r.timeframe = t.timeframe",
	    {AGG_INT8, AGG_TIMESTAMPTZ, AGG_TID}};
	return statement;
}

// The rows that were seen, where they were seen: one that has moved since was written by somebody who changed its task once more, which we
// have not seen. And somebody may derive without the task's lock (aggregate_window): then he sees to the row.
#define AGG_SEEN "n.ctid = ANY (ARRAY(SELECT r.ctid FROM @agg_recent_tasks r WHERE r.ctid = ANY ($1::tid[]) FOR UPDATE SKIP LOCKED))"

const Statement &remove() {
	static const Statement statement {"agg_recent_tasks", "DELETE FROM @agg_recent_tasks n WHERE " AGG_SEEN};
	return statement;
}

const Statement &note_time() {
	static const Statement statement {"agg_recent_tasks", "UPDATE @agg_recent_tasks n SET known_since = $2::timestamptz WHERE " AGG_SEEN};
	return statement;
}

std::vector<Parameter> columns_of(const std::vector<RecentKey> &keys) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	for (const auto &key : keys) {
		symbols.push_back(cell(key.symbol));
		timeframes.push_back(cell(key.timeframe));
	}
	return parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)));
}

const Statement &insert_recent() {
	static const Statement statement {"agg_recent_tasks",
	                                  "INSERT INTO @agg_recent_tasks (canonical_symbol, timeframe) "
	                                  "SELECT t.symbol, t.timeframe FROM unnest($1::text[], $2::text[]) AS t(symbol, timeframe) "
	                                  "ON CONFLICT (canonical_symbol, timeframe) DO UPDATE SET known_since = 'infinity'",
	                                  {},
	                                  Planning::once_by_statistics};
	return statement;
}

} // namespace

Op<void> list_recent(Database &db, const std::vector<TaskKey> &keys) {
	if (!keys.empty())
		co_await db.execute(insert_recent(), parameters(symbols_of(keys), timeframes_of(keys)));
}

Op<std::vector<bool>> not_known_to_all(Database &db, const std::vector<RecentKey> &keys) {
	std::vector<bool> unknown(keys.size());
	const bool any = co_await worth_asking(db, "agg_recent_tasks", keys.size());
	if (!any)
		co_return unknown;

	struct Listed {
		size_t key;
		std::optional<Timestamp> known_since;
		agg_cell place;
	};
	std::vector<Listed> listed;
	auto receive = [&](const Row &row) {
		listed.push_back({static_cast<size_t>(row.integer(0) - 1), row.maybe_timestamp(1), cell(row.integer(2))});
		return Flow::more;
	};
	co_await db.query(find(), columns_of(keys), receive);
	if (listed.empty())
		co_return unknown;

	const Timestamp seen_at = db.clock();
	// After the rows were seen: who is not at work by now has begun later.
	const Derivers deriving = co_await db.others_deriving();
	const Derivers absorbing = co_await db.others_absorbing_own();
	std::vector<agg_cell> known;
	std::vector<agg_cell> first_seen;
	for (const auto &task : listed) {
		const Derivers &others = keys[task.key].reads_minutes ? absorbing : deriving;
		if (!others.any || (task.known_since && others.oldest > *task.known_since)) {
			known.push_back(task.place);
			continue;
		}
		unknown[task.key] = true;
		if (!task.known_since)
			first_seen.push_back(task.place);
	}
	if (!known.empty())
		co_await db.execute(remove(), parameters(Parameter(AGG_TID, std::move(known))));
	if (!first_seen.empty()) {
		auto list = parameters(Parameter(AGG_TID, std::move(first_seen)), timestamp_parameter(seen_at));
		co_await db.execute(note_time(), std::move(list));
	}
	co_return unknown;
}

Op<void> forget_known(Database &db, const std::vector<Task> &tasks) {
	std::vector<RecentKey> keys;
	for (const auto &task : tasks) {
		if (task.source.ingested() && !task.cursor)
			keys.push_back({task.key.symbol, task.key.timeframe, true});
	}
	if (!keys.empty() && !db.may_miss_changes())
		co_await not_known_to_all(db, keys);
}

} // namespace aggregation
