#include "ops/tasks/calendars.hpp"

#include "ops/boundary/calendar_cache.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

// A calendar's changed_at is another one after each change of its rules.
const Statement &states() {
	static const Statement statement {"agg_calendars",
	                                  R"sql(
SELECT c.calendar, c.changed_at, )sql" AGG_CALENDAR_RULES R"sql(
FROM @agg_calendars c
WHERE c.calendar = ANY ($1::text[]))sql",
	                                  {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_CALENDAR_RULE_TYPES}};
	return statement;
}

const Statement &days() {
	static const Statement statement {"agg_calendar_days",
	                                  AGG_CALENDAR_DAYS("@agg_calendars c JOIN @agg_calendar_days d ON d.calendar = c.calendar "
	                                                    "AND c.calendar = $1::text AND c.changed_at = $2::timestamptz",
	                                                    ""),
	                                  {AGG_CALENDAR_DAY_TYPES},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &calendar_of_symbol() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.calendar FROM @data_agg_state s WHERE s.canonical_symbol = $1::text AND s.calendar IS NOT NULL LIMIT 1",
	    {AGG_TEXT}};
	return statement;
}

struct Found {
	CalendarRules rules;
	Timestamp changed_at;
};

Op<CalendarPointer> read_days(Database &db, const Found found) {
	CalendarDays read;
	auto receive = [&](const Row &row) {
		read.take(row);
		return Flow::more;
	};
	co_await db.query(days(), parameters(text_parameter(found.rules.name), timestamp_parameter(found.changed_at)), receive);
	co_return read.calendar(found.rules);
}

} // namespace

CalendarRules rules_of(std::string name, const Row &row, size_t column) {
	return {.name = std::move(name),
	        .first_weekday = static_cast<int>(row.integer(column)),
	        .outside = row.boolean(column + 1) ? OutsideSessions::left_out : OutsideSessions::counted};
}

void CalendarDays::take(const Row &row) {
	days_.push_back({row.integer(0), row.timestamp(1)});
	if (!row.is_null(2))
		sessions_.push_back({row.timestamp(2), row.timestamp(3)});
}

CalendarPointer CalendarDays::calendar(CalendarRules rules) {
	std::sort(days_.begin(), days_.end(), [](const auto &a, const auto &b) { return a.date < b.date; });
	days_.erase(std::unique(days_.begin(), days_.end(), [](const auto &a, const auto &b) { return a.date == b.date; }), days_.end());
	std::sort(sessions_.begin(), sessions_.end(), [](const auto &a, const auto &b) { return a.from < b.from; });
	if (days_.size() < 2)
		return nullptr;
	const Timestamp end = days_.back().start;
	days_.pop_back();
	return std::make_shared<const Calendar>(std::move(rules), std::move(days_), end, sessions_);
}

Error no_such_calendar(std::string_view name, std::string_view subject, std::string_view meant) {
	return Error(sqlstate::invalid_parameter_value,
	             "calendar \"" + shortened(name) + "\" does not exist" + (subject.empty() ? "" : " (" + std::string(subject) + ")"),
	             std::string(meant) +
	                 "agg_calendars lists the calendars, and a row there makes a new one; agg_set_calendar() chooses one.");
}

std::optional<CalendarPointer> Calendars::find(const std::optional<std::string> &name) const {
	if (!name || *name == utc_calendar)
		return nullptr;
	const auto found = known_.find(*name);
	return found == known_.end() || found->second == nullptr ? std::nullopt : std::optional(found->second);
}

CalendarPointer Calendars::named(const std::optional<std::string> &name, const std::string &subject) const {
	if (auto found = find(name))
		return *found;
	if (known_.contains(*name))
		throw Error(sqlstate::invalid_parameter_value, "calendar \"" + *name + "\" has no trading days (" + subject + ")",
		            "Call agg_refresh_calendars() to make them.");
	throw no_such_calendar(*name, subject);
}

Op<Calendars> read_calendars(Database &db, const std::set<std::string> names) {
	Calendars calendars;
	std::vector<std::string> list(names.begin(), names.end());
	std::erase(list, utc_calendar);
	if (list.empty())
		co_return calendars;
	CalendarCache &cache = db.calendars();
	// Where one changes between the two statements its days are not found: then it is asked for again.
	constexpr int attempts = 5;
	for (int attempt = 0; attempt < attempts; ++attempt) {
		std::vector<Found> changed;
		calendars.known_.clear();
		auto receive = [&](const Row &row) {
			const Timestamp changed_at = row.timestamp(1);
			std::string name(row.text(0));
			calendars.known_[name] = cache.find(name, changed_at);
			if (calendars.known_[name] == nullptr)
				changed.push_back({rules_of(std::move(name), row, 2), changed_at});
			return Flow::more;
		};
		co_await db.query(states(), parameters(text_array(list)), receive);
		bool complete = true;
		for (const auto &found : changed) {
			const auto calendar = co_await read_days(db, found);
			calendars.known_[found.rules.name] = calendar;
			if (calendar)
				cache.keep(found.rules.name, found.changed_at, calendar);
			else
				complete = false;
		}
		if (complete)
			break;
	}
	co_return calendars;
}

Op<CalendarPointer> calendar_of(Database &db, const std::string &symbol) {
	std::optional<std::string> name;
	auto receive = [&](const Row &row) {
		name = row.maybe_text(0);
		return Flow::enough;
	};
	co_await db.query(calendar_of_symbol(), parameters(text_parameter(symbol)), receive);
	if (!name)
		co_return nullptr;
	const std::set<std::string> names {*name};
	const auto calendars = co_await read_calendars(db, names);
	co_return calendars.named(name, symbol);
}

} // namespace aggregation
