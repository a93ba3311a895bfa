// derived_rebuild_range: makes the bars of a range anew from their source, as one transaction: readers see the old bars or the new ones.
#include "ops/functions/functions.hpp"

#include "ops/bars/index_minutes.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/bar_ranges.hpp"
#include "ops/runner/made_minutes.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace aggregation {

namespace {

const Statement &highest_version() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT max(d.derivation_version)::int8 FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz AND d.deleted_at IS NULL",
	    {AGG_INT8}};
	return statement;
}

const Statement &accept_refused() {
	static const Statement statement {
	    "agg_refused_ranges",
	    "DELETE FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text AND r.timeframe = $2::text AND r.from_utc >= $3::timestamptz "
	    "AND r.to_utc <= $4::timestamptz"};
	return statement;
}

/// The windows of the range in which there is source or a bar: a century costs no more than what is in it. Not for a task that reads an
/// index, whose source may still have to be computed.
Op<TimeRange> with_content(Database &db, const Task &task, Timestamp from, Timestamp to) {
	const std::vector<SourceProbe> probes {{task.key.symbol, task.source, from, to}, {task.key.symbol, task.target, from, to}};
	const auto first = co_await first_bars(db, probes);
	const auto last = co_await last_bars(db, probes);
	TimeRange found {Timestamp::infinity(), Timestamp::minus_infinity()};
	for (size_t i = 0; i < probes.size(); ++i) {
		if (!first[i] || !last[i] || *first[i] >= to)
			continue;
		found.from = std::min(found.from, task.target.floor(*first[i]));
		found.to = std::max(found.to, task.target.next(task.target.floor(*last[i])));
	}
	co_return found.from < found.to ? TimeRange {std::max(found.from, from), std::min(found.to, to)} : TimeRange {from, from};
}

struct Rebuild {
	const Task *task;
	Timestamp from; // whole windows
	Timestamp to;
	int64_t max_windows;
	bool bump;
	bool reads_index;
	std::string reason;
	IndexMinutes minutes;
	int64_t version = 1;
	WindowCounts counts = {};
	int64_t windows = 0;
	RangeSet passed = {}; // of a task that reads an index
	int64_t replaced = 0;
	std::optional<Timestamp> next = {}; // where the next call goes on

	Timestamp done_to() const {
		return next.value_or(to);
	}
};

/// What the task has not passed yet is made when it gets there; but a worker that has claimed it may have been there already.
Op<void> leave_to_the_next_run(Database &db, const Task &task, const TimeRange range) {
	if (!task.claimed)
		co_return;
	RangeSet ahead;
	ahead.add({std::max(range.from, task.effective_cursor()), range.to, 0});
	co_await mark_windows(db, task, std::move(ahead));
}

Op<void> rebuild_part(Database &db, Rebuild &rebuild, const TimeRange part) {
	const Task &task = *rebuild.task;
	if (rebuild.reads_index) {
		rebuild.minutes.begin_taking_changes();
		co_await rebuild.minutes.compute(task.key.symbol, part.from, part.to, 1);
		rebuild.minutes.end_taking_changes();
		rebuild.passed.add(part);
	}
	std::vector<Segment> segments {{.symbol = task.key.symbol,
	                                .source = &task.source,
	                                .target = &task.target,
	                                .from = part.from,
	                                .to = part.to,
	                                .derivation_version = rebuild.version,
	                                .empty_windows = EmptyWindows::all,
	                                .replace_reason = rebuild.bump ? &rebuild.reason : nullptr,
	                                .counts = {}}};
	co_await process_windows(db, segments);
	WindowCounts counts = segments.front().counts;
	if (rebuild.bump) {
		// The old bars count as replaced, the new ones as inserted.
		rebuild.replaced += counts.deleted;
		counts.deleted = 0;
	}
	rebuild.counts += counts;
	rebuild.windows += task.target.count(part.from, part.to);
}

/// The version of bars that replace those of a range: higher than any of theirs.
Op<int64_t> bumped_version(Database &db, const Task &task, const TimeRange range) {
	int64_t highest = 0;
	auto receive = [&](const Row &row) {
		highest = row.maybe_integer(0).value_or(0);
		return Flow::more;
	};
	auto list = parameters(text_parameter(task.key.symbol), text_parameter(task.target.name()), timestamp_parameter(range.from),
	                       timestamp_parameter(range.to));
	co_await db.query(highest_version(), std::move(list), receive);
	co_return std::max(task.derivation_version, highest + 1);
}

