// Numbers as text, whatever the session's settings.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace aggregation {

/// The shortest digits that give the same double again; NaN, Infinity and -Infinity as PostgreSQL spells them.
inline std::string number_text(double number) {
	if (std::isnan(number))
		return "NaN";
	if (std::isinf(number))
		return number > 0 ? "Infinity" : "-Infinity";
	std::array<char, 32> text {}; // 24 characters are enough for any double
	return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

} // namespace aggregation
