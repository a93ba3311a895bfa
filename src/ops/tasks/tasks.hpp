// Tasks: the rows of data_agg_state as the operations see them.
#pragma once

#include "core/grid.hpp"
#include "core/symbol.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

/// 2025-07-01 00:00 UTC, the default of agg_start_utc.
inline constexpr Timestamp default_start {804'643'200'000'000};

/// What identifies a task.
struct TaskKey {
	std::string symbol;
	std::string timeframe;

	std::string label() const {
		return named(symbol) + "/" + timeframe;
	}
	auto operator<=>(const TaskKey &) const = default;
};

/// For tables of tasks.
struct TaskKeyHash {
	size_t operator()(const TaskKey &key) const {
		return std::hash<std::string_view>()(key.symbol) * 31 + std::hash<std::string_view>()(key.timeframe);
	}
};

/// What becomes of source that changes behind a task's cursor.
enum class LatePolicy {
	recompute, // the bar is made again
	freeze     // the bar stays; the refusal is listed
};

/// The configuration and position of a task, with the defaults for what an adopted table leaves NULL.
struct Task {
	TaskKey key;
	Grid target;
	Grid source;
	Duration run_interval;
	Duration delay;
	Timestamp start;                 // agg_start_utc
	std::optional<Timestamp> cursor; // NULL: never run
	LatePolicy late_policy = LatePolicy::recompute;
	int64_t derivation_version = 1;  // the version that its bars have at least
	bool claimed = false;            // by a worker outside the database (status running)
	std::optional<int64_t> place {}; // where its row is (see AGG_TID), if this transaction has locked it

	/// Where the task goes on: its cursor, but not before its start, at a boundary.
	Timestamp effective_cursor() const;
};

/// Why rows of data_agg_state make no sense: whoever looks at many tasks goes on without them.
using Nonsense = std::vector<Error>;

/// The rows of data_agg_state with these keys, in the same order; nullopt where there is none. A row that makes no sense (22023, 22008,
/// 22001) is thrown, or counts as none and is added to `nonsense`.
Op<std::vector<std::optional<Task>>> read_tasks(Database &db, const std::vector<TaskKey> &keys, Nonsense *nonsense = nullptr);

/// The same, and waits for the locks of the rows, in the order of the keys; they are held until the transaction ends (see task_guard.hpp).
Op<std::vector<std::optional<Task>>> lock_and_read_tasks(Database &db, const std::vector<TaskKey> &keys, Nonsense *nonsense = nullptr);

/// The same, of tasks whose cursors are to be mended: a cursor past the end of time is left as it is.
Op<std::vector<std::optional<Task>>> lock_and_read_tasks_with_any_cursor(Database &db, const std::vector<TaskKey> &keys,
                                                                         Nonsense *nonsense);

/// Locks the row of one task. False: there is none.
Op<bool> lock_task(Database &db, const TaskKey key);

/// Tells the caller which tasks were left out.
Op<void> tell_left_out(Database &db, const Nonsense &nonsense);

/// The tasks of a symbol, a timeframe or both, nullopt meaning all, ordered by key. A row whose timeframe makes no sense derives nothing
/// and is left out.
Op<std::vector<TaskKey>> matching_tasks(Database &db, const std::optional<std::string> &symbol, const std::optional<std::string> &timeframe,
                                        Sight sight = Sight::of_transaction);

/// All tasks of these symbols, in no order. A row that makes no sense is left out and added to `nonsense`.
Op<std::vector<Task>> tasks_of_symbols(Database &db, const std::vector<std::string> &symbols, Nonsense &nonsense);

/// A task and where its row was when it was last looked at.
struct TaskPlace {
	TaskKey key;
	int64_t place;      // see AGG_TID
	bool dirty = false; // to be run whether it is due or not: it has late work
};

/// A task whose row this transaction has locked, or why its row makes no sense.
struct ClaimedTask {
	TaskKey key;
	std::optional<Task> task; // nullopt: `problem` says why
	std::unique_ptr<Error> problem;
	int64_t hard_fail_streak = 0;
	bool mandatory = false;
	int64_t place = 0;
	size_t listed = 0; // its position in the list that it was claimed from
};

/// Locks those of the tasks that are still idle and enabled, have not been written to since, and that nobody else has locked, and reads
/// them. With `due_at` they must also be due then, or dirty. In no order.
Op<std::vector<ClaimedTask>> claim_tasks(Database &db, std::span<const TaskPlace> places, std::optional<Timestamp> due_at);

/// Where the rows of these tasks are now; tasks that are not there are left out.
Op<std::vector<TaskPlace>> find_places(Database &db, const std::vector<TaskKey> &keys);

/// The table that holds bars of this timeframe.
inline const char *table_of(const Grid &bars) {
	return bars.ingested() ? "data_bars" : "derived_data_bars";
}

/// The default source of a target; throws 22023 for 1m, which is ingested.
Timeframe default_source_or_throw(const std::string &symbol, const Timeframe &target);

/// One column of keys as an array parameter. The keys must outlive it.
Parameter symbols_of(const std::vector<TaskKey> &keys);
Parameter timeframes_of(const std::vector<TaskKey> &keys);

/// A statement over an array of keys, planned for as many: few are looked up in the index one by one, for many the planner may read the
/// table.
inline Statement for_keys(Statement statement, size_t keys) {
	constexpr size_t many = 4096;
	if (keys >= many)
		statement.planning = Planning::by_statistics;
	return statement;
}

} // namespace aggregation
