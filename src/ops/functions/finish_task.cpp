// agg_finish: records how a worker's run of one task ended, moves its cursor and says when it runs next.
#include "ops/functions/functions.hpp"

#include "core/schedule.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/task_outcome.hpp"

#include <algorithm>

namespace aggregation {

namespace {

// What the worker reports counts only if it is a whole number; a stats object of another shape is not an error of the run.
#define AGG_STAT(key)                                                                                                                      \
	"CASE WHEN jsonb_typeof($4::text::jsonb -> '" key "') = 'number' AND ($4::text::jsonb ->> '" key "') ~ '^[0-9]{1,18}$' "               \
	"THEN ($4::text::jsonb ->> '" key "')::int8 END"

const Statement &lock_task() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.status, s.claim_token::text, s.hard_fail_streak::int8, s.is_mandatory, $3::text IS NOT NULL AND s.claim_token IS NOT DISTINCT "
	    "FROM $3::text::uuid, " AGG_STAT("windows_processed") ", " AGG_STAT("bars_created") ", " AGG_STAT("bars_quality_poor") ", " AGG_STAT(
	        "bars_skipped") ", " AGG_STAT("source_rows_refused") " FROM @data_agg_state s "
	                                                             "WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text FOR NO KEY UPDATE",
	    {AGG_TEXT, AGG_TEXT, AGG_INT8, AGG_BOOL, AGG_BOOL, AGG_INT8, AGG_INT8, AGG_INT8, AGG_INT8, AGG_INT8}};
	return statement;
}

struct Report {
	bool success;
	std::optional<Timestamp> new_cursor;
	std::optional<std::string> stats;
	bool transient;
	std::optional<std::string> error;
	Timestamp now;
	int64_t threshold;
	std::optional<std::string> token;
};

struct StoredState {
	FailureState failures;
	bool token_matches = false;
	// As the stats say.
	std::optional<int64_t> windows_processed;
	int64_t bars_created = 0;
	int64_t bars_quality_poor = 0;
	int64_t windows_skipped = 0;
	int64_t source_rows_refused = 0;
};

/// The cursor that the task gets: the new one, floored to its window. Refuses to move it back, and to pass windows that are not over.
std::optional<Timestamp> moved_cursor(const Task &task, const Report &report, Timestamp clock) {
	if (!report.new_cursor)
		return std::nullopt;
	const Timestamp cursor = task.target.floor(*report.new_cursor);
	if (task.cursor && cursor < task.target.floor(*task.cursor))
		throw Error(sqlstate::invalid_parameter_value,
		            "p_new_cursor_utc " + to_iso8601(*report.new_cursor) + " of " + task.key.label() + " is before the stored cursor " +
		                to_iso8601(*task.cursor),
		            "A worker never moves a cursor back. To recompute older windows, call derived_rebuild_range(); to "
		            "move a cursor back that ran ahead, agg_reset_cursor().");
	// A worker's clock may be behind ours, by which the windows were confirmed; or a test's is ahead of it.
	const Timestamp last = task.target.floor(std::max(report.now, clock));
	if (cursor > last && cursor != task.cursor)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_new_cursor_utc " + to_iso8601(*report.new_cursor) + " of " + task.key.label() +
		                " is ahead of the last window that is over, which ends at " + to_iso8601(last),
		            "Pass cursor_advanced_to of catchup_aggregation_range().");
	return cursor;
}

