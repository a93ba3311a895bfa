// The heart of the engine: reads the source of many windows, computes their bars, compares them with what is stored, and writes what
// differs.
//
//   segments:   EURUSD 5m [10:00, 10:25)   GBPUSD 5m [10:00, 10:05)   ...      one statement reads them all, in order
//   windows:    |----|----|----|----|----| |----|                              folded as the rows stream past
//   stored:     =    =    ~         x      .                                   one ordered read of the same ranges
//   written:              update    delete insert                              nothing for what is equal (=)
//
// Memory is proportional to the windows of a batch, never to the rows read.
#pragma once

#include "core/bar.hpp"
#include "core/catch_up.hpp"
#include "core/range_set.hpp"
#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/task_guard.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace aggregation {

/// The most windows that a batch should hold; bounds the engine's memory to a few megabytes.
inline constexpr int64_t most_windows_in_batch = 32'768;

/// What became of the windows of a segment or of a whole task.
struct WindowCounts {
	int64_t inserted = 0;
	int64_t updated = 0;
	int64_t unchanged = 0;
	int64_t deleted = 0;      // stored bars whose window has too few candles now, or no source any more
	int64_t quality_poor = 0; // stored with a score <= 0
	int64_t skipped = 0;      // windows with too few candles
	int64_t sealed = 0;       // windows that stay as they are because bars that they are made of were retired
	int64_t unusable = 0;     // source rows that are no candles

	/// Windows whose bar is stored, written now or before.
	int64_t created() const {
		return inserted + updated + unchanged;
	}
	int64_t changed() const {
		return inserted + updated + deleted;
	}
	WindowCounts &operator+=(const WindowCounts &other);
};

/// What windows without any source row mean for the bars that are stored for them.
enum class EmptyWindows {
	ignored,    // nothing
	in_between, // those in front of the segment's last window with source lose their bar; what lies behind it is not looked at
	all         // all of them lose their bar
};

/// A range of windows of one symbol, [from, to), both aligned to the target. What it points to must outlive it.
struct Segment {
	std::string_view symbol;
	const Grid *source;
	const Grid *target;
	Timestamp from;
	Timestamp to;
	int64_t derivation_version = 1;
	/// Nothing is expected to be stored here yet: the range begins at the stored cursor, which moves together with the bars. A bulk insert
	/// is tried first and stored bars are looked at only if it fails.
	bool expected_new = false;
	EmptyWindows empty_windows = EmptyWindows::ignored;
	/// Windows before this get no bar where none is stored.
	Timestamp nothing_new_before = Timestamp::minus_infinity();
	/// From here on nobody has made a bar yet, so that none can have been deleted.
	Timestamp made_until = Timestamp::infinity();
	/// Windows before this stay as they are; what would have changed there is noted in `refused`.
	Timestamp frozen_before = Timestamp::minus_infinity();
	/// Set: all bars are made anew; those stored before are soft-deleted for this reason. Only where there is one segment.
	const std::string *replace_reason = nullptr;
	/// Told of each window that has source rows; may end the segment. Not set: all windows are wanted.
	CatchUp *plan = nullptr;
	WindowCounts counts;
	RangeSet sealed {};  // found while processing: windows of which bars were retired; nothing is written there (sealed_ranges.hpp)
	RangeSet refused {}; // found while processing
};

/// One window that had source rows.
struct ComputedWindow {
	size_t segment;
	Timestamp start;
	BarValues values;
	int64_t expected;           // candles of a complete one
	std::optional<int> quality; // nullopt: too few candles, no bar
	int64_t revision = 1;       // of its bar where none is stored
};

/// Processes all windows of the segments, adds to their counts, and marks the windows above bars that changed. All sources must be in the
/// same table. `guard`: of the one task that all segments are of; not set: the tasks are locked, or there is none. Returns the windows that
/// had source rows, in order.
Op<std::vector<ComputedWindow>> process_windows(Database &db, std::vector<Segment> &segments, TaskGuard *guard = nullptr);

} // namespace aggregation
