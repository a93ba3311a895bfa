// Reading the source rows of many segments in one statement, by segment and then by time.
#pragma once

#include "core/bar.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstddef>
#include <vector>

namespace aggregation {

/// Takes source rows as they stream past.
class SourceBarSink {
public:
	virtual ~SourceBarSink() = default;
	/// A row of segments[segment]. Segments ascend, and within one the times ascend.
	virtual Flow take(size_t segment, const SourceBar &bar) = 0;
};

/// Hands every live source row of the segments to the sink. All sources must be in the same table; there must be at least one segment.
Op<void> read_source_bars(Database &db, const std::vector<Segment> &segments, SourceBarSink &sink);

} // namespace aggregation
