#include "ops/marks/look_again.hpp"

#include "ops/tasks/recent_tasks.hpp"

#include <algorithm>

namespace aggregation {

Op<std::vector<CertainUntil>> certain_until(Database &db, const std::vector<Reading> &readings) {
	std::vector<CertainUntil> certain(readings.size(), {Timestamp::minus_infinity()});
	if (db.may_miss_changes())
		co_return certain;
	std::vector<RecentKey> keys;
	bool any_wider = false;
	for (const auto &reading : readings) {
		keys.push_back({reading.symbol, reading.target->name(), reading.source->ingested()});
		any_wider = any_wider || !reading.source->ingested();
	}
	const auto unknown = co_await not_known_to_all(db, keys);
	Timestamp told_of = Timestamp::infinity();
	if (any_wider) {
		const Derivers others = co_await db.others_deriving();
		told_of = std::min(db.clock(), others.oldest);
	}
	for (size_t i = 0; i < readings.size(); ++i) {
		// Of minutes the log tells, whoever writes them.
		if (!unknown[i])
			certain[i].end = readings[i].source->ingested() ? Timestamp::infinity() : told_of;
	}
	co_return certain;
}

void LookAgain::add_uncertain(std::string_view symbol, const Grid &target, const TimeRange &range, CertainUntil certain, Look look) {
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
