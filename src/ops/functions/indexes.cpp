// What the triggers of agg_indexes have done.
#include "ops/functions/functions.hpp"

#include "ops/boundary/isolation.hpp"
#include "ops/indexes/index_changes.hpp"

namespace aggregation {

/// canonical_symbol: the indexes that were made, changed or deleted. (Named as the column, which is what a refusal names.)
Op<Answer> follow_index_change(Database &db, Arguments arguments) {
	refuse_old_snapshot(db, "indexes");
	auto symbols = arguments.texts("canonical_symbol");
	co_await follow_indexes(db, std::move(symbols));
	co_return Answer::rows();
}

/// canonical_symbol: of a row that is about to be written. A key that is too long would be refused in words of the index's.
Op<Answer> check_index_row(Database &, Arguments arguments) {
	arguments.text("canonical_symbol");
	co_return Answer::rows();
}

} // namespace aggregation
