#include "ops/proof/prove.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/calendars/calendar_rules.hpp"
#include "ops/tasks/unknown.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

/// Those of the tasks that have this symbol.
std::vector<Task> tasks_of(const std::vector<Task> &tasks, std::string_view symbol) {
	std::vector<Task> list;
	std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(list), [&](const Task &task) { return task.key.symbol == symbol; });
	return list;
}

/// Every difference at these times.
Op<Flow> tell(Proof &proof, const Times times, DifferenceSink &sink) {
	auto outside = co_await proof.outside_of_time();
	std::erase_if(outside, [&](const Difference &one) { return !times.holds(one.window); });
	Flow flow = co_await sink.take(std::move(outside));
	Timestamp from = proof.grid().ceil(std::max(times.from, Timestamp::range_begin()));
	const Timestamp to = proof.grid().floor(std::min(times.to, Timestamp::range_end()));
	while (flow == Flow::more) {
		const auto stretch = co_await proof.next(from, to, proof.most_windows());
		if (!stretch)
			break;
		auto differences = co_await proof.differences(*stretch);
		flow = co_await sink.take(std::move(differences));
		from = stretch->to;
	}
	co_return flow;
}

const Statement &stored_series() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.canonical_symbol, d.timeframe, min(d.ts_utc), count(*) FROM @derived_data_bars d WHERE ($1::text IS NULL OR d.canonical_symbol = $1::text) "
	    "AND ($2::text IS NULL OR d.timeframe = $2::text) AND d.ts_utc >= $3::timestamptz "
	    "AND (d.ts_utc < $4::timestamptz OR $4::timestamptz = 'infinity') AND d.deleted_at IS NULL GROUP BY d.canonical_symbol, d.timeframe ORDER BY d.canonical_symbol, d.timeframe",
	    {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_INT8},
	    Planning::by_statistics};
	return statement;
}

const Statement &stored_minutes() {
	static const Statement statement {
	    "data_bars",
	    "SELECT d.canonical_symbol, d.timeframe, min(d.ts_utc), count(*) FROM @data_bars d WHERE d.canonical_symbol = $1::text "
	    "AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz AND (d.ts_utc < $4::timestamptz OR $4::timestamptz = 'infinity') "
	    "AND d.source = 'synthetic' GROUP BY d.canonical_symbol, d.timeframe",
	    {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_INT8},
	    Planning::by_statistics};
	return statement;
}

/// One difference for each of the series: how many bars there are, and the first one's time.
Op<std::vector<Difference>> series(Database &db, const Statement &statement, const std::optional<std::string> symbol,
                                   const std::optional<std::string> timeframe, const Times times, const std::string kind,
                                   const std::string explanation) {
	std::vector<Difference> found;
	auto receive = [&](const Row &row) {
		found.push_back({{std::string(row.text(0)), std::string(row.text(1))},
		                 row.timestamp(2),
		                 kind,
		                 "",
		                 std::to_string(row.integer(3)),
		                 std::nullopt,
		                 explanation});
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, cell(symbol)), Parameter(AGG_TEXT, cell(timeframe)), timestamp_parameter(times.from),
	                       timestamp_parameter(times.to));
	co_await db.query(statement, std::move(list), receive);
	co_return found;
}

/// Bars that no task answers for: nobody makes them, so nothing can be said of them but that they are there.
Op<std::vector<Difference>> bars_without_task(Database &db, const Asked asked, const FoundTasks &found) {
	std::set<TaskKey> known(found.left_out.begin(), found.left_out.end());
	for (const auto &task : found.tasks)
		known.insert(task.key);
	auto unknown = co_await series(db, stored_series(), asked.symbol, asked.timeframe, asked.times, "no_task", "no_task");
	std::erase_if(unknown, [&](const Difference &one) { return known.contains(one.key); });
	co_return unknown;
}

/// Silence would be a proof. So whoever asks for a symbol or a timeframe of which there is nothing gets an error, and whoever asks for
/// everything is told.
Op<void> tell_nothing_to_compare(Database &db, const std::optional<std::string> symbol, const std::optional<std::string> timeframe) {
	if (!symbol && !timeframe) {
		co_await db.notice("there is no task, so nothing was compared");
		co_return;
	}
	if (symbol)
		co_await require_symbol(db, *symbol);
	if (!symbol || timeframe == "1m")
		throw Error(sqlstate::no_data_found,
		            "there is no task with bars to compare: " + symbol.value_or("all symbols") + "/" + timeframe.value_or("all timeframes"),
		            "data_agg_state lists the tasks.");
	const TaskKey key {*symbol, timeframe.value_or("5m")};
	std::string hint = co_await hint_for_missing_task(db, key);
	throw Error(sqlstate::no_data_found, "Missing agg config " + *symbol + (timeframe ? "/" + *timeframe : ""), std::move(hint));
}

} // namespace

