// agg_verify: every difference between the stored bars and what their source says, told as it is found. agg_verify_sample: the same for
// random stretches of everything, within a time budget, recorded in agg_audit.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/calendars/calendar_rules.hpp"
#include "ops/proof/proof.hpp"
#include "ops/tasks/indexes.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

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

struct FoundTasks {
	std::vector<Task> tasks;
	std::vector<TaskKey> left_out; // whose rows make no sense
	Nonsense nonsense;
};

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

/// Those of the tasks that have this symbol.
std::vector<Task> tasks_of(const std::vector<Task> &tasks, std::string_view symbol) {
	std::vector<Task> list;
	std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(list), [&](const Task &task) { return task.key.symbol == symbol; });
	return list;
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

/// Where to look: from the first of the infinities to the last where no range is given.
struct Times {
	Timestamp from;
	Timestamp to; // exclusive, but for infinity

	bool holds(Timestamp t) const {
		return t >= from && (t < to || to == Timestamp::infinity());
	}
};

/// Every difference at these times, told stretch by stretch.
Op<void> tell(Database &db, Proof &proof, const Times times) {
	auto outside = co_await proof.outside_of_time();
	std::erase_if(outside, [&](const Difference &one) { return !times.holds(one.window); });
	co_await emit(db, outside);
	Timestamp from = proof.grid().ceil(std::max(times.from, Timestamp::range_begin()));
	const Timestamp to = proof.grid().floor(std::min(times.to, Timestamp::range_end()));
	for (;;) {
		const auto stretch = co_await proof.next(from, to, proof.most_windows());
		if (!stretch)
			co_return;
		const auto differences = co_await proof.differences(*stretch);
		co_await emit(db, differences);
		from = stretch->to;
	}
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

/// Bars that no task answers for: nobody makes them, so nothing can be said of them but that they are there. Whether there was any.
Op<bool> tell_bars_without_task(Database &db, const std::optional<std::string> &symbol, const std::optional<std::string> &timeframe,
                                const Times times, const FoundTasks &found) {
	std::set<TaskKey> known(found.left_out.begin(), found.left_out.end());
	for (const auto &task : found.tasks)
		known.insert(task.key);
	auto unknown = co_await series(db, stored_series(), symbol, timeframe, times, "no_task", "no_task");
	std::erase_if(unknown, [&](const Difference &one) { return known.contains(one.key); });
	co_await emit(db, unknown);
	co_return !unknown.empty();
}

/// Bars of which nothing can be said because the row that says how they are made makes no sense: that is no proof, and nothing explains it.
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

/// The indexes that nobody computes, of those that are asked for; each is told, and why.
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

/// Silence would be a proof. So whoever asks for a symbol or a timeframe of which there is nothing gets an error, and whoever asks for
/// everything is told.
Op<void> tell_nothing_to_compare(Database &db, const std::optional<std::string> symbol, const std::optional<std::string> timeframe) {
	if (!symbol && !timeframe) {
		co_await db.notice("agg_verify: there is no task, so nothing was compared");
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

/// What a random sample of everything comes to.
class Sample {
public:
	Sample(Database &db, double fraction, Duration budget, uint64_t seed)
	    : db_(db), fraction_(fraction), budget_(budget), started_(db.clock()), random_(seed) {
	}

	Op<void> take(const FoundTasks found) {
		const auto &tasks = found.tasks;
		std::vector<std::unique_ptr<Proof>> proofs;
		std::vector<IndexRow> rows_left_out;
		const auto indexes = co_await read_indexes(db_, &rows_left_out);
		const auto indexes_left_out = co_await tell_left_out_indexes(db_, std::move(rows_left_out), std::nullopt, std::nullopt);
		const Times all_times {Timestamp::minus_infinity(), Timestamp::infinity()};
		const auto left_out = co_await bars_left_out(db_, found.left_out, indexes_left_out, all_times);
		count(left_out);
		for (const auto &[symbol, index] : indexes.all()) {
			if (auto proof = proof_of_index(db_, indexes, index, tasks))
				proofs.push_back(std::move(proof));
		}
		for (const auto &task : tasks)
			proofs.push_back(proof_of_task(db_, task));
		std::shuffle(proofs.begin(), proofs.end(), random_);
		for (const auto &proof : proofs) {
			if (over()) {
				complete_ = false;
				break;
			}
			co_await look_at(*proof);
		}
		details_ = "[" + details_ + "]";
	}

	Op<void> record() {
		const Timestamp finished = db_.clock();
		auto list = parameters(timestamp_parameter(started_), timestamp_parameter(finished), Parameter(AGG_FLOAT8, cell(fraction_)),
		                       Parameter(AGG_INT8, cell(looked_at_)), Parameter(AGG_INT8, cell(windows_)),
		                       Parameter(AGG_INT8, cell(unexplained_)), Parameter(AGG_BOOL, cell(complete_)), text_parameter(details_));
		co_await db_.execute(record_audit(), std::move(list));
		co_await db_.execute(forget_audits(), parameters(timestamp_parameter(finished - Duration::minutes(90LL * 24 * 60))));
	}

	JsonObject answer() const {
		JsonObject object;
		object.add("success", true)
		    .add("tasks", looked_at_)
		    .add("windows", windows_)
		    .add("differences", unexplained_)
		    .add("complete", complete_);
		return object;
	}
	const std::string &details() const {
		return details_;
	}

private:
	bool over() const {
		return db_.clock() - started_ >= budget_;
	}
	double uniform() {
		return std::uniform_real_distribution<double>(0, 1)(random_);
	}

	/// How many stretches are passed over before the next one that is looked at, each being looked at with the same probability.
	int64_t passed_over() {
		if (fraction_ >= 1)
			return 0;
		const double stretches = std::floor(std::log1p(-uniform()) / std::log1p(-fraction_));
		return static_cast<int64_t>(std::min(stretches, 1e9));
	}

	/// Stretches of a few hundred windows cost little more than one window each, and are as random. What lies between two bars that are
	/// centuries apart is no stretch: the next one begins where there is something.
	Op<void> look_at(Proof &proof) {
		const Grid &grid = proof.grid();
		const int64_t most = std::min<int64_t>(288, proof.most_windows());
		const Timestamp end = grid.floor(Timestamp::range_end());
		const auto outside = co_await proof.outside_of_time();
		count(outside);
		const auto first = co_await proof.next(grid.ceil(Timestamp::range_begin()), end, most);
		if (!first)
			co_return;
		++looked_at_;
		bool found = false;
		auto stretch = first;
		while (stretch && !over()) {
			if (const int64_t skipped = passed_over(); skipped > 0) {
				const bool inside = skipped < grid.count(stretch->from, end) / most;
				stretch = co_await proof.next(inside ? grid.after(stretch->from, skipped * most) : end, end, most);
				if (!stretch)
					break;
			}
			co_await compare(proof, *stretch);
			found = true;
			stretch = co_await proof.next(stretch->to, end, most);
		}
		if (stretch) {
			complete_ = false; // the time was over
		} else if (!found) {
			const Timestamp now = std::max(first->to, std::min(end, grid.floor(db_.clock())));
			const double position = uniform() * static_cast<double>((now - first->from).us);
			stretch = co_await proof.next(grid.floor(first->from + Duration {static_cast<int64_t>(position)}), end, most);
			co_await compare(proof, stretch ? *stretch : *first);
		}
	}

	Op<void> compare(Proof &proof, Stretch stretch) {
		const auto differences = co_await proof.differences(stretch);
		count(differences);
		windows_ += proof.grid().count(stretch.from, stretch.to);
	}

	void count(const std::vector<Difference> &differences) {
		constexpr int64_t most_told = 20;
		for (const auto &one : differences) {
			if (!one.explanation.empty() || unexplained_++ >= most_told)
				continue;
			details_ += (details_.empty() ? "" : ", ") + JsonObject()
			                                                 .add("canonical_symbol", std::string_view(one.key.symbol))
			                                                 .add("timeframe", std::string_view(one.key.timeframe))
			                                                 .add("ts_utc", one.window)
			                                                 .add("difference", std::string_view(one.kind))
			                                                 .add("column", std::string_view(one.column))
			                                                 .text();
		}
	}

	Database &db_;
	double fraction_;
	Duration budget_;
	Timestamp started_;
	std::mt19937_64 random_;
	int64_t looked_at_ = 0;
	int64_t windows_ = 0;
	int64_t unexplained_ = 0;
	bool complete_ = true;
	std::string details_;
};

} // namespace

Op<Answer> agg_verify(Database &db, Arguments arguments) {
	const auto symbol = arguments.maybe_text("p_symbol");
	const auto timeframe = arguments.maybe_text("p_tf");
	const Times times {arguments.maybe_timestamp("p_from_utc").value_or(Timestamp::minus_infinity()),
	                   arguments.maybe_timestamp("p_to_utc").value_or(Timestamp::infinity())};
	const std::string subject = symbol.value_or("all symbols") + "/" + timeframe.value_or("all timeframes");
	if (times.from >= times.to)
		throw Error(sqlstate::invalid_parameter_value,
		            "invalid range for " + subject + ": from " + to_iso8601(times.from) + " is not before to " + to_iso8601(times.to),
		            "Pass a half-open range, such as one day.");
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
			co_await tell(db, *proof, times);
		}
	}
	for (const auto &task : tasks) {
		const auto proof = proof_of_task(db, task);
		co_await tell(db, *proof, times);
	}
	const auto left_out = co_await bars_left_out(db, found.left_out, indexes_left_out, times);
	co_await emit(db, left_out);
	const bool without_task = co_await tell_bars_without_task(db, symbol, timeframe, times, found);
	if (!compared && !without_task)
		co_await tell_nothing_to_compare(db, symbol, timeframe);
	co_return Answer::rows();
}

