// agg_bootstrap_cursor: where a task begins, whatever data there is. It writes nothing.
#include "ops/functions/functions.hpp"

namespace aggregation {

Op<Answer> agg_bootstrap_cursor(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_to_tf")};
	arguments.concern(key.label());
	arguments.timestamp("p_now_utc"); // checked, though the answer does not depend on it
	timeframe_or_throw(key.symbol, key.timeframe);
	std::vector<TaskKey> keys {key};
	const auto tasks = co_await read_tasks(db, keys);
	if (!tasks.front()) {
		Error missing = co_await missing_task(db, "Missing config in data_agg_state for ", key);
		throw missing;
	}
	co_return Answer::timestamp(tasks.front()->target.ceil(tasks.front()->start));
}

} // namespace aggregation
