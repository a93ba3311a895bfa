// agg_change_log: what writing transactions have changed in data_bars, each entry written by the transaction that made the change
// (src/pg/transaction_changes.c). Absorbing the log turns its entries into dirty ranges of the tasks that read them. The whole scheme, of
// which this is a part, and why no change is lost, stands on a page of docs/internals.md ("Truth under change").
//
// An entry is deleted only together with marking the windows it touches for every task that reads them, or with knowing that it is
// needless, which is the live case: the window is at or ahead of the task's cursor, and nobody is in the middle of moving that cursor.
//
//   feed       |--- INSERT 10:04 ---------- COMMIT|
//   deriver F      |-- reads 10:00..10:05 without it, writes the bar, moves the cursor to 10:05 -- COMMIT|
//   absorber                                       sees the entry; the cursor it sees is still 10:00      <- must not drop the entry
//
// F holds, from before it first reads source until it ends, a lock for which the absorber looks after it has seen the entry: while F may be
// at work the absorber marks. (It looks and does not wait. If nobody holds the lock, F's cursor is visible to the next statement, or F
// begins later and sees the change.) Marked instead of dropped is also
//   - what a task reads that a worker outside the database has claimed: it reads in one transaction and moves the cursor in another;
//   - what the absorber's own transaction has changed: F cannot see that, whenever it begins;
//   - a change of one of the index's pairs: the index's minutes are computed by whoever and whenever.
// Nor can others see, before it commits, what the absorber's own transaction has changed, and the entry is gone by then. A task that the
// absorber cannot see yet, made or given its source at this moment, may be run before the commit. So such an absorber lets others see what
// it does, and a task is looked at again as long as one of those at work may not know it (recent_tasks.hpp).
//
// In a transaction with one snapshot for all its statements "the next statement" sees no more than the first: there the log is not
// absorbed.
#pragma once

#include "core/change_set.hpp"
#include "core/range_set.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <vector>

namespace aggregation {

// The entries of a row of the log, aliased l, as rows of u: symbol, from_utc, to_utc, row_count. What a row has no further element of is
// the first one's for all its symbols: a live batch touches the same minute of each.
#define AGG_LOGGED_ENTRIES                                                                                                                 \
	"CROSS JOIN LATERAL (SELECT e.symbol, COALESCE(e.from_utc, l.from_utc[1]) AS from_utc, COALESCE(e.to_utc, l.to_utc[1]) AS to_utc, "    \
	"COALESCE(e.row_count, l.row_counts[1]) AS row_count "                                                                                 \
	"FROM unnest(l.symbols, l.from_utc, l.to_utc, l.row_counts) AS e(symbol, from_utc, to_utc, row_count)) AS u "

/// Absorbs all entries that this transaction can see and nobody else is absorbing. Cheap when there is none. True: another group of shards
/// has got something to absorb by it.
Op<bool> absorb_changes(Database &db);

/// Windows of a task whose row this transaction has locked, and which it has read, and written, since.
struct ReadSince {
	TaskKey key;
	RangeSet windows;
};

/// Marks what changes of this transaction mean that it has taken before they came to the log (Database::take_changes()), but for windows
/// that it has read after it took them. To be called when the cursors stand where the transaction leaves them, and not with a fixed
/// snapshot.
Op<void> mark_own_changes(Database &db, const ChangeSet &changes, const std::vector<ReadSince> &read);

} // namespace aggregation
