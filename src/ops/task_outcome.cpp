#include "ops/task_outcome.hpp"

#include "core/schedule.hpp"

#include <algorithm>
#include <limits>

namespace aggregation {

namespace {

const Statement &update_succeeded() {
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

const Statement &update_failed() {
	static const Statement statement {
	    "data_agg_state",
	    "UPDATE @data_agg_state s SET status = $4::text, running_started_at_utc = NULL, claim_token = NULL, hard_fail_streak = $5::int4, "
	    "last_error = left($6::text, 1900), last_attempted_at_utc = $3::timestamptz, next_run_at = $7::timestamptz, "
	    "total_runs = COALESCE(s.total_runs, 0) + 1, updated_at = now() WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text"};
	return statement;
}

} // namespace

Op<void> record_successes(Database &db, const std::vector<Success> &successes, Timestamp now) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> cursors;
	std::vector<agg_cell> next_runs;
	std::vector<agg_cell> created;
	std::vector<agg_cell> poor;
	for (const auto &success : successes) {
		symbols.push_back(cell(std::string_view(success.key->symbol)));
		timeframes.push_back(cell(std::string_view(success.key->timeframe)));
		cursors.push_back(cell(success.cursor));
		next_runs.push_back(cell(success.next_run));
		created.push_back(cell(success.bars_created));
		poor.push_back(cell(success.bars_quality_poor));
	}
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)), timestamp_parameter(now),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(cursors)), Parameter(AGG_TIMESTAMPTZ, std::move(next_runs)),
	                       Parameter(AGG_INT8, std::move(created)), Parameter(AGG_INT8, std::move(poor)));
	const Statement statement = for_keys(update_succeeded(), successes.size());
	co_await db.execute(statement, std::move(list));
}

Op<FailureOutcome> record_failure(Database &db, const Failure &failure, const FailureState &stored) {
	const int64_t streak = std::min<int64_t>(stored.streak + (failure.transient ? 0 : 1), std::numeric_limits<int32_t>::max());
	FailureOutcome outcome {stored.parked() ? stored.status : "idle", streak,
	                        next_run_after_failure(failure.now, failure.run_interval, failure.transient)};
	if (!failure.transient && streak >= failure.threshold && !stored.parked())
		outcome.status = stored.mandatory ? "hard_failed" : "disabled";
	const TaskKey &key = *failure.key;
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), timestamp_parameter(failure.now),
	                       text_parameter(outcome.status), Parameter(AGG_INT4, cell(streak)),
	                       Parameter(AGG_TEXT, failure.error ? cell(std::string_view(*failure.error)) : null_cell()),
	                       timestamp_parameter(outcome.next_run));
	co_await db.execute(update_failed(), std::move(list));
	co_return outcome;
}

} // namespace aggregation
