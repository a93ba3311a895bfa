// Bars as they were at a moment: those that have changed since from the history, all others as they are now (kept_revisions.hpp).
#pragma once

#include "ops/marks/kept_revisions.hpp"
#include "ops/reading/ladder.hpp"
#include "ops/reading/stored_bars.hpp"

namespace aggregation {

struct AsOf {
	Timestamp time;
	KeptTasks kept;
};

/// The ladders of symbols as of a moment: of the timeframe itself, or of it and the one that it is made of while it is read. Throws 55000
/// where no revisions are kept of the one that is stored, or not since then; 22023 for a moment that is still to come; else as
/// read_ladders().
Op<std::vector<Ladder>> read_ladders_as_of(Database &db, const std::vector<std::string> symbols, const std::string timeframe,
                                           const AsOf as_of);

/// What is kept of these symbols.
Op<AsOf> read_as_of(Database &db, const std::vector<std::string> symbols, Timestamp time);

class BarsAsOf : public StoredBars {
public:
	BarsAsOf(Database &db, AsOf as_of, bool some_rows_only) : StoredBars(db), as_of_(std::move(as_of)), some_rows_only_(some_rows_only) {
	}
	Op<Flow> read(const StoredRange &range, BarRowSink &sink) override;
	Op<Reached> read_backwards(const StoredRange &range, int64_t most, BarRowSink &sink) override;
	Op<std::optional<Timestamp>> newest(std::string_view symbol, const Grid &bars, Timestamp to) override;
	/// Of bars that are made while they are read: those whose source had not come to their end are provisional.
	Op<void> find_unfinished(Ladder &ladder);

private:
	enum class Direction { forwards, backwards };

	/// What a bar that has changed was.
	struct Version {
		BarRow row;
		bool there = false;
		bool found = false;
	};
	/// Those of a range, in the direction.
	struct Versions {
		std::vector<Version> bars;
		Timestamp reached; // of the range, up to here or from here on
	};
	class WithLive;

	Op<Versions> versions_of(const StoredRange range, Direction direction, int64_t most);

	AsOf as_of_;
	bool some_rows_only_;
};

} // namespace aggregation
