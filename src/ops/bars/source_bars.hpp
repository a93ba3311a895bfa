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
