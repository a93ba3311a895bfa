// One operation for each SQL function, and what they answer with.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>

namespace aggregation {

/// The result of an SQL function: jsonb, a timestamp, or nothing where rows were emitted on the way.
struct Answer {
	std::optional<std::string> json_text;
	std::optional<Timestamp> timestamp_value;

	static Answer json(std::string text) {
		return {.json_text = std::move(text), .timestamp_value = {}};
	}
	static Answer timestamp(Timestamp t) {
		return {.json_text = {}, .timestamp_value = t};
	}
	static Answer rows() {
		return {};
	}
};

// Each is described where it is defined and, for users, in its COMMENT ON.
#define AGG_DECLARATION(name) Op<Answer> name(Database &db, Arguments arguments);
AGG_FUNCTIONS(AGG_DECLARATION)
#undef AGG_DECLARATION

/// P0002: `prefix` and the task's label, words that the callers of older functions look for.
inline Error missing_task(const std::string &prefix, const TaskKey &key) {
	return {sqlstate::no_data_found, prefix + key.label(), "Run sync_agg_state_from_registry() to create the tasks of all active assets."};
}

} // namespace aggregation
