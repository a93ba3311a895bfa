#include "ops/bars/engine.hpp"

#include "ops/bars/progress.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/marks/look_again.hpp"

#include <algorithm>
#include <variant>

namespace aggregation {

namespace {

/// What one round found that the plans need.
struct Needs {
	std::vector<size_t> first;
	std::vector<size_t> last;
	std::vector<SourceProbe> first_probes;
	std::vector<SourceProbe> last_probes;
};

/// Reads that are processed together.
struct Batch {
	std::vector<size_t> runs;
	std::vector<CatchUp::Read> reads;
	int64_t windows = 0;

	int64_t room() const {
		return most_windows_in_batch - windows;
	}
};

Op<void> process(Database &db, std::vector<TaskRun> &runs, const Batch &batch, TaskGuard *guard, Progress *progress) {
	std::vector<Timestamp> cursors;
	if (progress != nullptr) {
		for (const size_t i : batch.runs)
			cursors.push_back(runs[i].plan.cursor());
	}
	// One statement reads one table; tasks of the same target may read different ones only if someone configured them so.
	for (const bool ingested : {true, false}) {
		std::vector<size_t> members;
		std::vector<Segment> segments;
		segments.reserve(batch.runs.size());
		for (size_t i = 0; i < batch.runs.size(); ++i) {
			TaskRun &run = runs[batch.runs[i]];
			if (run.task.source.ingested() != ingested)
				continue;
			members.push_back(i);
			segments.push_back({.symbol = run.task.key.symbol,
			                    .source = &run.task.source,
			                    .target = &run.task.target,
			                    .from = batch.reads[i].from,
			                    .to = batch.reads[i].to,
			                    .derivation_version = run.derivation_version,
			                    .expected_new = run.expected_new,
			                    .empty_windows = EmptyWindows::in_between,
			                    .made_until = run.task.effective_cursor(),
			                    .plan = &run.plan,
			                    .counts = {}});
		}
		if (segments.empty())
			continue;
		const auto windows = co_await process_windows(db, segments, guard);
		for (const auto &window : windows) {
			TaskRun &run = runs[batch.runs[members[window.segment]]];
			run.passed.add({window.start, run.task.target.next(window.start)});
		}
		for (size_t i = 0; i < members.size(); ++i) {
			TaskRun &run = runs[batch.runs[members[i]]];
			run.counts += segments[i].counts;
			run.plan.read_done(batch.reads[members[i]]);
		}
	}
	if (progress != nullptr) {
		int64_t windows = 0;
		for (size_t i = 0; i < batch.runs.size(); ++i) {
			const TaskRun &run = runs[batch.runs[i]];
			windows += run.task.target.count(cursors[i], run.plan.cursor());
		}
		co_await progress->advance(runs[batch.runs.back()], windows);
	}
}

/// How far each of the active runs may read in this round. Runs beside one another that are made of the same source read the same stretch
/// of it, as many windows as there is room for, so that it is read once for all of them.
std::vector<Timestamp> ends_of_round(const std::vector<TaskRun> &runs, const std::vector<size_t> &active, int64_t room) {
	std::vector<Timestamp> ends(active.size(), Timestamp::infinity());
	const auto share = [&](size_t a, size_t b) {
		return runs[a].task.key.symbol == runs[b].task.key.symbol && runs[a].task.source == runs[b].task.source;
	};
	for (size_t first = 0; first < active.size();) {
		size_t behind = first + 1;
		while (behind < active.size() && share(active[first], active[behind]))
			++behind;
		if (behind - first > 1) {
			Timestamp begin = Timestamp::infinity();
			double windows_per_us = 0;
			for (size_t i = first; i < behind; ++i) {
				begin = std::min(begin, runs[active[i]].plan.position());
				windows_per_us += 1.0 / static_cast<double>(runs[active[i]].task.target.timeframe().width().us);
			}
			const Duration span {static_cast<int64_t>(static_cast<double>(room) / windows_per_us)};
			std::fill(ends.begin() + static_cast<ptrdiff_t>(first), ends.begin() + static_cast<ptrdiff_t>(behind), begin + span);
		}
		first = behind;
	}
	return ends;
}

/// Windows without source that a plan jumps over, or behind which it has found nothing more.
struct Gap {
	size_t run;
	TimeRange windows;
};

Op<void> answer(Database &db, std::vector<TaskRun> &runs, const Needs &needs, std::vector<Gap> &gaps) {
	if (!needs.first.empty()) {
		// Before the probes: what is made of source that they do not see is found by looking again.
		std::vector<Reading> readings;
		for (const size_t i : needs.first)
			readings.push_back({runs[i].task.key.symbol, &runs[i].task.source, &runs[i].task.target});
		const auto certain = co_await certain_until(db, readings);
		const auto found = co_await first_bars(db, needs.first_probes);
		LookAgain again;
		for (size_t i = 0; i < found.size(); ++i) {
			TaskRun &run = runs[needs.first[i]];
			const Timestamp from = run.plan.cursor();
			run.plan.next_source(found[i]);
			if (!found[i])
				continue;
			const Timestamp to = run.task.target.floor(std::min(*found[i], run.plan.source_complete_until()));
			gaps.push_back({needs.first[i], {from, to}});
			again.add_uncertain(run.task.key.symbol, run.task.target, {from, to}, certain[i], Look::as_soon_as_possible);
		}
		co_await again.note(db);
	}
	if (!needs.last.empty()) {
		const auto found = co_await last_bars(db, needs.last_probes);
		for (size_t i = 0; i < found.size(); ++i)
			runs[needs.last[i]].plan.last_source(found[i]);
	}
}

/// Where there is no source there should be no bar: one that is there has lost its source ahead of the cursor, where nobody takes note.
Op<void> look_for_strays(Database &db, std::vector<TaskRun> &runs, const std::vector<Gap> &gaps) {
	if (gaps.empty())
		co_return;
	std::vector<SourceProbe> probes;
	for (const auto &gap : gaps)
		probes.push_back({runs[gap.run].task.key.symbol, runs[gap.run].task.target, gap.windows.from, gap.windows.to});
	const auto found = co_await last_bars(db, probes);
	for (size_t i = 0; i < gaps.size(); ++i) {
		TaskRun &run = runs[gaps[i].run];
		if (found[i])
			run.strays.add({gaps[i].windows.from, run.task.target.next(run.task.target.floor(*found[i]))});
	}
}

} // namespace

Timestamp no_source_until(const TaskRun &run) {
	const bool none_ahead = run.reason == StopReason::frontier || run.reason == StopReason::cursor_beyond_source_data ||
	                        run.reason == StopReason::no_source_data_anywhere;
	Timestamp complete = run.plan.source_complete_until();
	if (run.reads_index()) // whose minutes are made no further
		complete = std::min(complete, run.plan.confirmed_until());
	if (!none_ahead)
		return run.plan.cursor();
	return complete.finite() ? std::max(run.plan.cursor(), run.task.target.floor(complete)) : complete;
}

RangeSet looked_at(const TaskRun &run) {
	if (!run.reads_index())
		return run.passed;
	RangeSet not_computed = run.passed;
	not_computed.subtract(run.index_computed);
	RangeSet computed = run.passed;
	computed.subtract(not_computed);
	return computed;
}

Op<void> run_tasks(Database &db, std::vector<TaskRun> &runs, TaskGuard *guard, Progress *progress) {
	std::vector<size_t> active(runs.size());
	for (size_t i = 0; i < active.size(); ++i)
		active[i] = i;

	std::vector<Gap> gaps;
	while (!active.empty()) {
		Needs needs;
		Batch batch;
		std::vector<size_t> going_on;
		const auto ends = ends_of_round(runs, active, most_windows_in_batch);
		for (size_t k = 0; k < active.size(); ++k) {
			const size_t i = active[k];
			TaskRun &run = runs[i];
			const Timestamp position = run.plan.position();
			if (position >= ends[k]) { // those that it shares its source with are to come so far first
				going_on.push_back(i);
				continue;
			}
			const int64_t most =
			    ends[k] == Timestamp::infinity() ? batch.room() : std::max<int64_t>(1, run.task.target.count(position, ends[k]));
			const auto step = run.plan.next(most);
			if (const auto *finished = std::get_if<CatchUp::Finished>(&step)) {
				run.reason = finished->reason;
				const Timestamp none_until = no_source_until(run);
				if (run.plan.cursor() < none_until)
					gaps.push_back({i, {run.plan.cursor(), none_until}});
				continue;
			}
			going_on.push_back(i);
			if (const auto *find = std::get_if<CatchUp::FindNext>(&step)) {
				needs.first.push_back(i);
				needs.first_probes.push_back({run.task.key.symbol, run.task.source, find->from});
			} else if (std::holds_alternative<CatchUp::FindLast>(step)) {
				needs.last.push_back(i);
				needs.last_probes.push_back({run.task.key.symbol, run.task.source});
			} else {
				const auto &read = std::get<CatchUp::Read>(step);
				batch.runs.push_back(i);
				batch.reads.push_back(read);
				batch.windows += run.task.target.count(read.from, read.to);
				const bool shares_on =
				    k + 1 < active.size() && ends[k] != Timestamp::infinity() && runs[active[k + 1]].task.key.symbol == run.task.key.symbol;
				if (batch.room() <= 0 && !shares_on) {
					co_await process(db, runs, batch, guard, progress);
					batch = Batch();
				}
			}
		}
		if (!batch.runs.empty())
			co_await process(db, runs, batch, guard, progress);
		co_await answer(db, runs, needs, gaps);
		active = std::move(going_on);
	}
	co_await look_for_strays(db, runs, gaps);
}

} // namespace aggregation
