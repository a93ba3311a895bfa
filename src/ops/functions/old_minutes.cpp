// agg_retire_old_minutes: minutes of an older system that have been copied to data_bars.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/setup/old_minutes.hpp"

namespace aggregation {

Op<Answer> agg_retire_old_minutes(Database &db, Arguments arguments) {
	const bool back = arguments.boolean("p_back");
	const int64_t most = arguments.integer("p_max_rows");
	arguments.check_positive("p_max_rows", "Pass the maximum number of minutes in one call, such as 1000000.");
	int64_t minutes = 0;
	if (back)
		minutes = co_await bring_old_minutes_back(db, most);
	else
		minutes = co_await retire_old_minutes(db, most);
	co_return Answer::json(JsonObject().add("success", true).add("minutes", minutes).add("continue", minutes == most).text());
}

} // namespace aggregation
