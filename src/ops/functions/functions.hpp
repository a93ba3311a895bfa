// One operation for each SQL function, and what they answer with.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"
#include "ops/tasks/unknown.hpp"

#include <optional>
#include <string>

namespace aggregation {

/// The result of an SQL function: jsonb or text, whichever it is declared to return, a timestamp, or nothing where rows were emitted on the
/// way.
struct Answer {
	std::optional<std::string> written;
	std::optional<Timestamp> timestamp_value;

	static Answer json(std::string text) {
		return {.written = std::move(text), .timestamp_value = {}};
	}
	static Answer text(std::string text) {
		return {.written = std::move(text), .timestamp_value = {}};
	}
	static Answer timestamp(Timestamp t) {
		return {.written = {}, .timestamp_value = t};
	}
	static Answer rows() {
		return {};
	}
};

// Each is described where it is defined and, for users, in its COMMENT ON.
#define AGG_DECLARATION(name) Op<Answer> name(Database &db, Arguments arguments);
AGG_FUNCTIONS(AGG_DECLARATION)
#undef AGG_DECLARATION

/// The answer of those who are told of a task that is not there: not_found, and in words what to do.
Op<Answer> not_found(Database &db, const TaskKey key);

} // namespace aggregation
