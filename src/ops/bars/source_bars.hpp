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
#define AGG_SOURCE_TYPES AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_INT8

SourceBar source_bar_of(const Row &row);

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
