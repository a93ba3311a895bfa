#include "ops/tasks/task_outcome.hpp"

#include "core/schedule.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace aggregation {

namespace {

#define AGG_UPDATE_SUCCEEDED(cursor, next_run, created, poor, skipped, refused, waiting)                                                   \
	"UPDATE @data_agg_state s SET status = CASE WHEN s.status IN ('hard_failed', 'disabled') THEN s.status ELSE 'idle' END, "              \
	"running_started_at_utc = NULL, claim_token = NULL, hard_fail_streak = 0, last_error = NULL, "                                         \
	"last_successful_at_utc = $1::timestamptz, last_attempted_at_utc = $1::timestamptz, last_agg_bar_ts_utc = "                            \
	"GREATEST(s.last_agg_bar_ts_utc, " cursor "), next_run_at = " next_run ", total_runs = COALESCE(s.total_runs, 0) + 1, "                \
	"total_bars_created = COALESCE(s.total_bars_created, 0) + " created ", total_bars_quality_poor = "                                     \
	"COALESCE(s.total_bars_quality_poor, 0) + " poor ", total_windows_skipped = s.total_windows_skipped + " skipped ", "                   \
	"total_source_rows_refused = s.total_source_rows_refused + " refused ", waiting_since_utc = CASE WHEN " waiting                        \
	" THEN COALESCE(s.waiting_since_utc, $1::timestamptz) END, updated_at = now() "

// Of tasks that ended alike.
const Statement &update_alike() {
	static const Statement statement {.relation = "data_agg_state",
	                                  .sql = AGG_UPDATE_SUCCEEDED("$2::timestamptz", "$3::timestamptz", "$4::int8", "$5::int8", "$6::int8",
	                                                              "$7::int8", "$8::bool") "WHERE s.ctid = ANY ($9::tid[])",
	                                  .notes_due = NotesDue::operation};
	return statement;
}

// Of those tasks, the ones whose rows were not where they were looked for: they were written by an earlier command.
const Statement &not_updated() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT x.ord FROM (SELECT t.ord, s.cmin::text::int8 AS command, max(s.cmin::text::int8) OVER () AS last FROM unnest($1::text[], $2::text[]) "
	    "WITH ORDINALITY AS t(symbol, timeframe, ord) JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe) x "
	    "WHERE x.command < x.last",
	    {AGG_INT8}};
	return statement;
}

// Every array that is unnested is stored once more; elements of fixed width are as well found by their number.
const Statement &update_by_key() {
	static const Statement statement {
	    .relation = "data_agg_state",
	    .sql =
	        AGG_UPDATE_SUCCEEDED("($4::timestamptz[])[n.ord]", "($5::timestamptz[])[n.ord]", "($6::int8[])[n.ord]", "($7::int8[])[n.ord]",
	                             "($8::int8[])[n.ord]", "($9::int8[])[n.ord]",
	                             "($10::bool[])[n.ord]") "FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS n(symbol, timeframe, ord) "
	                                                     "WHERE s.canonical_symbol = n.symbol AND s.timeframe = n.timeframe",
	    .notes_due = NotesDue::operation};
	return statement;
}

const Statement &update_failed() {
	static const Statement statement {
	    .relation = "data_agg_state",
	    .sql =
	        "UPDATE @data_agg_state s SET status = $4::text, running_started_at_utc = NULL, claim_token = NULL, hard_fail_streak = $5::int4, "
	        "last_error = left($6::text, 1900), last_attempted_at_utc = $3::timestamptz, next_run_at = $7::timestamptz, "
	        "total_runs = COALESCE(s.total_runs, 0) + 1, updated_at = now() WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text",
	    .notes_due = NotesDue::operation};
	return statement;
}

using Successes = std::vector<const Success *>;

Parameter keys_of(const Successes &successes, std::string TaskKey::*part) {
	std::vector<agg_cell> cells;
	for (const Success *success : successes)
		cells.push_back(cell(std::string_view(success->key->*part)));
	return {AGG_TEXT, std::move(cells)};
}

