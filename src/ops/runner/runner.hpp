// The runner: runs due tasks, batch after batch. A batch's bars, cursors, totals and schedules belong to one transaction, and the
// tasks' rows are locked for as long: either a batch happened or it did not, and after a crash there is nothing to recover.
//
//   due list    EURUSD/5m GBPUSD/5m ... EURUSD/1h ...      most urgent first; nothing is locked
//   batches     '------ claim, run, record, commit ------'  what others have locked or done meanwhile is left to them
//   next list   tasks that are still behind, and those that became due meanwhile; until none is due or the time is up
//
// What of a batch is run at once is in portions.hpp.
//
// A failing task takes nobody with it: the batch is rolled back and run again in halves until the task is alone, and that is recorded.
#pragma once

#include "core/failure.hpp"
#include "ops/bars/progress.hpp"
#include "ops/runner/due_list.hpp"
#include "ops/runner/seen_tasks.hpp"
#include "ops/runner/task_batch.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

struct RunOrder {
	Assets assets = Assets::active;
	int64_t max_tasks = 1;               // different ones
	int64_t max_windows = 1;             // of a task in one batch
	std::optional<Timestamp> now;        // nullopt: the clock
	std::optional<Duration> budget = {}; // by the clock, from the beginning on; nullopt: no end
};

/// What became of tasks.
struct RunTotals {
	int64_t task_runs = 0;
	int64_t failures = 0;
	int64_t windows = 0;
	int64_t late_windows = 0; // before the cursor
	WindowCounts bars;
	std::vector<std::string> failed {}; // the first failures, each a JSON object

	RunTotals &operator+=(const RunTotals &other);
	void tell_no_more();
};

class Runner {
public:
	/// `activity` is the SQL function that is running, as the progress view shows it.
	Runner(Database &db, const RunOrder &order, const char *activity)
	    : db_(db), order_(order), progress_(db, activity), started_(db.clock()), listed_at_(started_) {
	}

	/// Tasks to work on, most urgent first; none when there is nothing to do. At last come once more those that had to wait for the bars of
	/// others which got on since. After max_tasks different tasks only these come again.
	Op<std::vector<TaskPlace>> next_tasks();
	/// Claims those of the tasks that are free, runs them together, and records how they ended. Returns how many it claimed.
	Op<size_t> run(std::span<const TaskPlace> tasks);

	/// Once all of next_tasks() have been claimed and run: whether nothing is left to do but what came due since they were listed, a moment
	/// ago. It costs a fraction of another list.
	Op<bool> nothing_left();

	/// Where the last list found that no task's time had come: keeps when it comes, so that later calls need not look at all tasks.
	/// Commits.
	Op<void> look_ahead();

	/// Whether tasks became due that wait for the bars which others have made since this was asked last.
	Op<bool> wake_tasks_above();

	const RunTotals &totals() const {
		return totals_;
	}
	/// When tasks were last listed.
	Timestamp listed_at() const {
		return listed_at_;
	}
	size_t different_tasks() {
		return seen_.size();
	}
	/// Whether other groups of shards have got something to absorb (change_log.hpp).
	bool told_others() const {
		return told_others_;
	}
	/// The first failures as a JSON array of objects: symbol, timeframe, sqlstate, error.
	std::string failures_json() const;
	/// No new batch is begun.
	bool time_is_up() const {
		return order_.budget && db_.clock() - started_ >= *order_.budget;
	}
	Timestamp now() const {
		return order_.now.value_or(db_.clock());
	}

private:
	enum class Claim { due, waiting };

	Op<size_t> claim_and_run(std::span<const TaskPlace> tasks);
	Op<RunTotals> run_portions(std::vector<ClaimedTask> &claimed, Timestamp now);
	Op<void> give_up(const TaskPlace &task, const Error &error);
	Op<void> record(const ClaimedTask &task, const Error &error, Timestamp now);
	/// When a task must be due to be claimed; nullopt: it need not be.
	std::optional<Timestamp> due_at(Timestamp now) const {
		return claim_ == Claim::due ? std::optional(now) : std::nullopt;
	}

	Database &db_;
	RunOrder order_;
	Progress progress_;
	Timestamp started_;
	Timestamp listed_at_;
	bool time_of_none_has_come_ = false; // of all tasks, when they were listed
	bool told_others_ = false;
	bool due_again_ = false; // something that was run since, or may be because of it
	RunTotals totals_;
	Claim claim_ = Claim::due;
	SeenTasks seen_;
	std::set<TaskKey> untouched_; // their failure could not even be recorded: left alone from then on
	std::vector<TaskKey> waiting_;
	int64_t changed_when_woken_ = 0; // bars
	bool got_on_ = false;            // windows were passed, or bars changed, since the first of them had to wait
};

} // namespace aggregation
