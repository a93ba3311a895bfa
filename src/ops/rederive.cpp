#include "ops/rederive.hpp"

#include "core/geometric_index.hpp"
#include "ops/dxy_minutes.hpp"
#include "ops/sealed_ranges.hpp"
#include "ops/source_probe.hpp"

#include <algorithm>
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
	RangeSet todo;
	DirtyRanges rest;
	RangeSet refused;
};

int64_t windows_in(const TaskRun &run, const TimeRange &range) {
	return (range.to - range.from).us / run.task.target.width().us;
}

/// Whether the run found no source from its cursor on. Then nobody will come past what is marked there, and bars that are there (a worker
/// left them, a cursor went back) have lost their source.
bool without_source_ahead(StopReason reason) {
	return reason == StopReason::frontier || reason == StopReason::cursor_beyond_source_data ||
	       reason == StopReason::no_source_data_anywhere;
}

/// What the run has read as it is now. Minutes of the index that nobody computed just now may be older than their pairs.
RangeSet looked_at(const TaskRun &run) {
	if (!reads_index(run.task))
		return run.passed;
	RangeSet not_computed = run.passed;
	not_computed.subtract(run.index_computed);
	RangeSet computed = run.passed;
	computed.subtract(not_computed);
	return computed;
}

LateWork sort_marks(const TaskRun &run, bool mark_passed_again) {
	LateWork work;
	if (mark_passed_again) {
		work.rest.ahead.add(run.passed);
		work.rest.ahead.add({run.task.effective_cursor(), run.plan.cursor(), 0}); // gaps, too: they may be none by now
	}
	// Bars ahead of a cursor that nobody is about to move: should their source go, nobody would come past to notice.
	if (run.cursor_stays) {
		RangeSet ahead = run.passed;
		ahead.clip(run.task.effective_cursor(), Timestamp::infinity());
		work.rest.recheck.add(ahead);
	}
	const Timestamp start = run.task.target.ceil(run.task.start);
	const Timestamp before = run.task.effective_cursor();
	// What lies ahead of a cursor that stays is left to whoever moves it.
	Timestamp reached = before;
	if (!run.cursor_stays)
		reached = without_source_ahead(run.reason) ? Timestamp::infinity() : std::max(before, run.plan.cursor());
	RangeSet all = run.dirty.all();
	const auto put_back = [&](RangeSet beyond, RangeSet &rest) {
		beyond.clip(reached, Timestamp::infinity());
		for (const auto &range : beyond.ranges())
			rest.add({range.from, range.to, 0});
	};
	put_back(run.dirty.due, work.rest.ahead);
	put_back(run.dirty.ahead, work.rest.ahead);
	put_back(run.dirty.recheck, work.rest.recheck);
	all.clip(start, reached);
	if (run.task.late_policy == LatePolicy::freeze) {
		work.refused = all;
		work.refused.clip(start, before);
		all.clip(before, reached);
	}
	all.subtract(looked_at(run));
	work.todo = std::move(all);
	return work;
}

/// Of a range that is too wide for one call only the end in which there is something is worth a look: its last source row or stored bar.
Op<TimeRange> shrink(Database &db, const TaskRun &run, TimeRange range) {
	const Timeframe &target = run.task.target;
	std::vector<SourceProbe> probes {{run.task.key.symbol, run.task.source, range.from, range.to},
	                                 {run.task.key.symbol, target, range.from, range.to}};
	if (reads_index(run.task)) {
		for (const auto &component : dollar_index.components)
			probes.push_back({component.symbol, run.task.source, range.from, range.to});
	}
	const auto found = co_await last_bars(db, probes);
	Timestamp end = range.from;
	for (const auto &last : found) {
		if (last)
			end = std::max(end, target.floor(*last) + target.width());
	}
	co_return TimeRange {range.from, std::min(end, range.to), range.rows};
}

/// Takes the newest `most` windows out of work.todo, in ascending order; the others go to work.rest.
Op<std::vector<TimeRange>> newest(Database &db, const TaskRun &run, LateWork &work, int64_t most) {
	std::vector<TimeRange> chosen;
	auto left = work.todo.ranges();
	while (!left.empty() && most > 0) {
		TimeRange range = left.back();
		left.pop_back();
		if (windows_in(run, range) > most)
			range = co_await shrink(db, run, range);
		const int64_t windows = std::min(windows_in(run, range), most);
		if (windows == 0)
			continue;
		const Timestamp from = range.to - Duration {windows * run.task.target.width().us};
		chosen.push_back({from, range.to});
		if (range.from < from)
			left.push_back({range.from, from});
		most -= windows;
	}
	for (const auto &range : left)
		work.rest.due.add({range.from, range.to, 0});
	std::reverse(chosen.begin(), chosen.end());
	co_return chosen;
}

/// Segments that are processed together: of one table, and not more windows than memory is meant for.
class LateBatch {
public:
	LateBatch(Database &db, std::vector<TaskRun> &runs, ProcessOrder order) : db_(db), runs_(runs), order_(order) {
	}