Op<FoundTasks> find_tasks(Database &db, const std::optional<std::string> symbol, const std::optional<std::string> timeframe) {
	const auto keys = co_await matching_tasks(db, symbol, timeframe);
	FoundTasks found;
	const auto read = co_await read_tasks(db, keys, &found.nonsense);
	std::set<std::string> calendars;
	for (size_t i = 0; i < keys.size(); ++i) {
		if (!read[i]) {
			found.left_out.push_back(keys[i]);
			continue;
		}
		found.tasks.push_back(*read[i]);
		if (const Calendar *calendar = read[i]->target.calendar())
			calendars.insert(calendar->rules().name);
	}
	std::vector<std::string> names(calendars.begin(), calendars.end());
	co_await check_time_zones(db, std::move(names));
	co_return found;
}

Op<std::vector<Difference>> bars_left_out(Database &db, const std::vector<TaskKey> tasks, const std::vector<std::string> indexes,
                                          const Times times) {
	std::vector<Difference> all;
	for (const auto &symbol : indexes) {
		const auto of_index = co_await series(db, stored_minutes(), symbol, "1m", times, "invalid_rules", "");
		all.insert(all.end(), of_index.begin(), of_index.end());
	}
	for (const auto &key : tasks) {
		const auto of_task = co_await series(db, stored_series(), key.symbol, key.timeframe, times, "invalid_rules", "");
		all.insert(all.end(), of_task.begin(), of_task.end());
	}
	co_return all;
}

Op<std::vector<std::string>> tell_left_out_indexes(Database &db, const std::vector<IndexRow> left_out,
                                                   const std::optional<std::string> symbol, const std::optional<std::string> timeframe) {
	Nonsense nonsense;
	std::vector<std::string> symbols;
	for (const auto &row : left_out) {
		if ((symbol && *symbol != row.index.symbol) || (timeframe && *timeframe != "1m"))
			continue;
		nonsense.push_back(problem_of_row(row));
		symbols.push_back(row.index.symbol);
	}
	co_await tell_left_out(db, nonsense);
	co_return symbols;
}

Asked asked_by(const Arguments &arguments) {
	Asked asked {arguments.maybe_text("p_symbol"),
	             arguments.maybe_text("p_tf"),
	             {arguments.maybe_timestamp("p_from_utc").value_or(Timestamp::minus_infinity()),
	              arguments.maybe_timestamp("p_to_utc").value_or(Timestamp::infinity())}};
	if (asked.times.from >= asked.times.to)
		throw Error(sqlstate::invalid_parameter_value,
		            "invalid range for " + asked.symbol.value_or("all symbols") + "/" + asked.timeframe.value_or("all timeframes") +
		                ": from " + to_iso8601(asked.times.from) + " is not before to " + to_iso8601(asked.times.to),
		            "Pass a half-open range, such as one day.");
	return asked;
}

Op<void> prove(Database &db, const Asked asked, DifferenceSink &sink) {
	const auto &symbol = asked.symbol;
	const auto &timeframe = asked.timeframe;
	std::vector<IndexRow> rows_left_out;
	const auto indexes = co_await read_indexes(db, &rows_left_out);
	if (timeframe) {
		const Timeframe target = timeframe_or_throw(symbol.value_or("all symbols"), *timeframe);
		if (symbol && indexes.find(*symbol) == nullptr)
			(void)default_source_or_throw(*symbol, target); // of 1m only indexes have minutes that are computed
	}

	co_await refuse_hidden_rows(db);
	const auto found = co_await find_tasks(db, symbol, timeframe);
	co_await tell_left_out(db, found.nonsense);
	const auto indexes_left_out = co_await tell_left_out_indexes(db, std::move(rows_left_out), symbol, timeframe);
	const auto &tasks = found.tasks;
	bool compared = !tasks.empty() || !found.left_out.empty() || !indexes_left_out.empty();
	if (!compared && symbol && timeframe && *timeframe != "1m") {
		const TaskKey key {*symbol, *timeframe};
		Error missing = co_await missing_task(db, "Missing agg config ", key);
		throw missing;
	}
	for (const auto &[name, index] : indexes.all()) {
		if ((symbol && *symbol != name) || (timeframe && *timeframe != "1m"))
			continue;
		auto of_index = tasks_of(tasks, name);
		if (timeframe) {
			auto all_of_index = co_await find_tasks(db, name, std::nullopt);
			co_await tell_left_out(db, all_of_index.nonsense);
			of_index = std::move(all_of_index.tasks);
		}
		if (const auto proof = proof_of_index(db, indexes, index, of_index)) {
			compared = true;
			const Flow flow = co_await tell(*proof, asked.times, sink);
			if (flow == Flow::enough)
				co_return;
		}
	}
	for (const auto &task : tasks) {
		const auto proof = proof_of_task(db, task);
		const Flow flow = co_await tell(*proof, asked.times, sink);
		if (flow == Flow::enough)
			co_return;
	}
	auto left_out = co_await bars_left_out(db, found.left_out, indexes_left_out, asked.times);
	co_await sink.take(std::move(left_out));
	auto without_task = co_await bars_without_task(db, asked, found);
	compared = compared || !without_task.empty();
	co_await sink.take(std::move(without_task));
	if (!compared)
		co_await tell_nothing_to_compare(db, symbol, timeframe);
}

} // namespace aggregation
