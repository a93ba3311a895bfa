// Cells as the fake database makes and reads them.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/operation.h"

#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace aggregation {

inline agg_cell text_cell(const std::string &text) {
	agg_cell result {};
	result.as.text = text.data();
	result.length = static_cast<int32_t>(text.size());
	return result;
}
inline agg_cell number_cell(int64_t value) {
	agg_cell result {};
	result.as.integer = value;
	return result;
}
inline agg_cell null_cell_() {
	agg_cell result {};
	result.is_null = true;
	return result;
}
inline agg_cell real_cell(std::optional<double> value) {
	agg_cell result = null_cell_();
	if (value) {
		result.is_null = false;
		result.as.real = *value;
	}
	return result;
}
inline agg_cell maybe_number(std::optional<int64_t> value) {
	return value ? number_cell(*value) : null_cell_();
}
inline agg_cell maybe_time(std::optional<Timestamp> value) {
	return value ? number_cell(value->us) : null_cell_();
}

inline std::string text_of(const agg_cell &cell) {
	return {cell.as.text, static_cast<size_t>(cell.length)};
}
inline std::optional<double> real_of(const agg_cell &cell) {
	return cell.is_null ? std::nullopt : std::optional(cell.as.real);
}
inline std::optional<int64_t> number_of(const agg_cell &cell) {
	return cell.is_null ? std::nullopt : std::optional(cell.as.integer);
}

/// A statement in one line.
inline const std::string &one_line(const char *sql) {
	static std::unordered_map<std::string, std::string> known;
	static const std::pair<const std::string, std::string> *last = nullptr; // a request is asked about many times in a row
	if (last != nullptr && last->first == sql)
		return last->second;
	auto [found, is_new] = known.try_emplace(sql);
	last = &*found;
	if (is_new) {
		std::string &line = found->second;
		for (const char c : found->first) {
			const bool blank = c == ' ' || c == '\n' || c == '\t';
			if (c == ')' && line.ends_with(' '))
				line.pop_back();
			if (!blank)
				line += c;
			else if (!line.empty() && !line.ends_with(' ') && !line.ends_with('('))
				line += ' ';
		}
	}
	return found->second;
}

/// Whether a statement has these words, however it is laid out.
inline bool has(const agg_request &request, const char *words) {
	if (std::strchr(request.sql, '\n') == nullptr)
		return std::strstr(request.sql, words) != nullptr;
	return one_line(request.sql).find(words) != std::string::npos;
}

inline const agg_cell &parameter(const agg_request &request, size_t i, size_t k = 0) {
	return request.parameters[i].is_array ? request.parameters[i].cells[k] : *request.parameters[i].cells;
}

} // namespace aggregation