/// Rebuilds what is not sealed, piece by piece, at most as many windows as are asked for.
Op<void> rebuild_all(Database &db, Rebuild &rebuild) {
	const Task &task = *rebuild.task;
	TimeRange content {rebuild.from, std::max(rebuild.from, rebuild.to)};
	if (rebuild.from < rebuild.to && !rebuild.reads_index)
		content = co_await with_content(db, task, rebuild.from, rebuild.to);
	RangeSet todo;
	todo.add(content);
	const auto sealed = co_await sealed_windows(db, task);
	todo.subtract(sealed);
	if (rebuild.bump)
		rebuild.version = co_await bumped_version(db, task, content);
	for (const auto &part : todo.ranges()) {
		Timestamp begin = part.from;
		while (begin < part.to && rebuild.windows < rebuild.max_windows) {
			const int64_t windows =
			    std::min({task.target.count(begin, part.to), most_windows_in_batch, rebuild.max_windows - rebuild.windows});
			const TimeRange piece {begin, task.target.after(begin, windows)};
			co_await rebuild_part(db, rebuild, piece);
			begin = piece.to;
		}
		if (begin < part.to) {
			rebuild.next = begin;
			co_return;
		}
	}
}

/// What the task's late_policy has refused is made now.
Op<void> forget_refusals(Database &db, const Rebuild &rebuild) {
	if (rebuild.from >= rebuild.done_to())
		co_return;
	const TaskKey &key = rebuild.task->key;
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), timestamp_parameter(rebuild.from),
	                       timestamp_parameter(rebuild.done_to()));
	co_await db.execute(accept_refused(), std::move(list));
}

Answer answer(const Rebuild &rebuild) {
	return Answer::json(JsonObject()
	                        .add("success", true)
	                        .add("from_utc", rebuild.from)
	                        .add("to_utc", std::max(rebuild.from, rebuild.done_to()))
	                        .add("windows_processed", rebuild.windows)
	                        .add("bars_replaced", rebuild.replaced)
	                        .add("bars_inserted", rebuild.counts.inserted)
	                        .add("bars_updated", rebuild.counts.updated)
	                        .add("bars_unchanged", rebuild.counts.unchanged)
	                        .add("bars_deleted", rebuild.counts.deleted)
	                        .add("derivation_version", rebuild.version)
	                        .add("continue", rebuild.next.has_value())
	                        .add("next_from_utc", rebuild.next)
	                        .text());
}

} // namespace

Op<Answer> derived_rebuild_range(Database &db, Arguments arguments) {
	const BarRange range = co_await bar_range(db, arguments);
	const bool bump = arguments.boolean("p_bump_derivation_version");
	const std::string reason = arguments.maybe_text("p_reason").value_or("rebuild");
	const int64_t max_windows = arguments.integer("p_max_windows");
	arguments.check_positive("p_max_windows", "Pass the maximum number of windows to rebuild in one call, such as 100000.");
	co_await begin_bar_change(db, range);
	const Task task = co_await task_or_throw(db, range.key);
	const TimeRange asked {std::max(range.from, task.target.ceil(task.start)), range.to};
	co_await leave_to_the_next_run(db, task, asked);
	const std::vector<Task> tasks {task};
	const auto indexes = co_await indexes_for(db, tasks);
	Rebuild rebuild {.task = &task,
	                 .from = asked.from,
	                 .to = std::min(asked.to, task.effective_cursor()),
	                 .max_windows = max_windows,
	                 .bump = bump,
	                 .reads_index = index_read_by(task, indexes) != nullptr,
	                 .reason = reason,
	                 .minutes = IndexMinutes(db),
	                 .version = task.derivation_version};
	co_await rebuild_all(db, rebuild);
	const std::vector<ReadSince> read {{task.key, rebuild.passed}};
	co_await mark_made_minutes(db, rebuild.minutes.made(), read);
	co_await forget_refusals(db, rebuild);
	co_return answer(rebuild);
}

} // namespace aggregation
