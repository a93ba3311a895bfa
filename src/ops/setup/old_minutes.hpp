// 1m bars that an older system kept in derived_data_bars: synthetic minutes, DXY's above all. They belong into data_bars, where all minutes
// are read.
//
//   derived_data_bars   1m ##########        copied, counted on both sides, and only then soft-deleted (agg_retire_old_minutes())
//   data_bars           1m ##########oooo    what is there already stays as it is
//
// A minute of an index whose components have no minute there any more cannot be computed again: it is sealed, as adopted bars are
// (adopted_bars.h).
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_steps.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aggregation {

struct OldMinutes {
	std::string symbol;
	Timestamp first;
	Timestamp last;
	int64_t count;
	int64_t copied; // those of which data_bars has a minute
	int64_t differ; // of these, those with other prices there
};

/// What there is, symbol by symbol.
Op<std::vector<OldMinutes>> find_old_minutes(Database &db);

/// Copies at most `most` of them, and says what became of them, or would.
Op<std::vector<Done>> copy_old_minutes(Database &db, bool dry_run, int64_t most);

/// Soft-deletes at most `most` of them; how many it were. Throws 55000 if one of them is not in data_bars.
Op<int64_t> retire_old_minutes(Database &db, int64_t most);
/// Brings back at most `most` of those that were retired.
Op<int64_t> bring_old_minutes_back(Database &db, int64_t most);

} // namespace aggregation
