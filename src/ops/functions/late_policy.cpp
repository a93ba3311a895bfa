// agg_set_late_policy: what becomes of source that changes behind a task's cursor.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/dirty_ranges.hpp"

namespace aggregation {

namespace {

const Statement &set_policy() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET late_policy = $3::text, updated_at = now() WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text "
	    "AND s.late_policy IS DISTINCT FROM $3::text"};
	return statement;
}

const Statement &take_refused() {
	static const Statement statement {"agg_refused_ranges",
	                                  "DELETE FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text AND r.timeframe = $2::text "
	                                  "RETURNING r.from_utc, r.to_utc",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

} // namespace

Op<Answer> agg_set_late_policy(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const std::string policy = arguments.text("p_policy");
	timeframe_or_throw(key.symbol, key.timeframe);
	if (policy != "recompute" && policy != "freeze")
		throw Error(sqlstate::invalid_parameter_value, "there is no late policy \"" + shortened(policy) + "\" (" + key.label() + ")",
		            "Pass recompute, or freeze for bars that never change once they are made.");
	const bool found = co_await lock_task(db, key);
	if (!found)
		co_return co_await not_found(db, key);
	// What was refused until now is made good. (The trigger of data_agg_state does the same where the policy is changed by hand: it finds
	// nothing left here.)
	RangeSet refused;
	if (policy == "recompute") {
		auto receive = [&](const Row &row) {
			refused.add({row.timestamp(0), row.timestamp(1)});
			return Flow::more;
		};
		co_await db.query(take_refused(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe)), receive);
		std::vector<TaskMark> marks {{&key, {}}};
		marks.front().ranges.now = refused;
		if (!refused.empty())
			co_await merge_dirty(db, std::move(marks));
	}
	const uint64_t changed =
	    co_await db.execute(set_policy(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe), text_parameter(policy)));
	co_await db.wake_worker();
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("late_policy", std::string_view(policy))
	                           .add("changed", changed > 0)
	                           .add("ranges_to_recompute", refused.ranges().size())
	                           .text());
}

} // namespace aggregation
