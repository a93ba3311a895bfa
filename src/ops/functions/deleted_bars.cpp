// derived_soft_delete_range, derived_restore_range, derived_purge_deleted: taking bars out of sight, back, and away for good.
#include "ops/functions/functions.hpp"

#include "ops/bars/by_place.hpp"
#include "ops/bars/derived_bars.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/bar_ranges.hpp"

namespace aggregation {

namespace {

// Of the deleted bars of a window without a live one the one that was deleted last. A place is unique within one partition only.
const Statement &restore() {
	static const Statement statement {"derived_data_bars",
	                                  R"sql(
UPDATE @derived_data_bars d
SET deleted_at = NULL, updated_at = now(), raw = d.raw - 'deleted', revision = d.revision + 1
FROM (
	SELECT DISTINCT ON (c.ts_utc) c.tableoid AS part, c.ctid AS place
	FROM @derived_data_bars c
	WHERE c.canonical_symbol = $1::text
		AND c.timeframe = $2::text
		AND c.ts_utc >= $3::timestamptz
		AND c.ts_utc < $4::timestamptz
		AND c.deleted_at IS NOT NULL
		AND NOT EXISTS (
			SELECT 1
			FROM @derived_data_bars l
			WHERE l.canonical_symbol = c.canonical_symbol
				AND l.timeframe = c.timeframe
				AND l.ts_utc = c.ts_utc
				AND l.deleted_at IS NULL
		)
	ORDER BY c.ts_utc, c.deleted_at DESC, c.updated_at DESC
) last
WHERE d.tableoid = last.part
	AND d.ctid = last.place
RETURNING d.ts_utc)sql",
	                                  {AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

// The same where rows lie in chunks.
const Statement &restore_in_chunks() {
	static const Statement statement {"derived_data_bars",
	                                  R"sql(
WITH last AS (
	SELECT DISTINCT ON (c.ts_utc) c.ts_utc, c.deleted_at, c.updated_at
	FROM @derived_data_bars c
	WHERE c.canonical_symbol = $1::text
		AND c.timeframe = $2::text
		AND c.ts_utc >= $3::timestamptz
		AND c.ts_utc < $4::timestamptz
		AND c.deleted_at IS NOT NULL
		AND NOT EXISTS (
			SELECT 1
			FROM @derived_data_bars l
			WHERE l.canonical_symbol = $1::text
				AND l.timeframe = $2::text
				AND l.ts_utc = c.ts_utc
				AND l.deleted_at IS NULL
		)
	ORDER BY c.ts_utc, c.deleted_at DESC, c.updated_at DESC
), gone AS (
	DELETE FROM @derived_data_bars d
	USING last l
	WHERE d.canonical_symbol = $1::text
		AND d.timeframe = $2::text
		AND d.ts_utc >= $3::timestamptz
		AND d.ts_utc < $4::timestamptz
		AND d.ts_utc = l.ts_utc
		AND d.deleted_at = l.deleted_at
		AND d.updated_at IS NOT DISTINCT FROM l.updated_at
	RETURNING d AS bar
))sql" AGG_ADD_AGAIN("'deleted_at', NULL::timestamptz, 'raw', (g.bar).raw - 'deleted', 'revision', (g.bar).revision + 1"),
	                                  {AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

// Of a window without a live bar the bar that was deleted last says why there is none, unless the extension itself took it away: then its
// source does. (The same reasons are the proof's, in proof.cpp.)
const Statement &purge() {
	static const Statement statement {"derived_data_bars",
	                                  R"sql(
DELETE FROM @derived_data_bars d
USING (
	SELECT c.tableoid AS part, c.ctid AS place
	FROM @derived_data_bars c
	WHERE c.deleted_at IS NOT NULL
		AND c.deleted_at < $1::timestamptz
		AND (
			COALESCE(c.raw ->> 'deleted', '') IN ('insufficient_source_bars', 'source_removed')
				OR EXISTS (
					SELECT 1
					FROM @derived_data_bars l
					WHERE l.canonical_symbol = c.canonical_symbol
						AND l.timeframe = c.timeframe
						AND l.ts_utc = c.ts_utc
						AND l.deleted_at IS NULL
				)
				OR EXISTS (
					SELECT 1
					FROM @derived_data_bars l
					WHERE l.canonical_symbol = c.canonical_symbol
						AND l.timeframe = c.timeframe
						AND l.ts_utc = c.ts_utc
						AND l.deleted_at IS NOT NULL
						AND ROW(l.deleted_at, COALESCE(l.updated_at, '-infinity'), l.tableoid, l.ctid) > ROW(c.deleted_at,
							COALESCE(c.updated_at, '-infinity'), c.tableoid, c.ctid)
				)
		)
	LIMIT $2::int8
) old
WHERE d.tableoid = old.part
	AND d.ctid = old.place)sql",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<Answer> derived_soft_delete_range(Database &db, Arguments arguments) {
	const BarRange range = co_await bar_range(db, arguments);
	const std::string reason = arguments.maybe_text("p_reason").value_or("by hand");
	co_await begin_bar_change(db, range);
	const TimeRange whole {range.from, range.to};
	const auto starts = co_await soft_delete_live(db, range.key.symbol, range.target, whole, reason);
	ChangedBars deleted;
	for (const Timestamp start : starts)
		deleted.add(range.key.symbol, range.target, start);
	// Bars of an older system have no task, and may be taken away all the same.
	if (starts.empty())
		co_await task_or_throw(db, range.key);
	co_await mark_windows_above(db, deleted);
	co_return Answer::json(JsonObject().add("success", true).add("bars_deleted", deleted.count()).text());
}

Op<Answer> derived_restore_range(Database &db, Arguments arguments) {
	const BarRange range = co_await bar_range(db, arguments);
	co_await begin_bar_change(db, range);
	ChangedBars restored;
	RangeSet windows;
	auto receive = [&](const Row &row) {
		restored.add(range.key.symbol, range.target, row.timestamp(0));
		windows.add({row.timestamp(0), range.target.next(row.timestamp(0)), 1});
		return Flow::more;
	};
	auto list = parameters(text_parameter(range.key.symbol), text_parameter(range.target.name()), timestamp_parameter(range.from),
	                       timestamp_parameter(range.to));
	const uint64_t in_chunks = co_await db.rows_in_chunks();
	co_await db.query(in_chunks > 0 ? restore_in_chunks() : restore(), std::move(list), receive);
	if (restored.count() == 0)
		co_await task_or_throw(db, range.key);
	co_await mark_windows_above(db, restored);
	// They are as they were when they were deleted; what their source comes to now is another matter.
	const std::vector<TaskKey> keys {range.key};
	const auto tasks = co_await read_tasks(db, keys);
	if (tasks.front())
		co_await mark_windows(db, *tasks.front(), windows);
	co_return Answer::json(JsonObject().add("success", true).add("bars_restored", restored.count()).text());
}

Op<Answer> derived_purge_deleted(Database &db, Arguments arguments) {
	const Duration age {arguments.integer("p_older_than")};
	const int64_t most = arguments.integer("p_max_rows");
	if (age < Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_older_than must not be negative",
		            "Pass the age from which soft-deleted bars are removed, such as '30 days'.");
	arguments.check_positive("p_max_rows", "Pass the maximum number of rows to remove in one call, such as 100000.");
	auto list = parameters(timestamp_parameter(db.transaction_start() - age), Parameter(AGG_INT8, cell(most)));
	const auto purged = static_cast<int64_t>(co_await execute_by_place(db, purge(), std::move(list)));
	co_return Answer::json(JsonObject().add("success", true).add("rows_purged", purged).add("continue", purged == most).text());
}

} // namespace aggregation
