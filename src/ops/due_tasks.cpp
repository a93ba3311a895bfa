// agg_get_due_tasks: which tasks a worker should take now, most urgent first. Returns claims that were abandoned to idle on the way.
#include "ops/functions.hpp"

#include "ops/task_columns.hpp"
#include "ops/environment.hpp"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &stale_claims() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT 1 FROM @data_agg_state WHERE status = 'running' AND (running_started_at_utc < $1::timestamptz OR running_started_at_utc IS NULL) LIMIT 1",
	    {AGG_INT4}};
	return statement;
}

// Rows that are locked belong to someone who is at work on them right now, whatever the clock says.
const Statement &release_stale_claims() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET status = 'idle', running_started_at_utc = NULL, claim_token = NULL, updated_at = now(), "
	    "last_error = 'claim of ' || COALESCE(to_char(s.running_started_at_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', 'unknown time') "
	    "|| ' was stale and has been released' "
	    "FROM (SELECT c.canonical_symbol, c.timeframe FROM @data_agg_state c WHERE c.status = 'running' "
	    "AND (c.running_started_at_utc < $1::timestamptz OR c.running_started_at_utc IS NULL) FOR NO KEY UPDATE SKIP LOCKED) stale "
	    "WHERE s.canonical_symbol = stale.canonical_symbol AND s.timeframe = stale.timeframe"};
	return statement;
}

const Statement &due_tasks() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.canonical_symbol, s.timeframe, s.source_timeframe, s.run_interval_minutes, s.aggregation_delay_seconds, "
	    "s.last_agg_bar_ts_utc, s.status, s.hard_fail_streak, s.task_priority, s.is_mandatory "
	    // The fences keep the order: the due tasks by their index, then the asset of each.
	    "FROM (SELECT * FROM @data_agg_state d WHERE " AGG_CLAIMABLE("d.") " AND " AGG_DUE_AT(
	        "d.") " <= $1::timestamptz OFFSET 0) s "
	              "CROSS JOIN LATERAL (SELECT FROM @core_asset_registry_all r WHERE r.canonical_symbol = s.canonical_symbol "
	              "AND CASE WHEN $2::bool THEN r.test_active ELSE r.active END OFFSET 0) a "
	              "ORDER BY s.is_mandatory DESC, " AGG_WIDTH_MINUTES("s.") ", s.task_priority, s.last_successful_at_utc NULLS FIRST, "
	                                                                       "s.canonical_symbol, s.timeframe LIMIT $3::int8",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_INT4, AGG_INT4, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_INT4, AGG_INT4, AGG_BOOL}};
	return statement;
}

constexpr size_t rows_at_once = 1024;

} // namespace

Op<Answer> get_due_tasks(Database &db, Arguments arguments) {
	const bool test = is_test_environment(arguments.text(0, "p_env_name"));
	const Timestamp now = arguments.timestamp(1, "p_now_utc");
	const int64_t limit = arguments.integer(2, "p_limit");
	const int64_t stale_seconds = arguments.integer(3, "p_running_stale_seconds");
	if (limit < 0)
		throw Error(sqlstate::invalid_parameter_value, "p_limit must not be negative, but is " + std::to_string(limit),
		            "Pass the number of tasks wanted at most.");
	if (stale_seconds < 0)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_running_stale_seconds must not be negative, but is " + std::to_string(stale_seconds),
		            "Pass the age in seconds from which a claim counts as abandoned, such as 900.");

	const Timestamp stale_before = now - Duration::seconds(stale_seconds);
	bool any_stale = false;
	auto note = [&](const Row &) {
		any_stale = true;
		return Flow::enough;
	};
	co_await db.query(stale_claims(), parameters(timestamp_parameter(stale_before)), note);
	if (any_stale)
		co_await db.execute(release_stale_claims(), parameters(timestamp_parameter(stale_before)));

	struct DueTask {
		std::string symbol;
		std::string timeframe;
		std::optional<std::string> source;
		std::string status;
		std::vector<agg_cell> cells;
	};
	const size_t columns = due_tasks().columns.size();
	std::vector<DueTask> due;
	auto take = [&](const Row &row) {
		DueTask task {std::string(row.text(0)), std::string(row.text(1)), row.maybe_text(2), std::string(row.text(6)), {}};
		for (size_t i = 0; i < columns; ++i)
			task.cells.push_back(row.is_null(i) ? null_cell() : cell(row.integer(i)));
		due.push_back(std::move(task));
		return Flow::more;
	};
	co_await db.query(due_tasks(), parameters(timestamp_parameter(now), Parameter(AGG_BOOL, cell(test)), Parameter(AGG_INT8, cell(limit))),
	                  take);

	for (size_t begin = 0; begin < due.size(); begin += rows_at_once) {
		std::vector<agg_cell> cells;
		for (size_t i = begin; i < std::min(due.size(), begin + rows_at_once); ++i) {
			DueTask &task = due[i];
			task.cells[0] = cell(std::string_view(task.symbol));
			task.cells[1] = cell(std::string_view(task.timeframe));
			task.cells[2] = task.source ? cell(std::string_view(*task.source)) : null_cell();
			task.cells[6] = cell(std::string_view(task.status));
			cells.insert(cells.end(), task.cells.begin(), task.cells.end());
		}
		co_await db.emit_rows(cells, columns);
	}
	co_return Answer::rows();
}

} // namespace aggregation