Op<Answer> agg_verify_sample(Database &db, Arguments arguments) {
	const double fraction = arguments.real("p_fraction");
	const Duration budget {arguments.integer("p_time_budget")};
	const bool seeded = !arguments.is_null("p_seed");
	std::random_device entropy;
	const auto seed = static_cast<uint64_t>(seeded ? arguments.integer("p_seed") : entropy());
	if (!(fraction > 0 && fraction <= 1))
		throw Error(sqlstate::invalid_parameter_value, "p_fraction must be greater than 0 and at most 1, not " + std::to_string(fraction),
		            "Pass the fraction of all windows to check, such as 0.01.");
	if (budget <= Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_time_budget must be positive",
		            "Pass the time after which no new stretch starts, such as '30 seconds'.");

	co_await refuse_hidden_rows(db);
	Sample sample(db, fraction, budget, seed);
	auto found = co_await find_tasks(db, std::nullopt, std::nullopt);
	co_await tell_left_out(db, found.nonsense);
	if (found.tasks.empty() && found.left_out.empty())
		co_await db.notice("agg_verify_sample: there is no task, so nothing was compared");
	co_await sample.take(std::move(found));
	co_await sample.record();
	co_return Answer::json(sample.answer().add("seed", static_cast<int64_t>(seed)).add_raw("details", sample.details()).text());
}

} // namespace aggregation
