// A partition (or chunk) whose bars may all go is dropped: that leaves no dead rows, and works where rows cannot be deleted.
//
//   partitions        | 01 | 02 | 03 | 04 | 05 |        now
//   policy of 1m      ------------------^               older than it keeps them
//                       |    |
//                       |    whole: each symbol and timeframe in it has a policy that reaches its end; it goes once all may go
//                       mixed: somebody is kept longer; the others' rows are deleted (retention_policies.cpp)
//
// Bars in partitions go by whole partitions in either case, so that no partition is half empty, and none that is compressed is opened for
// an hour of bars.
#pragma once

#include "core/timestamp.hpp"
#include "ops/bars/time_partitions.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/runner/kept_bars.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// The start of the partition that a time lies in; the time itself where that has no start, or where there is none.
Timestamp partition_start(const std::vector<TimePartition> &partitions, Timestamp time);

/// Which partitions are whole, of those that were looked at.
using Verdicts = std::map<uint32_t, bool>;

/// The oldest partition that is whole, of those that end by `wanted`.
Op<std::optional<TimePartition>> oldest_whole(Database &db, const std::string table, const std::vector<TimePartition> partitions,
                                              const KeptBars &kept, Timestamp now, Timestamp wanted, Verdicts &verdicts);

/// What has become of it.
struct Retired {
	bool dropped = false;
	int64_t waiting = 0; // symbols and timeframes that must not go yet
	std::string waits_for {};
	bool busy = false; // somebody works on one of them at this moment
};

/// Seals what is made of its bars and drops it, if all of them may go. 55P03 if its lock is not to be had soon.
Op<Retired> retire_partition(Database &db, const std::string table, const TimePartition partition, const KeptBars &kept, Timestamp now);

} // namespace aggregation
