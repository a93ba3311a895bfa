// Telling the extension what changed without being noticed: agg_mark_changed after a load with tracking off; agg_seal_range,
// agg_unseal_range and agg_retire_source for source that is removed though its bars shall stay.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/bar_ranges.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/marks/dirty_ranges.hpp"

namespace aggregation {

namespace {

const Statement &log_change() {
	static const Statement statement {
	    "agg_change_log", "INSERT INTO @agg_change_log (symbols, from_utc, to_utc, row_counts) VALUES ($1::text[], ARRAY[$2::timestamptz], "
	                      "ARRAY[$3::timestamptz], '{0}')"};
	return statement;
}

const Statement &symbols_with_tasks() {
	static const Statement statement {
	    "data_agg_state", "SELECT DISTINCT s.canonical_symbol FROM @data_agg_state s", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// Ranges that touch and have the same reason are one: retention by the day must not pile up rows.
const Statement &seal() {
	static const Statement statement {"agg_sealed_ranges",
	                                  R"sql(
WITH gone AS (
	DELETE FROM @agg_sealed_ranges r
	WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text
		AND r.timeframe IS NULL
		AND r.reason = $4::text
		AND r.from_utc <= $3::timestamptz
		AND r.to_utc >= $2::timestamptz
	RETURNING r.from_utc, r.to_utc
)
INSERT INTO @agg_sealed_ranges (canonical_symbol, from_utc, to_utc, reason)
SELECT $1::text, LEAST($2::timestamptz, min(g.from_utc)), GREATEST($3::timestamptz, max(g.to_utc)), $4::text
FROM gone g)sql"};
	return statement;
}

// What a range loses in its middle becomes two.
const Statement &unseal() {
	static const Statement statement {"agg_sealed_ranges",
	                                  R"sql(
WITH gone AS (
	DELETE FROM @agg_sealed_ranges r
	WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text
		AND r.from_utc < $3::timestamptz
		AND r.to_utc > $2::timestamptz
	RETURNING r.*
), kept AS (
	INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason, sealed_at)
	SELECT g.canonical_symbol, g.timeframe, p.from_utc, p.to_utc, g.reason, g.sealed_at
	FROM gone g
	CROSS JOIN LATERAL (VALUES (g.from_utc, LEAST(g.to_utc, $2::timestamptz)),
		(GREATEST(g.from_utc, $3::timestamptz), g.to_utc)) AS p(from_utc, to_utc)
	WHERE p.from_utc < p.to_utc
)
SELECT GREATEST(g.from_utc, $2::timestamptz), LEAST(g.to_utc, $3::timestamptz)
FROM gone g)sql",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &remove_source() {
	static const Statement statement {
	    "data_bars",
	    "DELETE FROM @data_bars d USING (SELECT c.tableoid AS part, c.ctid AS place FROM @data_bars c WHERE c.timeframe = '1m' "
	    "AND c.ts_utc < $1::timestamptz AND ($2::text IS NULL OR c.canonical_symbol = $2::text) LIMIT $3::int8) old "
	    "WHERE d.tableoid = old.part AND d.ctid = old.place",
	    {},
	    Planning::by_statistics,
	    Tracking::off};
	return statement;
}

struct SymbolRange {
	std::optional<std::string> symbol; // nullopt: all
	Timestamp from;
	Timestamp to;
};

SymbolRange symbol_range(const Arguments &arguments) {
	SymbolRange range {arguments.maybe_text("p_symbol"), arguments.timestamp("p_from_utc"), arguments.timestamp("p_to_utc")};
	check_range(range.symbol.value_or("all symbols"), range.from, range.to);
	return range;
}

/// A name that is misspelt must not look like a success.
Op<void> require_symbol_of(Database &db, const SymbolRange range) {
	if (range.symbol)
		co_await require_symbol(db, *range.symbol);
}

/// Logs the range as changed, for one symbol or all that have tasks; how many symbols that were.
Op<int64_t> note_change(Database &db, const SymbolRange range) {
	std::vector<std::string> symbols;
	if (range.symbol) {
		symbols.push_back(*range.symbol);
	} else {
		auto receive = [&](const Row &row) {
			symbols.emplace_back(row.text(0));
			return Flow::more;
		};
		co_await db.query(symbols_with_tasks(), {}, receive);
	}
	if (symbols.empty())
		co_return 0;
	std::vector<agg_cell> cells;
	for (const auto &symbol : symbols)
		cells.push_back(cell(std::string_view(symbol)));
	auto list = parameters(Parameter(AGG_TEXT, std::move(cells)), timestamp_parameter(range.from), timestamp_parameter(range.to));
	co_await db.execute(log_change(), std::move(list));
	co_await db.note_own_changes();
	co_return static_cast<int64_t>(symbols.size());
}

/// Marks the windows that the ranges touch in every timeframe: bars of any may have been sealed, and windows made of them. What was refused
/// there is forgotten; a task that still refuses it lists it again. The minutes are logged as well, which reaches the index.
Op<void> look_at_unsealed(Database &db, const std::optional<std::string> symbol, const RangeSet unsealed) {
	const auto keys = co_await matching_tasks(db, symbol, std::nullopt);
	std::vector<TaskMark> marks;
	for (const auto &key : keys) {
		const Grid target(*Timeframe::parse(key.timeframe));
		marks.push_back({&key, {}});
		for (const auto &part : unsealed.ranges())
			marks.back().ranges.now.add({target.floor(part.from), target.ceil(part.to)});
	}
	co_await forget_refused(db, marks);
	co_await merge_dirty(db, std::move(marks));
	for (const auto &part : unsealed.ranges()) {
		const SymbolRange changed {symbol, part.from, part.to};
		co_await note_change(db, changed);
	}
	co_await db.wake_worker();
}

Op<void> seal_it(Database &db, const SymbolRange range, const std::string reason) {
	auto list = parameters(Parameter(AGG_TEXT, cell(range.symbol)), timestamp_parameter(range.from), timestamp_parameter(range.to),
	                       text_parameter(reason));
	co_await db.execute(seal(), std::move(list));
}

} // namespace

Op<Answer> drain_log(Database &db, Arguments) {
	co_await absorb_changes(db);
	co_return Answer::rows();
}

Op<Answer> agg_mark_changed(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	const int64_t symbols = co_await note_change(db, range);
	co_await db.wake_worker();
	co_return Answer::json(JsonObject().add("success", true).add("symbols", symbols).text());
}

Op<Answer> agg_seal_range(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	co_await seal_it(db, range, arguments.maybe_text("p_reason").value_or("by hand"));
	co_return Answer::json(JsonObject().add("success", true).text());
}

Op<Answer> agg_unseal_range(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	RangeSet unsealed;
	int64_t ranges = 0;
	auto receive = [&](const Row &row) {
		unsealed.add({row.timestamp(0), row.timestamp(1)});
		++ranges;
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, cell(range.symbol)), timestamp_parameter(range.from), timestamp_parameter(range.to));
	co_await db.query(unseal(), std::move(list), receive);
	if (!unsealed.empty())
		co_await look_at_unsealed(db, range.symbol, unsealed);
	co_return Answer::json(JsonObject().add("success", true).add("ranges_unsealed", ranges).text());
}

Op<Answer> agg_retire_source(Database &db, Arguments arguments) {
	const Timestamp before = arguments.timestamp("p_before_utc");
	const SymbolRange range {arguments.maybe_text("p_symbol"), Timestamp::range_begin(), before};
	const int64_t most = arguments.integer("p_max_rows");
	if (most < 1)
		throw Error(sqlstate::invalid_parameter_value, "p_max_rows must be at least 1, not " + std::to_string(most),
		            "Pass the maximum number of rows to remove in one call, such as 1000000.");
	co_await require_symbol_of(db, range);
	// What has changed before must be made before its source goes.
	co_await absorb_changes(db);
	const SymbolRange sealed {range.symbol, range.from, before};
	co_await seal_it(db, sealed, "retired");

	auto list = parameters(timestamp_parameter(before), Parameter(AGG_TEXT, cell(range.symbol)), Parameter(AGG_INT8, cell(most)));
	const auto removed = static_cast<int64_t>(co_await db.execute(remove_source(), std::move(list)));
	co_return Answer::json(JsonObject().add("success", true).add("rows_removed", removed).add("continue", removed == most).text());
}

} // namespace aggregation
