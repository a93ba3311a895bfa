// The calendars that the extension brings along, as SQL that fills the tables of rules. What somebody has changed stays:
//
//   agg_calendars.shipped false              the calendar's row and sessions are left alone
//   agg_calendar_exceptions.shipped false    so is the exception, and its date gets no other
//
// Each release, and each agg_setup(), brings the rest up to date.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// One that is missing, or differs from what is shipped.
struct CalendarToShip {
	std::string name;
	bool missing;
	bool other_windows; // for another reason than its days
	std::string sql;    // statements, "; " between them, that bring it up to date
};

/// The calling role must be able to read the tables (else 42501, or 42P01 where there are none).
Op<std::vector<CalendarToShip>> calendars_to_ship(Database &db);

/// All of them, where nothing is there yet.
std::vector<CalendarToShip> all_shipped_calendars();

} // namespace aggregation
