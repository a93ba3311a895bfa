#include "core/schedule.hpp"

#include <algorithm>

namespace aggregation {

namespace {
constexpr Duration shortest_wait = Duration::seconds(5);
constexpr Duration longest_transient_wait = Duration::minutes(1);
} // namespace

Timestamp next_run_after_success(Timestamp now, Timestamp confirmable, Duration run_interval, bool found_work) {
	if (found_work || confirmable > now)
		return std::min(now + run_interval, confirmable);
	const Duration half_overdue {(now - confirmable).us / 2};
	return now + std::min(std::max(half_overdue, shortest_wait), std::max(run_interval, shortest_wait));
}

Timestamp next_run_after_failure(Timestamp now, Duration run_interval, bool transient) {
	return now + (transient ? std::min(run_interval, longest_transient_wait) : run_interval);
}

} // namespace aggregation
