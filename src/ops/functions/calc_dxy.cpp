// calc_dxy_range_1m: the U.S. Dollar Index at each minute of a range. Everything happens in a subtransaction: an error is the answer
// {"success": false, ...} with nothing written.
#include "ops/functions/functions.hpp"

#include "ops/bars/dxy_minutes.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/subtransaction.hpp"

namespace aggregation {

namespace {

std::string failure(const Error &error) {
	return JsonObject()
	    .add("success", false)
	    .add("error", std::string_view(error.message))
	    .add("sqlstate", std::string_view(error.sqlstate))
	    .text();
}

/// A caller that tests `success` must still see a cancel, a shutdown and exhausted memory as what they are.
bool must_raise(const Error &error) {
	return error.sqlstate.starts_with("57") || error.sqlstate == sqlstate::out_of_memory;
}

} // namespace

Op<Answer> calc_dxy_range_1m(Database &db, Arguments arguments) {
	Timestamp from;
	Timestamp to;
	int64_t version = 0;
	try {
		arguments.concern("DXY/1m");
		from = arguments.timestamp("p_from_utc");
		to = arguments.timestamp("p_to_utc");
		version = arguments.integer("p_derivation_version");
		arguments.check_positive("p_derivation_version", "Pass the version of the formula, such as 1.");
		if (from >= to)
			throw Error(sqlstate::invalid_parameter_value,
			            "invalid range for DXY/1m: from " + to_iso8601(from) + " is not before to " + to_iso8601(to));
	} catch (const Error &error) {
		co_return Answer::json(failure(error));
	}

	std::optional<DxyCounts> counts;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		const DxyOrder order {.version = version};
		counts = co_await compute_dxy(db, from, to, order);
	});
	if (fault && must_raise(fault->error()))
		fault->raise();
	if (fault)
		co_return Answer::json(failure(fault->error()));
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("inserted", counts->inserted)
	                           .add("updated", counts->rewritten + counts->unchanged)
	                           .add("unchanged", counts->unchanged)
	                           .add("skipped", counts->skipped)
	                           .add("version", version)
	                           .text());
}

} // namespace aggregation
