#include "ops/marks/look_again.hpp"

#include "ops/tasks/recent_tasks.hpp"

#include <algorithm>

namespace aggregation {

Op<std::vector<CertainUntil>> certain_until(Database &db, const std::vector<Reading> &readings) {
	// Minutes are told of by the log, whoever writes them.
	std::vector<CertainUntil> certain(readings.size(), {Timestamp::infinity()});
	if (db.may_miss_changes()) {
		certain.assign(readings.size(), {Timestamp::minus_infinity()});
		co_return certain;
	}
	std::vector<size_t> wider;
	std::vector<RecentKey> keys;
	for (size_t i = 0; i < readings.size(); ++i) {
		if (readings[i].source->ingested())
			continue;
		wider.push_back(i);
		keys.push_back({readings[i].symbol, readings[i].target->name()});
	}
	if (wider.empty())
		co_return certain;
	const auto unknown = co_await not_known_to_all(db, keys);
	const Derivers others = co_await db.others_deriving();
	for (size_t i = 0; i < wider.size(); ++i)
		certain[wider[i]].end = unknown[i] ? Timestamp::minus_infinity() : std::min(db.clock(), others.oldest);
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