	Op<void> add(size_t run_index, const TimeRange range) {
		TaskRun &run = runs_[run_index];
		Timestamp from = range.from;
		while (from < range.to) {
			const bool other_table = !segments_.empty() && segments_.front().source->ingested() != run.task.source.ingested();
			if (other_table || windows_ >= most_windows_in_batch)
				co_await flush();
			const int64_t windows = std::min(windows_in(run, {from, range.to}), most_windows_in_batch - windows_);
			const Timestamp to = from + Duration {windows * run.task.target.width().us};
			owners_.push_back(run_index);
			segments_.push_back({.symbol = run.task.key.symbol,
			                     .source = &run.task.source,
			                     .target = &run.task.target,
			                     .from = from,
			                     .to = to,
			                     .derivation_version = run.derivation_version,
			                     .empty_windows_count = true,
			                     .counts = {}});
			windows_ += windows;
			run.late_windows += windows;
			from = to;
		}
	}

	Op<void> flush() {
		if (segments_.empty())
			co_return;
		co_await process_windows(db_, segments_, order_);
		for (size_t i = 0; i < segments_.size(); ++i)
			runs_[owners_[i]].late_counts += segments_[i].counts;
		segments_.clear();
		owners_.clear();
		windows_ = 0;
	}

private:
	Database &db_;
	std::vector<TaskRun> &runs_;
	ProcessOrder order_;
	std::vector<Segment> segments_;
	std::vector<size_t> owners_;
	int64_t windows_ = 0;
};

/// What was looked at although no cursor will be behind it when the call is over: a bar that is there has to be remembered, or its source
/// could go unnoticed, since what changes ahead of a cursor is dropped.
RangeSet ahead_of_all_cursors(const TaskRun &run, const std::vector<TimeRange> &chosen) {
	const Timestamp stored = run.task.effective_cursor();
	const Timestamp cursor = run.cursor_stays ? stored : std::max(stored, run.plan.cursor());
	RangeSet ahead;
	for (const auto &range : chosen)
		ahead.add({range.from, range.to, 0});
	ahead.clip(cursor, Timestamp::infinity());
	return ahead;
}

Op<void> count(Database &db, const TaskRun &run, const LateWork &work) {
	RangeSet passed = run.dirty.due;
	passed.clip(run.task.target.ceil(run.task.start), Timestamp::infinity());
	const int64_t late = passed.rows();
	if (late == 0 && work.refused.empty())
		co_return;
	auto list = parameters(text_parameter(run.task.key.symbol), text_parameter(run.task.key.timeframe), Parameter(AGG_INT8, cell(late)),
	                       Parameter(AGG_INT8, cell(work.refused.rows())));
	co_await db.execute(count_late(), std::move(list));
	if (!work.refused.empty())
		co_await list_refused(db, run.task.key, work.refused);
}

} // namespace

Op<void> take_late_work(Database &db, std::vector<TaskRun> &runs, int64_t max_windows) {
	// What begins behind what this run can reach is left where it is.
	std::vector<TaskKey> keys;
	std::vector<Timestamp> before;
	for (const auto &run : runs) {
		keys.push_back(run.task.key);
		int64_t reach_us = 0;
		if (__builtin_mul_overflow(max_windows, run.task.target.width().us, &reach_us))
			reach_us = Timestamp::infinity().us;
		before.push_back(std::max(run.task.effective_cursor(), run.plan.cursor() + Duration {reach_us}));
	}
	auto taken = co_await take_dirty(db, keys, before);
	for (size_t i = 0; i < runs.size(); ++i)
		runs[i].dirty = std::move(taken[i]);
}

Op<void> rederive(Database &db, std::vector<TaskRun> &runs, int64_t max_windows, ProcessOrder order) {
	const bool mark_passed_again = db.snapshot() == Database::Snapshot::of_transaction;
	LateBatch batch(db, runs, order);
	std::vector<TaskMark> rest;
	std::vector<std::pair<size_t, RangeSet>> ahead;
	for (size_t i = 0; i < runs.size(); ++i) {
		TaskRun &run = runs[i];
		if (run.dirty.empty() && !mark_passed_again && !run.cursor_stays)
			continue;
		auto work = sort_marks(run, mark_passed_again);
		if (!work.todo.empty()) {
			const auto sealed = co_await sealed_windows(db, run.task);
			RangeSet open = work.todo;
			open.subtract(sealed);
			RangeSet closed = std::exchange(work.todo, std::move(open));
			closed.subtract(work.todo);
			work.refused.add(closed);
		}
		co_await count(db, run, work);
		const auto chosen = co_await newest(db, run, work, max_windows);
		for (const auto &range : chosen) {
			if (reads_index(run.task)) {
				const DxyOrder minutes {run.derivation_version, StoredMinutes::kept, IncompleteMinutes::deleted};
				co_await compute_dxy(db, range.from, range.to, minutes);
			}
			co_await batch.add(i, range);
			if (mark_passed_again)
				work.rest.recheck.add({range.from, range.to, 0});
		}
		auto beyond = ahead_of_all_cursors(run, chosen);
		if (!beyond.empty())
			ahead.emplace_back(i, std::move(beyond));
		run.late_work_left = !work.rest.due.empty();
		if (!work.rest.empty())
			rest.push_back({&run.task.key, std::move(work.rest)});
	}
	co_await batch.flush();
	for (auto &[i, windows] : ahead) {
		const WindowCounts &counts = runs[i].late_counts;
		if (counts.inserted + counts.updated + counts.unchanged == 0)
			continue;
		rest.push_back({&runs[i].task.key, {}});
		rest.back().ranges.recheck = std::move(windows);
	}
	co_await mark_dirty(db, rest);
}

} // namespace aggregation
