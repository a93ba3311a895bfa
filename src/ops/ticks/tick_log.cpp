#include "ops/ticks/tick_log.hpp"

#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <map>

namespace aggregation {

namespace {

constexpr int64_t rows_at_once = 100'000;

// clang-format off

const Statement &take_entries() {
	static const Statement statement {"agg_tick_log", R"sql(
WITH gone AS (
	DELETE FROM @agg_tick_log l
	WHERE l.ctid = ANY (ARRAY(
		SELECT c.ctid FROM @agg_tick_log c
		WHERE c.tick_source = $1::text AND c.first_utc >= $2::timestamptz AND c.first_utc < $3::timestamptz
		ORDER BY c.first_utc
		LIMIT $4::int8
		FOR UPDATE SKIP LOCKED
	))
	RETURNING l.symbols, l.from_utc, l.to_utc, l.gone
)
SELECT e.n = 1, e.symbol, COALESCE(e.from_utc, g.from_utc[1]), COALESCE(e.to_utc, g.to_utc[1]), g.gone
FROM gone g
CROSS JOIN LATERAL unnest(g.symbols, g.from_utc, g.to_utc) WITH ORDINALITY AS e(symbol, from_utc, to_utc, n))sql",
		{AGG_BOOL, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL}};
	return statement;
}

const Statement &logged_sources() {
	static const Statement statement {"agg_tick_log", R"sql(
WITH RECURSIVE s(name) AS (
	(SELECT l.tick_source FROM @agg_tick_log l ORDER BY l.tick_source LIMIT 1)
	UNION ALL
	SELECT (SELECT l.tick_source FROM @agg_tick_log l WHERE l.tick_source > s.name ORDER BY l.tick_source LIMIT 1) FROM s WHERE s.name IS NOT NULL
)
SELECT s.name FROM s WHERE s.name IS NOT NULL)sql",
		{AGG_TEXT}};
	return statement;
}

const Statement &ask_source() {
	static const Statement statement {"agg_tick_sources", "SELECT 1 FROM @agg_tick_sources s WHERE s.tick_source = $1::text", {AGG_INT4}};
	return statement;
}

const Statement &sources_but() {
	static const Statement statement {
		"agg_tick_sources", "SELECT s.tick_source FROM @agg_tick_sources s WHERE s.tick_source IS DISTINCT FROM $1::text", {AGG_TEXT}};
	return statement;
}

// So many ranges in a row, that neighbours in time are together.
const Statement &put_entries() {
	static const Statement statement {"agg_tick_log", R"sql(
INSERT INTO @agg_tick_log (tick_source, first_utc, symbols, from_utc, to_utc, gone)
SELECT $1::text, min(r.from_utc), array_agg(r.symbol ORDER BY r.n), array_agg(r.from_utc ORDER BY r.n), array_agg(r.to_utc ORDER BY r.n), r.gone
FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::bool[]) WITH ORDINALITY AS r(symbol, from_utc, to_utc, gone, n)
GROUP BY (r.n - 1) / 64, r.gone)sql",
		{}, Planning::once_by_statistics};
	return statement;
}

// clang-format on

void append(std::vector<TickRange> &ranges, const std::optional<std::string> &symbol, RangeSet came, const RangeSet &gone) {
	if (!gone.empty())
		came.subtract(gone);
	for (const auto &range : came.ranges())
		ranges.push_back({symbol, range.from, range.to, false});
	for (const auto &range : gone.ranges())
		ranges.push_back({symbol, range.from, range.to, true});
}

} // namespace

void TickChanges::add(std::optional<std::string_view> symbol, const TimeRange &range, bool gone) {
	Kind &kind = gone ? gone_ : came_;
	if (symbol)
		kind.of_symbols.add_range(*symbol, range);
	else
		kind.of_all.add(range);
}

