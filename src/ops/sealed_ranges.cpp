#include "ops/sealed_ranges.hpp"

namespace aggregation {

namespace {

const Statement &ranges_of_symbol() {
	static const Statement statement {
	    "agg_sealed_ranges",
	    "SELECT r.from_utc, r.to_utc FROM @agg_sealed_ranges r WHERE r.canonical_symbol = $1::text OR r.canonical_symbol IS NULL",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

} // namespace

Op<RangeSet> sealed_windows(Database &db, const Task &task) {
	RangeSet sealed;
	if (!task.source.ingested())
		co_return sealed;
	auto receive = [&](const Row &row) {
		sealed.add({task.target.floor(row.timestamp(0)), task.target.ceil(row.timestamp(1))});
		return Flow::more;
	};
	co_await db.query(ranges_of_symbol(), parameters(text_parameter(task.key.symbol)), receive);
	co_return sealed;
}

} // namespace aggregation
