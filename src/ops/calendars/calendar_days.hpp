// agg_calendar_days: what the rules of a calendar come to. Time zones are PostgreSQL's business, so the days are made by a statement.
//
//   trading date d   begins on the local date d where the day starts at noon or before, else on d - 1
//   a session's time is of the local date on which the day begins, or of the next one where it is before the day's start; a closing time
//                    that is the day's start is the day's end
//   exceptions       of a date: closed, or the weekday's hours, or these hours
//
// Sessions that touch, or that a change of the clock makes overlap, are one. Where such a change makes days overlap the earlier one wins;
// what has no length is left out, so a date that a zone skips has no row. One row more than there are days says where the last day ends.
#pragma once

#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aggregation {

/// What is different after days were made anew: their times, old and new ones, by calendar; those that are as they were are missing.
using DifferentDays = std::map<std::string, RangeSet, std::less<>>;

/// Trading dates as days since 1970-01-01, both included. They may reach further than calendars do.
struct TradingDates {
	static constexpr int64_t far = 1'000'000;
	int64_t first = -far;
	int64_t last = far;
};

/// Makes the days of these calendars with these dates, and stores the difference to what is stored.
Op<DifferentDays> store_days(Database &db, const std::vector<std::string> calendars, const TradingDates dates = {});

/// A calendar that is not stored, for a look at it: as its rules say. nullptr: there is no such calendar.
Op<CalendarPointer> calendar_by_rules(Database &db, const std::string calendar);

} // namespace aggregation
