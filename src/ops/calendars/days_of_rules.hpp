// The days of calendars as SQL. What the rules mean is said in calendar_days.hpp.
#pragma once

#include <string>

// Statements hold these, too.
#define AGG_FIRST_TRADING_DATE "'1990-01-01'::date"
#define AGG_LAST_TRADING_DATE "'2050-12-31'::date"

namespace aggregation {

// One row more says where the last day ends.
#define AGG_END_OF_TRADING_DATES "(" AGG_LAST_TRADING_DATE " + 1)"

/// FROM items for a WITH clause. The last one, "made", has calendar, trading_date, starts_at, ends_at (NULL in the last row of a calendar,
/// which only says where the last day ends), opens and closes (arrays, in order, with something between them). As SQL:
/// `calendars` is an array of names, `first` and `last` are the trading dates that are made.
std::string days_of_rules(const char *calendars, const char *first = AGG_FIRST_TRADING_DATE, const char *last = AGG_END_OF_TRADING_DATES);

} // namespace aggregation
