// Bars as they are stored, as whoever asks for them may see them: these statements run with the caller's rights, and row security applies.
#pragma once

#include "core/grid.hpp"
#include "ops/boundary/op.hpp"
#include "ops/reading/bar_row.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aggregation {

/// Bars of a symbol that begin in [from, to). Symbol and grid are somebody else's.
struct StoredRange {
	std::string_view symbol;
	const Grid *bars;
	Timestamp from;
	Timestamp to;
};

/// How far a read has come.
struct Reached {
	int64_t rows = 0; // that were there, left out or not
	Timestamp last;   // when the last of them begins
};

/// When the last bar before `to` begins.
Op<std::optional<Timestamp>> newest_stored(Database &db, std::string_view symbol, const Grid &bars, Timestamp to);

/// A bar from a row of AGG_SOURCE_COLUMNS, quality and revision.
BarRow stored_row(const Row &row);

/// Puts the live bars of a range into the result of the function, by time and at most `most`, as rows of agg_bars() about which nothing is
/// to be done. Answers how many there were. Not for minutes, of which some are no candles.
Op<int64_t> put_out_stored(Database &db, const StoredRange &range, bool with_symbol, std::optional<int64_t> most);

/// Live bars; the state of each is `final` or `revised`. Minutes whose prices are no candle's are left out.
class StoredBars {
public:
	explicit StoredBars(Database &db) : db_(db) {
	}
	virtual ~StoredBars() = default;
	StoredBars(const StoredBars &) = delete;
	StoredBars &operator=(const StoredBars &) = delete;
	/// Hands the bars of the range to the sink, by time. Whether it wants more.
	virtual Op<Flow> read(const StoredRange &range, BarRowSink &sink);
	/// The same from the last one on, at most `most` rows.
	virtual Op<Reached> read_backwards(const StoredRange &range, int64_t most, BarRowSink &sink);

	/// When the last bar before `to` begins.
	virtual Op<std::optional<Timestamp>> newest(std::string_view symbol, const Grid &bars, Timestamp to);

	/// Reads ranges, one of a symbol and grid, in a statement or two a table: whoever reads in one of them later asks the database no more.
	Op<void> fetch(const std::vector<StoredRange> ranges);
	/// The same for the last bar of each.
	Op<void> fetch_newest(const std::vector<StoredRange> ranges);
	/// Whether a range has been fetched and holds nothing.
	bool surely_empty(const StoredRange &range) const;

protected:
	Database &db_;

private:
	using Key = std::pair<std::string_view, std::string_view>; // symbol and timeframe

	struct Fetched {
		Timestamp from;
		Timestamp to;
		std::vector<BarRow> rows; // left out or not, by time
	};

	class FetchedMinutes;

	Op<void> fetch_of(const std::vector<StoredRange> ranges, bool newest, std::map<Key, Fetched> &into);
	/// Fetches the minutes that many of the ranges share in one pass over their time, where that costs less. Answers what is left to fetch.
	Op<std::vector<StoredRange>> fetch_by_time(const std::vector<StoredRange> ranges);
	/// Of the range, nullptr if it has not been fetched.
	const Fetched *fetched(const StoredRange &range) const;

	std::map<Key, Fetched> ranges_;
	std::map<Key, Fetched> newest_; // at most one row each
};

} // namespace aggregation
