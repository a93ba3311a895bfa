// What the trigger of agg_indexes has done.
#include "ops/functions/functions.hpp"

#include "ops/boundary/isolation.hpp"
#include "ops/indexes/index_changes.hpp"

namespace aggregation {

/// p_symbols: the symbols of the row as it was and as it is.
Op<Answer> follow_index_change(Database &db, Arguments arguments) {
	refuse_old_snapshot(db, "indexes");
	auto symbols = arguments.texts("p_symbols");
	co_await follow_indexes(db, std::move(symbols));
	co_return Answer::rows();
}

} // namespace aggregation
