#include "ops/bars/sealed_ranges.hpp"

#include "ops/boundary/parameters.hpp"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &last_end() {
	static const Statement statement {
	    "agg_sealed_ranges", "SELECT r.to_utc FROM @agg_sealed_ranges r ORDER BY r.to_utc DESC LIMIT 1", {AGG_TIMESTAMPTZ}};
	return statement;
}

// Of a symbol, and of all symbols.
#define AGG_SEALS(whose)                                                                                                                            \
	"SELECT t.ord, r.timeframe, r.from_utc, r.to_utc FROM unnest($1::text[]) WITH ORDINALITY AS t(symbol, ord) JOIN @agg_sealed_ranges r ON " whose \
	" AND r.to_utc > ($2::timestamptz[])[t.ord] AND r.from_utc < ($3::timestamptz[])[t.ord]"

const Statement &overlapping() {
	static const Statement statement {"agg_sealed_ranges",
	                                  AGG_SEALS("r.canonical_symbol = t.symbol") " UNION ALL " AGG_SEALS("r.canonical_symbol IS NULL"),
	                                  {AGG_INT8, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

// Retention by the day must not pile up rows. What covers the new seal is kept as it is: source is retired in many calls.
const Statement &put() {
	static const Statement statement {"agg_sealed_ranges",
	                                  R"sql(
WITH open AS (
	SELECT u.symbol, u.from_utc, u.to_utc
	FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS u(symbol, from_utc, to_utc)
	WHERE NOT EXISTS (
		SELECT
		FROM @agg_sealed_ranges r
		WHERE r.canonical_symbol = u.symbol
			AND r.timeframe IS NOT DISTINCT FROM NULLIF($4::text, '1m')
			AND r.reason = $5::text
			AND r.from_utc <= u.from_utc
			AND r.to_utc >= u.to_utc)
), gone AS (
	DELETE FROM @agg_sealed_ranges r
	USING open o
	WHERE r.canonical_symbol = o.symbol
		AND r.timeframe IS NOT DISTINCT FROM NULLIF($4::text, '1m')
		AND r.reason = $5::text
		AND r.from_utc <= o.to_utc
		AND r.to_utc >= o.from_utc
	RETURNING r.canonical_symbol, r.from_utc, r.to_utc
)
INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason)
SELECT o.symbol, NULLIF($4::text, '1m'), LEAST(o.from_utc, min(g.from_utc)), GREATEST(o.to_utc, max(g.to_utc)), $5::text
FROM open o
LEFT JOIN gone g ON g.canonical_symbol = o.symbol
GROUP BY o.symbol, o.from_utc, o.to_utc)sql",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

/// The windows that a seal means.
void add_windows(const std::string &retired, const TimeRange &range, const Grid &source, const Grid &target, RangeSet &sealed) {
	if (retired == source.name())
		sealed.add({target.floor(range.from), target.ceil(range.to)});
	if (retired == target.name())
		sealed.add({target.ceil(range.from), target.ceil(range.to)});
}

} // namespace

Op<void> put_seals(Database &db, const std::vector<Seal> seals, const std::string timeframe, const std::string reason) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	for (const auto &seal : seals) {
		symbols.push_back(cell(std::string_view(seal.symbol)));
		from.push_back(cell(seal.from));
		to.push_back(cell(seal.to));
	}
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)), text_parameter(timeframe), text_parameter(reason));
	co_await db.execute(put(), std::move(list));
}

Op<void> find_sealed(Database &db, std::vector<Segment> &segments) {
	Timestamp first = Timestamp::infinity();
	for (auto &segment : segments) {
		segment.sealed = {};
		first = std::min(first, segment.from);
	}
	const bool none = co_await db.surely_empty(last_end().relation);
	if (none)
		co_return;
	// Mostly everything that is sealed lies long ago.
	bool any = false;
	auto see = [&](const Row &row) {
		any = row.timestamp(0) > first;
		return Flow::enough;
	};
	co_await db.query(last_end(), {}, see);
	if (!any)
		co_return;
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	for (const auto &segment : segments) {
		symbols.push_back(cell(segment.symbol));
		from.push_back(cell(segment.from));
		to.push_back(cell(segment.to));
	}
	auto receive = [&](const Row &row) {
		Segment &segment = segments.at(static_cast<size_t>(row.integer(0) - 1));
		add_windows(row.maybe_text(1).value_or("1m"), {row.timestamp(2), row.timestamp(3)}, *segment.source, *segment.target,
		            segment.sealed);
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)));
	co_await db.query(overlapping(), std::move(list), receive);
}

Op<RangeSet> sealed_windows(Database &db, const Task &task) {
	RangeSet sealed;
	auto receive = [&](const Row &row) {
		add_windows(row.maybe_text(1).value_or("1m"), {row.timestamp(2), row.timestamp(3)}, task.source, task.target, sealed);
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, std::vector<agg_cell> {cell(std::string_view(task.key.symbol))}),
	                       Parameter(AGG_TIMESTAMPTZ, std::vector<agg_cell> {cell(Timestamp::minus_infinity())}),
	                       Parameter(AGG_TIMESTAMPTZ, std::vector<agg_cell> {cell(Timestamp::infinity())}));
	co_await db.query(overlapping(), std::move(list), receive);
	co_return sealed;
}

} // namespace aggregation
