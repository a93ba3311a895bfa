// agg_aggregate_tasks: brings a list of tasks forward from their stored cursors in one transaction, bars, cursors and totals together.
#include "ops/functions.hpp"

#include "core/schedule.hpp"
#include "ops/engine.hpp"
#include "ops/source_watermark.hpp"

#include <algorithm>
#include <map>

namespace aggregation {

namespace {

// A cursor that another worker has moved further meanwhile stays where it is.
const Statement &record_progress() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET status = CASE WHEN s.status IN ('hard_failed', 'disabled') THEN s.status ELSE 'idle' END, "
	    "running_started_at_utc = NULL, claim_token = NULL, hard_fail_streak = 0, last_error = NULL, last_successful_at_utc = $3::timestamptz, "
	    "last_attempted_at_utc = $3::timestamptz, last_agg_bar_ts_utc = GREATEST(s.last_agg_bar_ts_utc, n.cursor_utc), "
	    "next_run_at = n.next_run_at, total_runs = COALESCE(s.total_runs, 0) + 1, "
	    "total_bars_created = COALESCE(s.total_bars_created, 0) + n.bars_created, "
	    "total_bars_quality_poor = COALESCE(s.total_bars_quality_poor, 0) + n.quality_poor, updated_at = now() "
	    "FROM unnest($1::text[], $2::text[], $4::timestamptz[], $5::timestamptz[], $6::int8[], $7::int8[]) "
	    "AS n(symbol, timeframe, cursor_utc, next_run_at, bars_created, quality_poor) "
	    "WHERE s.canonical_symbol = n.symbol AND s.timeframe = n.timeframe"};
	return statement;
}

struct Order {
	int64_t max_windows;
	Timestamp now;
	int64_t derivation_version;
};

Op<void> record(Database &db, const std::vector<TaskRun> &runs, const Order &order) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> cursors;
	std::vector<agg_cell> next_runs;
	std::vector<agg_cell> created;
	std::vector<agg_cell> poor;
	for (const auto &run : runs) {
		const Timestamp confirmable = run.plan.cursor() + run.task.target.width() + run.task.delay;
		symbols.push_back(cell(std::string_view(run.task.key.symbol)));
		timeframes.push_back(cell(std::string_view(run.task.key.timeframe)));
		cursors.push_back(cell(run.plan.cursor()));
		next_runs.push_back(cell(next_run_after_success(order.now, confirmable, run.task.run_interval, run.plan.windows_processed() > 0)));
		created.push_back(cell(run.counts.created()));
		poor.push_back(cell(run.counts.quality_poor));
	}
	auto list =
	    parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)), timestamp_parameter(order.now),
	               Parameter(AGG_TIMESTAMPTZ, std::move(cursors)), Parameter(AGG_TIMESTAMPTZ, std::move(next_runs)),
	               Parameter(AGG_INT8, std::move(created)), Parameter(AGG_INT8, std::move(poor)));
	const Statement statement = for_keys(record_progress(), runs.size());
	co_await db.execute(statement, std::move(list));
}

/// Runs tasks of one width and records where they got to.
Op<std::vector<TaskRun>> run_width(Database &db, const std::vector<TaskKey> &keys, const Order &order) {
	const auto found = co_await read_tasks(db, keys);
	std::vector<Task> tasks;
	for (size_t i = 0; i < keys.size(); ++i) {
		if (!found[i])
			throw missing_task("Missing agg config ", keys[i]);
		tasks.push_back(*found[i]);
	}
	const auto watermarks = co_await source_watermarks(db, tasks);
	std::vector<TaskRun> runs;
	runs.reserve(tasks.size());
	for (size_t i = 0; i < tasks.size(); ++i) {
		runs.push_back({.task = tasks[i],
		                .plan = CatchUp({.target = tasks[i].target,
		                                 .start_cursor = tasks[i].effective_cursor(),
		                                 .agg_start = tasks[i].start,
		                                 .now = order.now,
		                                 .delay = tasks[i].delay,
		                                 .max_windows = order.max_windows,
		                                 .at_gap = AtGap::jump,
		                                 .source_complete_until = watermarks[i]}),
		                .derivation_version = order.derivation_version,
		                .expected_new = tasks[i].cursor.has_value(),
		                .counts = {}});
	}
	co_await run_tasks(db, runs);
	co_await record(db, runs, order);
	co_return runs;
}

constexpr size_t result_columns = 14;
constexpr size_t rows_at_once = 1024;

Op<void> report(Database &db, const std::vector<TaskRun> &runs) {
	for (size_t begin = 0; begin < runs.size(); begin += rows_at_once) {
		std::vector<agg_cell> cells;
		for (size_t i = begin; i < std::min(runs.size(), begin + rows_at_once); ++i) {
			const TaskRun &run = runs[i];
			for (const agg_cell &value :
			     {cell(std::string_view(run.task.key.symbol)), cell(std::string_view(run.task.key.timeframe)),
			      cell(run.plan.windows_processed()), cell(run.counts.created()), cell(run.counts.inserted), cell(run.counts.updated),
			      cell(run.counts.unchanged), cell(run.counts.deleted), cell(run.counts.quality_poor), cell(run.counts.skipped),
			      cell(run.counts.refused), cell(run.plan.cursor()), cell(std::string_view(to_string(run.reason))),
			      cell(worth_calling_again(run.reason))})
				cells.push_back(value);
		}
		co_await db.emit_rows(cells, result_columns);
	}
}

} // namespace

Op<Answer> aggregate_tasks(Database &db, Arguments arguments) {
	const auto symbols = arguments.texts(0, "p_symbols");
	const auto timeframes = arguments.texts(1, "p_timeframes");
	const Order order {arguments.integer(2, "p_max_windows"), arguments.maybe_timestamp(3, "p_now_utc").value_or(db.transaction_start()),
	                   arguments.integer(4, "p_derivation_version")};
	if (symbols.size() != timeframes.size())
		throw Error(sqlstate::invalid_parameter_value,
		            "p_symbols has " + std::to_string(symbols.size()) + " elements, p_timeframes has " + std::to_string(timeframes.size()),
		            "Pass one timeframe for each symbol.");
	if (order.max_windows < 1)
		throw Error(sqlstate::invalid_parameter_value, "p_max_windows must be at least 1, not " + std::to_string(order.max_windows),
		            "Pass the number of windows to process at most for each task.");

	// Narrow before wide, so that an hour sees the 5m bars of the same call.
	std::map<Duration, std::map<std::string, std::vector<TaskKey>>> by_width;
	for (size_t i = 0; i < symbols.size(); ++i)
		by_width[timeframe_or_throw(symbols[i], timeframes[i]).width()][timeframes[i]].push_back({symbols[i], timeframes[i]});
	for (auto &[width, by_timeframe] : by_width) {
		for (auto &[timeframe, keys] : by_timeframe) {
			std::sort(keys.begin(), keys.end(), [](const TaskKey &a, const TaskKey &b) { return a.symbol < b.symbol; });
			for (size_t i = 1; i < keys.size(); ++i) {
				if (keys[i].symbol == keys[i - 1].symbol)
					throw Error(sqlstate::invalid_parameter_value, "task " + keys[i].label() + " is named twice", "Name each task once.");
			}
			const auto runs = co_await run_width(db, keys, order);
			co_await report(db, runs);
		}
	}
	co_return Answer::rows();
}

} // namespace aggregation
