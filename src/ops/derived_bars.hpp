// Reading and writing derived_data_bars: the stored bars of some windows, and the three ways in which they change.
#pragma once

#include "ops/database.hpp"
#include "ops/op.hpp"
#include "ops/window_batch.hpp"

#include <cstdint>
#include <vector>

namespace aggregation {

/// Indexes into a batch's windows, by what has to be done to the stored bar.
struct BarChanges {
	std::vector<size_t> inserts;
	std::vector<size_t> updates;
	std::vector<size_t> deletes;
	std::vector<size_t> unchanged;
};

/// Compares the windows, which are in order, with the live bars stored for them in one ordered read.
Op<BarChanges> compare_with_stored(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows);

/// Inserts through COPY's machinery, all or none; false if another session stored one of the bars meanwhile.
Op<bool> bulk_insert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                          const std::vector<size_t> &which);

/// Inserts or rewrites, whatever is there.
Op<void> upsert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                     const std::vector<size_t> &which);

/// Marks the live bars of these windows as deleted, with the reason in `raw`.
Op<void> soft_delete_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                          const std::vector<size_t> &which);

} // namespace aggregation
