// agg_bootstrap_cursor: where a task begins, whatever data there is. It writes nothing.
#include "ops/functions/functions.hpp"

namespace aggregation {

Op<Answer> agg_bootstrap_cursor(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_to_tf")};
	arguments.timestamp("p_now_utc"); // checked, though the answer does not depend on it
	timeframe_or_throw(key.symbol, key.timeframe);
	const Task task = co_await task_or_throw(db, key, "Missing config in data_agg_state for ");
	co_return Answer::timestamp(task.target.ceil(task.start));
}

} // namespace aggregation
