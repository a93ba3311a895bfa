// Symbols: how long one may be, and how a message names it. Longer ones are refused by every function and by the registry's sync, and
// changes of their bars are not noted: no task can exist for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace aggregation {

/// In bytes. A symbol stands in every row, every index and every entry of the log.
inline constexpr size_t longest_symbol = 256;

inline bool has_blanks_around(std::string_view symbol) {
	const std::string_view blanks = " \t\r\n";
	return !symbol.empty() && (blanks.find(symbol.front()) != blanks.npos || blanks.find(symbol.back()) != blanks.npos);
}

inline bool has_control_characters(std::string_view name) {
	constexpr unsigned char del = 0x7f;
	return std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == del; });
}

/// A symbol as a message names it: as it is, or quoted where nobody would see it; control characters, which could do anything to a terminal
/// or a line of a log, as PostgreSQL spells them in E''.
inline std::string named(std::string_view symbol) {
	if (!symbol.empty() && !has_blanks_around(symbol) && !has_control_characters(symbol))
		return std::string(symbol);
	constexpr std::string_view digits = "0123456789abcdef";
	std::string text = "\"";
	for (const char c : symbol) {
		const auto code = static_cast<unsigned char>(c);
		if (c == '\n' || c == '\t' || c == '\r')
			text.append(c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else if (has_control_characters({&c, 1}))
			text.append("\\x").append({digits[code / 16], digits[code % 16]});
		else
			text += c;
	}
	return text + "\"";
}

} // namespace aggregation
