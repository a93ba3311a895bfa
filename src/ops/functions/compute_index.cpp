// agg_compute_index and calc_dxy_range_1m: an index at each minute of a range. Everything happens in a subtransaction: an error is the
// answer {"success": false, ...} with nothing written.
#include "ops/functions/functions.hpp"

#include "core/failure.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/tasks/unknown.hpp"

namespace aggregation {

namespace {

std::string failure(const Error &error) {
	JsonObject answer;
	answer.add("success", false).add("error", std::string_view(error.message)).add("sqlstate", std::string_view(error.sqlstate));
	if (!error.hint.empty())
		answer.add("hint", std::string_view(error.hint));
	return answer.text();
}

/// A caller that tests `success` must still see as what they are: a cancel, a shutdown, a broken table, and what another try may cure.
bool must_raise(const Error &error) {
	return failure_kind(error) == FailureKind::everything || another_try_may_do(error);
}

struct Order {
	std::string symbol;
	Timestamp from;
	Timestamp to;
	int64_t version = 1;
};

Order order_from(Arguments &arguments, std::string symbol) {
	const std::string subject = symbol + "/1m";
	arguments.concern(subject);
	Order order {std::move(symbol), arguments.timestamp("p_from_utc"), arguments.timestamp("p_to_utc"),
	             arguments.integer("p_derivation_version")};
	arguments.check_positive("p_derivation_version", "Pass the version of the formula, such as 1.");
	if (order.from >= order.to)
		throw Error(sqlstate::invalid_parameter_value,
		            "invalid range for " + subject + ": from " + to_iso8601(order.from) + " is not before to " + to_iso8601(order.to));
	return order;
}

Op<Answer> compute(Database &db, const Order order) {
	std::optional<IndexCounts> counts;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		const IndexOrder minutes {.version = order.version};
		counts = co_await compute_index(db, order.symbol, order.from, order.to, minutes);
		if (!counts) {
			const Error problem = co_await no_usable_index(db, order.symbol);
			throw problem;
		}
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
	                           .add("version", order.version)
	                           .text());
}

} // namespace

Op<Answer> calc_dxy_range_1m(Database &db, Arguments arguments) {
	Order order;
	try {
		order = order_from(arguments, "DXY");
	} catch (const Error &error) {
		co_return Answer::json(failure(error));
	}
	co_return co_await compute(db, std::move(order));
}

Op<Answer> agg_compute_index(Database &db, Arguments arguments) {
	Order order;
	try {
		order = order_from(arguments, arguments.text("p_symbol"));
	} catch (const Error &error) {
		co_return Answer::json(failure(error));
	}
	co_return co_await compute(db, std::move(order));
}

} // namespace aggregation
