#include "ops/runner/rederive.hpp"

#include "core/geometric_index.hpp"
#include "ops/bars/part_bars.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/look_again.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace aggregation {

namespace {

const Statement &count_late() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET late_rows = COALESCE(s.late_rows, 0) + $3::int8, refused_rows = COALESCE(s.refused_rows, 0) + $4::int8, "
	    "updated_at = now() WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text"};
	return statement;
}

/// What is to be done for one run, and what is left for later.
struct LateWork {
	DirtyRanges todo;
	DirtyRanges rest;
	bool left = false; // of rest: what is a reason to run again, and could have been done now
};

int64_t windows_in(const TaskRun &run, const TimeRange &range) {
	return run.task.target.count(range.from, range.to);
}

bool nothing_to_look_at(const TaskRun &run) {
	return run.dirty.empty() && run.strays.empty();
}

LateWork sort_marks(const TaskRun &run) {
	LateWork work;
	const Timestamp before = run.task.effective_cursor();
	// Where no source is ahead nobody will come past what is marked there; but a window that is not over has time.
	Timestamp reached = no_source_until(run);
	if (reached.finite())
		reached = std::min(reached, run.plan.confirmed_until());
	reached = std::max(before, reached);
	const auto put_back = [&](RangeSet beyond, RangeSet &rest) {
		beyond.clip(reached, Timestamp::infinity());
		for (const auto &range : beyond.ranges())
			rest.add({range.from, range.to, 0});
	};
	put_back(run.dirty.now, work.rest.now);
	put_back(run.dirty.next_run, work.rest.next_run);
	const auto windows = [&](const RangeSet &marked) {
		RangeSet all;
		for (const auto &range : marked.ranges()) // perhaps by somebody who does not know windows
			all.add({run.task.target.floor(std::max(range.from, Timestamp::range_begin())), run.task.target.ceil(range.to), range.rows});
		all.clip(Timestamp::range_begin(), reached);
		all.subtract(looked_at(run));
		return all;
	};
	work.todo.now = windows(run.dirty.now);
	work.todo.now.add(run.strays);
	work.todo.next_run = windows(run.dirty.next_run);
	work.todo.next_run.subtract(work.todo.now);
	return work;
}

/// Of a range that is too wide for one call, or in which nothing new may be made, only the end in which there is something is worth a look:
/// its last source row or stored bar. What lies behind that counts as looked at, and may have to be looked at again like everything else.
Op<TimeRange> shrink(Database &db, const TaskRun &run, TimeRange range, LookAgain &again) {
	const Grid &target = run.task.target;
	const std::vector<Reading> reading {{run.task.key.symbol, &run.task.source, &target}};
	const auto certain = co_await certain_until(db, reading);
	std::vector<SourceProbe> probes {{run.task.key.symbol, target, range.from, range.to}};
	if (range.to > target.ceil(run.task.start)) {
		probes.push_back({run.task.key.symbol, run.task.source, range.from, range.to});
		for (const auto &part : run.index_parts)
			probes.push_back({part.symbol, run.task.source, range.from - part.reach, range.to});
	}
	const auto found = co_await last_part_bars(db, probes);
	Timestamp end = range.from;
	const size_t first_part = found.size() < 2 ? found.size() : 2;
	for (size_t i = 0; i < found.size(); ++i) {
		const Duration reach = i < first_part ? Duration {} : run.index_parts[i - first_part].reach;
		if (found[i])
			end = std::max(end, target.next(target.floor(*found[i] + reach)));
	}
	end = std::min(end, range.to);
	again.add_uncertain(run.task.key.symbol, target, {end, range.to}, certain.front(), Look::with_next_run);
	co_return TimeRange {range.from, end, range.rows};
}

/// What lies before the task's start comes apart from the rest.
std::vector<TimeRange> parted_at_start(const TaskRun &run, const RangeSet &todo) {
	const Timestamp start = run.task.target.ceil(run.task.start);
	std::vector<TimeRange> parts;
	for (const auto &range : todo.ranges()) {
		if (range.from < start && start < range.to) {
			parts.push_back({range.from, start});
			parts.push_back({start, range.to});
		} else {
			parts.push_back(range);
		}
	}
	return parts;
}

