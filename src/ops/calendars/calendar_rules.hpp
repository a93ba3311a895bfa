// What makes no sense in the rules of a calendar is refused when it is written.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string>
#include <vector>

namespace aggregation {

enum class RulesToCheck {
	all,  // of agg_calendars and of the hours
	hours // agg_calendars is as it was
};

/// Throws what is wrong with the rules of these calendars (22023).
Op<void> check_rules(Database &db, const std::vector<std::string> calendars, const RulesToCheck which);

/// Throws what is wrong with a row by itself (22023): of agg_calendars; of agg_calendar_sessions.
void check_calendar(const std::string &name, int64_t week_start, const std::string &outside_sessions);
void check_weekday(const std::string &calendar, int64_t weekday);

/// The same for time zones alone, at next to no cost where they are right: 22023 for one that this server does not know.
Op<void> check_time_zones(Database &db, const std::vector<std::string> calendars);

} // namespace aggregation
