// The columns of a bar that this extension writes, in one place: all that it knows of. Every one of them is written every time, by name: an
// adopted table may have them in any order, among others, NOT NULL and without a default. provider_ticker is NULL: a computed bar has none.
#pragma once

#include "ops/boundary/database.hpp"

#include <string>
#include <vector>

namespace aggregation {

enum class Filled {
	per_bar, // from bar to bar another value
	alike,   // the same in all bars of a write
	now      // the transaction's start
};

/// What becomes of the column of a bar that is there already and is rewritten.
enum class OnRewrite {
	replaced,
	kept,
	never_lowered,
	counted // by one more where readers see another bar
};

struct BarColumn {
	const char *name;
	agg_type type;
	Filled filled;
	OnRewrite on_rewrite = OnRewrite::replaced;
};

/// What a kind of bar is written with. The order is that of the lists: first what differs from bar to bar, then what is alike, then times.
struct BarTable {
	/// `live`: the predicate of the unique index, or nothing.
	BarTable(const char *table, const std::string &live, const std::vector<BarColumn> &columns);

	const char *relation;
	BulkColumns columns;
	// Where the key is in the list.
	size_t symbol;
	size_t timeframe;
	size_t start;
	/// How many of some keys (symbols, starts; one timeframe) are there to be read, by a plain query.
	std::string count_stored;
};

/// derived_data_bars.
const BarTable &derived_bar_table();
/// data_bars, for the minutes of an index.
const BarTable &index_bar_table();
/// data_bars, for the minutes of a tick source.
const BarTable &tick_bar_table();

} // namespace aggregation