/// Takes the newest `most` windows out of todo; the others go to rest. Answers how many it took.
Op<int64_t> take_newest(Database &db, const TaskRun &run, const RangeSet todo, int64_t most, RangeSet &chosen, RangeSet &rest,
                        LookAgain &again) {
	const Timestamp start = run.task.target.ceil(run.task.start);
	int64_t taken = 0;
	auto left = parted_at_start(run, todo);
	while (!left.empty() && taken < most) {
		TimeRange range = left.back();
		left.pop_back();
		if (windows_in(run, range) > most - taken || range.from < start)
			range = co_await shrink(db, run, range, again);
		const int64_t windows = std::min(windows_in(run, range), most - taken);
		if (windows == 0)
			continue;
		const Timestamp from = run.task.target.after(range.to, -windows);
		chosen.add({from, range.to});
		if (range.from < from)
			left.push_back({range.from, from});
		taken += windows;
	}
	for (const auto &range : left)
		rest.add({range.from, range.to, 0});
	co_return taken;
}

/// The windows of this run. Those that are a reason to run come first: who looks again and again at everything that it has made, as with an
/// old snapshot, comes to an end.
Op<RangeSet> choose(Database &db, const TaskRun &run, LateWork &work, LookAgain &again) {
	RangeSet chosen;
	RangeSet left;
	const int64_t taken = co_await take_newest(db, run, work.todo.now, run.most_windows, chosen, left, again);
	work.left = !left.empty();
	work.rest.now.add(left);
	co_await take_newest(db, run, work.todo.next_run, run.most_windows - taken, chosen, work.rest.next_run, again);
	co_return chosen;
}

/// Up to where a task's bars never change.
Timestamp frozen_before(const Task &task) {
	return task.late_policy == LatePolicy::freeze ? task.effective_cursor() : Timestamp::minus_infinity();
}

/// Segments that are processed together: of one table, and not more windows than memory is meant for.
class LateBatch {
public:
	LateBatch(Database &db, std::vector<TaskRun> &runs, TaskGuard *guard) : db_(db), runs_(runs), guard_(guard) {
	}

	Op<void> add(size_t run_index, const TimeRange range) {
		TaskRun &run = runs_[run_index];
		Timestamp from = range.from;
		while (from < range.to) {
			const bool other_table = !segments_.empty() && segments_.front().source->ingested() != run.task.source.ingested();
			if (other_table || windows_ >= most_windows_in_batch)
				co_await flush();
			const int64_t windows = std::min(windows_in(run, {from, range.to}), most_windows_in_batch - windows_);
			const Timestamp to = run.task.target.after(from, windows);
			owners_.push_back(run_index);
			segments_.push_back({.symbol = run.task.key.symbol,
			                     .source = &run.task.source,
			                     .target = &run.task.target,
			                     .from = from,
			                     .to = to,
			                     .derivation_version = run.derivation_version,
			                     .empty_windows = EmptyWindows::all,
			                     .nothing_new_before = run.task.target.ceil(run.task.start),
			                     .frozen_before = frozen_before(run.task),
			                     .counts = {}});
			windows_ += windows;
			run.late_windows += windows;
			from = to;
		}
	}

	Op<void> flush() {
		if (segments_.empty())
			co_return;
		sort();
		co_await process_windows(db_, segments_, guard_);
		for (size_t i = 0; i < segments_.size(); ++i) {
			runs_[owners_[i]].late_counts += segments_[i].counts;
			runs_[owners_[i]].refused.add(segments_[i].sealed);
			runs_[owners_[i]].refused.add(segments_[i].refused);
		}
		segments_.clear();
		owners_.clear();
		windows_ = 0;
	}

private:
	/// Those that read the same source side by side: it is read once for them.
	void sort() {
		const auto order = [&](size_t a, size_t b) {
			const Segment &left = segments_[a];
			const Segment &right = segments_[b];
			return std::tie(left.symbol, left.source->name(), left.from) < std::tie(right.symbol, right.source->name(), right.from);
		};
		std::vector<size_t> sorted(segments_.size());
		std::iota(sorted.begin(), sorted.end(), size_t {0});
		std::stable_sort(sorted.begin(), sorted.end(), order);
		std::vector<Segment> segments;
		std::vector<size_t> owners;
		for (const size_t i : sorted) {
			segments.push_back(std::move(segments_[i]));
			owners.push_back(owners_[i]);
		}
		segments_ = std::move(segments);
		owners_ = std::move(owners);
	}

