// Reading and writing derived_data_bars: the stored bars of some windows, and the three ways in which they change.
#pragma once

#include "ops/bars/window_batch.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <vector>

// TimescaleDB lets nobody change deleted_at in a compressed chunk, since a unique index stands on it, but takes rows away and adds others.
// So where rows lie in chunks, a bar that is deleted or restored is taken away (RETURNING d AS bar, in a CTE called gone) and added again,
// with all of its columns.
#define AGG_ADD_AGAIN(values)                                                                                                              \
	" INSERT INTO @derived_data_bars AS n SELECT f.* FROM gone g CROSS JOIN LATERAL jsonb_populate_record(g.bar, "                         \
	"jsonb_build_object('updated_at', now(), " values ")) f RETURNING n.ts_utc"

namespace aggregation {

/// A stored bar of a segment.
struct BarPlace {
	size_t segment;
	Timestamp start;
};

/// Indexes into a batch's windows, by what has to be done to the stored bar.
struct BarChanges {
	std::vector<size_t> inserts;
	std::vector<size_t> updates;
	std::vector<size_t> unchanged;
	// Stored bars that must go: their window has too few candles, or no source row at all where that counts.
	std::vector<BarPlace> insufficient;
	std::vector<BarPlace> without_source;

	bool any() const {
		return !inserts.empty() || !updates.empty() || !insufficient.empty() || !without_source.empty();
	}
};

/// Compares the windows, which are in order, with the live bars stored for them in one ordered read.
Op<BarChanges> compare_with_stored(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows);

/// Whether no bar is stored where windows that are to lose theirs lie between windows with source.
Op<bool> nothing_stored_in_holes(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows);

/// Says the revision of each of these windows' bars, of which none is stored: one more than that of the newest deleted bar of the window,
/// or the same if that was deleted by this very transaction and is made again as it was. Asks only about windows that can have had a bar.
Op<void> number_new_bars(Database &db, const std::vector<Segment> &segments, std::vector<ComputedWindow> &windows,
                         const std::vector<size_t> &which);

/// Inserts through COPY's machinery, all or none; false if another session stored one of the bars meanwhile.
Op<bool> bulk_insert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                          const std::vector<size_t> &which);

/// Inserts or rewrites, whatever is there. The version of a stored bar never goes down.
Op<void> upsert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                     const std::vector<size_t> &which);

/// Marks the live bars of the range as deleted, with the reason in `raw`; returns their starts.
Op<std::vector<Timestamp>> soft_delete_live(Database &db, std::string_view symbol, const Grid &target, TimeRange range,
                                            std::string_view reason);

/// Marks all live bars of the segment that are not sealed as deleted, with the reason in `raw`; returns their places.
Op<std::vector<BarPlace>> soft_delete_all(Database &db, const Segment &segment, const std::string &reason);

/// Marks these live bars, which are in order, as deleted, with the reason in `raw`.
Op<void> soft_delete_bars(Database &db, const std::vector<Segment> &segments, const std::vector<BarPlace> &bars, const char *reason);

} // namespace aggregation
