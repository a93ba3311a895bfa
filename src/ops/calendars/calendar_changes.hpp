// What becomes of days and bars when the rules of calendars change.
//
// Days are stored of calendars that a task has or once had. Where they differ from what they were, the windows that touch them are marked
// in every task of the calendar, as far as it has come. The tasks' rows are locked for that: whoever derives one afterwards reads the
// calendar as it is then.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/calendars/calendar_days.hpp"
#include "ops/calendars/calendar_rules.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

using CalendarNames = std::set<std::string, std::less<>>;

/// Has days made of those that have none. Returns those that exist; these, and their rules, stay until the transaction ends: what tasks are
/// made of is chosen by them.
Op<CalendarNames> need_calendars(Database &db, const CalendarNames names);

/// The same for all calendars: a node that knows the days of each can take any group of shards.
Op<void> provide_all_calendars(Database &db);

/// What changed with a calendar's rules.
struct ChangedRules {
	CalendarNames calendars;
	CalendarNames all_windows = {}; // of these calendars, for another reason than their days
	std::optional<RulesToCheck> check = {};
	TradingDates dates = {}; // of which days may be others now
};

struct Followed {
	DifferentDays days;
	int64_t tasks = 0; // that have marks now
};

/// Brings days and marks up to the rules. A calendar that is gone must not be in use (23503).
Op<Followed> follow_rules(Database &db, const ChangedRules changed);

/// The same for all calendars in use, where nothing but PostgreSQL's time zones may have changed.
Op<Followed> follow_time_zones(Database &db);

/// Makes the days of those calendars that tasks have and that have none, and marks what is made by them.
Op<void> mend_missing_days(Database &db, const CalendarNames names);

} // namespace aggregation
