// sync_agg_state_from_registry.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/runner/registry_sync.hpp"

namespace aggregation {

Op<Answer> sync_agg_state_from_registry(Database &db, Arguments arguments) {
	const std::string environment = arguments.text("p_env_name");
	const Timestamp start = arguments.timestamp("p_agg_start_utc");
	const auto result = co_await sync_registry(db, environment, start, db.transaction_start());
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("tasks_created", result.created)
	                           .add("tasks_updated", result.updated)
	                           .add("tasks_disabled", result.disabled)
	                           .add("timestamp_utc", db.transaction_start())
	                           .add("env", std::string_view(environment))
	                           .add("agg_start_utc", start)
	                           .add_raw("assets_skipped", result.skipped_json)
	                           .text());
}

} // namespace aggregation
