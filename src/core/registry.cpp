#include "core/registry.hpp"

#include "core/error.hpp"
#include "core/grid.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace aggregation {

namespace {

constexpr int64_t default_delay_seconds = 30;
constexpr int64_t default_priority = 100;
constexpr int64_t int4_max = std::numeric_limits<int32_t>::max();
constexpr int64_t int4_min = std::numeric_limits<int32_t>::min();

[[noreturn]] void refuse(const std::string &what) {
	throw Error(sqlstate::invalid_parameter_value, "metadata.agg" + what);
}

int64_t whole_number(const MetadataValue &value, const char *key, int64_t fallback, int64_t least) {
	if (value.absent())
		return fallback;
	int64_t number = 0;
	const char *end = value.text.data() + value.text.size();
	const auto [stop, failure] = std::from_chars(value.text.data(), end, number);
	if (value.type != "number" || failure != std::errc() || stop != end || number < least || number > int4_max)
		refuse(std::string(".") + key + " must be a whole number from " + std::to_string(least) + " to " + std::to_string(int4_max));
	return number;
}

std::vector<Timeframe> timeframes(const MetadataValue &value, const char *key, std::initializer_list<const char *> fallback) {
	std::vector<Timeframe> list;
	if (value.absent()) {
		for (const char *name : fallback)
			list.push_back(*Timeframe::parse(name));
		return list;
	}
	if (value.type != "array")
		refuse(std::string(".") + key + " must be a list of timeframes");
	std::string_view rest = value.text;
	while (!rest.empty()) {
		const auto end = rest.find(list_end);
		const std::string_view name = rest.substr(0, end);
		const auto timeframe = Timeframe::parse(name);
		if (!timeframe || !Grid(*timeframe).default_source())
			refuse(std::string(".") + key + " names \"" + shortened(name) + "\", which is not a timeframe that can be built");
		list.push_back(*timeframe);
		rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
	}
	return list;
}

/// Adds the timeframe and all that it is built from; what is there already stays as it is.
void add_with_sources(std::vector<TaskConfiguration> &tasks, const Grid &wanted, const TaskConfiguration &pattern,
                      std::optional<Timestamp> first_bar, SourceRule rule) {
	for (auto next = std::optional(wanted.timeframe()); next && !next->ingested();) {
		const bool there = std::any_of(tasks.begin(), tasks.end(), [&](const auto &task) { return task.timeframe == *next; });
		const Grid grid = wanted.of(*next);
		const auto source = *default_source(grid, rule);
		if (!there) {
			TaskConfiguration task = pattern;
			task.timeframe = *next;
			task.source = source;
			if (first_bar)
				task.start = grid.floor(*first_bar);
			task.run_interval_minutes = next->width().us / Duration::minutes(1).us;
			tasks.push_back(task);
		}
		next = source;
	}
}

} // namespace

bool switched_off(const AssetMetadata &metadata) {
	return metadata.enabled.text == "false";
}

bool starts_with_first_bar(const AssetMetadata &metadata) {
	return metadata.start_utc.type == "string" && metadata.start_utc.text == "first_bar";
}

std::optional<std::string> calendar_name(const AssetMetadata &metadata) {
	if (metadata.calendar.absent())
		return std::nullopt;
	if (metadata.calendar.type != "string" || metadata.calendar.text.empty())
		refuse(".calendar must be the name of a calendar, such as \"utc\" or \"fx\"");
	return metadata.calendar.text;
}

std::optional<SourceRule> source_rule(const AssetMetadata &metadata) {
	if (metadata.source.absent())
		return std::nullopt;
	const auto rule = metadata.source.type == "string" ? parse_source_rule(metadata.source.text) : std::nullopt;
	if (!rule)
		refuse(".source must be \"1m\" (all bars are made of minutes) or \"chain\" (of narrower bars)");
	return rule;
}

std::optional<bool> keeps_revisions(const AssetMetadata &metadata) {
	if (metadata.keep_revisions.absent())
		return std::nullopt;
	if (metadata.keep_revisions.type != "boolean")
		refuse(".keep_revisions must be true or false");
	return metadata.keep_revisions.text == "true";
}

std::optional<int64_t> freshness_target_seconds(const AssetMetadata &metadata) {
	if (metadata.freshness_target_seconds.absent())
		return std::nullopt;
	return whole_number(metadata.freshness_target_seconds, "freshness_target_seconds", 0, 1);
}

std::vector<TaskConfiguration> configured_tasks(const AssetMetadata &metadata, Timestamp default_start, std::optional<Timestamp> first_bar,
                                                const std::shared_ptr<const Calendar> &calendar, SourceRule rule) {
	if (!metadata.agg.absent() && metadata.agg.type != "object")
		refuse(" must be an object");
	if (!metadata.enabled.absent() && metadata.enabled.type != "boolean")
		refuse(".enabled must be true or false");

	Timestamp start = default_start;
	if (!starts_with_first_bar(metadata))
		first_bar = std::nullopt;
	if (!metadata.start_utc.absent() && !starts_with_first_bar(metadata)) {
		const auto given = metadata.start_utc.type == "string" ? parse_iso8601(metadata.start_utc.text) : std::nullopt;
		if (!given)
			refuse(".start_utc must be an ISO 8601 time such as \"2025-07-01T00:00:00Z\", or \"first_bar\"");
		start = *given;
	}
	const auto one_minute = *Timeframe::parse("1m");
	TaskConfiguration pattern {.timeframe = one_minute,
	                           .source = one_minute,
	                           .run_interval_minutes = 0,
	                           .delay_seconds = whole_number(metadata.delay_seconds, "delay_seconds", default_delay_seconds, 0),
	                           .priority = whole_number(metadata.priority, "priority", default_priority, int4_min),
	                           .start = start,
	                           .mandatory = true};
	std::vector<TaskConfiguration> tasks;
	const auto mandatory = timeframes(metadata.mandatory, "mandatory", {"5m", "1h"});
	const auto optional = timeframes(metadata.optional, "optional", {});
	if (switched_off(metadata))
		return tasks;
	for (const auto &timeframe : mandatory)
		add_with_sources(tasks, Grid(timeframe, calendar), pattern, first_bar, rule);
	pattern.mandatory = false;
	for (const auto &timeframe : optional)
		add_with_sources(tasks, Grid(timeframe, calendar), pattern, first_bar, rule);
	return tasks;
}

} // namespace aggregation
