// Market calendars as the tables have them (agg_calendars, agg_calendar_days), kept in memory from call to call: each call that needs one asks
// whether it has changed, and reads its days only then.
#pragma once

#include "core/calendar.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace aggregation {

/// nullptr: UTC.
using CalendarPointer = std::shared_ptr<const Calendar>;

/// The calendar of UTC days, which needs no rows; also what NULL means.
inline constexpr std::string_view utc_calendar = "utc";

/// Calendars by name.
class Calendars {
public:
	/// nullptr for UTC. Throws 22023 where there is no such calendar, or no day of it; `subject` says whose it is.
	CalendarPointer named(const std::optional<std::string> &name, const std::string &subject) const;
	/// The same; nullopt where it would throw.
	std::optional<CalendarPointer> find(const std::optional<std::string> &name) const;

private:
	friend Op<Calendars> read_calendars(Database &db, const std::set<std::string> names);
	std::map<std::string, CalendarPointer, std::less<>> known_; // nullptr: it has no days
};

Op<Calendars> read_calendars(Database &db, const std::set<std::string> names);

/// The calendar that the tasks of a symbol follow.
Op<CalendarPointer> calendar_of(Database &db, const std::string &symbol);

} // namespace aggregation