Op<void> record_by_key(Database &db, const Successes successes, Timestamp now) {
	std::vector<agg_cell> cursors;
	std::vector<agg_cell> next_runs;
	std::vector<agg_cell> created;
	std::vector<agg_cell> poor;
	std::vector<agg_cell> skipped;
	std::vector<agg_cell> refused;
	std::vector<agg_cell> waiting;
	for (const Success *success : successes) {
		cursors.push_back(cell(success->cursor));
		next_runs.push_back(cell(success->next_run));
		created.push_back(cell(success->bars_created));
		poor.push_back(cell(success->bars_quality_poor));
		skipped.push_back(cell(success->windows_skipped));
		refused.push_back(cell(success->source_rows_refused));
		waiting.push_back(cell(success->waiting));
	}
	auto list =
	    parameters(timestamp_parameter(now), keys_of(successes, &TaskKey::symbol), keys_of(successes, &TaskKey::timeframe),
	               Parameter(AGG_TIMESTAMPTZ, std::move(cursors)), Parameter(AGG_TIMESTAMPTZ, std::move(next_runs)),
	               Parameter(AGG_INT8, std::move(created)), Parameter(AGG_INT8, std::move(poor)), Parameter(AGG_INT8, std::move(skipped)),
	               Parameter(AGG_INT8, std::move(refused)), Parameter(AGG_BOOL, std::move(waiting)));
	const Statement statement = for_keys(update_by_key(), successes.size());
	co_await db.execute(statement, std::move(list));
}

/// Those of the successes whose rows the last statement did not find.
Op<Successes> not_recorded(Database &db, const Successes &successes) {
	Successes moved;
	auto take = [&](const Row &row) {
		moved.push_back(successes.at(static_cast<size_t>(row.integer(0) - 1)));
		return Flow::more;
	};
	co_await db.query(not_updated(), parameters(keys_of(successes, &TaskKey::symbol), keys_of(successes, &TaskKey::timeframe)), take);
	co_return moved;
}

/// Records tasks that ended alike, at their places; adds those to `moved` that were not there. A trigger on the bars may have written to a
/// task's row after it was locked.
Op<void> record_alike(Database &db, const Successes &successes, Timestamp now, Successes &moved) {
	const Success &one = *successes.front();
	std::vector<agg_cell> places;
	for (const Success *success : successes)
		places.push_back(cell(*success->place));
	auto list = parameters(timestamp_parameter(now), Parameter(AGG_TIMESTAMPTZ, cell(one.cursor)), timestamp_parameter(one.next_run),
	                       Parameter(AGG_INT8, cell(one.bars_created)), Parameter(AGG_INT8, cell(one.bars_quality_poor)),
	                       Parameter(AGG_INT8, cell(one.windows_skipped)), Parameter(AGG_INT8, cell(one.source_rows_refused)),
	                       Parameter(AGG_BOOL, cell(one.waiting)), Parameter(AGG_TID, std::move(places)));
	const uint64_t updated = co_await db.execute(update_alike(), std::move(list));
	if (updated == successes.size())
		co_return;
	auto missed = successes;
	if (updated > 0)
		missed = co_await not_recorded(db, successes);
	moved.insert(moved.end(), missed.begin(), missed.end());
}

} // namespace

Op<void> record_successes(Database &db, const std::vector<Success> &successes, Timestamp now) {
	const auto outcome = [](const Success &success) {
		return std::tie(success.cursor, success.next_run, success.bars_created, success.bars_quality_poor, success.windows_skipped,
		                success.source_rows_refused, success.waiting);
	};
	Successes placed;
	Successes by_key;
	for (const auto &success : successes)
		(success.place ? placed : by_key).push_back(&success);
	const auto less = [&](const Success *a, const Success *b) { return outcome(*a) < outcome(*b); };
	if (!std::is_sorted(placed.begin(), placed.end(), less))
		std::stable_sort(placed.begin(), placed.end(), less);
	// Fewer are found as well by their keys, with all the others.
	constexpr ptrdiff_t fewest_alike = 16;
	for (auto first = placed.begin(); first != placed.end();) {
		const auto behind = std::upper_bound(first, placed.end(), *first, less);
		if (behind - first < fewest_alike)
			by_key.insert(by_key.end(), first, behind);
		else
			co_await record_alike(db, Successes(first, behind), now, by_key);
		first = behind;
	}
	if (!by_key.empty())
		co_await record_by_key(db, by_key, now);
	Timestamp next = Timestamp::infinity();
	for (const auto &success : successes)
		next = std::min(next, success.next_run);
	co_await db.note_due(next);
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
	co_await db.note_due(outcome.next_run);
	co_return outcome;
}

} // namespace aggregation
