#include "ops/runner/runner.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/runner/portions.hpp"
#include "ops/runner/returned_feeds.hpp"
#include "ops/tasks/task_outcome.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aggregation {

namespace {

/// How many failures are told one by one.
constexpr size_t most_failures_told = 20;
constexpr int64_t failures_until_parked = 3; // as agg_finish() has it

std::string failure_json(const TaskKey &key, const Error &error, bool recorded) {
	return JsonObject()
	    .add("canonical_symbol", std::string_view(key.symbol))
	    .add("timeframe", std::string_view(key.timeframe))
	    .add("sqlstate", std::string_view(error.sqlstate))
	    .add("error", std::string_view(error.message))
	    .add("recorded", recorded)
	    .text();
}

} // namespace

RunTotals &RunTotals::operator+=(const RunTotals &other) {
	task_runs += other.task_runs;
	failures += other.failures;
	windows += other.windows;
	late_windows += other.late_windows;
	bars += other.bars;
	failed.insert(failed.end(), other.failed.begin(), other.failed.end());
	tell_no_more();
	return *this;
}

void RunTotals::tell_no_more() {
	if (failed.size() > most_failures_told)
		failed.resize(most_failures_told);
}

std::string Runner::failures_json() const {
	std::string list;
	for (const auto &failure : totals_.failed)
		list += (list.empty() ? "" : ", ") + failure;
	return "[" + list + "]";
}

Op<std::vector<TaskPlace>> Runner::next_tasks() {
	// Of the first list no more is needed than may be begun; later ones have to be searched for tasks that were seen.
	const bool first = seen_.empty();
	const int64_t limit = first ? order_.max_tasks + static_cast<int64_t>(untouched_.size()) : std::numeric_limits<int64_t>::max();
	claim_ = Claim::due;
	const bool told = co_await absorb_changes(db_);
	told_others_ = told_others_ || told;
	due_again_ = false;
	listed_at_ = now();
	auto due = co_await read_due_tasks(db_, listed_at_, order_.assets, limit);
	std::vector<TaskPlace> tasks;
	tasks.reserve(due.tasks.size());
	time_of_none_has_come_ = due.time_of_none_has_come;
	int64_t fresh = 0;
	for (auto &task : due.tasks) {
		if (untouched_.contains(task.key))
			continue;
		const bool seen = !first && seen_.contains(task.key);
		if (!seen && static_cast<int64_t>(seen_.size()) + ++fresh > order_.max_tasks)
			continue;
		tasks.push_back({std::move(task.key), task.place, task.dirty});
	}
	if (tasks.empty() && got_on_ && !waiting_.empty()) {
		claim_ = Claim::waiting;
		got_on_ = false;
		const auto keys = std::exchange(waiting_, {});
		tasks = co_await find_places(db_, keys);
	}
	co_return tasks;
}

Op<bool> Runner::nothing_left() {
	constexpr Duration moment = Duration::seconds(1);
	if (due_again_ || !waiting_.empty() || now() - listed_at_ >= moment)
		co_return false;
	const bool late_work = co_await any_late_work(db_);
	co_return !late_work;
}

Op<void> Runner::look_ahead() {
	if (!time_of_none_has_come_)
		co_return;
	const bool looked = co_await db_.look_ahead();
	if (looked)
		co_await db_.commit_lazily();
}

Op<bool> Runner::wake_tasks_above() {
	if (std::exchange(changed_when_woken_, totals_.bars.changed()) == totals_.bars.changed())
		co_return false;
	co_return co_await aggregation::wake_tasks_above(db_, seen_, now());
}

Op<size_t> Runner::run(std::span<const TaskPlace> tasks) {
	// The claim is inside, too: a row that was locked outside of a subtransaction and is updated inside costs a multixact.
	size_t claimed = 0;
	const auto fault = co_await in_subtransaction(db_, IfDone::keep, [&]() -> Op<void> { claimed = co_await claim_and_run(tasks); });
	if (!fault)
		co_return claimed;
	if (failure_kind(fault->error()) == FailureKind::everything)
		fault->raise();
	if (tasks.size() == 1) {
		co_await give_up(tasks.front(), fault->error());
		co_return 1;
	}
	const size_t half = tasks.size() / 2;
	claimed = co_await run(tasks.first(half));
	// One half is always tried, down to a single task: so each call gets on, however often its batches fail. The rest is left to the next.
	if (!time_is_up())
		claimed += co_await run(tasks.subspan(half));
	co_return claimed;
}

