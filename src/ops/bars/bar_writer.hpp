// Writing bars: at COPY's speed where they are most likely new, next to sessions that may insert the same ones; or whatever is there.
#pragma once

#include "ops/bars/bar_columns.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <vector>

namespace aggregation {

/// Bars to write: what differs from row to row comes from `rows`, `shared` is the same in all. What it refers to must outlive the writing.
struct NewBars {
	const BarTable &table;
	const std::vector<agg_cell> &shared;
	RowSource &rows;
};

/// Inserts all of them, or none: false if a key exists already (SQLSTATE 23505), because another session stored it after the caller
/// looked. The caller then looks again and puts what is missing. Any other error is thrown; so is 55000 if the table did not take all, or
/// what was written cannot be read.
Op<bool> insert_bars(Database &db, const NewBars &bars);

/// Inserts or rewrites, whatever is there. 55000 if the table did not take all.
Op<void> put_bars(Database &db, const NewBars &bars);

} // namespace aggregation
