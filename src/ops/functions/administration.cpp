// What operators do to tasks by hand: reset, enable, disable, set a start, prolong a claim. Each says what it changed; what is as it should
// be already is not written.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"

#include <array>

namespace aggregation {

namespace {

/// The columns of a task that operators change, as text; what a row holds before and after.
constexpr std::array<const char *, 9> column_names {"status",       "enabled",     "disabled_by_operator", "hard_fail_streak",
                                                    "last_error",   "next_run_at", "last_agg_bar_ts_utc",  "running_started_at_utc",
                                                    "agg_start_utc"};
#define AGG_OPERATOR_COLUMNS                                                                                                               \
	"s.status, s.enabled, s.disabled_by_operator, s.hard_fail_streak, s.last_error, s.next_run_at, s.last_agg_bar_ts_utc, "                \
	"s.running_started_at_utc, s.agg_start_utc"
#define AGG_OPERATOR_TYPES                                                                                                                 \
	AGG_TEXT, AGG_BOOL, AGG_BOOL, AGG_INT4, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ

const Statement &lock_task() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT " AGG_OPERATOR_COLUMNS ", s.claim_token::text FROM @data_agg_state s "
	                                  "WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text FOR NO KEY UPDATE",
	                                  {AGG_OPERATOR_TYPES, AGG_TEXT}};
	return statement;
}

// A claim does not survive a change by an operator unless it is the claim that is prolonged.
const Statement &store_task() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET status = $3::text, enabled = $4::bool, disabled_by_operator = $5::bool, hard_fail_streak = $6::int4, last_error = $7::text,
	next_run_at = $8::timestamptz, last_agg_bar_ts_utc = $9::timestamptz, running_started_at_utc = $10::timestamptz,
	agg_start_utc = $11::timestamptz, claim_token = CASE WHEN $3::text = 'running' THEN s.claim_token END,
	updated_at = now()
WHERE s.canonical_symbol = $1::text
	AND s.timeframe = $2::text)sql"};
	return statement;
}

struct TaskState {
	std::optional<std::string> status;
	std::optional<int64_t> enabled;
	std::optional<int64_t> disabled_by_operator;
	std::optional<int64_t> streak;
	std::optional<std::string> last_error;
	std::optional<Timestamp> next_run;
	std::optional<Timestamp> cursor;
	std::optional<Timestamp> running_since;
	std::optional<Timestamp> start;
	std::optional<std::string> token;

	bool operator==(const TaskState &) const = default;
	/// Each column as JSON, in the order of column_names.
	std::array<std::string, 9> json() const {
		const auto text = [](const std::optional<std::string> &value) { return value ? json_string(*value) : "null"; };
		const auto boolean = [](std::optional<int64_t> value) { return value ? (*value != 0 ? "true" : "false") : "null"; };
		const auto number = [](std::optional<int64_t> value) { return value ? std::to_string(*value) : "null"; };
		const auto time = [](std::optional<Timestamp> value) { return value ? json_string(to_iso8601(*value)) : "null"; };
		return {text(status),   boolean(enabled), boolean(disabled_by_operator), number(streak), text(last_error),
		        time(next_run), time(cursor),     time(running_since),           time(start)};
	}
};

Op<std::optional<TaskState>> lock(Database &db, const TaskKey &key) {
	std::optional<TaskState> found;
	auto take = [&](const Row &row) {
		found = TaskState {.status = row.maybe_text(0),
		                   .enabled = row.maybe_integer(1),
		                   .disabled_by_operator = row.maybe_integer(2),
		                   .streak = row.maybe_integer(3),
		                   .last_error = row.maybe_text(4),
		                   .next_run = row.maybe_timestamp(5),
		                   .cursor = row.maybe_timestamp(6),
		                   .running_since = row.maybe_timestamp(7),
		                   .start = row.maybe_timestamp(8),
		                   .token = row.maybe_text(9)};
		return Flow::more;
	};
	co_await db.query(lock_task(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe)), take);
	co_return found;
}

Op<void> store(Database &db, const TaskKey &key, const TaskState &state) {
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), Parameter(AGG_TEXT, cell(state.status)),
	                       Parameter(AGG_BOOL, cell(state.enabled)), Parameter(AGG_BOOL, cell(state.disabled_by_operator)),
	                       Parameter(AGG_INT4, cell(state.streak)), Parameter(AGG_TEXT, cell(state.last_error)),
	                       Parameter(AGG_TIMESTAMPTZ, cell(state.next_run)), Parameter(AGG_TIMESTAMPTZ, cell(state.cursor)),
	                       Parameter(AGG_TIMESTAMPTZ, cell(state.running_since)), Parameter(AGG_TIMESTAMPTZ, cell(state.start)));
	co_await db.execute(store_task(), std::move(list));
	co_await db.wake_worker();
}

