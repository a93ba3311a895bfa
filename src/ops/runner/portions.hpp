// What of a batch is run together, and in which order.
//
//   first    tasks that are nearly up to date, all at once: nobody's newest bar waits for somebody else's years
//   then     tasks that are far behind, most urgent first, a portion at a time, and each as far as it may go
//   left     the rest, once the transaction is long enough: it is still due, and comes before the others in the next list
//
// To give each of a thousand tasks a few windows instead would make the same bars in many more runs, each of which has its price.
#pragma once

#include "ops/tasks/tasks.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace aggregation {

class Portions {
public:
	/// Of those that have a task, each of which is to go on by at most `max_windows`. `claimed` must outlive this.
	Portions(std::vector<ClaimedTask> &claimed, int64_t max_windows, Timestamp now);

	/// Takes the tasks that are to be run next out of `claimed`. None: all were run, or enough.
	std::vector<Task> next();
	/// How many windows lie ahead of those that next() has answered last, however many of them it may take.
	int64_t windows_ahead() const {
		return windows_ahead_;
	}
	/// Of the tasks that next() has answered last, so many windows were processed.
	void processed(int64_t windows) {
		processed_ += windows;
	}
	/// How many windows of a task may be processed.
	int64_t most_windows() const {
		return most_windows_;
	}
	/// And how many before its cursor. Nobody knows how many there are, so that each task of the batch has the same share.
	int64_t most_late_windows() const {
		return share_;
	}

private:
	struct Ahead {
		ClaimedTask *task;
		int64_t windows;
	};
	std::vector<Ahead> near_;
	std::vector<Ahead> far_; // as they were listed
	size_t next_far_ = 0;
	int64_t windows_ahead_ = 0;
	int64_t most_windows_;
	int64_t share_;
	int64_t processed_ = 0;
};

} // namespace aggregation
