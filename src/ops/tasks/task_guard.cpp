#include "ops/tasks/task_guard.hpp"

#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

const Statement &lock_rows() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT 1 FROM (SELECT k.symbol, k.timeframe FROM unnest($1::text[], $2::text[]) AS k(symbol, timeframe) OFFSET 0) t "
	    "JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe FOR NO KEY UPDATE OF s",
	    {AGG_INT4}};
	return statement;
}

} // namespace

Op<void> lock_tasks(Database &db, const std::vector<TaskKey> &keys) {
	co_await db.execute(lock_rows(), parameters(symbols_of(keys), timeframes_of(keys)));
}

Op<bool> TaskGuard::acquire() {
	if (held_)
		co_return false;
	const std::vector<TaskKey> keys {key_};
	co_await lock_tasks(db_, keys);
	held_ = true;
	co_return true;
}

Op<void> TaskGuard::acquire_late(const Grid &source) {
	const bool fresh = co_await acquire();
	if (!fresh)
		co_return;
	const std::vector<TaskKey> keys {key_};
	Nonsense nonsense; // a task that makes none derives nothing
	const auto tasks = co_await read_tasks(db_, keys, &nonsense);
	other_source_ = tasks.front() && tasks.front()->source != source;
}

} // namespace aggregation
