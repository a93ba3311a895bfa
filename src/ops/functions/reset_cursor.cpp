// agg_reset_cursor: a cursor that ran ahead of its source goes back to the last window that the source supports, or to a given time.
#include "ops/functions/functions.hpp"
#include "ops/functions/reset_cursor.hpp"

#include "ops/bars/source_probe.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/task_guard.hpp"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &move_cursors() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET last_agg_bar_ts_utc = ($3::timestamptz[])[t.ord], next_run_at = NULL, updated_at = now() "
	    "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(symbol, timeframe, ord) "
	    "WHERE s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe"};
	return statement;
}

/// Where the cursor belongs; the stored one if it is right.
Timestamp right_cursor(const Task &task, std::optional<Timestamp> to, std::optional<Timestamp> last_source) {
	const Timestamp start = task.target.ceil(task.start);
	if (to)
		return std::min(*task.cursor, std::max(start, task.target.floor(*to)));
	if (!last_source)
		return std::min(*task.cursor, start);
	const Timestamp last_window = task.target.floor(*last_source);
	return *task.cursor > task.target.next(last_window) ? std::max(start, last_window) : *task.cursor;
}

} // namespace

Op<std::vector<Task>> lock_cursors(Database &db, const std::vector<TaskKey> &keys) {
	Nonsense nonsense;
	const auto found = co_await lock_and_read_tasks_with_any_cursor(db, keys, keys.size() == 1 ? nullptr : &nonsense);
	co_await tell_left_out(db, nonsense);
	std::vector<Task> tasks;
	for (const auto &task : found) {
		if (task && task->cursor)
			tasks.push_back(*task);
	}
	co_return tasks;
}

Op<std::vector<MovedCursor>> move_cursors_back(Database &db, const std::vector<Task> &tasks, const std::optional<Timestamp> to) {
	std::vector<SourceProbe> probes;
	// What is ahead of the clock has no window that is over: nobody got there by processing it.
	for (const auto &task : tasks)
		probes.push_back({.symbol = task.key.symbol, .bars = task.source, .to = db.clock()});
	const auto last = co_await last_bars(db, probes);
	std::vector<MovedCursor> moved;
	std::vector<TaskKey> keys;
	std::vector<agg_cell> cursors;
	for (size_t i = 0; i < tasks.size(); ++i) {
		const Timestamp cursor = right_cursor(tasks[i], to, last[i]);
		if (cursor >= *tasks[i].cursor)
			continue;
		moved.push_back({tasks[i].key, *tasks[i].cursor, cursor});
		keys.push_back(tasks[i].key);
		cursors.push_back(cell(cursor));
	}
	if (!moved.empty()) {
		auto columns = parameters(symbols_of(keys), timeframes_of(keys), Parameter(AGG_TIMESTAMPTZ, std::move(cursors)));
		co_await db.execute(move_cursors(), std::move(columns));
		co_await db.wake_worker();
	}
	co_return moved;
}

Op<Answer> agg_reset_cursor(Database &db, Arguments arguments) {
	const auto symbol = arguments.maybe_text("p_symbol");
	const auto timeframe = arguments.maybe_text("p_tf");
	const auto to = arguments.maybe_timestamp("p_to_utc");
	if (timeframe)
		(void)timeframe_or_throw(symbol.value_or("all symbols"), *timeframe);
	const auto keys = co_await matching_tasks(db, symbol, timeframe);
	const auto tasks = co_await lock_cursors(db, keys);
	if (keys.empty() && timeframe && !symbol)
		co_return Answer::json(
		    JsonObject().add("success", false).add("error", "not_found").add("message", "no symbol has a task for " + *timeframe).text());
	if (tasks.empty() && symbol && !timeframe)
		co_await require_symbol(db, *symbol);
	if (tasks.empty() && symbol && timeframe) {
		if (keys.empty()) {
			const TaskKey key {*symbol, *timeframe};
			co_return co_await not_found(db, key);
		}
		co_return Answer::json(JsonObject()
		                           .add("success", false)
		                           .add("error", "not_found")
		                           .add("message", "task " + TaskKey {*symbol, *timeframe}.label() + " has no cursor: it has never run")
		                           .text());
	}
	const auto moved = co_await move_cursors_back(db, tasks, to);
	std::string list;
	constexpr size_t most_told = 20;
	for (size_t i = 0; i < std::min(moved.size(), most_told); ++i)
		list += (list.empty() ? "" : ", ") + JsonObject()
		                                         .add("canonical_symbol", std::string_view(moved[i].key.symbol))
		                                         .add("timeframe", std::string_view(moved[i].key.timeframe))
		                                         .add("from_utc", moved[i].from)
		                                         .add("to_utc", moved[i].to)
		                                         .text();
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("tasks_looked_at", tasks.size())
	                           .add("tasks_reset", moved.size())
	                           .add_raw("reset", "[" + list + "]")
	                           .text());
}

} // namespace aggregation
