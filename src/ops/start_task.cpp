// agg_start: claims a task by compare-and-set on idle and enabled, and hands out a token that fences off whoever claimed it before.
#include "ops/functions.hpp"

#include "ops/json.hpp"

namespace aggregation {

namespace {

// Found by its key alone: COALESCE keeps the planner from walking the index of all idle tasks instead.
const Statement &claim() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state SET status = 'running', running_started_at_utc = $3::timestamptz, last_attempted_at_utc = $3::timestamptz, "
	    "claim_token = gen_random_uuid(), updated_at = now() "
	    "WHERE canonical_symbol = $1::text AND timeframe = $2::text AND COALESCE(status, '') = 'idle' AND enabled "
	    "RETURNING source_timeframe, run_interval_minutes::int8, aggregation_delay_seconds::int8, last_agg_bar_ts_utc, claim_token::text",
	    {AGG_TEXT, AGG_INT8, AGG_INT8, AGG_TIMESTAMPTZ, AGG_TEXT}};
	return statement;
}

} // namespace

Op<Answer> start_task(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text(0, "p_symbol"), arguments.text(1, "p_tf")};
	arguments.concern(key.label());
	const Timestamp now = arguments.timestamp(2, "p_now_utc");
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
	if (!claimed)
		answer.add("success", false).add("error", "not_idle_or_missing");
	co_return Answer::json(answer.text());
}

} // namespace aggregation
