#include "ops/engine.hpp"

#include "ops/progress.hpp"
#include "ops/source_probe.hpp"

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

Op<void> process(Database &db, std::vector<TaskRun> &runs, const Batch &batch, const ProcessOrder order, Progress *progress) {
	std::vector<Timestamp> cursors;
	if (progress != nullptr) {
		for (const size_t i : batch.runs)
			cursors.push_back(runs[i].plan.cursor());
	}
	// One statement reads one table; tasks of the same target may read different ones only if someone configured them so.
	for (const bool ingested : {true, false}) {
		std::vector<size_t> members;
		std::vector<Segment> segments;
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
			                    .plan = &run.plan,
			                    .counts = {}});
		}
		if (segments.empty())
			continue;
		const auto windows = co_await process_windows(db, segments, order);
		for (const auto &window : windows) {
			TaskRun &run = runs[batch.runs[members[window.segment]]];
			run.passed.add({window.start, window.start + run.task.target.width()});
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
			windows += (run.plan.cursor() - cursors[i]).us / run.task.target.width().us;
		}
		co_await progress->advance(runs[batch.runs.back()], windows);
	}
}

Op<void> answer(Database &db, std::vector<TaskRun> &runs, const Needs &needs) {
	if (!needs.first.empty()) {
		const auto found = co_await first_bars(db, needs.first_probes);
		for (size_t i = 0; i < found.size(); ++i)
			runs[needs.first[i]].plan.next_source(found[i]);
	}
	if (!needs.last.empty()) {
		const auto found = co_await last_bars(db, needs.last_probes);
		for (size_t i = 0; i < found.size(); ++i)
			runs[needs.last[i]].plan.last_source(found[i]);
	}
}

} // namespace

Op<void> run_tasks(Database &db, std::vector<TaskRun> &runs, ProcessOrder order, Progress *progress) {
	std::vector<size_t> active(runs.size());
	for (size_t i = 0; i < active.size(); ++i)
		active[i] = i;

	while (!active.empty()) {
		Needs needs;
		Batch batch;
		std::vector<size_t> going_on;
		for (const size_t i : active) {
			TaskRun &run = runs[i];
			const auto step = run.plan.next(batch.room());
			if (const auto *finished = std::get_if<CatchUp::Finished>(&step)) {
				run.reason = finished->reason;
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
				batch.windows += (read.to - read.from).us / run.task.target.width().us;
				if (batch.room() <= 0) {
					co_await process(db, runs, batch, order, progress);
					batch = Batch();
				}
			}
		}
		if (!batch.runs.empty())
			co_await process(db, runs, batch, order, progress);
		co_await answer(db, runs, needs);
		active = std::move(going_on);
	}
}

} // namespace aggregation
