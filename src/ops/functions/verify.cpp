// agg_verify: every difference between the stored bars and what their source says, told as it is found. agg_verify_sample: the same for
// random stretches of everything, within a time budget, recorded in agg_audit.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/proof/prove.hpp"

#include <algorithm>
#include <cmath>
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

/// Groups of shards are looked at one after the other in one transaction, and are one audit of their node.
const Statement &add_to_audit() {
	static const Statement statement {
	    "agg_audit", "UPDATE @agg_audit a SET finished_at = $2::timestamptz, tasks = a.tasks + $4::int8, windows = a.windows + $5::int8, "
	                 "differences = a.differences + $6::int8, complete = a.complete AND $7::bool, details = a.details || $8::text::jsonb "
	                 "WHERE a.started_at = $1::timestamptz AND a.fraction = $3::float8"};
	return statement;
}

const Statement &forget_audits() {
	static const Statement statement {"agg_audit", "DELETE FROM @agg_audit a WHERE a.started_at < $1::timestamptz"};
	return statement;
}

/// Differences as rows.
class Rows : public DifferenceSink {
public:
	explicit Rows(Database &db) : db_(db) {
	}
	Op<Flow> take(const std::vector<Difference> differences) override {
		constexpr size_t result_columns = 8;
		std::vector<agg_cell> cells;
		for (const auto &one : differences) {
			for (const agg_cell &value :
			     {cell(std::string_view(one.key.symbol)), cell(std::string_view(one.key.timeframe)), cell(one.window),
			      cell(std::string_view(one.kind)), one.column.empty() ? null_cell() : cell(std::string_view(one.column)), cell(one.stored),
			      cell(one.expected), one.explanation.empty() ? null_cell() : cell(std::string_view(one.explanation))})
				cells.push_back(value);
		}
		if (!cells.empty())
			co_await db_.emit_rows(cells, result_columns);
		co_return Flow::more;
	}

private:
	Database &db_;
};

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
		const bool is_group = db_.is_group();
		const auto list = [&] {
			const Timestamp started = is_group ? db_.transaction_start() : started_;
			return parameters(timestamp_parameter(started), timestamp_parameter(finished), Parameter(AGG_FLOAT8, cell(fraction_)),
			                  Parameter(AGG_INT8, cell(looked_at_)), Parameter(AGG_INT8, cell(windows_)),
			                  Parameter(AGG_INT8, cell(unexplained_)), Parameter(AGG_BOOL, cell(complete_)), text_parameter(details_));
		};
		uint64_t added = 0;
		if (is_group)
			added = co_await db_.execute(add_to_audit(), list());
		if (added == 0)
			co_await db_.execute(record_audit(), list());
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
	const auto asked = asked_by(arguments);
	Rows rows(db);
	co_await prove(db, asked, rows);
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
