#include "core/failure.hpp"

#include <algorithm>
#include <array>

namespace aggregation {

FailureKind failure_kind(std::string_view sqlstate) {
	static constexpr std::array<std::string_view, 12> surroundings {"08", "0A", "25", "28", "3F", "40", "42", "53", "55", "57", "58", "F0"};
	static constexpr std::string_view not_null_violation = "23502";
	if (sqlstate == "57014" || sqlstate.starts_with("57P") || sqlstate == "XX001" || sqlstate == "XX002")
		return FailureKind::everything;
	const bool elsewhere =
	    sqlstate == not_null_violation || std::find(surroundings.begin(), surroundings.end(), sqlstate.substr(0, 2)) != surroundings.end();
	return elsewhere ? FailureKind::transient : FailureKind::hard;
}

} // namespace aggregation
