// Changes of minutes that somebody tells of, as the trigger of data_bars would have noted them.
#pragma once

#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

/// Ranges of symbols, as the columns of a statement.
struct NotedChanges {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;

	/// The symbol must live until they are noted.
	void add(std::string_view symbol, const TimeRange &range);
};

/// Logs them as changed.
Op<void> note_changes(Database &db, NotedChanges changed);

} // namespace aggregation
