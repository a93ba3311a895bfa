// Minutes of an index's parts, wherever these are. A part may be in another group of shards, on this node or another: then Citus reads it,
// one symbol at a time, for its planner takes no more.
#pragma once

#include "ops/bars/source_probe.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/tasks/symbols_elsewhere.hpp"

namespace aggregation {

/// As first_bars() and last_bars(); what is elsewhere is asked for minutes.
Op<std::vector<std::optional<Timestamp>>> first_part_bars(Database &db, const std::vector<SourceProbe> &probes);
Op<std::vector<std::optional<Timestamp>>> last_part_bars(Database &db, const std::vector<SourceProbe> &probes);

/// The minutes of a symbol ($1) in [$2, $3): time and close, by time.
const Statement &closes_of_part(bool is_elsewhere);

/// As find_sealed(), for segments whose symbols may be among those elsewhere.
Op<void> find_sealed_parts(Database &db, std::vector<Segment> &segments, const SymbolSet &elsewhere);

} // namespace aggregation
