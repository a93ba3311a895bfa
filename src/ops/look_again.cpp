#include "ops/look_again.hpp"

#include <algorithm>

namespace aggregation {

Op<CertainUntil> certain_until(Database &db, const Timeframe &source) {
	if (db.may_miss_changes())
		co_return CertainUntil {Timestamp::minus_infinity()};
	if (source.ingested())
		co_return CertainUntil {Timestamp::infinity()}; // minutes are told of by the log, whoever writes them
	const Derivers others = co_await db.others_deriving();
	co_return CertainUntil {std::min(db.clock(), others.oldest)};
}

void LookAgain::add_uncertain(std::string_view symbol, const Timeframe &target, const TimeRange &range, CertainUntil certain, Look look) {
	const bool blind = certain.end == Timestamp::minus_infinity();
	const std::string_view due = blind && look == Look::as_soon_as_possible ? "now" : "next_run";
	// The first window that ends behind the instant: the one that holds it, unless it ends just there.
	const Timestamp from = blind ? range.from : std::max(range.from, target.floor(certain.end));
	if (from >= range.to)
		return;
	for (const agg_cell &value : {cell(symbol), cell(std::string_view(target.name())), cell(from), cell(range.to), cell(due)})
		cells_.push_back(value);
}

Op<void> LookAgain::note(Database &db) const {
	if (!cells_.empty())
		co_await db.look_again(cells_);
}

} // namespace aggregation
