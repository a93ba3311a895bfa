#include "ops/setup/setup_calendars.hpp"

#include "core/error.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/calendars/shipped_calendars.hpp"

namespace aggregation {

Op<std::vector<Step>> plan_calendars(Database &db) {
	std::vector<CalendarToShip> list;
	const auto fault = co_await in_subtransaction(db, IfDone::undo, [&]() -> Op<void> { list = co_await calendars_to_ship(db); });
	if (fault) {
		if (!belongs_to_object(fault->error()))
			fault->raise();
		list.clear();
		if (fault->error().sqlstate == sqlstate::undefined_table)
			list = all_shipped_calendars();
	}
	std::vector<Step> steps;
	for (auto &calendar : list) {
		Step step {"calendar " + calendar.name, calendar.missing ? Action::create : Action::replace, std::move(calendar.sql), ""};
		step.table = "agg_calendars";
		step.calendar = calendar.name;
		step.other_windows = calendar.other_windows;
		steps.push_back(std::move(step));
	}
	co_return steps;
}

} // namespace aggregation
