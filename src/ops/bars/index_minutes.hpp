// The minutes of synthetic indexes, made from the closes of their components and stored in data_bars.
#pragma once

#include "core/change_set.hpp"
#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/symbols_elsewhere.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

struct IndexCounts {
	int64_t inserted = 0;
	int64_t rewritten = 0;
	int64_t unchanged = 0;
	int64_t skipped = 0; // minutes with a component missing, and sealed ones
	int64_t deleted = 0; // synthetic minutes that had lost a component
};

/// What becomes of minutes that are stored already: all that differ in value, origin or version are rewritten; or those that a feed
/// delivered are kept, and so is the version of those whose value is right.
enum class StoredMinutes { rewritten, kept };

/// What becomes of stored synthetic minutes of which a component is missing now.
enum class IncompleteMinutes { kept, deleted };

struct IndexOrder {
	int64_t version = 1;
	StoredMinutes stored = StoredMinutes::rewritten;
	IncompleteMinutes incomplete = IncompleteMinutes::kept;
};

/// For minutes that nobody asked for in so many words, which are made because they are going to be read: what a feed delivered stays.
inline IndexOrder on_the_way(int64_t version) {
	return {.version = version, .stored = StoredMinutes::kept, .incomplete = IncompleteMinutes::deleted};
}

/// Until the transaction ends nobody else computes minutes of an index.
Op<void> lock_index_minutes(Database &db);

/// Computes every minute of [from, to) and writes those that differ from what is stored, but for sealed ones; before that, the minutes of
/// those components that are indexes themselves. Counts are of the index alone. One transaction at a time: others wait. nullopt: there is
/// no such index.
Op<std::optional<IndexCounts>> compute_index(Database &db, const std::string symbol, Timestamp from, Timestamp to, IndexOrder order);

/// What a transaction has changed in data_bars while it made minutes, taken before it comes to the log.
struct MadeMinutes {
	ChangeSet made;   // these minutes: other minutes that are made of them are made later
	ChangeSet beside; // what somebody's triggers have changed besides: what is made of that may have been made before
};

/// The minutes that a run computes on the way, each once, however many of its tasks read them or an index that is made of them. What a run
/// knows of changes of the components it must have learnt before.
class IndexMinutes {
public:
	explicit IndexMinutes(Database &db) : db_(db) {
	}
	/// Those of [from, to). False if there are none, or there is no such index.
	Op<bool> compute(const std::string symbol, Timestamp from, Timestamp to, int64_t version);
	/// While minutes are computed what changes goes to made() and not to the log, from one call to the other. In a transaction with one
	/// snapshot nobody could look for tasks afterwards: there it goes to the log.
	void begin_taking_changes() {
		taking_ = db_.snapshot() == Database::Snapshot::of_statement;
	}
	void end_taking_changes() {
		taking_ = false;
	}
	const MadeMinutes &made() const {
		return made_;
	}

private:
	friend Op<std::optional<IndexCounts>> compute_index(Database &db, const std::string symbol, Timestamp from, Timestamp to,
	                                                    IndexOrder order);
	Op<const GeometricIndex *> begin(const std::string &symbol);
	Op<void> compute_parts(const GeometricIndex &index, Timestamp from, Timestamp to, int64_t version);
	Op<bool> compute_missing(const GeometricIndex &index, Timestamp from, Timestamp to, int64_t version);
	Op<void> take_changes(const std::string &index, const TimeRange range);

	Database &db_;
	std::optional<Indexes> indexes_; // nobody changes them while minutes are computed
	SymbolSet elsewhere_;            // of these
	std::map<std::string, RangeSet> computed_;
	MadeMinutes made_;
	bool taking_ = false;
};

/// How many windows of a task that reads an index one transaction makes if it may make `most`: a long chain of indexes has many minutes.
int64_t windows_at_once(const Grid &target, const std::vector<Dependent> &index_parts, int64_t most);

/// A minute at or after `from` before which none of the index can be computed, found by one probe for each component; nullopt if one of
/// them has no bar any more.
Op<std::optional<Timestamp>> next_index_minute(Database &db, const Indexes &indexes, const GeometricIndex &index, Timestamp from);

} // namespace aggregation
