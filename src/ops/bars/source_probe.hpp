// Where a source has bars: one index probe for each question, many questions in one statement.
#pragma once

#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace aggregation {

/// A question about the bars of one symbol and timeframe. The symbol must outlive it.
struct SourceProbe {
	std::string_view symbol;
	Grid bars;
	Timestamp from = Timestamp::range_begin();
	Timestamp to = Timestamp::range_end(); // exclusive; counts for last_bars alone
};

/// The start of the first live bar at or after `from`, for each probe in order; nullopt where there is none.
Op<std::vector<std::optional<Timestamp>>> first_bars(Database &db, const std::vector<SourceProbe> &probes);

/// The start of the last live bar in [from, to), for each probe in order; nullopt where there is none.
Op<std::vector<std::optional<Timestamp>>> last_bars(Database &db, const std::vector<SourceProbe> &probes);

} // namespace aggregation