	Database &db_;
	std::vector<TaskRun> &runs_;
	TaskGuard *guard_;
	std::vector<Segment> segments_;
	std::vector<size_t> owners_;
	int64_t windows_ = 0;
};

/// All of them before a bar is made: what is changed from then on is late for somebody.
Op<void> compute_late_minutes(const std::vector<TaskRun> &runs, IndexMinutes &minutes) {
	minutes.begin_taking_changes();
	for (const auto &run : runs) {
		if (!run.reads_index())
			continue;
		for (const auto &range : run.late_passed.ranges())
			co_await minutes.compute(run.task.key.symbol, range.from, range.to, run.derivation_version);
	}
	minutes.end_taking_changes();
}

Op<void> count(Database &db, const TaskRun &run, const RangeSet &refused) {
	RangeSet passed = run.dirty.now;
	passed.clip(Timestamp::minus_infinity(), run.task.effective_cursor());
	const int64_t late = passed.rows();
	if (late == 0 && refused.empty())
		co_return;
	auto list = parameters(text_parameter(run.task.key.symbol), text_parameter(run.task.key.timeframe), Parameter(AGG_INT8, cell(late)),
	                       Parameter(AGG_INT8, cell(refused.rows())));
	co_await db.execute(count_late(), std::move(list));
	if (!refused.empty())
		co_await list_refused(db, run.task.key, refused);
}

/// The refused windows of what was marked. A mark's rows count once, however many windows it comes to.
RangeSet with_rows(const RangeSet &refused, const RangeSet &marked) {
	RangeSet counted;
	for (const auto &mark : marked.ranges()) {
		RangeSet part = refused;
		part.clip(mark.from, mark.to);
		int64_t rows = mark.rows;
		for (const auto &range : part.ranges())
			counted.add({range.from, range.to, std::exchange(rows, 0)});
	}
	return counted;
}

} // namespace

Op<void> take_late_work(Database &db, std::vector<TaskRun> &runs, int64_t max_windows) {
	std::vector<TaskKey> keys;
	std::vector<Timestamp> cursors;
	for (const auto &run : runs) {
		keys.push_back(run.task.key);
		cursors.push_back(run.task.effective_cursor());
	}
	auto taken = co_await take_dirty(db, keys, cursors, max_windows);
	for (size_t i = 0; i < runs.size(); ++i) {
		runs[i].late_work_left = taken[i].reasons_left;
		runs[i].dirty = std::move(taken[i].ranges);
		// What is marked ahead of the cursor may be stored there, as bars of windows that a calendar no longer has.
		if (runs[i].dirty.empty())
			continue;
		RangeSet ahead = runs[i].dirty.all();
		ahead.clip(cursors[i], Timestamp::infinity());
		runs[i].expected_new = runs[i].expected_new && ahead.empty();
	}
}

Op<void> rederive(Database &db, std::vector<TaskRun> &runs, IndexMinutes &minutes, TaskGuard *guard) {
	LateBatch batch(db, runs, guard);
	LookAgain again;
	std::vector<TaskMark> rest;
	for (size_t i = 0; i < runs.size(); ++i) {
		TaskRun &run = runs[i];
		if (nothing_to_look_at(run))
			continue;
		auto work = sort_marks(run);
		const RangeSet chosen = co_await choose(db, run, work, again);
		run.late_passed.add(chosen);
		run.late_work_left = run.late_work_left || work.left;
		if (!work.rest.empty())
			rest.push_back({&run.task.key, std::move(work.rest)});
	}
	co_await compute_late_minutes(runs, minutes);
	for (size_t i = 0; i < runs.size(); ++i) {
		for (const auto &range : runs[i].late_passed.ranges())
			co_await batch.add(i, range);
	}
	co_await batch.flush();
	for (auto &run : runs) {
		if (nothing_to_look_at(run))
			continue;
		const RangeSet refused = with_rows(run.refused, run.dirty.all());
		co_await count(db, run, refused);
	}
	co_await mark_dirty(db, rest);
	co_await again.note(db);
}

} // namespace aggregation
