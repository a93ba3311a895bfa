#include "ops/runner/made_minutes.hpp"

#include <utility>

namespace aggregation {

Op<void> mark_made_minutes(Database &db, const MadeMinutes &minutes, const std::vector<ReadSince> read) {
	co_await mark_own_changes(db, minutes.made, read);
	const std::vector<ReadSince> nobody;
	co_await mark_own_changes(db, minutes.beside, nobody);
}

Op<void> mark_made_minutes(Database &db, const MadeMinutes &minutes, const std::vector<TaskRun> &runs) {
	std::vector<ReadSince> read;
	for (const auto &run : runs) {
		if (!run.reads_index())
			continue;
		// Of these windows no minute was made twice: what was made for the ones was not made again for the others.
		RangeSet windows = looked_at(run);
		windows.add(run.late_passed);
		read.push_back({run.task.key, std::move(windows)});
	}
	co_await mark_made_minutes(db, minutes, std::move(read));
}

} // namespace aggregation
