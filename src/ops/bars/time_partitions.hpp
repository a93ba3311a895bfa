// The tables that hold the bars of a range of time: native partitions by ts_utc, and TimescaleDB's chunks.
//
//   |  before  | 2026-01 | 2026-02 | ... | 2026-05 |      DEFAULT: the rest
//   -inf       '-- from a partition's start up to its end --'
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aggregation {

struct TimePartition {
	uint32_t id;
	std::string name; // with its schema, quoted
	Timestamp from;   // -infinity: all before its end
	Timestamp to;
	bool has_index; // in which its symbols can be found one after the other: not so where rows are compressed
};

/// Of data_bars or derived_data_bars, by time; none where the table is plain. A DEFAULT partition is not among them.
Op<std::vector<TimePartition>> time_partitions(Database &db, const std::string table);

/// The symbols and timeframes of its bars, as many as `take` wants; of derived_data_bars, of live ones. A few probes each in an index; else
/// it is read as a whole.
using TakeSeries = std::function<Flow(std::string_view symbol, std::string_view timeframe)>;
Op<void> series_in(Database &db, const std::string table, const TimePartition partition, TakeSeries take);

/// Which of the symbols have bars of that timeframe in it that begin at their time or later.
Op<std::vector<std::string>> symbols_from(Database &db, const std::string table, const TimePartition partition, const std::string timeframe,
                                          const std::vector<std::string> symbols, const std::vector<Timestamp> from);

/// Nobody writes the partition from here to the end of the transaction; all may read it. 55P03 where that is not to be had soon.
Op<void> keep_writers_out(Database &db, const std::string table, const TimePartition partition);

/// Drops it, unnoticed: what was made of its bars has been sealed. 55P03 where somebody is reading or writing the table for long.
Op<void> drop_partition(Database &db, const std::string table, const TimePartition partition);

} // namespace aggregation
