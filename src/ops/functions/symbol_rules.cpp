// What the bars of a symbol are, for all of its tasks at once: agg_set_calendar and agg_set_source.
#include "ops/functions/functions.hpp"

#include "core/source_rule.hpp"
#include "ops/boundary/isolation.hpp"
#include "ops/boundary/json.hpp"
#include "ops/calendars/calendar_changes.hpp"
#include "ops/calendars/set_calendar.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/set_source.hpp"
#include "ops/tasks/unknown.hpp"

namespace aggregation {

namespace {

std::string json_of(const ChangedTask &task) {
	const auto pair = [](const std::string &before, const std::string &after) { return "[" + before + ", " + after + "]"; };
	const auto text = [](const std::optional<std::string> &value) { return value ? json_string(*value) : "null"; };
	const auto time = [](const std::optional<Timestamp> &value) { return value ? json_string(to_iso8601(*value)) : "null"; };
	JsonObject object;
	object.add("timeframe", std::string_view(task.before.timeframe));
	if (task.before.source != task.after.source)
		object.add_raw("source_timeframe", pair(text(task.before.source), text(task.after.source)));
	if (task.before.cursor != task.after.cursor)
		object.add_raw("last_agg_bar_ts_utc", pair(time(task.before.cursor), time(task.after.cursor)));
	return object.text();
}

/// `rule` and `value`: what was set, under its name.
Op<Answer> answer(Database &db, const std::string symbol, const ChangedSymbol result, const char *rule, const std::string value) {
	if (result.tasks == 0) {
		co_await require_symbol(db, symbol);
		const std::string hint = co_await hint_for_missing_tasks(db, symbol);
		const std::string message = named(symbol) + " has no task. " + hint;
		co_return Answer::json(
		    JsonObject().add("success", false).add("error", "not_found").add("message", std::string_view(message)).text());
	}
	std::string list;
	for (const auto &task : result.changed)
		list += (list.empty() ? "" : ", ") + json_of(task);
	const std::string note =
	    std::string("a sync_agg_state_from_registry() sets the ") + rule + " to what metadata.agg." + rule + " says, if it says anything";
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("canonical_symbol", std::string_view(symbol))
	                           .add(rule, std::string_view(value))
	                           .add("tasks", result.tasks)
	                           .add_raw("changed", "[" + list + "]")
	                           .add("note", std::string_view(note))
	                           .text());
}

} // namespace

Op<Answer> agg_set_calendar(Database &db, Arguments arguments) {
	const std::string symbol = arguments.text("p_symbol");
	const std::string calendar = arguments.text("p_calendar");
	refuse_old_snapshot(db, "the calendar of " + named(symbol));
	const CalendarNames names {calendar};
	co_await mend_missing_days(db, names);
	const auto found = co_await need_calendars(db, names);
	if (found.empty() && calendar != utc_calendar) {
		const Error unknown = co_await unknown_calendar(db, calendar, named(symbol));
		throw unknown;
	}
	auto result = co_await set_calendar(db, symbol, calendar);
	co_return co_await answer(db, symbol, std::move(result), "calendar", calendar);
}

Op<Answer> agg_set_source(Database &db, Arguments arguments) {
	const std::string symbol = arguments.text("p_symbol");
	const std::string given = arguments.text("p_source");
	const auto rule = parse_source_rule(given);
	if (!rule)
		throw Error(sqlstate::invalid_parameter_value, "bars cannot be made by source \"" + shortened(given) + "\" (" + named(symbol) + ")",
		            "Say 'exact' (every timeframe is made of 1m bars) or 'chain' (each of narrower bars, as its task's default says). "
		            "What a single task is made of is source_timeframe in data_agg_state.");
	refuse_old_snapshot(db, "what the bars of " + named(symbol) + " are made of");
	auto result = co_await set_source(db, symbol, *rule);
	co_return co_await answer(db, symbol, std::move(result), "source", *rule == SourceRule::exact ? "exact" : "chain");
}

} // namespace aggregation
