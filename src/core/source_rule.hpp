// What the bars of a symbol are made of: by a chain of bars, or exactly, of all minutes.
#pragma once

#include "core/grid.hpp"
#include "core/timeframe.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aggregation {

/// chain: 5m from 1m, 1h from 5m, 1d from 1h …; a narrow window that is too thin for a bar is missing in all wider ones. exact: every
/// timeframe from 1m.
enum class SourceRule { chain, exact };

/// "chain", "exact", and "1m", which says the same as "exact".
std::optional<SourceRule> parse_source_rule(std::string_view text);

/// What a task with this target reads where its row names `configured`, or nothing: then the default of days in UTC, the same in every
/// calendar, so that SQL can say it, too (AGG_SOURCE_TIMEFRAME). nullopt: what is named is no timeframe, or the target is 1m.
std::optional<Timeframe> source_of_row(const Timeframe &target, const std::optional<std::string> &configured);

/// What bars of this grid are made of by the rule. nullopt for 1m, which is ingested.
std::optional<Timeframe> default_source(const Grid &grid, SourceRule rule);

} // namespace aggregation
