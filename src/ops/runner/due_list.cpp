#include "ops/runner/due_list.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/task_columns.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace aggregation {

namespace {

#define AGG_DUE_RANK "SELECT s.canonical_symbol, s.timeframe, s.task_priority::int8, s.is_mandatory, s.last_successful_at_utc, s.ctid"
#define AGG_DUE_RANK_TYPES AGG_TEXT, AGG_TEXT, AGG_INT8, AGG_BOOL, AGG_TIMESTAMPTZ, AGG_TID
#define AGG_DUE_COLUMNS                                                                                                                    \
	AGG_DUE_RANK ", s.source_timeframe, s.run_interval_minutes::int8, s.aggregation_delay_seconds::int8, s.last_agg_bar_ts_utc, "          \
	             "s.status, s.hard_fail_streak::int8 "
#define AGG_DUE_TYPES AGG_DUE_RANK_TYPES, AGG_TEXT, AGG_INT8, AGG_INT8, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_INT8
constexpr size_t first_detail = 6;
#define AGG_DUE_ROWS " FROM @data_agg_state s WHERE " AGG_CLAIMABLE("s.") " AND " AGG_DUE_AT("s.") " <= $1::timestamptz"

// All tasks that can be due are looked at: an index on next_run_at would cost each run more.
const Statement &due_rows() {
	static const Statement statement {"data_agg_state", AGG_DUE_COLUMNS AGG_DUE_ROWS, {AGG_DUE_TYPES}};
	return statement;
}

// For a runner, who takes most of the table: to read all of it costs half of what reading it by an index does.
const Statement &due_ranks() {
	static const Statement statement {"data_agg_state", AGG_DUE_RANK AGG_DUE_ROWS, {AGG_DUE_RANK_TYPES}, Planning::once_by_statistics};
	return statement;
}

const Statement &dirty_keys() {
	static const Statement statement {"agg_dirty_ranges",
	                                  "SELECT d.canonical_symbol, d.timeframe, min(d.from_utc) "
	                                  "FROM @agg_dirty_ranges d WHERE d.due <> 'next_run' GROUP BY d.canonical_symbol, d.timeframe",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ},
	                                  Planning::once_by_statistics};
	return statement;
}

// A task that failed last time waits for its time like any other: its late work may be what it fails on.
const Statement &dirty_rows() {
	static const Statement statement {
	    "data_agg_state",
	    AGG_DUE_COLUMNS
	    "FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS t(symbol, timeframe, ahead_of) JOIN @data_agg_state s "
	    "ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe WHERE " AGG_CLAIMABLE("s.") " AND " AGG_DUE_AT(
	        "s.") " > $1::timestamptz AND s.last_error IS NULL AND t.ahead_of < COALESCE(s.last_agg_bar_ts_utc, s.agg_start_utc)",
	    {AGG_DUE_TYPES}};
	return statement;
}

