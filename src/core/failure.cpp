#include "core/failure.hpp"

#include <algorithm>
#include <array>

namespace aggregation {

FailureKind failure_kind(std::string_view sqlstate) {
	static constexpr std::array<std::string_view, 7> transient {"08", "25", "40", "53", "55", "57", "58"};
	if (sqlstate == "57014" || sqlstate.starts_with("57P") || sqlstate == "XX001" || sqlstate == "XX002")
		return FailureKind::everything;
	const bool known = std::find(transient.begin(), transient.end(), sqlstate.substr(0, 2)) != transient.end();
	return known ? FailureKind::transient : FailureKind::hard;
}

} // namespace aggregation
