// The days of calendars as SQL. What the rules mean is said in calendar_days.hpp.
#pragma once

#include <string>

// Statements hold these, too.
#define AGG_FIRST_TRADING_DATE "'1990-01-01'::date"
#define AGG_LAST_TRADING_DATE "'2050-12-31'::date"

namespace aggregation {

/// FROM items for a WITH clause. The last one, "made", has calendar, trading_date, starts_at, ends_at (NULL in the last row of a calendar,
/// which only says where the last day ends), opens and closes (arrays, in order, with something between them). `calendars`: an array of
/// names, as SQL.
std::string days_of_rules(const char *calendars);

} // namespace aggregation
