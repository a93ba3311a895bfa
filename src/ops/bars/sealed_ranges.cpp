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

/// The windows that a seal means.
void add_windows(const std::string &retired, const TimeRange &range, const Grid &source, const Grid &target, RangeSet &sealed) {
	if (retired == source.name())
		sealed.add({target.floor(range.from), target.ceil(range.to)});
	if (retired == target.name())
		sealed.add({target.ceil(range.from), target.ceil(range.to)});
}

} // namespace

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
