#include "core/failure.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace aggregation {

FailureKind failure_kind(const Error &error) {
	static constexpr std::array<std::string_view, 12> surroundings {"08", "0A", "25", "28", "3F", "40", "42", "53", "55", "57", "58", "F0"};
	const std::string_view state = error.sqlstate;
	if (state == "57014" || state.starts_with("57P") || state == "XX001" || state == "XX002")
		return FailureKind::everything;
	const bool not_null_violation = state == "23502";
	const bool no_partition = state == "23514" && !error.table.empty() && error.constraint.empty();
	const bool elsewhere = std::find(surroundings.begin(), surroundings.end(), state.substr(0, 2)) != surroundings.end();
	return elsewhere || not_null_violation || no_partition ? FailureKind::transient : FailureKind::hard;
}

bool detail_shows_row(const Error &error) {
	return error.sqlstate == "23502" || (error.sqlstate == "23514" && !error.constraint.empty());
}

bool another_try_may_do(const Error &error) {
	static constexpr std::array<std::string_view, 5> of_the_moment {"08", "40", "53", "57", "58"};
	const std::string_view state = error.sqlstate;
	return std::find(of_the_moment.begin(), of_the_moment.end(), state.substr(0, 2)) != of_the_moment.end() || state == "55P03" ||
	       state == "55006";
}

} // namespace aggregation
