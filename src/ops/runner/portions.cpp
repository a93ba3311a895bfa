#include "ops/runner/portions.hpp"

#include "ops/bars/progress.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

/// Bounds the length of a batch's transaction.
constexpr int64_t enough_windows = 100'000;
constexpr int64_t smallest_share = 12;

} // namespace

Portions::Portions(std::vector<ClaimedTask> &claimed, int64_t max_windows, Timestamp now)
    : most_windows_(std::min(max_windows, enough_windows)) {
	const int64_t tasks = std::max<int64_t>(static_cast<int64_t>(claimed.size()), 1);
	share_ = std::min(most_windows_, std::max(enough_windows / tasks, smallest_share));
	near_.reserve(claimed.size());
	for (auto &one : claimed) {
		if (!one.task)
			continue;
		const int64_t windows = aggregation::windows_ahead(*one.task, one.task->effective_cursor(), now);
		(std::min(most_windows_, windows) <= share_ ? near_ : far_).push_back({&one, windows});
	}
	std::sort(far_.begin(), far_.end(), [](const Ahead &a, const Ahead &b) { return a.task->listed < b.task->listed; });
}

std::vector<Task> Portions::next() {
	std::vector<Task> tasks;
	tasks.reserve(near_.size());
	windows_ahead_ = 0;
	const auto take = [&](const Ahead &one) {
		tasks.push_back(std::move(*one.task->task));
		one.task->task.reset();
		windows_ahead_ += one.windows;
	};
	for (const auto &one : std::exchange(near_, {}))
		take(one);
	if (!tasks.empty())
		return tasks;
	for (int64_t room = enough_windows - processed_; next_far_ < far_.size() && room > 0; ++next_far_) {
		take(far_[next_far_]);
		room -= std::min(most_windows_, far_[next_far_].windows);
	}
	return tasks;
}

} // namespace aggregation
