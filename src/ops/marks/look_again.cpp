#include "ops/marks/look_again.hpp"

#include "ops/tasks/recent_tasks.hpp"

#include <algorithm>

namespace aggregation {

Op<std::vector<CertainUntil>> certain_until(Database &db, const std::vector<Reading> &readings) {
	// Of minutes the log tells, whoever writes them.
	std::vector<CertainUntil> certain(readings.size(), {Timestamp::infinity()});
	if (db.may_miss_changes()) {
		certain.assign(readings.size(), {Timestamp::minus_infinity()});
		co_return certain;
	}
	// The live path reads minutes, while nobody has absorbed his own changes: that is asked before the list, which costs a statement.
	const auto reads_minutes = [](const Reading &reading) { return reading.source->ingested(); };
	bool minutes_too = false;
	if (std::any_of(readings.begin(), readings.end(), reads_minutes)) {
		const Derivers absorbing = co_await db.others_absorbing_own();
		minutes_too = absorbing.any;
	}
	std::vector<size_t> asked;
	std::vector<RecentKey> keys;
	for (size_t i = 0; i < readings.size(); ++i) {
		if (reads_minutes(readings[i]) && !minutes_too)
			continue;
		asked.push_back(i);
		keys.push_back({readings[i].symbol, readings[i].target->name(), reads_minutes(readings[i])});
	}
	if (asked.empty())
		co_return certain;
	const auto unknown = co_await not_known_to_all(db, keys);
	const Derivers others = co_await db.others_deriving();
	for (size_t i = 0; i < asked.size(); ++i) {
		if (unknown[i])
			certain[asked[i]].end = Timestamp::minus_infinity();
		else if (!keys[i].reads_minutes)
			certain[asked[i]].end = std::min(db.clock(), others.oldest);
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
