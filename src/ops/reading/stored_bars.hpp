// Bars as they are stored, as whoever asks for them may see them: these statements run with the caller's rights, and row security applies.
#pragma once

#include "core/grid.hpp"
#include "ops/boundary/op.hpp"
#include "ops/reading/bar_row.hpp"

#include <optional>
#include <string>

namespace aggregation {

/// Hands the live bars of a symbol in [from, to) to the sink, by time; their state is `final`. Minutes whose prices are no candle's are
/// left out. Whether the sink wants more.
Op<Flow> read_stored(Database &db, const std::string &symbol, const Grid &bars, Timestamp from, Timestamp to, BarRowSink &sink);

/// How far a read has come.
struct Reached {
	int64_t rows = 0; // that were there, left out or not
	Timestamp last;   // when the last of them begins
};

/// The same from the last one on, at most `most` rows.
Op<Reached> read_stored_backwards(Database &db, const std::string &symbol, const Grid &bars, Timestamp from, Timestamp to, int64_t most,
                                  BarRowSink &sink);

/// When the last bar before `to` begins.
Op<std::optional<Timestamp>> newest_stored(Database &db, const std::string &symbol, const Grid &bars, Timestamp to);

} // namespace aggregation
