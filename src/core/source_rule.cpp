#include "core/source_rule.hpp"

namespace aggregation {

std::optional<SourceRule> parse_source_rule(std::string_view text) {
	if (text == "exact" || text == "1m")
		return SourceRule::exact;
	if (text == "chain")
		return SourceRule::chain;
	return std::nullopt;
}

std::optional<Timeframe> source_of_row(const Timeframe &target, const std::optional<std::string> &configured) {
	return configured ? Timeframe::parse(*configured) : Grid(target).default_source();
}

std::optional<Timeframe> default_source(const Grid &grid, SourceRule rule) {
	if (rule == SourceRule::exact && grid.built_from(grid.of(minutes().timeframe())))
		return minutes().timeframe();
	return grid.default_source();
}

} // namespace aggregation
