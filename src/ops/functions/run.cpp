// agg_run, the procedure that runs due tasks in transactions of its own, the background worker's turn, which is the same, and
// agg_run_batch, which does one batch in the caller's transaction.
#include "ops/functions/functions.hpp"

#include "ops/bars/dropped_chunks.hpp"
#include "ops/bars/monthly_partitions.hpp"
#include "ops/boundary/json.hpp"
#include "ops/runner/registry_sync.hpp"
#include "ops/runner/retention_policies.hpp"
#include "ops/runner/returned_feeds.hpp"
#include "ops/runner/runlog.hpp"
#include "ops/runner/runner.hpp"
#include "ops/tasks/stale_claims.hpp"
#include "ops/ticks/tick_runner.hpp"

#include <algorithm>

namespace aggregation {

namespace {

RunOrder order_from(const Arguments &arguments) {
	const RunOrder order {.assets = assets_of(arguments.text("p_env_name")),
	                      .max_tasks = arguments.integer("p_max_tasks"),
	                      .max_windows = arguments.integer("p_max_windows"),
	                      .now = {}};
	arguments.check_positive("p_max_tasks", "Pass the maximum number of different tasks, such as 10000.");
	arguments.check_positive("p_max_windows", "Pass the maximum number of windows per task and batch, such as 1000.");
	return order;
}

std::string failures_of(const Runner &runner, const TickRunner &ticks) {
	std::string list = runner.failures_json();
	for (const auto &failure : ticks.failures())
		list.insert(list.size() - 1, (list.size() > 2 ? ", " : "") + failure);
	return list;
}

std::string stats_of(Runner &runner, const TickRunner &ticks, const RetentionRunner &retention) {
	const RunTotals &totals = runner.totals();
	JsonObject stats;
	stats.add("tasks", runner.different_tasks())
	    .add("task_runs", totals.task_runs)
	    .add("tasks_failed", totals.failures)
	    .add("windows_processed", totals.windows)
	    .add("late_windows_processed", totals.late_windows)
	    .add("bars_created", totals.bars.created())
	    .add("bars_inserted", totals.bars.inserted)
	    .add("bars_updated", totals.bars.updated)
	    .add("bars_unchanged", totals.bars.unchanged)
	    .add("bars_deleted", totals.bars.deleted)
	    .add("bars_quality_poor", totals.bars.quality_poor)
	    .add("bars_skipped", totals.bars.skipped)
	    .add("source_rows_refused", totals.bars.unusable)
	    .add_raw("failures", failures_of(runner, ticks));
	if (ticks.any())
		stats.add("ticks", ticks.counts().ticks)
		    .add("minutes_inserted", ticks.counts().inserted)
		    .add("minutes_updated", ticks.counts().updated)
		    .add("minutes_unchanged", ticks.counts().unchanged)
		    .add("minutes_deleted", ticks.counts().deleted)
		    .add("minutes_kept", ticks.counts().kept);
	if (retention.any())
		stats.add("rows_retired", retention.rows_removed())
		    .add("partitions_retired", retention.partitions_dropped())
		    .add("retention_failures", retention.failure_count());
	return stats.text();
}

Answer answer_of_batch(Runner &runner, const TickRunner &ticks, const RetentionRunner &retention, bool more) {
	const std::string stats = stats_of(runner, ticks, retention);
	return Answer::json("{\"success\": true, \"continue\": " + std::string(more ? "true" : "false") + ", " + stats.substr(1));
}

/// What waits for a feed that has come back becomes due, and what a worker has claimed that is gone.
Op<Restless> wake_waiting(Database &db, Timestamp now) {
	const auto restless = co_await wake_tasks_of_returned_feeds(db, now);
	if (restless.stale_claims)
		co_await release_stale_claims(db, now, claim_lasts);
	co_return restless;
}

struct LoopOrder {
	std::string environment;
	RunOrder run;
	Duration budget;
	int64_t batch_size;
	std::optional<Duration> sync_age; // how old the last sync from the registry may be; nullopt: none is made
	bool look_at_late_sources = true;
};

LoopOrder loop_order_from(const Arguments &arguments) {
	LoopOrder order {.environment = arguments.text("p_env_name"),
	                 .run = order_from(arguments),
	                 .budget = {arguments.integer("p_time_budget")},
	                 .batch_size = arguments.integer("p_batch"),
	                 .sync_age = {}};
	order.run.now = arguments.maybe_timestamp("p_now_utc");
	order.run.budget = order.budget;
	if (order.budget < Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_time_budget must not be negative",
		            "Pass the time after which no new batch starts, such as '50 seconds'.");
	arguments.check_positive("p_batch", "Pass the number of tasks per transaction, such as 1000.");
	if (!arguments.is_null("p_sync_minutes")) {
		const int64_t minutes = arguments.integer("p_sync_minutes");
		if (minutes < 0)
			throw Error(sqlstate::invalid_parameter_value, "p_sync_minutes must not be negative, but is " + std::to_string(minutes),
			            "Pass the greatest age of the last sync from the registry in minutes, or NULL for no sync.");
		order.sync_age = Duration::minutes(minutes);
	}
	return order;
}

/// The run's row in the log: none until there is something to do.
class LoggedRun {
public:
	LoggedRun(Database &db, const std::string &environment) : db_(db), environment_(environment) {
	}
	Op<void> begin_once() {
		if (id_.empty())
			id_ = co_await begin_own_run(db_, "agg_run", environment_);
	}
	Op<void> end(Runner &runner, const TickRunner &ticks, const RetentionRunner &retention) {
		if (id_.empty())
			co_return;
		const int64_t failures = runner.totals().failures + ticks.failure_count() + retention.failure_count();
		const std::string status = failures == 0 ? "success" : "partial";
		const std::string stats = stats_of(runner, ticks, retention);
		co_await end_run(db_, id_, status, stats);
		co_await db_.commit();
	}

private:
	Database &db_;
	const std::string &environment_;
	std::string id_;
};

struct LoopEnd {
	bool time_is_up = false;
	bool tasks_waiting = false; // for a late source; not known where nobody looked
};

/// Runners that are at work at the same time begin with symbols of their own: all of a symbol's timeframes, so that nobody comes to an hour
/// before its 5m bars are there, and none of the index pages that another one writes. Then each goes on with what the others have left.
class Shares {
public:
	/// Of the first list of a call that others are at work beside.
	explicit Shares(const std::vector<TaskPlace> &tasks) {
		symbols_.reserve(tasks.size());
		for (const auto &task : tasks)
			symbols_.push_back(task.key.symbol);
		std::sort(symbols_.begin(), symbols_.end());
	}
	/// Puts a runner's own tasks first. Answers how many these are.
	size_t own_first(std::vector<TaskPlace> &tasks, const Runners &others) const {
		const size_t runners = others.count + 1;
		const auto beginning_of = [&](size_t share) { return std::string_view(symbols_[symbols_.size() * share / runners]); };
		const auto is_own = [&](const TaskPlace &task) {
			return (others.before == 0 || task.key.symbol >= beginning_of(others.before)) &&
			       (others.before == others.count || task.key.symbol < beginning_of(others.before + 1));
		};
		return static_cast<size_t>(std::stable_partition(tasks.begin(), tasks.end(), is_own) - tasks.begin());
	}

private:
	std::vector<std::string> symbols_;
};

/// Of what others have begun with a runner claims few tasks at once, until it finds that they are free: a row whose update commits while it
/// is being claimed costs fifty times as much as one that is free or locked.
constexpr size_t few_tasks = 512;

/// Runs listed tasks, batch by batch, and commits each, until the time is up: what is its own, or where there is nothing of it, what others
/// have left. Answers how many were claimed.
Op<size_t> run_listed(Database &db, Runner &runner, const LoopOrder &order, LoggedRun &log, std::vector<TaskPlace> &tasks,
                      std::optional<Shares> &shares) {
	const Runners others = co_await db.other_runners();
	const bool alone = others.count == 0;
	if (!alone && !shares)
		shares.emplace(tasks);
	size_t own = alone ? tasks.size() : shares->own_first(tasks, others);
	const auto most = static_cast<size_t>(order.batch_size);
	size_t of_others = few_tasks;
	size_t claimed = 0;
	std::span<TaskPlace> rest(tasks);
	while (!rest.empty()) {
		const size_t size = std::min({rest.size(), most, own > 0 ? own : of_others});
		const size_t taken = co_await runner.run(rest.first(size));
		rest = rest.subspan(size);
		claimed += taken;
		const bool was_own = own > 0;
		if (was_own)
			own -= size;
		else
			of_others = taken < size ? few_tasks : std::min(most, 2 * of_others);
		// Another runner is ahead of us here: go on in the middle of what is left, so as not to meet it batch after batch.
		if (taken == 0)
			std::rotate(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(rest.size() / 2), rest.end());
		if (claimed > 0)
			co_await log.begin_once();
		// Bars and cursors go together, so a crash that undoes the last batches only means to do them again. The commit that ends the run
		// makes all of them durable.
		co_await db.commit_lazily();
		if (runner.time_is_up())
			break;
		co_await db.begin_running(); // in the next transaction
		// By now others have done most of what was theirs: what they have left is listed anew.
		if (was_own && own == 0 && claimed > 0 && !alone)
			break;
	}
	co_return claimed;
}

/// Makes minutes of ticks, before the tasks that read them are listed.
Op<TickRunner::Batch> make_minutes(Database &db, TickRunner &ticks, Timestamp now, LoggedRun &log) {
	const auto batch = co_await ticks.run(now);
	if (batch.worked) {
		co_await log.begin_once();
		co_await db.commit_lazily();
	}
	co_return batch;
}

/// Runs what is due. True: it stopped because the time was up.
/// `minutes_left`: of ticks, which have been made once already.
Op<bool> run_batches(Database &db, Runner &runner, TickRunner &ticks, const LoopOrder &order, LoggedRun &log, bool minutes_left) {
	if (order.sync_age) {
		const bool synced = co_await sync_registry_if_older(db, order.environment, *order.sync_age, runner.now());
		if (synced)
			co_await db.commit();
	}
	co_await db.begin_running();
	std::optional<Shares> shares;
	bool more = true;
	while (more) {
		auto tasks = co_await runner.next_tasks();
		size_t claimed = 0;
		if (!tasks.empty()) {
			claimed = co_await run_listed(db, runner, order, log, tasks, shares);
			if (runner.time_is_up())
				co_return true;
		}
		more = claimed > 0; // else there is nothing, or others have claimed all of it
		if (more && claimed == tasks.size()) {
			const bool done = co_await runner.nothing_left();
			more = !done;
		}
		if (!more)
			more = co_await runner.wake_tasks_above();
		if ((more && ticks.any()) || minutes_left) {
			if (runner.time_is_up())
				co_return true;
			const auto minutes = co_await make_minutes(db, ticks, runner.now(), log);
			if (runner.time_is_up())
				co_return true;
			if (minutes.worked)
				co_await db.begin_running(); // in the next transaction
			more = more || minutes.worked;
			minutes_left = minutes.more;
		}
	}
	co_return false;
}

/// For a second, while no task waits. False: there is nothing more to do.
Op<bool> retire_bars(Database &db, Runner &runner, RetentionRunner &retention, LoggedRun &log) {
	const Timestamp until = db.clock() + Duration::seconds(1);
	for (bool more = true; more;) {
		const int64_t before = retention.done_or_failed();
		more = co_await retention.step(runner.now());
		if (retention.done_or_failed() > before)
			co_await log.begin_once();
		if (more)
			co_await db.commit_lazily();
		if (more && (db.clock() >= until || runner.time_is_up()))
			co_return true;
	}
	co_return false;
}

Op<LoopEnd> run_loop(Database &db, Runner &runner, TickRunner &ticks, RetentionRunner &retention, const LoopOrder &order) {
	LoggedRun log(db, order.environment);
	LoopEnd end;
	co_await seal_dropped_chunks(db);
	for (bool looked = true; looked;) { // a table each time
		looked = co_await make_partitions_ahead(db, runner.now());
		if (looked)
			co_await db.commit_lazily();
	}
	const auto minutes = co_await make_minutes(db, ticks, runner.now(), log);
	if (order.look_at_late_sources) {
		const auto restless = co_await wake_waiting(db, runner.now());
		end.tasks_waiting = restless.tasks_waiting;
		if (restless.stale_claims || restless.tasks_waiting)
			co_await db.commit_lazily();
	}
	end.time_is_up = co_await run_batches(db, runner, ticks, order, log, minutes.more);
	for (bool more = !end.time_is_up; more && !end.time_is_up;) {
		more = co_await retire_bars(db, runner, retention, log);
		if (more)
			end.time_is_up = co_await run_batches(db, runner, ticks, order, log, false);
		end.time_is_up = end.time_is_up || (more && runner.time_is_up());
	}
	if (!end.time_is_up)
		co_await runner.look_ahead();
	co_await log.end(runner, ticks, retention);
	co_return end;
}

} // namespace

Op<Answer> agg_run(Database &db, Arguments arguments) {
	const auto order = loop_order_from(arguments);
	Runner runner(db, order.run, "agg_run");
	TickRunner ticks(db, [&runner] { return runner.time_is_up(); });
	RetentionRunner retention(db);
	co_await run_loop(db, runner, ticks, retention, order);
	const bool any = runner.different_tasks() > 0 || ticks.counts().looked_at() + ticks.failure_count() > 0 || retention.any();
	if (db.is_group()) // the caller tells what was done in all of them
		co_return any ? Answer::json(stats_of(runner, ticks, retention)) : Answer::rows();
	if (any) {
		co_await db.notice("agg_run: " + stats_of(runner, ticks, retention));
	} else {
		// The environment that everybody has is not looked up: a call that finds nothing is the most frequent one.
		bool known = order.environment == "prod";
		if (!known)
			known = co_await was_synced(db, order.environment);
		co_await db.notice("agg_run: nothing is due in environment \"" + shortened(order.environment) + "\"; " +
		                   (known ? "next_run_at, status and enabled in data_agg_state say when and why"
		                          : "sync_agg_state_from_registry() was never called for an environment of this name"));
	}
	co_return Answer::rows();
}

Op<Answer> work(Database &db, Arguments arguments) {
	auto order = loop_order_from(arguments);
	order.look_at_late_sources = arguments.boolean("look_at_late_sources");
	Runner runner(db, order.run, "worker");
	TickRunner ticks(db, [&runner] { return runner.time_is_up(); });
	RetentionRunner retention(db);
	const auto end = co_await run_loop(db, runner, ticks, retention, order);
	if (end.time_is_up)
		co_return Answer::timestamp(Timestamp::minus_infinity());
	const Timestamp next_due = co_await next_due_after(db, runner.listed_at());
	const Timestamp next_look = co_await retention.next_look();
	const Timestamp next = std::min({next_due, ticks.next_minute(runner.listed_at()), next_look});
	// Tasks that wait are looked at again in a minute, or in less if nobody looked this time.
	const bool look_again = end.tasks_waiting || !order.look_at_late_sources;
	co_return Answer::timestamp(look_again ? std::min(next, runner.now() + between_looks_at_late_sources) : next);
}

Op<Answer> agg_wake(Database &db, Arguments) {
	co_await db.wake_worker();
	co_return Answer::json(JsonObject().add("success", true).text());
}

Op<Answer> agg_run_batch(Database &db, Arguments arguments) {
	RunOrder order = order_from(arguments);
	order.now = arguments.maybe_timestamp("p_now_utc");
	Runner runner(db, order, "agg_run_batch");
	TickRunner ticks(db);
	RetentionRunner retention(db);
	co_await seal_dropped_chunks(db);
	const auto minutes = co_await ticks.run(runner.now());
	// To a task that reads it before it is committed, it would be late afterwards: tasks are the next call's.
	if (ticks.counts().changed() > 0)
		co_return answer_of_batch(runner, ticks, retention, true);
	auto tasks = co_await runner.next_tasks();
	const bool any_due = !tasks.empty();
	if (!any_due) {
		const auto restless = co_await wake_waiting(db, runner.now());
		if (restless.woken || restless.stale_claims)
			tasks = co_await runner.next_tasks();
	}
	if (!tasks.empty())
		co_await runner.run(tasks);
	bool more = false;
	if (any_due) {
		const Timestamp next_look = co_await retention.next_look();
		more = next_look <= runner.now(); // the next call's, where nothing is due any more
	} else if (!minutes.more) {           // what has just been woken may be so each time: nobody waits for it
		more = co_await retention.step(runner.now());
	}
	co_await runner.wake_tasks_above();
	const auto rest = co_await read_due_tasks(db, runner.now(), order.assets, 1);
	co_return answer_of_batch(runner, ticks, retention, !rest.tasks.empty() || more || minutes.more || runner.told_others());
}

} // namespace aggregation
