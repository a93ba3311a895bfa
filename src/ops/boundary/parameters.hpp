// Parameters of statements, put together where a statement is run.
#pragma once

#include "ops/boundary/database.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aggregation {

/// Puts parameters into a list, in the order of $1, $2, ...
template <class... P>
std::vector<Parameter> parameters(P &&...each) {
	std::vector<Parameter> list;
	list.reserve(sizeof...(each));
	(list.push_back(std::forward<P>(each)), ...);
	return list;
}

inline Parameter text_parameter(std::string_view value) {
	return {AGG_TEXT, cell(value)};
}

inline Parameter timestamp_parameter(Timestamp value) {
	return {AGG_TIMESTAMPTZ, cell(value)};
}

/// A text[]. The texts must outlive it.
template <class Text>
Parameter text_array(const std::vector<Text> &texts) {
	std::vector<agg_cell> cells;
	cells.reserve(texts.size());
	for (const auto &text : texts)
		cells.push_back(cell(std::string_view(text)));
	return {AGG_TEXT, std::move(cells)};
}

} // namespace aggregation
