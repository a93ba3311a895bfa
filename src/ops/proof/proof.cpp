#include "ops/proof/proof.hpp"

#include "core/number_text.hpp"
#include "core/range_set.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/proof/proof_grid.hpp"
#include "ops/tasks/calendars.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aggregation {

namespace {

// A stretch is this many windows and source bars at most (but one window at least): what it may differ in is kept until it is told.
constexpr int64_t windows_at_once = 2'048;
constexpr int64_t source_bars_at_once = 32'768;

// The rules by which bars are made (docs/concepts.md), said once more in SQL: the windows of [$4, $5) of task $1/$2, which is made of $3
// with version $6 in calendar $8. $7: every bar that the source asks for must be there. Where windows lie and what they expect is said in
// proof_grid.hpp.
//
// Double precision that overflows is an infinity for the engine and an error in SQL. Volumes that are so large that their sum may overflow
// are added in steps of 2^-64: as exact as without, unless volumes that are tiny or negative are among them (odd). Vwaps whose products
// with their volumes may leave double precision's range are not judged. Trade counts are added as numeric.
//
// A bar whose raw names a rule says that it was made here: then its provenance must be right as well. An older system's bars keep theirs,
// and may say nothing about what they were made of.
constexpr const char *compare_sql = R"sql(
WITH {grid}, candle AS (
	SELECT {start} AS start, {inside} AS inside, s.ts_utc, s.open, s.high, s.low, s.close,
		CASE WHEN s.vol NOT IN ('NaN', 'Infinity', '-Infinity') THEN s.vol END AS vol,
		CASE WHEN s.vwap NOT IN ('NaN', 'Infinity', '-Infinity') AND s.vol > 0 AND s.vol < 'Infinity' THEN s.vwap END AS vwap,
		s.trade_count::int8 AS trade_count
	FROM frame f {rows}
	WHERE s.canonical_symbol = $1::text AND s.timeframe = $3::text AND s.ts_utc >= $4::timestamptz AND s.ts_utc < $5::timestamptz
		AND s.open > '-Infinity' AND s.open < 'Infinity' AND s.high > '-Infinity' AND s.high < 'Infinity'
		AND s.low > '-Infinity' AND s.low < 'Infinity' AND s.close > '-Infinity' AND s.close < 'Infinity'{live}{counts}
), numbered AS (
	SELECT c.*, lag(c.start) OVER w IS DISTINCT FROM c.start AS is_first, lead(c.start) OVER w IS DISTINCT FROM c.start AS is_last,
		lag(c.ts_utc) OVER w IS NOT DISTINCT FROM c.ts_utc AS doubled
	FROM candle c WINDOW w AS (ORDER BY c.ts_utc)
), bars AS (
	SELECT n.start, count(*) AS candles, count(*) FILTER (WHERE n.inside) AS inside, count(*) FILTER (WHERE n.doubled) AS doubled,
		max(n.open) FILTER (WHERE n.is_first) AS open, max(n.high ORDER BY n.ts_utc) AS high, min(n.low ORDER BY n.ts_utc) AS low,
		max(n.close) FILTER (WHERE n.is_last) AS close,
		sum(CASE WHEN abs(n.vol) <= 1e280 THEN n.vol END ORDER BY n.ts_utc) AS vol,
		COALESCE(bool_or(abs(n.vol) > 1e280), false) AS huge, COALESCE(bool_or(n.vol < 0 OR (n.vol > 0 AND n.vol < 1e-280)), false) AS odd,
		sum(CASE WHEN abs(n.vol) >= 1e-280 THEN n.vol * 5.421010862427522e-20 ELSE 0 END ORDER BY n.ts_utc) AS vol_steps,
		sum(n.vwap * n.vol ORDER BY n.ts_utc) FILTER (WHERE n.tame) AS weighted,
		sum(n.vol ORDER BY n.ts_utc) FILTER (WHERE n.tame AND n.vwap IS NOT NULL) AS weight,
		bool_and(n.tame) AS tame, sum(n.trade_count::numeric) AS trade_count
	FROM (
		SELECT m.*, m.vwap IS NULL OR (m.vol BETWEEN 1e-90 AND 1e90 AND (m.vwap = 0 OR abs(m.vwap) BETWEEN 1e-90 AND 1e90)) AS tame FROM numbered m
	) n GROUP BY n.start
), expected AS (
	SELECT b.start, b.candles, g.complete, b.open, b.high, b.low, b.close, NOT (b.huge AND b.odd) AS judges_vol, b.tame AS judges_vwap,
		CASE WHEN NOT b.huge THEN b.vol WHEN b.vol_steps < 9.7453140114e288 THEN b.vol_steps * 18446744073709551616 END AS vol,
		CASE WHEN b.tame THEN b.weighted / b.weight END AS vwap,
		CASE WHEN b.trade_count BETWEEN -9223372036854775808 AND 9223372036854775807 THEN b.trade_count END AS trade_count,
		CASE WHEN g.complete = 0 THEN -1 WHEN b.inside >= g.complete THEN 2 WHEN b.inside * 5 >= g.complete * 4 THEN 1
			WHEN b.inside * 5 >= g.complete * 3 THEN 0 ELSE -1 END AS quality, b.doubled
	FROM bars b {of_window} WHERE g.complete = 0 OR b.inside * 2 > g.complete
), stored AS (
	SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count, d.source_timeframe, d.source_candles, d.expected_candles,
		d.quality_score, d.derivation_version, COALESCE(d.is_partial, false) AS is_partial, d.raw, d.source, d.provider_ticker,
		COALESCE(d.raw ? 'rule', false) AS ours, count(*) OVER (PARTITION BY d.ts_utc) AS copies
	FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text AND d.ts_utc >= $4::timestamptz
		AND d.ts_utc < $5::timestamptz AND d.deleted_at IS NULL
)
SELECT COALESCE(d.ts_utc, e.start), CASE WHEN d.ts_utc IS NULL THEN 'missing' WHEN e.start IS NULL THEN 'surplus' ELSE c.kind END,
	c.name, c.stored_value, c.expected_value, c.stored, c.expected
FROM frame f CROSS JOIN (expected e FULL JOIN stored d ON d.ts_utc = e.start) LEFT JOIN LATERAL (
	SELECT 'differs' AS kind, r.name, r.stored AS stored_value, r.expected AS expected_value, NULL AS stored, NULL AS expected
	FROM (VALUES ('open', true, d.open, e.open), ('high', true, d.high, e.high), ('low', true, d.low, e.low), ('close', true, d.close, e.close),
		('vol', e.judges_vol, d.vol, e.vol), ('vwap', e.judges_vwap, d.vwap, e.vwap)) AS r(name, judged, stored, expected)
	WHERE r.judged AND float8send(r.stored) IS DISTINCT FROM float8send(r.expected)
	UNION ALL
	SELECT t.kind, t.name, NULL, NULL, t.stored, t.expected
	FROM (VALUES
		('differs', 'trade_count', d.trade_count::text, e.trade_count::text, d.trade_count IS DISTINCT FROM e.trade_count),
		('differs', 'source_timeframe', d.source_timeframe, $3::text, (d.ours OR d.source_timeframe IS NOT NULL) AND d.source_timeframe IS DISTINCT FROM $3::text),
		('differs', 'source_candles', d.source_candles::text, e.candles::text, (d.ours OR d.source_candles IS NOT NULL) AND d.source_candles IS DISTINCT FROM e.candles),
		('differs', 'expected_candles', d.expected_candles::text, e.complete::text, (d.ours OR d.expected_candles IS NOT NULL) AND d.expected_candles IS DISTINCT FROM e.complete),
		('differs', 'quality_score', d.quality_score::text, e.quality::text, (d.ours OR d.quality_score IS NOT NULL) AND d.quality_score IS DISTINCT FROM e.quality),
		('differs', 'is_partial', d.is_partial::text, 'false', d.is_partial),
		('differs', 'raw', d.raw::text, f.raw::text, d.ours AND (d.raw ? 'deleted' OR NOT jsonb_contains(d.raw, f.raw))),
		('differs', 'source', d.source, 'agg', d.ours AND d.source IS DISTINCT FROM 'agg'),
		('differs', 'provider_ticker', d.provider_ticker, NULL, d.ours AND d.provider_ticker IS NOT NULL),
		('duplicate', 'source', (e.candles)::text, (e.candles - e.doubled)::text, e.doubled > 0),
		('duplicate', NULL, d.copies::text, '1', d.copies > 1),
		('stale_version', 'derivation_version', d.derivation_version::text, $6::text, (d.ours OR d.derivation_version IS NOT NULL) AND COALESCE(d.derivation_version, 0) < $6::int8)
	) AS t(kind, name, stored, expected, differs) WHERE t.differs
) c ON d.ts_utc IS NOT NULL AND e.start IS NOT NULL
WHERE (d.ts_utc IS NULL AND $7::bool) OR (d.ts_utc IS NOT NULL AND (e.start IS NULL OR c.kind IS NOT NULL))
ORDER BY 1)sql";