std::string describe(const TaskKey &key, const TaskState &before, const TaskState &after) {
	JsonObject changed;
	const auto old_values = before.json();
	const auto new_values = after.json();
	for (size_t i = 0; i < column_names.size(); ++i) {
		if (old_values[i] != new_values[i])
			changed.add_raw(column_names[i], "[" + old_values[i] + ", " + new_values[i] + "]");
	}
	return JsonObject()
	    .add("success", true)
	    .add("canonical_symbol", std::string_view(key.symbol))
	    .add("timeframe", std::string_view(key.timeframe))
	    .add("status", std::string_view(after.status.value_or("")))
	    .add("enabled", after.enabled.value_or(0) != 0)
	    .add_raw("changed", changed.text())
	    .text();
}

TaskKey key_of(Arguments &arguments) {
	TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	timeframe_or_throw(key.symbol, key.timeframe);
	return key;
}

/// Locks the task, has it changed, and stores it if it is another one afterwards.
template <class Change>
Op<Answer> change_task(Database &db, const TaskKey key, Change change) {
	const auto before = co_await lock(db, key);
	if (!before)
		co_return co_await not_found(db, key);
	TaskState after = *before;
	change(after);
	if (after != *before)
		co_await store(db, key, after);
	co_return Answer::json(describe(key, *before, after));
}

/// An answer of success says more.
Answer with_note(Answer answer, const std::string &note) {
	std::string text = *answer.written;
	if (text.find("\"success\": true") == std::string::npos)
		return answer;
	text.pop_back();
	text += ", \"note\": " + json_string(note) + "}";
	return Answer::json(std::move(text));
}

} // namespace

Op<Answer> not_found(Database &db, const TaskKey key) {
	const std::string hint = co_await hint_for_missing_task(db, key);
	co_return Answer::json(JsonObject()
	                           .add("success", false)
	                           .add("error", "not_found")
	                           .add("message", "there is no task " + key.label() + ". " + hint)
	                           .text());
}

Op<Answer> agg_reset_task(Database &db, Arguments arguments) {
	const TaskKey key = key_of(arguments);
	auto answer = co_await change_task(db, key, [&](TaskState &task) {
		if (task.status == "idle" && task.streak.value_or(0) == 0 && !task.last_error)
			return;
		task.status = "idle";
		task.streak = 0;
		task.last_error = std::nullopt;
		task.running_since = std::nullopt;
		task.token = std::nullopt;
		task.next_run = std::nullopt;
	});
	// What no reset mends.
	const std::vector<TaskKey> keys {key};
	Nonsense nonsense;
	(void)co_await read_tasks(db, keys, &nonsense);
	co_return nonsense.empty() ? std::move(answer) : with_note(std::move(answer), nonsense.front().message + ". " + nonsense.front().hint);
}

Op<Answer> agg_enable_task(Database &db, Arguments arguments) {
	const TaskKey key = key_of(arguments);
	co_return co_await change_task(db, key, [](TaskState &task) {
		task.enabled = 1;
		task.disabled_by_operator = 0;
	});
}

Op<Answer> agg_disable_task(Database &db, Arguments arguments) {
	const TaskKey key = key_of(arguments);
	co_return co_await change_task(db, key, [](TaskState &task) {
		task.enabled = 0;
		task.disabled_by_operator = 1;
	});
}

Op<Answer> agg_set_start(Database &db, Arguments arguments) {
	const TaskKey key = key_of(arguments);
	const Timestamp start = arguments.timestamp("p_start_utc");
	// What that means for windows that the cursor has passed, the table's trigger says (agg_note_task_change()).
	auto answer = co_await change_task(db, key, [&](TaskState &task) { task.start = start; });
	co_return with_note(std::move(answer), "the next sync_agg_state_from_registry() sets the start to what metadata.agg.start_utc says");
}

Op<Answer> agg_heartbeat(Database &db, Arguments arguments) {
	const TaskKey key = key_of(arguments);
	const std::string token = arguments.text("p_claim_token");
	const Timestamp now = arguments.timestamp("p_now_utc");
	auto task = co_await lock(db, key);
	if (!task)
		co_return co_await not_found(db, key);
	if (task->status != "running" || task->token != token)
		co_return Answer::json(JsonObject()
		                           .add("success", false)
		                           .add("error", "claim_lost")
		                           .add("message", "the claim of " + key.label() + " was taken over or released; nothing was changed")
		                           .text());
	if (!task->running_since || *task->running_since < now) {
		task->running_since = now;
		co_await store(db, key, *task);
	}
	co_return Answer::json(JsonObject().add("success", true).add("running_started_at_utc", task->running_since).text());
}

} // namespace aggregation