const Statement &next_due() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT " AGG_DUE_AT("s.") " FROM @data_agg_state s WHERE " AGG_CLAIMABLE("s.") " AND " AGG_DUE_AT(
	                                      "s.") " > $1::timestamptz ORDER BY " AGG_DUE_AT("s.") " LIMIT 1",
	                                  {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &assets_that_count() {
	static const Statement statement {
	    "core_asset_registry_all",
	    "SELECT t.ord FROM unnest($1::text[]) WITH ORDINALITY AS t(symbol, ord) "
	    "JOIN @core_asset_registry_all r ON r.canonical_symbol = t.symbol AND CASE WHEN $2::bool THEN r.test_active ELSE r.active END",
	    {AGG_INT8}};
	return statement;
}

/// Widths of timeframes by name: thousands of tasks have a handful of them.
class Widths {
public:
	Duration of(const std::string &name) {
		const auto known = widths_.find(name);
		if (known != widths_.end())
			return known->second;
		const auto timeframe = Timeframe::parse(name);
		const Duration width = timeframe ? timeframe->width() : Duration {std::numeric_limits<int64_t>::max()};
		return widths_.emplace(name, width).first->second;
	}

private:
	std::map<std::string, Duration> widths_;
};

std::unique_ptr<DueDetails> due_details(const Row &row) {
	return std::make_unique<DueDetails>(DueDetails {.source = row.maybe_text(first_detail),
	                                                .run_interval_minutes = row.maybe_integer(first_detail + 1),
	                                                .delay_seconds = row.maybe_integer(first_detail + 2),
	                                                .cursor = row.maybe_timestamp(first_detail + 3),
	                                                .status = std::string(row.text(first_detail + 4)),
	                                                .hard_fail_streak = row.maybe_integer(first_detail + 5)});
}

/// Tasks with marks, and where the first of these begins: it counts once the cursor has passed that.
struct MarkedTasks {
	std::vector<TaskKey> keys;
	std::vector<agg_cell> ahead_of;
};

/// Takes the rows of tasks.
class DueRows {
public:
	explicit DueRows(Details details) : details_(details) {
	}
	void take(const Row &row, bool dirty) {
		DueTask &task = tasks_.emplace_back(DueTask {.key = {std::string(row.text(0)), std::string(row.text(1))},
		                                             .priority = row.maybe_integer(2),
		                                             .last_success = row.maybe_timestamp(4),
		                                             .place = row.integer(5),
		                                             .width = {},
		                                             .mandatory = !row.is_null(3) && row.boolean(3),
		                                             .dirty = dirty});
		task.width = widths_.of(task.key.timeframe);
		if (details_ == Details::wanted)
			task.details = due_details(row);
	}
	/// Leaves out those that are there: whether they are due for another reason, too, does not matter. To put a task into a table and to
	/// look there costs a tenth of a probe of the tasks' index, so a few marks are left to the index.
	void erase_known(MarkedTasks &marked) const;

	bool empty() const {
		return tasks_.empty();
	}
	std::deque<DueTask> finish() {
		return std::move(tasks_);
	}

private:
	Details details_;
	Widths widths_;
	std::deque<DueTask> tasks_; // does not move those that it has when it grows
};

void DueRows::erase_known(MarkedTasks &marked) const {
	if (10 * marked.keys.size() <= tasks_.size())
		return;
	const auto hash = [](const TaskKey *key) { return TaskKeyHash()(*key); };
	const auto same = [](const TaskKey *a, const TaskKey *b) { return *a == *b; };
	std::unordered_set<const TaskKey *, decltype(hash), decltype(same)> known(2 * tasks_.size(), hash, same);
	for (const auto &task : tasks_)
		known.insert(&task.key);
	size_t left = 0;
	for (size_t i = 0; i < marked.keys.size(); ++i) {
		if (known.contains(&marked.keys[i]))
			continue;
		if (left != i) {
			marked.keys[left] = std::move(marked.keys[i]);
			marked.ahead_of[left] = marked.ahead_of[i];
		}
		++left;
	}
	marked.keys.resize(left);
	marked.ahead_of.resize(left);
}

Op<MarkedTasks> tasks_with_late_work(Database &db) {
	MarkedTasks tasks;
	const bool none = co_await db.surely_empty(dirty_keys().relation);
	if (none)
		co_return tasks;
	auto take = [&](const Row &row) {
		tasks.keys.push_back({std::string(row.text(0)), std::string(row.text(1))});
		tasks.ahead_of.push_back(cell(row.timestamp(2)));
		return Flow::more;
	};
	co_await db.query(dirty_keys(), {}, take);
	co_return tasks;
}

struct AllDue {
	std::deque<DueTask> tasks;
	bool time_of_none_has_come = false; // as DueTasks has it
};

Op<AllDue> read_all_due(Database &db, Timestamp now, Details details) {
	DueRows due(details);
	AllDue all;
	auto take = [&](const Row &row) {
		due.take(row, false);
		return Flow::more;
	};
	const Timestamp next = co_await db.next_due();
	if (next <= now) {
		co_await db.query(details == Details::wanted ? due_rows() : due_ranks(), parameters(timestamp_parameter(now)), take);
		all.time_of_none_has_come = due.empty();
	}
	auto dirty = co_await tasks_with_late_work(db);
	due.erase_known(dirty);
	if (!dirty.keys.empty()) {
		auto take_dirty = [&](const Row &row) {
			due.take(row, true);
			return Flow::more;
		};
		const Statement statement = for_keys(dirty_rows(), dirty.keys.size());
		co_await db.query(statement,
		                  parameters(timestamp_parameter(now), symbols_of(dirty.keys), timeframes_of(dirty.keys),
		                             Parameter(AGG_TIMESTAMPTZ, std::move(dirty.ahead_of))),
		                  take_dirty);
	}
	all.tasks = due.finish();
	co_return all;
}

} // namespace

