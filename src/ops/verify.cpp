// agg_verify: every difference between the stored bars and what their source says. agg_verify_sample: the same for random stretches of all
// tasks, within a time budget, recorded in agg_audit.
#include "ops/functions.hpp"

#include "core/geometric_index.hpp"
#include "ops/dxy_minutes.hpp"
#include "ops/json.hpp"
#include "ops/verification.hpp"

#include <algorithm>
#include <random>

namespace aggregation {

namespace {

const Statement &record_audit() {
	static const Statement statement {
	    "agg_audit",
	    "INSERT INTO @agg_audit (started_at, finished_at, fraction, tasks, windows, differences, complete, details) VALUES ($1::timestamptz, "
	    "$2::timestamptz, $3::float8, $4::int8, $5::int8, $6::int8, $7::bool, $8::text::jsonb)"};
	return statement;
}

const Statement &forget_audits() {
	static const Statement statement {"agg_audit", "DELETE FROM @agg_audit a WHERE a.started_at < $1::timestamptz"};
	return statement;
}

Op<std::vector<Task>> find_tasks(Database &db, const std::optional<std::string> symbol, const std::optional<std::string> timeframe) {
	const auto keys = co_await matching_tasks(db, symbol, timeframe);
	const auto found = co_await read_tasks(db, keys);
	std::vector<Task> tasks;
	for (const auto &task : found) {
		if (task)
			tasks.push_back(*task);
	}
	co_return tasks;
}

constexpr size_t result_columns = 8;

Op<void> emit(Database &db, const std::vector<Difference> &differences) {
	std::vector<agg_cell> cells;
	for (const auto &one : differences) {
		for (const agg_cell &value :
		     {cell(std::string_view(one.key.symbol)), cell(std::string_view(one.key.timeframe)), cell(one.window),
		      cell(std::string_view(one.kind)), one.column.empty() ? null_cell() : cell(std::string_view(one.column)), cell(one.stored),
		      cell(one.expected), one.explanation.empty() ? null_cell() : cell(std::string_view(one.explanation))})
			cells.push_back(value);
	}
	if (!cells.empty())
		co_await db.emit_rows(cells, result_columns);
}

/// What of the index's minutes its tasks have passed.
struct IndexRange {
	Timestamp from = Timestamp::infinity();
	Timestamp to = Timestamp::minus_infinity();
};

IndexRange index_range(const std::vector<Task> &tasks) {
	IndexRange range;
	for (const auto &task : tasks) {
		if (!reads_index(task))
			continue;
		range.from = std::min(range.from, task.target.ceil(task.start));
		range.to = std::max(range.to, task.effective_cursor());
	}
	return range;
}

Op<void> verify_index(Database &db, Timestamp from, Timestamp to) {
	const auto tasks = co_await find_tasks(db, dollar_index.symbol, std::nullopt);
	const auto passed = index_range(tasks);
	from = std::max(from, passed.from);
	to = std::min(to, passed.to);
	if (from >= to)
		co_return;
	const auto differences = co_await verify_index_minutes(db, from, to);
	co_await emit(db, differences);
}

} // namespace

Op<Answer> verify_bars(Database &db, Arguments arguments) {
	const auto symbol = arguments.maybe_text(0);
	const auto timeframe = arguments.maybe_text(1);
	const Timestamp from = arguments.maybe_timestamp(2, "p_from_utc").value_or(Timestamp::range_begin());
	const Timestamp to = arguments.maybe_timestamp(3, "p_to_utc").value_or(Timestamp::range_end());
	const std::string subject = symbol.value_or("all symbols") + "/" + timeframe.value_or("all timeframes");
	if (from >= to)
		throw Error(sqlstate::invalid_parameter_value,
		            "invalid range for " + subject + ": from " + to_iso8601(from) + " is not before to " + to_iso8601(to),
		            "Pass a half-open range, such as one day.");
	if (timeframe)
		(void)timeframe_or_throw(symbol.value_or("all symbols"), *timeframe);

	const bool with_index = (!symbol || *symbol == dollar_index.symbol) && (!timeframe || *timeframe == "1m");
	if (with_index)
		co_await verify_index(db, from, to);
	const auto tasks = co_await find_tasks(db, symbol, timeframe);
	if (tasks.empty() && symbol && timeframe && *timeframe != "1m")
		throw missing_task("Missing agg config ", {*symbol, *timeframe});
	for (const auto &task : tasks) {
		const auto part = co_await verifiable(db, task, from, to);
		const auto differences = co_await verify(db, part);
		co_await emit(db, differences);
	}
	co_return Answer::rows();
}

Op<Answer> verify_sample(Database &db, Arguments arguments) {
	const double fraction = arguments.real(0, "p_fraction");
	const Duration budget {arguments.integer(1, "p_time_budget")};
	const bool seeded = !arguments.is_null(2);
	std::random_device entropy;
	const auto seed = static_cast<uint64_t>(seeded ? arguments.integer(2, "p_seed") : entropy());
	if (!(fraction > 0 && fraction <= 1))
		throw Error(sqlstate::invalid_parameter_value, "p_fraction must be greater than 0 and at most 1, not " + std::to_string(fraction),
		            "Pass the part of all windows that is to be looked at, such as 0.01.");
	if (budget <= Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_time_budget must be positive",
		            "Pass the time after which no new stretch is begun, such as '30 seconds'.");

	// Stretches of a few hundred windows cost little more than one window each, and are as random.
	constexpr int64_t stretch = 288;
	constexpr size_t most_told = 20;
	const Timestamp started = db.clock();
	std::mt19937_64 random(seed);
	auto tasks = co_await find_tasks(db, std::nullopt, std::nullopt);
	std::shuffle(tasks.begin(), tasks.end(), random);
	int64_t windows = 0;
	int64_t looked_at = 0;
	int64_t unexplained = 0;
	bool complete = true;
	std::string details;
	for (const auto &task : tasks) {
		if (db.clock() - started >= budget) {
			complete = false;
			break;
		}
		const auto whole = co_await verifiable(db, task, Timestamp::range_begin(), Timestamp::range_end());
		if (whole.windows() == 0)
			continue;
		++looked_at;
		const auto parts = static_cast<int64_t>(std::max(1.0, fraction * static_cast<double>(whole.windows()) / stretch + 0.5));
		for (int64_t i = 0; i < parts; ++i) {
			const int64_t most = std::min(whole.windows(), stretch);
			const auto first = static_cast<int64_t>(random() % static_cast<uint64_t>(whole.windows() - most + 1));
			const Timestamp from = whole.from + Duration {first * task.target.width().us};
			const Verification part {task, from, from + Duration {most * task.target.width().us}};
			const auto differences = co_await verify(db, part);
			windows += most;
			for (const auto &one : differences) {
				if (!one.explanation.empty())
					continue;
				if (static_cast<size_t>(unexplained++) < most_told)
					details += (details.empty() ? "" : ", ") + JsonObject()
					                                               .add("canonical_symbol", std::string_view(one.key.symbol))
					                                               .add("timeframe", std::string_view(one.key.timeframe))
					                                               .add("ts_utc", one.window)
					                                               .add("difference", std::string_view(one.kind))
					                                               .add("column", std::string_view(one.column))
					                                               .text();
			}
			if (db.clock() - started >= budget)
				break;
		}
	}
	details = "[" + details + "]";
	const Timestamp finished = db.clock();
	auto list = parameters(timestamp_parameter(started), timestamp_parameter(finished), Parameter(AGG_FLOAT8, cell(fraction)),
	                       Parameter(AGG_INT8, cell(looked_at)), Parameter(AGG_INT8, cell(windows)), Parameter(AGG_INT8, cell(unexplained)),
	                       Parameter(AGG_BOOL, cell(complete)), text_parameter(details));
	co_await db.execute(record_audit(), std::move(list));
	co_await db.execute(forget_audits(), parameters(timestamp_parameter(finished - Duration::minutes(90LL * 24 * 60))));
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("tasks", looked_at)
	                           .add("windows", windows)
	                           .add("differences", unexplained)
	                           .add("complete", complete)
	                           .add("seed", static_cast<int64_t>(seed))
	                           .add_raw("details", details)
	                           .text());
}

} // namespace aggregation