Op<size_t> Runner::claim_and_run(std::span<const TaskPlace> tasks) {
	const Timestamp now = this->now();
	auto claimed = co_await claim_tasks(db_, tasks, due_at(now));
	if (claimed.empty())
		co_return 0;
	const auto totals = co_await run_portions(claimed, now);
	totals_ += totals;
	// A window that was looked at again and stayed as it was may be looked at again and again: that is not progress.
	got_on_ = got_on_ || totals.windows + totals.bars.changed() > 0;
	for (auto &task : claimed) {
		if (!task.task) {
			seen_.add(std::move(task.key));
			continue;
		}
		due_again_ = true; // nobody came to it
		if (claim_ == Claim::waiting)
			waiting_.push_back(std::move(task.key));
	}
	co_return claimed.size();
}

/// Runs what was claimed, as much of it as belongs into one transaction: that keeps no task.
Op<RunTotals> Runner::run_portions(std::vector<ClaimedTask> &claimed, Timestamp now) {
	RunTotals totals;
	for (const auto &task : claimed) {
		if (task.task)
			continue;
		co_await record(task, *task.problem, now);
		++totals.failures;
		due_again_ = true;
		totals.failed.push_back(failure_json(task.key, *task.problem, true));
	}
	Portions portions(claimed, order_.max_windows, now);
	const BatchOrder order {
	    .max_windows = portions.most_windows(), .max_late_windows = portions.most_late_windows(), .now = now, .progress = &progress_};
	std::vector<TaskKey> waiting;
	for (auto tasks = portions.next(); !tasks.empty(); tasks = portions.next()) {
		progress_.expect(portions.windows_ahead());
		for (auto &group : in_groups(std::move(tasks))) {
			const auto runs = co_await run_batch(db_, std::move(group), order);
			for (const auto &run : runs) {
				portions.processed(run.plan.windows_processed());
				totals.windows += run.plan.windows_processed();
				totals.bars += run.counts;
				totals.bars += run.late_counts;
				totals.late_windows += run.late_windows;
				// Late minutes of an index may be what other indexes are made of.
				due_again_ = due_again_ || run.next_run <= now || (run.reads_index() && run.late_windows > 0);
				if (run.reason == StopReason::waiting_for_source)
					waiting.push_back(run.task.key);
			}
			totals.task_runs += static_cast<int64_t>(runs.size());
		}
	}
	waiting_.insert(waiting_.end(), waiting.begin(), waiting.end());
	co_return totals;
}

/// A task that fails even alone. If not even that can be recorded (a trigger on the tasks' table, say), it is left as it is and not tried
/// again in this call.
Op<void> Runner::give_up(const TaskPlace &task, const Error &error) {
	const TaskKey &key = task.key;
	const auto fault = co_await in_subtransaction(db_, IfDone::keep, [&]() -> Op<void> {
		const Timestamp now = this->now();
		const auto claimed = co_await claim_tasks(db_, {&task, 1}, due_at(now));
		for (const auto &locked : claimed)
			co_await record(locked, error, now);
	});
	if (fault && failure_kind(fault->error()) == FailureKind::everything)
		fault->raise();
	if (fault)
		untouched_.insert(key);
	seen_.add(key);
	due_again_ = true;
	++totals_.failures;
	totals_.failed.push_back(failure_json(key, error, !fault));
	totals_.tell_no_more();
}

Op<void> Runner::record(const ClaimedTask &task, const Error &error, Timestamp now) {
	const auto target = Timeframe::parse(task.key.timeframe);
	const Duration fallback = target ? target->width() : Duration::minutes(5);
	const bool with_detail = !error.detail.empty() && !detail_shows_row(error);
	const Failure failure {.key = &task.key,
	                       .run_interval = task.task ? task.task->run_interval : fallback,
	                       .transient = failure_kind(error) == FailureKind::transient,
	                       .error = error.sqlstate + " " + error.message + (with_detail ? ": " + error.detail : ""),
	                       .now = now,
	                       .threshold = failures_until_parked};
	const FailureState stored {"idle", task.hard_fail_streak, task.mandatory};
	co_await record_failure(db_, failure, stored);
}

} // namespace aggregation
