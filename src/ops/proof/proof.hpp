// The proof: recomputes bars from their source by a path that shares nothing with the engine, plain SQL that finds windows, candles and
// values by itself, and compares what comes out with what is stored, column by column, bit by bit.
//
//        start                cursor
//   -------|--------------------|------------
//   stored |  every bar that    | stored bars, whose differences are pending: the task
//   bars   |  the source asks   | has not come that far
//          |  for               |
//
// What is looked at comes a stretch at a time, found by index probes, so that the cost follows the rows and memory is one stretch's,
// whatever the length and however wide the gaps.
#pragma once

#include "core/range_set.hpp"
#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/tasks.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// One thing that is not as it should be.
struct Difference {
	TaskKey key;
	Timestamp window;
	std::string kind;   // missing, surplus, differs, duplicate, stale_version, no_task, invalid_rules
	std::string column; // where it differs; else empty
	std::optional<std::string> stored;
	std::optional<std::string> expected;
	std::string explanation; // pending, refused, deleted, no_task (see agg_verify); empty: there should be none
};

/// Windows one after the other in which there is something to look at.
struct Stretch {
	Timestamp from;
	Timestamp to;
	bool complete; // every bar that the source asks for must be there; else only those that are there are looked at
};

/// Something that can be proven stretch by stretch: the bars of a task, or the minutes of the index.
class Proof {
public:
	virtual ~Proof() = default;
	virtual const TaskKey &key() const = 0;
	virtual const Grid &grid() const = 0;
	/// Windows that are looked at in one go at most.
	virtual int64_t most_windows() const = 0;
	/// The first stretch of [from, to), at most `windows` long; nullopt if there is nothing any more. Both times must be window starts.
	virtual Op<std::optional<Stretch>> next(Timestamp from, Timestamp to, int64_t windows) = 0;
	/// What is stored at the infinities, which are in no stretch.
	virtual Op<std::vector<Difference>> outside_of_time() = 0;
	/// All differences of a stretch, each with its explanation.
	virtual Op<std::vector<Difference>> differences(Stretch stretch) = 0;
};

/// Throws 55000 where row security hides rows of a table of bars from the owner who compares them, before anything is read: the policies
/// are somebody else's code, and what they hide would be missed.
Op<void> refuse_hidden_rows(Database &db);

/// The bars of a task.
std::unique_ptr<Proof> proof_of_task(Database &db, const Task &task);

/// The minutes of an index that its tasks have passed, against its components (index_proof.cpp). nullptr if none of the tasks, among which
/// are all that the index has, reads them.
std::unique_ptr<Proof> proof_of_index(Database &db, const Indexes &indexes, const GeometricIndex &index, const std::vector<Task> &tasks);

/// A double as text: the shortest digits that give the same double again, whatever the session's extra_float_digits.
std::optional<std::string> double_text(std::optional<double> value);

/// Ranges as sets of whole windows, for proofs that ask whether a window is in one of them.
Op<RangeSet> windows_in(Database &db, const Statement &statement, std::vector<Parameter> list, const Grid target);
bool holds(const RangeSet &ranges, Timestamp window);
/// What the log of changes says of any of the symbols ($1) in a range ($2, $3), and what is marked of a task ($1, $2) in one ($3, $4).
const Statement &logged_ranges();
const Statement &marked_ranges();

} // namespace aggregation