/// The comparison for source in this table.
std::string compare_text(const ProofGrid &grid, std::string_view table, std::string_view live) {
	const std::pair<std::string_view, std::string_view> words[] {
	    {"{grid}", grid.tables},   {"{start}", grid.start},         {"{inside}", grid.inside}, {"{rows}", grid.rows},
	    {"{counts}", grid.counts}, {"{of_window}", grid.of_window}, {"{source}", table},       {"{live}", live}};
	return filled_in(compare_sql, words);
}

const Statement &compare(const Grid &target, const Grid &source) {
	static const std::vector<agg_type> columns {AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_FLOAT8, AGG_FLOAT8, AGG_TEXT, AGG_TEXT};
	static const std::string live = " AND s.deleted_at IS NULL";
	static const std::array<std::string, 4> texts {
	    compare_text(arithmetic_grid, "data_bars", ""), compare_text(arithmetic_grid, "derived_data_bars", live),
	    compare_text(calendar_grid, "data_bars", ""), compare_text(calendar_grid, "derived_data_bars", live)};
	static const std::array<Statement, 4> statements {{{"derived_data_bars", texts[0].c_str(), columns},
	                                                   {"derived_data_bars", texts[1].c_str(), columns},
	                                                   {"derived_data_bars", texts[2].c_str(), columns, Planning::by_statistics},
	                                                   {"derived_data_bars", texts[3].c_str(), columns, Planning::by_statistics}}};
	const bool arithmetic = target.calendar() == nullptr && target.timeframe().unit() != Timeframe::Unit::months;
	return statements.at((arithmetic ? 0 : 2) + (source.ingested() ? 0 : 1));
}

