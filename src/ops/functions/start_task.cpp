// agg_start: claims a task by compare-and-set on idle and enabled, and hands out a token that fences off the worker that claimed it before. A task
// that a runner is at work on is locked: that is an answer at once, not a wait.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/obstacle.hpp"

namespace aggregation {

namespace {

// Found by its key alone: COALESCE keeps the planner from walking the index of all idle tasks instead.
const Statement &claim() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET status = 'running', running_started_at_utc = $3::timestamptz, last_attempted_at_utc = $3::timestamptz,
	claim_token = gen_random_uuid(), updated_at = now()
FROM (
	SELECT c.canonical_symbol, c.timeframe
	FROM @data_agg_state c
	WHERE c.canonical_symbol = $1::text
		AND c.timeframe = $2::text
		AND COALESCE(c.status, '') = 'idle'
		AND c.enabled
	FOR NO KEY UPDATE SKIP LOCKED
) free
WHERE s.canonical_symbol = free.canonical_symbol
	AND s.timeframe = free.timeframe
RETURNING s.source_timeframe, s.run_interval_minutes::int8, s.aggregation_delay_seconds::int8, s.last_agg_bar_ts_utc,
	s.claim_token::text)sql",
	                                  {AGG_TEXT, AGG_INT8, AGG_INT8, AGG_TIMESTAMPTZ, AGG_TEXT}};
	return statement;
}

/// Why a task could not be claimed. Whose claim it is, is nobody's business.
Op<std::string> why_not(Database &db, const TaskKey key) {
	auto standing = co_await read_standing(db, key);
	if (!standing) {
		const std::string hint = co_await hint_for_missing_task(db, key);
		co_return "there is no task " + key.label() + ". " + hint;
	}
	standing->claim = std::nullopt;
	const std::string obstacle = standing->own_obstacle();
	co_return key.label() + ": " + (obstacle.empty() ? "another transaction is at work on the task" : obstacle);
}

} // namespace

Op<Answer> agg_start(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const Timestamp now = arguments.timestamp("p_now_utc");
	timeframe_or_throw(key.symbol, key.timeframe);

	JsonObject answer;
	bool claimed = false;
	auto take = [&](const Row &row) {
		claimed = true;
		answer.add("success", true)
		    .add("canonical_symbol", std::string_view(key.symbol))
		    .add("timeframe", std::string_view(key.timeframe))
		    .add("source_timeframe", row.maybe_text(0))
		    .add("run_interval_minutes", row.maybe_integer(1))
		    .add("aggregation_delay_seconds", row.maybe_integer(2))
		    .add("last_agg_bar_ts_utc", row.maybe_timestamp(3))
		    .add("claim_token", row.maybe_text(4));
		return Flow::more;
	};
	co_await db.query(claim(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe), timestamp_parameter(now)), take);
	if (!claimed) {
		const std::string message = co_await why_not(db, key);
		answer.add("success", false).add("error", "not_idle_or_missing").add("message", std::string_view(message));
	}
	co_return Answer::json(answer.text());
}

} // namespace aggregation
