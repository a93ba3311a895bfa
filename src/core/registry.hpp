// Which tasks an asset of the registry asks for: the defaults, overridden by what its metadata says under "agg".
#pragma once

#include "core/calendar.hpp"
#include "core/source_rule.hpp"
#include "core/timeframe.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

/// One value of the metadata: its JSON type ("string", "number", "boolean", "array", "object", "null", or "" where the key is absent) and
/// its text. Each element of an array is followed by `list_end`.
struct MetadataValue {
	std::string type;
	std::string text;

	bool absent() const {
		return type.empty() || type == "null";
	}
};

inline constexpr char list_end = '\x1f';

/// metadata.agg of one asset: the keys that docs/reference.md describes.
struct AssetMetadata {
	MetadataValue agg;
	MetadataValue enabled;
	MetadataValue start_utc;
	MetadataValue mandatory;
	MetadataValue optional;
	MetadataValue delay_seconds;
	MetadataValue priority;
	MetadataValue calendar;
	MetadataValue source;
	MetadataValue keep_revisions;
	MetadataValue freshness_target_seconds;
	std::string unknown_keys; // those that mean nothing where they are, comma-separated
};

/// The configuration of one task, without its state.
struct TaskConfiguration {
	Timeframe timeframe;
	Timeframe source;
	int64_t run_interval_minutes;
	int64_t delay_seconds;
	int64_t priority;
	Timestamp start;
	bool mandatory;
};

/// metadata.agg.enabled is false: the asset wants no tasks.
bool switched_off(const AssetMetadata &metadata);

/// metadata.agg.start_utc is "first_bar": each task starts with the window of the symbol's first bar.
bool starts_with_first_bar(const AssetMetadata &metadata);

/// The name that metadata.agg.calendar gives; nullopt: none. Throws Error (22023) if that is no name.
std::optional<std::string> calendar_name(const AssetMetadata &metadata);

/// The rule that metadata.agg.source gives; nullopt: none. Throws Error (22023) if it is none of those that there are.
std::optional<SourceRule> source_rule(const AssetMetadata &metadata);

/// What metadata.agg.keep_revisions says; nullopt: nothing. Throws Error (22023) if that is neither true nor false.
std::optional<bool> keeps_revisions(const AssetMetadata &metadata);

/// What metadata.agg.freshness_target_seconds says; nullopt: nothing. Throws Error (22023) if that is no number of seconds from 1 on.
std::optional<int64_t> freshness_target_seconds(const AssetMetadata &metadata);

/// The tasks of one asset, none if it is switched off: 5m and 1h, mandatory, 30 s of delay, priority 100, from `default_start` on, unless
/// its metadata says otherwise. A list pulls in what its members are built from by the rule. `first_bar` counts where the start is to be
/// that. Windows and sources are those of the calendar, nullptr meaning UTC. Throws Error (22023) that says what is wrong in the metadata.
std::vector<TaskConfiguration> configured_tasks(const AssetMetadata &metadata, Timestamp default_start,
                                                std::optional<Timestamp> first_bar = std::nullopt,
                                                const std::shared_ptr<const Calendar> &calendar = nullptr,
                                                SourceRule rule = SourceRule::chain);

} // namespace aggregation
