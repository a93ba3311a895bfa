// Reading source rows by time: one pass over the stretch of time that many reads share, instead of a probe of the key for each of them.
//
//   by key    EURUSD [10:00, 10:05)  GBPUSD [10:00, 10:05)  ...     a descent for each, and the pages on which a feed has put its minutes
//   by time   [10:00, 10:05) of all symbols, in the order in which they lie
//
// Every tick of many symbols is of this kind. What it costs is asked of the plan that would be run: how many rows it looks at.
#pragma once

#include "core/range_set.hpp"
#include "ops/bars/source_bars.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace aggregation {

/// All symbols' rows of one timeframe in [from, to).
struct SourceSlice {
	const Grid *source;
	Timestamp from;
	Timestamp to;

	bool holds(const SourceRead &read) const {
		return from <= read.from && read.to <= to;
	}
};

/// Whose rights and row security apply.
enum class Reader { owner, caller };

/// The slice that holds most of the reads, if reading it costs less than reading them one by one.
Op<std::optional<SourceSlice>> cheaper_slice(Database &db, const std::vector<SourceRead> &reads, Reader reader = Reader::owner);

/// Takes source rows in any order.
class SliceSink {
public:
	virtual ~SliceSink() = default;
	virtual void take(std::string_view symbol, const SourceBar &bar) = 0;
};

/// Hands every live source row of the slice to the sink.
Op<void> read_slice(Database &db, const SourceSlice slice, SliceSink &sink, Reader reader = Reader::owner);

} // namespace aggregation
