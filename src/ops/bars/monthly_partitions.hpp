// Native partitions by month, of data_bars and derived_data_bars. agg_partitions lists the tables whose partitions the runner keeps making.
//
//   data_bars_before   data_bars_p20260101  data_bars_p20260201  ...  data_bars_p20260501      data_bars_default
//   (what was there)   '------ from the first month up to some months ahead ------'            whatever else there is
//
// The names are pg_partman's. A bar of a month without a partition goes to the DEFAULT partition, so no feed ever fails: a late bar of a
// month that was dropped, or a bar of the far future. Where a partition is made for its month, the bar moves there.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <string>

namespace aggregation {

enum class Waiting { as_set, for_a_moment };

/// Makes the partitions of the months that touch [from, to) and are missing; a month that a partition touches is not. How many. The table
/// is partitioned by range of ts_utc.
Op<int64_t> make_partitions(Database &db, const std::string table, Timestamp from, Timestamp to, Waiting waiting);

/// Makes partitions of listed tables that are due, each in a subtransaction of its own. False: none was due. Costs a fraction of a
/// statement where no table is listed.
Op<bool> make_partitions_ahead(Database &db, Timestamp now);

} // namespace aggregation
