#include "ops/tasks/task_outcome.hpp"

#include "core/schedule.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <limits>

namespace aggregation {

namespace {

// Every array that is unnested is stored once more; elements of fixed width are as well found by their number.
#define AGG_UPDATE_SUCCEEDED                                                                                                               \
	"UPDATE @data_agg_state s SET status = CASE WHEN s.status IN ('hard_failed', 'disabled') THEN s.status ELSE 'idle' END, "              \
	"running_started_at_utc = NULL, claim_token = NULL, hard_fail_streak = 0, last_error = NULL, "                                         \
	"last_successful_at_utc = $3::timestamptz, last_attempted_at_utc = $3::timestamptz, "                                                  \
	"last_agg_bar_ts_utc = GREATEST(s.last_agg_bar_ts_utc, ($4::timestamptz[])[n.ord]), next_run_at = ($5::timestamptz[])[n.ord], "        \
	"total_runs = COALESCE(s.total_runs, 0) + 1, total_bars_created = COALESCE(s.total_bars_created, 0) + ($6::int8[])[n.ord], "           \
	"total_bars_quality_poor = COALESCE(s.total_bars_quality_poor, 0) + ($7::int8[])[n.ord], "                                             \
	"total_windows_skipped = s.total_windows_skipped + ($8::int8[])[n.ord], "                                                              \
	"total_source_rows_refused = s.total_source_rows_refused + ($9::int8[])[n.ord], "                                                      \
	"waiting_since_utc = CASE WHEN ($10::bool[])[n.ord] THEN COALESCE(s.waiting_since_utc, $3::timestamptz) END, updated_at = now() "

#define AGG_SUCCEEDED "FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n(symbol, timeframe, ord) WHERE "
#define AGG_SAME_KEY "s.canonical_symbol = n.symbol AND s.timeframe = n.timeframe"

const Statement &update_by_key() {
	static const Statement statement {"data_agg_state", AGG_UPDATE_SUCCEEDED AGG_SUCCEEDED AGG_SAME_KEY};
	return statement;
}

const Statement &update_by_place() {
	static const Statement statement {"data_agg_state",
	                                  AGG_UPDATE_SUCCEEDED AGG_SUCCEEDED "s.ctid = ($11::tid[])[n.ord] AND " AGG_SAME_KEY
	                                                                     " RETURNING n.ord",
	                                  {AGG_INT8}};
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

/// The successes as the parameters of both statements; the places come last.
std::vector<Parameter> columns_of(const std::vector<Success> &successes, Timestamp now) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> cursors;
	std::vector<agg_cell> next_runs;
	std::vector<agg_cell> created;
	std::vector<agg_cell> poor;
	std::vector<agg_cell> skipped;
	std::vector<agg_cell> refused;
	std::vector<agg_cell> waiting;
	std::vector<agg_cell> places;
	for (const auto &success : successes) {
		symbols.push_back(cell(std::string_view(success.key->symbol)));
		timeframes.push_back(cell(std::string_view(success.key->timeframe)));
		cursors.push_back(cell(success.cursor));
		next_runs.push_back(cell(success.next_run));
		created.push_back(cell(success.bars_created));
		poor.push_back(cell(success.bars_quality_poor));
		skipped.push_back(cell(success.windows_skipped));
		refused.push_back(cell(success.source_rows_refused));
		waiting.push_back(cell(success.waiting));
		places.push_back(cell(success.place));
	}
	return parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)), timestamp_parameter(now),
	                  Parameter(AGG_TIMESTAMPTZ, std::move(cursors)), Parameter(AGG_TIMESTAMPTZ, std::move(next_runs)),
	                  Parameter(AGG_INT8, std::move(created)), Parameter(AGG_INT8, std::move(poor)),
	                  Parameter(AGG_INT8, std::move(skipped)), Parameter(AGG_INT8, std::move(refused)),
	                  Parameter(AGG_BOOL, std::move(waiting)), Parameter(AGG_TID, std::move(places)));
}

Op<void> record_by_key(Database &db, const std::vector<Success> &successes, Timestamp now) {
	auto list = columns_of(successes, now);
	list.pop_back();
	const Statement statement = for_keys(update_by_key(), successes.size());
	co_await db.execute(statement, std::move(list));
}

} // namespace

Op<void> record_successes(Database &db, const std::vector<Success> &successes, Timestamp now) {
	const bool placed = std::all_of(successes.begin(), successes.end(), [](const Success &success) { return success.place.has_value(); });
	if (!placed) {
		co_await record_by_key(db, successes, now);
		co_return;
	}
	std::vector<bool> recorded(successes.size());
	auto take = [&](const Row &row) {
		recorded.at(static_cast<size_t>(row.integer(0) - 1)) = true;
		return Flow::more;
	};
	co_await db.query(update_by_place(), columns_of(successes, now), take);
	// A trigger on the bars may have written to a task's row after it was locked: then it is elsewhere.
	std::vector<Success> moved;
	for (size_t i = 0; i < successes.size(); ++i) {
		if (!recorded[i])
			moved.push_back(successes[i]);
	}
	if (!moved.empty())
		co_await record_by_key(db, moved, now);
}

Op<FailureOutcome> record_failure(Database &db, const Failure &failure, const FailureState &stored) {
	const int64_t streak = std::min<int64_t>(stored.streak + (failure.transient ? 0 : 1), std::numeric_limits<int32_t>::max());
	FailureOutcome outcome {stored.parked() ? stored.status : "idle", streak,
	                        next_run_after_failure(failure.now, failure.run_interval, failure.transient)};
	if (!failure.transient && streak >= failure.threshold && !stored.parked())
		outcome.status = stored.mandatory ? "hard_failed" : "disabled";
	const TaskKey &key = *failure.key;
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), timestamp_parameter(failure.now),
	                       text_parameter(outcome.status), Parameter(AGG_INT4, cell(streak)), Parameter(AGG_TEXT, cell(failure.error)),
	                       timestamp_parameter(outcome.next_run));
	co_await db.execute(update_failed(), std::move(list));
	co_return outcome;
}

} // namespace aggregation
