// The calendars that a session has read, from call to call. The shim owns one (operation.h).
#pragma once

#include "core/calendar.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace aggregation {

class CalendarCache {
public:
	/// nullptr: it was not read, or has changed since.
	std::shared_ptr<const Calendar> find(std::string_view name, Timestamp changed_at) const {
		const auto found = kept_.find(name);
		return found != kept_.end() && found->second.changed_at == changed_at ? found->second.calendar : nullptr;
	}
	void keep(const std::string &name, Timestamp changed_at, std::shared_ptr<const Calendar> calendar) {
		kept_[name] = {changed_at, std::move(calendar)};
	}

private:
	struct Kept {
		Timestamp changed_at;
		std::shared_ptr<const Calendar> calendar;
	};
	std::map<std::string, Kept, std::less<>> kept_;
};

} // namespace aggregation

/// As C knows it.
struct agg_calendar_cache {
	aggregation::CalendarCache cache;
};
