// Reading the source rows of many ranges in one statement, range by range and in each by time.
#pragma once

#include "core/bar.hpp"
#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

namespace aggregation {

/// Source rows of a symbol in [from, to).
struct SourceRead {
	std::string_view symbol;
	const Grid *source;
	Timestamp from;
	Timestamp to;
};

/// What a read of source rows selects of table d first, and as what; see source_bar_of().
#define AGG_SOURCE_COLUMNS "d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8"
// The same of many ranges: $1 symbols, $2 timeframes, $3 and $4 from and to (ManyRanges), and behind them the range's number, from 1 on. The
// lateral subquery keeps its own order and cannot be flattened, so the rows come by range and then in this order without a sort.
#define AGG_MANY_RANGES_IN(table, more, live, order)                                                                                                                 \
	"SELECT b.*, t.ord FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "                                                                                         \
	"AS t(symbol, timeframe, ord) CROSS JOIN LATERAL ("                                                                                                              \
	"SELECT " AGG_SOURCE_COLUMNS more " FROM @" table                                                                                                                \
	" d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe AND d.ts_utc >= ($3::timestamptz[])[t.ord] AND d.ts_utc < ($4::timestamptz[])[t.ord]" live \
	" ORDER BY d.ts_utc " order ") b"
#define AGG_MANY_RANGES(table, more, live) AGG_MANY_RANGES_IN(table, more, live, "OFFSET 0")
#define AGG_SOURCE_TYPES AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_INT8

SourceBar source_bar_of(const Row &row);

/// The parameters of AGG_MANY_RANGES.
class ManyRanges {
public:
	void add(std::string_view symbol, std::string_view timeframe, Timestamp from, Timestamp to) {
		symbols_.push_back(cell(symbol));
		timeframes_.push_back(cell(timeframe));
		from_.push_back(cell(from));
		to_.push_back(cell(to));
	}
	std::vector<Parameter> parameters() &&;

private:
	std::vector<agg_cell> symbols_;
	std::vector<agg_cell> timeframes_;
	std::vector<agg_cell> from_;
	std::vector<agg_cell> to_;
};

/// Takes source rows as they stream past.
class SourceBarSink {
public:
	virtual ~SourceBarSink() = default;
	/// A row of reads[read]. Reads ascend, and within one the times ascend.
	virtual Flow take(size_t read, const SourceBar &bar) = 0;
};

/// Hands every live source row of the reads to the sink. All must be in the same table; there must be at least one.
Op<void> read_source_bars(Database &db, const std::vector<SourceRead> reads, SourceBarSink &sink);

} // namespace aggregation
