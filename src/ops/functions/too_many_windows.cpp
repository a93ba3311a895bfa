#include "ops/functions/too_many_windows.hpp"

#include "core/error.hpp"

namespace aggregation {

void refuse_too_many_windows(const Grid &grid, const std::string &subject, Timestamp from, Timestamp to) {
	constexpr int64_t most = 5'000'000;
	if (grid.count(grid.floor(from), to) >= most)
		throw Error(sqlstate::program_limit_exceeded,
		            "more than " + std::to_string(most) + " windows of " + grid.name() + " lie between " + to_iso8601(from) + " and " +
		                to_iso8601(to) + " (" + subject + ")",
		            "Ask for a shorter range, or for one after the other.");
}

} // namespace aggregation