Op<Answer> finish_well(Database &db, const Task task, const StoredState stored, const Report report) {
	const auto cursor = moved_cursor(task, report, db.clock());
	Task after = task;
	after.cursor = cursor ? cursor : task.cursor;
	const bool moved = after.cursor != task.cursor;
	const bool found_work = moved || stored.windows_processed.value_or(0) > 0;
	const Timestamp confirmable = task.target.next(after.effective_cursor()) + task.delay;
	const Timestamp next = next_run_after_success(report.now, confirmable, task.run_interval, found_work);
	const std::vector<Success> success {{.key = &task.key,
	                                     .cursor = cursor,
	                                     .next_run = next,
	                                     .bars_created = stored.bars_created,
	                                     .bars_quality_poor = stored.bars_quality_poor,
	                                     .windows_skipped = stored.windows_skipped,
	                                     .source_rows_refused = stored.source_rows_refused,
	                                     .waiting = !found_work && confirmable <= report.now}};
	co_await record_successes(db, success, report.now);
	// Without a token nothing says under which claim the worker read what it passes, so it may have read it long ago: see change_log.hpp.
	if (moved && !report.token) {
		std::vector<TaskMark> passed {{&task.key, {}}};
		passed.front().ranges.next_run.add({task.effective_cursor(), after.effective_cursor()});
		co_await mark_dirty(db, passed);
	}
	co_return Answer::json(
	    JsonObject()
	        .add("success", true)
	        .add("status", stored.failures.parked() ? std::string_view(stored.failures.status) : std::string_view("idle"))
	        .add("last_agg_bar_ts_utc", after.cursor)
	        .add("next_run_at", next)
	        .add("hard_fail_streak", 0)
	        .text());
}

Op<Answer> finish_badly(Database &db, const Task task, const StoredState stored, const Report report) {
	const Failure failure {&task.key, task.run_interval, report.transient, report.error, report.now, report.threshold};
	const auto outcome = co_await record_failure(db, failure, stored.failures);
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("status", std::string_view(outcome.status))
	                           .add("last_agg_bar_ts_utc", task.cursor)
	                           .add("next_run_at", outcome.next_run)
	                           .add("hard_fail_streak", outcome.streak)
	                           .text());
}

} // namespace

Op<Answer> agg_finish(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const Report report {.success = arguments.boolean("p_success"),
	                     .new_cursor = arguments.maybe_timestamp("p_new_cursor_utc"),
	                     .stats = arguments.maybe_text("p_stats"),
	                     .transient = arguments.maybe_text("p_fail_kind") == "transient",
	                     .error = arguments.maybe_text("p_error"),
	                     .now = arguments.timestamp("p_now_utc"),
	                     .threshold = arguments.integer("p_auto_disable_hard_fail_threshold"),
	                     .token = arguments.maybe_text("p_claim_token")};
	timeframe_or_throw(key.symbol, key.timeframe);
	arguments.check_positive("p_auto_disable_hard_fail_threshold",
	                         "Pass the number of hard failures in a row after which a task is taken out of service, such as 3.");

	std::optional<StoredState> stored;
	auto take = [&](const Row &row) {
		stored = {.failures = {.status = row.maybe_text(0).value_or("idle"),
		                       .streak = row.maybe_integer(2).value_or(0),
		                       .mandatory = !row.is_null(3) && row.boolean(3)},
		          .token_matches = !row.is_null(4) && row.boolean(4),
		          .windows_processed = row.maybe_integer(5),
		          .bars_created = row.maybe_integer(6).value_or(0),
		          .bars_quality_poor = row.maybe_integer(7).value_or(0),
		          .windows_skipped = row.maybe_integer(8).value_or(0),
		          .source_rows_refused = row.maybe_integer(9).value_or(0)};
		return Flow::more;
	};
	co_await db.query(lock_task(),
	                  parameters(text_parameter(key.symbol), text_parameter(key.timeframe), Parameter(AGG_TEXT, cell(report.token)),
	                             Parameter(AGG_TEXT, cell(report.stats))),
	                  take);
	if (!stored)
		co_return co_await not_found(db, key);
	if (report.token && !stored->token_matches)
		co_return Answer::json(JsonObject()
		                           .add("success", false)
		                           .add("error", "claim_lost")
		                           .add("message", "the claim of " + key.label() + " was taken over or released; nothing was changed")
		                           .text());

	std::vector<TaskKey> keys {key};
	const auto tasks = co_await read_tasks(db, keys);
	const Task task = *tasks.front();
	co_await db.wake_worker();
	if (report.success)
		co_return co_await finish_well(db, task, *stored, report);
	co_return co_await finish_badly(db, task, *stored, report);
}

} // namespace aggregation
