// Telling the extension what changed without being noticed: agg_mark_changed after a load with tracking off; agg_seal_range,
// agg_unseal_range and agg_retire_source for source that is removed though its bars shall stay.
#include "ops/functions/functions.hpp"

#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/bar_ranges.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/marks/noted_changes.hpp"
#include "ops/tasks/source_symbols.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/ticks/tick_log.hpp"
#include "ops/ticks/tick_sources.hpp"

#include <functional>
#include <map>

namespace aggregation {

namespace {

constexpr Duration longest_keep = Duration::minutes(int64_t {1000} * 365 * 24 * 60);

// What a range loses in its middle becomes two. Where one symbol leaves a seal of all symbols, each of the others gets its own.
const Statement &unseal() {
	static const Statement statement {"agg_sealed_ranges",
	                                  R"sql(
WITH gone AS (
	DELETE FROM @agg_sealed_ranges r
	WHERE ($1::text IS NULL OR r.canonical_symbol IS NULL OR r.canonical_symbol = $1::text)
		AND r.from_utc < $3::timestamptz
		AND r.to_utc > $2::timestamptz
	RETURNING r.*
), unsealed AS (
	SELECT g.canonical_symbol, g.timeframe, GREATEST(g.from_utc, $2::timestamptz) AS from_utc, LEAST(g.to_utc, $3::timestamptz) AS to_utc,
		g.reason, g.sealed_at
	FROM gone g
), kept AS (
	INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason, sealed_at)
	SELECT g.canonical_symbol, g.timeframe, g.from_utc, $2::timestamptz, g.reason, g.sealed_at
	FROM gone g
	WHERE g.from_utc < $2::timestamptz
	UNION ALL
	SELECT g.canonical_symbol, g.timeframe, $3::timestamptz, g.to_utc, g.reason, g.sealed_at
	FROM gone g
	WHERE g.to_utc > $3::timestamptz
	UNION ALL
	SELECT other.symbol, u.timeframe, u.from_utc, u.to_utc, u.reason, u.sealed_at
	FROM unsealed u
	CROSS JOIN unnest($4::text[]) AS other(symbol)
	WHERE u.canonical_symbol IS NULL
		AND other.symbol <> $1::text
)
SELECT u.canonical_symbol, u.from_utc, u.to_utc
FROM unsealed u)sql",
	                                  {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
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

// What changes is looked at at once. The moment comes as a value: Citus takes no now() for all copies of the table.
const Statement &put_policy() {
	static const Statement statement {"agg_retention",
	                                  R"sql(
INSERT INTO @agg_retention AS r (canonical_symbol, timeframe, shards, keep, set_at)
VALUES ($1::text, $2::text, '', justify_hours($3::int8 * '00:00:00.000001'::interval), $4::timestamptz)
ON CONFLICT (canonical_symbol, timeframe, shards) DO UPDATE
SET keep = excluded.keep, set_at = excluded.set_at, next_look_at = '-infinity', at_symbol = NULL
WHERE r.keep <> excluded.keep)sql",
	                                  {},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &remove_policy() {
	static const Statement statement {"agg_retention",
	                                  "DELETE FROM @agg_retention r WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text "
	                                  "AND r.timeframe = $2::text AND r.shards = ''",
	                                  {}};
	return statement;
}

/// What groups of shards have noted of it: they begin anew.
const Statement &forget_progress() {
	static const Statement statement {"agg_retention",
	                                  "DELETE FROM @agg_retention r WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text "
	                                  "AND r.timeframe = $2::text AND r.shards <> ''",
	                                  {}};
	return statement;
}

const Statement &widest_reader() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.timeframe, " AGG_WIDTH_MINUTES(
	                                      "s.") " FROM @data_agg_state s "
	                                            "WHERE ($1::text IS NULL OR s.canonical_symbol = $1::text) AND " AGG_SOURCE_TIMEFRAME(
	                                                "s.") " = $2::text "
	                                                      "AND " AGG_WIDTH_MINUTES("s.") " IS NOT NULL ORDER BY 2 DESC, 1 LIMIT 1",
	                                  {AGG_TEXT, AGG_INT8},
	                                  Planning::once_by_statistics};
	return statement;
}

// Where rows lie in chunks, some of them compressed, a row has no place: all before a time go, which is that of the first one too many.
const Statement &first_left() {
	static const Statement statement {"data_bars",
	                                  "SELECT d.ts_utc FROM @data_bars d WHERE d.timeframe = '1m' AND d.ts_utc < $1::timestamptz "
	                                  "AND ($2::text IS NULL OR d.canonical_symbol = $2::text) ORDER BY d.ts_utc OFFSET $3::int8 LIMIT 1",
	                                  {AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &remove_before() {
	static const Statement statement {"data_bars",
	                                  "DELETE FROM @data_bars d WHERE d.timeframe = '1m' AND d.ts_utc < $1::timestamptz "
	                                  "AND ($2::text IS NULL OR d.canonical_symbol = $2::text)",
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

/// The symbols that a call concerns: the one that was named, or all.
Op<std::vector<std::string>> symbols_meant(Database &db, const std::optional<std::string> symbol) {
	if (symbol)
		co_return std::vector<std::string>(1, *symbol);
	co_return co_await source_symbols(db);
}

using SymbolRanges = std::map<std::string, RangeSet, std::less<>>;

/// What the seals kept ticks from changing is made by the next runs.
Op<void> make_refused_minutes(Database &db, const SymbolRanges &unsealed) {
	std::vector<TaskKey> keys;
	for (const auto &[symbol, ranges] : unsealed)
		keys.push_back({symbol, "1m"});
	std::vector<TaskMark> marks;
	for (const auto &key : keys) {
		marks.push_back({&key, {}});
		for (const auto &part : unsealed.find(key.symbol)->second.ranges())
			marks.back().ranges.now.add({minutes().floor(part.from), minutes().ceil(part.to)});
	}
	const auto refused = co_await forget_refused(db, marks);
	std::vector<TickRange> ranges;
	for (size_t i = 0; i < keys.size(); ++i) {
		for (const auto &range : refused[i].ranges())
			ranges.push_back({keys[i].symbol, range.from, range.to});
	}
	co_await log_ticks_of_all(db, std::nullopt, ranges);
}

/// Marks the windows that the ranges touch in every timeframe: bars of any may have been sealed, and windows made of them. What was refused
/// there is forgotten; a task that still refuses it lists it again. The minutes are logged as well, which reaches the index.
Op<void> look_at_unsealed(Database &db, const std::optional<std::string> symbol, const SymbolRanges unsealed) {
	// Before it looks for tasks: who runs one that it cannot see looks again (recent_tasks.hpp).
	co_await db.begin_deriving();
	const auto keys = co_await matching_tasks(db, symbol, std::nullopt, Sight::of_statement);
	Nonsense nonsense;
	const auto tasks = co_await read_tasks(db, keys, &nonsense);
	std::vector<TaskMark> marks;
	for (size_t i = 0; i < keys.size(); ++i) {
		const auto found = unsealed.find(keys[i].symbol);
		if (found == unsealed.end())
			continue;
		// Who takes a mark takes the windows that it touches, so those of UTC do for a task that this transaction cannot read yet.
		const Grid target = tasks[i] ? tasks[i]->target : Grid(*Timeframe::parse(keys[i].timeframe));
		marks.push_back({&keys[i], {}});
		for (const auto &part : found->second.ranges())
			marks.back().ranges.now.add({target.floor(part.from), target.ceil(part.to)});
	}
	co_await make_refused_minutes(db, unsealed);
	co_await forget_refused(db, marks);
	co_await merge_dirty(db, std::move(marks));
	NotedChanges changed;
	for (const auto &[name, ranges] : unsealed) {
		for (const auto &part : ranges.ranges())
			changed.add(name, part);
	}
	co_await note_changes(db, std::move(changed));
	co_await db.wake_worker();
}

/// Seals symbol by symbol, so that a symbol which is added later is free; how many symbols those were.
Op<int64_t> seal_each(Database &db, const SymbolRange range, const std::string reason) {
	auto symbols = co_await symbols_meant(db, range.symbol);
	std::vector<Seal> seals;
	for (auto &symbol : symbols)
		seals.push_back({std::move(symbol), range.from, range.to});
	co_await put_seals(db, seals, minutes().name(), reason);
	co_return static_cast<int64_t>(seals.size());
}

struct Removed {
	int64_t rows = 0;
	bool more = false;
};

/// Of source before the end of the range.
Op<Removed> remove_rows(Database &db, const SymbolRange range, int64_t most) {
	auto list = parameters(timestamp_parameter(range.to), Parameter(AGG_TEXT, cell(range.symbol)), Parameter(AGG_INT8, cell(most)));
	const auto rows = static_cast<int64_t>(co_await db.execute(remove_source(), std::move(list)));
	co_return Removed {rows, rows == most};
}

Op<Removed> remove_from_chunks(Database &db, const SymbolRange range, int64_t most) {
	std::optional<Timestamp> left;
	auto take = [&](const Row &row) {
		left = row.timestamp(0);
		return Flow::enough;
	};
	auto list = parameters(timestamp_parameter(range.to), Parameter(AGG_TEXT, cell(range.symbol)), Parameter(AGG_INT8, cell(most)));
	co_await db.query(first_left(), std::move(list), take);
	Removed removed {.rows = 0, .more = left.has_value()};
	auto before = parameters(timestamp_parameter(left.value_or(range.to)), Parameter(AGG_TEXT, cell(range.symbol)));
	removed.rows = static_cast<int64_t>(co_await db.execute(remove_before(), std::move(before)));
	if (removed.rows > 0 || !left)
		co_return removed;
	// More symbols have this minute than rows may go.
	auto with_it = parameters(timestamp_parameter(*left + Duration {1}), Parameter(AGG_TEXT, cell(range.symbol)));
	removed.rows = static_cast<int64_t>(co_await db.execute(remove_before(), std::move(with_it)));
	co_return removed;
}

} // namespace

Op<Answer> drain_log(Database &db, Arguments) {
	co_await absorb_changes(db);
	co_await fold_tick_log(db);
	co_return Answer::rows();
}

Op<Answer> agg_mark_changed(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	const auto symbols = co_await symbols_meant(db, range.symbol);
	NotedChanges changed;
	for (const auto &symbol : symbols)
		changed.add(symbol, {range.from, range.to});
	co_await note_changes(db, std::move(changed));
	co_await db.wake_worker();
	co_return Answer::json(JsonObject().add("success", true).add("symbols", static_cast<int64_t>(symbols.size())).text());
}

Op<Answer> agg_seal_range(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	const int64_t symbols = co_await seal_each(db, range, arguments.maybe_text("p_reason").value_or("by hand"));
	co_return Answer::json(JsonObject().add("success", true).add("symbols", symbols).text());
}

Op<Answer> agg_unseal_range(Database &db, Arguments arguments) {
	const auto range = symbol_range(arguments);
	co_await require_symbol_of(db, range);
	const auto everybody = co_await symbols_meant(db, std::nullopt);
	SymbolRanges unsealed;
	int64_t ranges = 0;
	// Who makes minutes lists what the seals refuse: first, so that it is seen here.
	co_await lock_tick_sources(db);
	auto receive = [&](const Row &row) {
		const TimeRange part {row.timestamp(1), row.timestamp(2)};
		if (!row.is_null(0)) {
			unsealed[std::string(row.text(0))].add(part);
		} else if (range.symbol) {
			unsealed[*range.symbol].add(part);
		} else {
			for (const auto &symbol : everybody)
				unsealed[symbol].add(part);
		}
		++ranges;
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, cell(range.symbol)), timestamp_parameter(range.from), timestamp_parameter(range.to),
	                       text_array(everybody));
	co_await db.query(unseal(), std::move(list), receive);
	if (!unsealed.empty())
		co_await look_at_unsealed(db, range.symbol, std::move(unsealed));
	co_return Answer::json(JsonObject().add("success", true).add("ranges_unsealed", ranges).text());
}

Op<Answer> agg_retire_source(Database &db, Arguments arguments) {
	const Timestamp before = arguments.timestamp("p_before_utc");
	const SymbolRange range {arguments.maybe_text("p_symbol"), Timestamp::range_begin(), before};
	const int64_t most = arguments.integer("p_max_rows");
	arguments.check_positive("p_max_rows", "Pass the maximum number of rows to remove in one call, such as 1000000.");
	co_await require_symbol_of(db, range);
	// What has changed before must be made before its source goes.
	co_await absorb_changes(db);
	co_await seal_each(db, range, "retired");

	const uint64_t in_chunks = co_await db.rows_in_chunks();
	Removed removed;
	if (in_chunks > 0)
		removed = co_await remove_from_chunks(db, range, most);
	else
		removed = co_await remove_rows(db, range, most);
	co_return Answer::json(JsonObject().add("success", true).add("rows_removed", removed.rows).add("continue", removed.more).text());
}

Op<Answer> agg_set_retention(Database &db, Arguments arguments) {
	const auto symbol = arguments.maybe_text("p_symbol");
	const std::string timeframe = arguments.text("p_timeframe");
	const auto keep = arguments.maybe_integer("p_keep");
	const std::string whose = symbol.value_or("all symbols");
	timeframe_or_throw(whose, timeframe);
	if (keep && (*keep <= 0 || Duration {*keep} > longest_keep))
		throw Error(sqlstate::invalid_parameter_value,
		            "p_keep must be longer than nothing and at most 1000 years (" + whose + "/" + timeframe + ")",
		            "Pass how long bars are kept, such as '90 days', or NULL for no policy.");
	if (symbol)
		co_await require_symbol(db, *symbol);
	const Parameter symbol_or_all(AGG_TEXT, cell(symbol));
	std::optional<std::string> widest;
	Duration width {};
	auto take = [&](const Row &row) {
		widest = row.text(0);
		width = Duration::minutes(row.integer(1));
		return Flow::enough;
	};
	co_await db.query(widest_reader(), parameters(symbol_or_all, text_parameter(timeframe)), take);
	uint64_t changed = 0;
	if (keep)
		changed = co_await db.execute(put_policy(), parameters(symbol_or_all, text_parameter(timeframe), Parameter(AGG_INT8, cell(*keep)),
		                                                       timestamp_parameter(db.transaction_start())));
	else
		changed = co_await db.execute(remove_policy(), parameters(symbol_or_all, text_parameter(timeframe)));
	if (changed > 0)
		co_await db.execute(forget_progress(), parameters(symbol_or_all, text_parameter(timeframe)));
	if (keep && Duration {*keep} < width)
		co_await db.notice("bars of " + timeframe + " are kept longer than that: until the whole bar of " + *widest +
		                   " that is made of them is that old");
	co_await db.wake_worker();
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("changed", changed > 0)
	                           .add_raw("widest_reader", widest ? json_string(*widest) : "null")
	                           .text());
}

} // namespace aggregation