bool more_urgent(const DueTask &a, const DueTask &b) {
	const auto rank = [](const DueTask &task) {
		return std::tuple(!task.mandatory, task.width, task.priority.value_or(std::numeric_limits<int64_t>::max()),
		                  task.last_success.value_or(Timestamp::minus_infinity()), std::string_view(task.key.symbol),
		                  std::string_view(task.key.timeframe));
	};
	return rank(a) < rank(b);
}

Op<Timestamp> next_due_after(Database &db, Timestamp now) {
	Timestamp next = Timestamp::infinity();
	auto take = [&](const Row &row) {
		next = row.timestamp(0);
		return Flow::enough;
	};
	co_await db.query(next_due(), parameters(timestamp_parameter(now)), take);
	co_return next;
}

Op<bool> any_late_work(Database &db) {
	const auto marked = co_await tasks_with_late_work(db);
	co_return !marked.keys.empty();
}

Op<DueTasks> read_due_tasks(Database &db, Timestamp now, Assets assets, int64_t limit, Details details) {
	auto due = co_await read_all_due(db, now, details);
	// Pointers are sorted instead of rows, which are large.
	std::vector<DueTask *> order;
	order.reserve(due.tasks.size());
	for (auto &task : due.tasks)
		order.push_back(&task);
	std::sort(order.begin(), order.end(), [](const DueTask *a, const DueTask *b) { return more_urgent(*a, *b); });

	// The assets of the most urgent tasks are looked up first: a worker that asks for twenty tasks must not pay for ten thousand.
	DueTasks result {.tasks = {}, .time_of_none_has_come = due.time_of_none_has_come};
	auto &tasks = result.tasks;
	tasks.reserve(static_cast<size_t>(std::min(limit, static_cast<int64_t>(order.size()))));
	size_t begin = 0;
	while (begin < order.size() && static_cast<int64_t>(tasks.size()) < limit) {
		constexpr int64_t at_least = 64;
		const auto wanted = static_cast<size_t>(std::max(limit - static_cast<int64_t>(tasks.size()), at_least));
		const size_t end = begin + std::min(order.size() - begin, wanted);
		std::vector<agg_cell> symbols;
		symbols.reserve(end - begin);
		for (size_t i = begin; i < end; ++i)
			symbols.push_back(cell(std::string_view(order[i]->key.symbol)));
		std::vector<bool> counts(end - begin);
		auto take = [&](const Row &row) {
			counts.at(static_cast<size_t>(row.integer(0) - 1)) = true;
			return Flow::more;
		};
		auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_BOOL, cell(assets == Assets::test_active)));
		const Statement statement = for_keys(assets_that_count(), end - begin);
		co_await db.query(statement, std::move(list), take);
		for (size_t i = begin; i < end && static_cast<int64_t>(tasks.size()) < limit; ++i) {
			if (counts[i - begin])
				tasks.push_back(std::move(*order[i]));
		}
		begin = end;
	}
	co_return result;
}

} // namespace aggregation
