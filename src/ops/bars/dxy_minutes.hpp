// The minutes of the U.S. Dollar Index, made from the closes of its six pairs and stored in data_bars.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <optional>

namespace aggregation {

struct DxyCounts {
	int64_t inserted = 0;
	int64_t rewritten = 0;
	int64_t unchanged = 0;
	int64_t skipped = 0; // minutes with a part missing, and sealed ones
	int64_t deleted = 0; // synthetic minutes that had lost a part
};

/// What becomes of minutes that are stored already: all that differ in value, origin or version are rewritten; or those that a feed
/// delivered are kept, and so is the version of those whose value is right.
enum class StoredMinutes { rewritten, kept };

/// What becomes of stored synthetic minutes of which a part is missing now.
enum class IncompleteMinutes { kept, deleted };

struct DxyOrder {
	int64_t version = 1;
	StoredMinutes stored = StoredMinutes::rewritten;
	IncompleteMinutes incomplete = IncompleteMinutes::kept;
};

/// Whether the task reads minutes of the index, which are computed rather than ingested.
bool reads_index(const Task &task);

/// Computes every minute of [from, to) and writes those that differ from what is stored, but for sealed ones. One transaction at a time:
/// others wait.
Op<DxyCounts> compute_dxy(Database &db, Timestamp from, Timestamp to, DxyOrder order);

/// A minute at or after `from` before which none can be computed, found by one probe for each pair; nullopt if one of the pairs has no bar
/// any more.
Op<std::optional<Timestamp>> next_dxy_minute(Database &db, Timestamp from);

} // namespace aggregation