std::vector<TickRange> TickChanges::of_symbols() const {
	struct Sets {
		RangeSet came;
		RangeSet gone;
	};
	std::map<std::string_view, Sets> symbols;
	for (const auto &change : gone_.of_symbols.list(any_number_of_ranges))
		symbols[*change.symbol].gone.add(change.range);
	for (const auto &change : came_.of_symbols.list(any_number_of_ranges))
		symbols[*change.symbol].came.add(change.range);
	std::vector<TickRange> ranges;
	for (auto &[symbol, sets] : symbols)
		append(ranges, std::string(symbol), std::move(sets.came), sets.gone);
	return ranges;
}

std::vector<TickRange> TickChanges::of_all() const {
	std::vector<TickRange> ranges;
	append(ranges, std::nullopt, came_.of_all, gone_.of_all);
	std::sort(ranges.begin(), ranges.end(), [](const TickRange &a, const TickRange &b) { return a.from < b.from; });
	return ranges;
}

Op<int64_t> take_tick_entries(Database &db, const std::string source, const TimeRange range, int64_t most, TickChanges &changes) {
	int64_t rows = 0;
	auto take = [&](const Row &row) {
		rows += row.boolean(0) ? 1 : 0;
		if (row.is_null(2) || row.is_null(3))
			return Flow::more;
		const auto symbol = row.is_null(1) ? std::nullopt : std::optional(row.text(1));
		changes.add(symbol, {row.timestamp(2), row.timestamp(3), 0}, row.boolean(4));
		return Flow::more;
	};
	auto list =
	    parameters(text_parameter(source), timestamp_parameter(range.from), timestamp_parameter(range.to), Parameter(AGG_INT8, cell(most)));
	co_await db.query(take_entries(), std::move(list), take);
	co_return rows;
}

Op<void> log_ticks(Database &db, const std::string source, const std::vector<TickRange> &ranges) {
	if (ranges.empty())
		co_return;
	std::vector<const TickRange *> by_time;
	by_time.reserve(ranges.size());
	for (const auto &range : ranges)
		by_time.push_back(&range);
	std::stable_sort(by_time.begin(), by_time.end(), [](const TickRange *a, const TickRange *b) { return a->from < b->from; });
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	std::vector<agg_cell> gone;
	for (const TickRange *range : by_time) {
		symbols.push_back(cell(range->symbol));
		from.push_back(cell(range->from));
		to.push_back(cell(range->to));
		gone.push_back(cell(range->gone));
	}
	auto list = parameters(text_parameter(source), Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)), Parameter(AGG_BOOL, std::move(gone)));
	co_await db.execute(put_entries(), std::move(list));
}

Op<bool> log_ticks_of_all(Database &db, const std::optional<std::string> but, const std::vector<TickRange> &ranges) {
	if (ranges.empty())
		co_return false;
	std::vector<std::string> sources;
	auto take_source = [&](const Row &row) {
		sources.emplace_back(row.text(0));
		return Flow::more;
	};
	co_await db.query(sources_but(), parameters(Parameter(AGG_TEXT, cell(but))), take_source);
	for (const auto &source : sources)
		co_await log_ticks(db, source, ranges);
	co_return !sources.empty();
}

Op<void> fold_tick_log(Database &db) {
	// With one snapshot it would meet rows that others have taken meanwhile.
	if (db.snapshot() == Database::Snapshot::of_transaction)
		co_return;
	std::vector<std::string> sources;
	auto take_source = [&](const Row &row) {
		sources.emplace_back(row.text(0));
		return Flow::more;
	};
	co_await db.query(logged_sources(), {}, take_source);
	for (const auto &source : sources) {
		TickChanges changes;
		const TimeRange always {Timestamp::minus_infinity(), Timestamp::infinity()};
		co_await take_tick_entries(db, source, always, rows_at_once, changes);
		const auto known = co_await db.execute(ask_source(), parameters(text_parameter(source)));
		auto ranges = changes.of_symbols();
		const auto of_all = changes.of_all();
		ranges.insert(ranges.end(), of_all.begin(), of_all.end());
		if (known > 0)
			co_await log_ticks(db, source, ranges);
	}
}

} // namespace aggregation