// Of the tables that are compared, those of which the owner who compares would be shown a part only. $1: schema.
const Statement &tables_that_hide() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT c.relname::text, pg_get_userbyid(c.relowner)::text, current_user::text FROM pg_catalog.pg_class c "
	    "WHERE c.relnamespace = $1::text::regnamespace AND c.relname IN ('data_bars', 'derived_data_bars') AND c.relkind IN ('r', 'p') "
	    "AND c.relrowsecurity AND row_security_active(c.oid) ORDER BY 1",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &first_minute() {
	static const Statement statement {
	    "data_bars",
	    "SELECT s.ts_utc FROM @data_bars s WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text AND s.ts_utc >= $3::timestamptz "
	    "AND s.ts_utc < $4::timestamptz ORDER BY s.ts_utc LIMIT 1",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &first_live_bar() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.ts_utc FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz AND d.deleted_at IS NULL ORDER BY d.ts_utc LIMIT 1",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &bars_at_no_time() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.ts_utc FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND NOT " AGG_IS_TIME("d.ts_utc") " AND d.deleted_at IS NULL ORDER BY d.ts_utc",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &refused_ranges() {
	static const Statement statement {"agg_refused_ranges",
	                                  "SELECT r.from_utc, r.to_utc FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text "
	                                  "AND r.timeframe = $2::text AND r.to_utc > $3::timestamptz AND r.from_utc < $4::timestamptz",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

// Windows whose bar somebody took away on purpose: what the engine deletes has one of its own reasons.
const Statement &deleted_by_hand() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.ts_utc, d.ts_utc + interval '1 microsecond' FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text "
	    "AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz AND d.deleted_at IS NOT NULL "
	    "AND COALESCE(d.raw ->> 'deleted', '') NOT IN ('insufficient_source_bars', 'source_removed')",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

class TaskProof : public Proof {
public:
	TaskProof(Database &db, const Task &task) : db_(db), task_(task) {
	}
	const TaskKey &key() const override {
		return task_.key;
	}
	const Grid &grid() const override {
		return task_.target;
	}
	int64_t most_windows() const override {
		const int64_t bars_in_window = task_.target.timeframe().width().us / task_.source.timeframe().width().us;
		return std::clamp<int64_t>(source_bars_at_once / bars_in_window, 1, windows_at_once);
	}

	Op<std::optional<Stretch>> next(Timestamp from, Timestamp to, int64_t windows) override {
		const Timestamp start = task_.target.ceil(task_.start);
		const Timestamp cursor = task_.effective_cursor();
		const std::array<Stretch, 3> regions {{{Timestamp::minus_infinity(), start, false}, //
		                                       {start, cursor, true},
		                                       {cursor, Timestamp::infinity(), false}}};
		for (const Stretch &region : regions) {
			const Timestamp begin = std::max(from, region.from);
			const Timestamp end = std::min(to, region.to);
			if (begin >= end)
				continue;
			Timestamp first = co_await first_bar(first_live_bar(), task_.target, begin, end);
			if (region.complete) {
				const Statement &source = task_.source.ingested() ? first_minute() : first_live_bar();
				const Timestamp first_source = co_await first_bar(source, task_.source, begin, end);
				first = std::min(first, first_source);
			}
			if (first == Timestamp::infinity())
				continue;
			first = task_.target.floor(first);
			co_return Stretch {first, std::min(task_.target.after(first, windows), end), region.complete};
		}
		co_return std::nullopt;
	}

	Op<std::vector<Difference>> outside_of_time() override {
		std::vector<Difference> list;
		auto receive = [&](const Row &row) {
			list.push_back({task_.key, row.timestamp(0), "surplus", "", std::nullopt, std::nullopt, ""});
			return Flow::more;
		};
		auto of_task = parameters(text_parameter(task_.key.symbol), text_parameter(task_.key.timeframe));
		co_await db_.query(bars_at_no_time(), std::move(of_task), receive);
		co_return list;
	}

	Op<std::vector<Difference>> differences(Stretch stretch) override {
		std::vector<Difference> list;
		auto receive = [&](const Row &row) {
			auto stored = row.is_null(3) ? row.maybe_text(5) : double_text(row.real(3));
			auto expected = row.is_null(4) ? row.maybe_text(6) : double_text(row.real(4));
			list.push_back({task_.key, row.timestamp(0), std::string(row.text(1)), row.maybe_text(2).value_or(""), std::move(stored),
			                std::move(expected), ""});
			return Flow::more;
		};
		auto values = parameters(text_parameter(task_.key.symbol), text_parameter(task_.key.timeframe), text_parameter(task_.source.name()),
		                         timestamp_parameter(stretch.from), timestamp_parameter(stretch.to),
		                         Parameter(AGG_INT8, cell(task_.derivation_version)), Parameter(AGG_BOOL, cell(stretch.complete)),
		                         text_parameter(task_.target.calendar() == nullptr ? utc_calendar : task_.target.calendar()->rules().name));
		co_await db_.query(compare(task_.target, task_.source), std::move(values), receive);
		if (!list.empty())
			co_await explain(stretch, list);
		co_return list;
	}

private:
	/// The first bar in [from, to), or infinity.
	Op<Timestamp> first_bar(const Statement &statement, const Grid bars, Timestamp from, Timestamp to) {
		Timestamp first = Timestamp::infinity();
		auto receive = [&](const Row &row) {
			first = row.timestamp(0);
			return Flow::enough;
		};
		auto list =
		    parameters(text_parameter(task_.key.symbol), text_parameter(bars.name()), timestamp_parameter(from), timestamp_parameter(to));
		co_await db_.query(statement, std::move(list), receive);
		co_return first;
	}

	std::vector<Parameter> of_task(const Stretch &stretch) const {
		return parameters(text_parameter(task_.key.symbol), text_parameter(task_.key.timeframe), timestamp_parameter(stretch.from),
		                  timestamp_parameter(stretch.to));
	}

	/// Leaves out what is sealed, and says of the rest whether it is known and why.
	Op<void> explain(Stretch stretch, std::vector<Difference> &list) {
		const auto sealed = co_await sealed_windows(db_, task_);
		std::erase_if(list, [&](const Difference &one) { return holds(sealed, one.window); });
		if (list.empty())
			co_return;
		auto pending = co_await windows_in(db_, marked_ranges(), of_task(stretch), task_.target);
		if (task_.source.ingested()) {
			const std::vector<agg_cell> symbol {cell(std::string_view(task_.key.symbol))};
			auto values = parameters(Parameter(AGG_TEXT, symbol), timestamp_parameter(stretch.from), timestamp_parameter(stretch.to));
			const auto logged = co_await windows_in(db_, logged_ranges(), std::move(values), task_.target);
			pending.add(logged);
		}
		const auto refused = co_await windows_in(db_, refused_ranges(), of_task(stretch), task_.target);
		const auto deleted = co_await windows_in(db_, deleted_by_hand(), of_task(stretch), task_.target);
		for (auto &difference : list) {
			if (difference.window >= task_.effective_cursor() || holds(pending, difference.window))
				difference.explanation = "pending";
			else if (holds(refused, difference.window))
				difference.explanation = "refused";
			else if (difference.kind == "missing" && holds(deleted, difference.window))
				difference.explanation = "deleted";
		}
	}

	Database &db_;
	Task task_;
};

} // namespace

std::optional<std::string> double_text(std::optional<double> value) {
	return value ? std::optional(number_text(*value)) : std::nullopt;
}

const Statement &logged_ranges() {
	static const Statement statement {
	    "agg_change_log",
	    "SELECT u.from_utc, u.to_utc FROM @agg_change_log l " AGG_LOGGED_ENTRIES
	    "WHERE (u.symbol IN (SELECT k.symbol FROM unnest($1::text[]) AS k(symbol))) IS TRUE AND u.to_utc > $2::timestamptz AND u.from_utc < $3::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &marked_ranges() {
	static const Statement statement {"agg_dirty_ranges",
	                                  "SELECT d.from_utc, d.to_utc FROM @agg_dirty_ranges d WHERE d.canonical_symbol = $1::text "
	                                  "AND d.timeframe = $2::text AND d.to_utc > $3::timestamptz AND d.from_utc < $4::timestamptz",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

Op<RangeSet> windows_in(Database &db, const Statement &statement, std::vector<Parameter> list, const Grid target) {
	RangeSet ranges;
	auto receive = [&](const Row &row) {
		ranges.add({target.floor(row.timestamp(0)), target.ceil(row.timestamp(1))});
		return Flow::more;
	};
	co_await db.query(statement, std::move(list), receive);
	co_return ranges;
}

bool holds(const RangeSet &ranges, Timestamp window) {
	const auto &list = ranges.ranges();
	const auto after =
	    std::upper_bound(list.begin(), list.end(), window, [](Timestamp t, const TimeRange &range) { return t < range.from; });
	return after != list.begin() && window < std::prev(after)->to;
}

Op<void> refuse_hidden_rows(Database &db) {
	std::optional<Error> refusal;
	auto take = [&](const Row &row) {
		const std::string table(row.text(0));
		refusal = Error(sqlstate::object_not_in_prerequisite_state,
		                "table \"" + table + "\" has row security, so nothing can be proved about all of its rows",
		                "Give both tables of bars to one owner, or ALTER TABLE " + table +
		                    " DISABLE (or, for its own owner, NO FORCE) ROW LEVEL SECURITY.",
		                "The proof reads it as the owner of \"derived_data_bars\", \"" + std::string(row.text(2)) +
		                    "\"; the policies belong to its owner, \"" + std::string(row.text(1)) + "\".");
		return Flow::enough;
	};
	const std::string schema = db.schema();
	co_await db.query(tables_that_hide(), parameters(text_parameter(schema)), take);
	if (refusal)
		throw Error(*refusal);
}

std::unique_ptr<Proof> proof_of_task(Database &db, const Task &task) {
	return std::make_unique<TaskProof>(db, task);
}

} // namespace aggregation
