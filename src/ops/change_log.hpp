// agg_change_log: what writing transactions have changed in data_bars, each entry written by the transaction that made the change
// (src/pg/capture.c). Absorbing the log turns its entries into dirty ranges of the tasks that read them.
//
// Why no change is lost, with no lock between those who write bars and those who make bars of them:
//
//   1. A change and its entry are of one transaction: whoever sees the one sees the other.
//   2. An entry is deleted only together with marking the windows it touches for every task that reads them, or with knowing that it is
//      needless, which is the live case: the window is at or behind the task's cursor, and nobody is in the middle of moving that cursor.
//
//      (A task over the index reads minutes that are computed from its pairs, by whoever and whenever: for it a change of a pair is never
//      needless, and marked ahead of the cursor too.)
//
//        feed       |--- INSERT 10:04 ---------- COMMIT|
//        deriver F      |-- reads 10:00..10:05 without it, writes the bar, moves the cursor to 10:05 -- COMMIT|
//        absorber                                       sees the entry; the cursor it sees is still 10:00      <- must not drop the entry
//
//      F holds, from before it first reads source until it ends, a lock that the absorber asks for after it has seen the entry: while F may
//      be at work the absorber marks. (It asks and does not wait. If it gets the lock, F's cursor is visible to the next statement, or F
//      begins later and sees the change.) A worker outside the database reads in one transaction and moves the cursor in another; its task
//      is `running` meanwhile, and then the absorber marks too. agg_finish without a claim token proves nothing about when its worker read:
//      it marks what it passes. In a transaction with one snapshot for all its statements "the next statement" sees no more than the first:
//      there the log is not absorbed, and what is derived is marked to be looked at once more.
//   3. A mark is deleted only by a transaction that afterwards reads the source and writes what comes out (dirty_ranges.hpp), and at most
//      one transaction at a time derives the bars of a task (task_guard.hpp), so nobody overwrites new with old.
//   4. A bar that changes marks the windows above it in the same transaction (windows_above.hpp).
#pragma once

#include "ops/database.hpp"
#include "ops/op.hpp"

namespace aggregation {

// The entries of a row of the log, aliased l, as rows of u: symbol, from_utc, to_utc, row_count. What a row has no further element of is
// the first one's for all its symbols: a live batch touches the same minute of each.
#define AGG_LOGGED_ENTRIES                                                                                                                 \
	"CROSS JOIN LATERAL (SELECT e.symbol, COALESCE(e.from_utc, l.from_utc[1]) AS from_utc, COALESCE(e.to_utc, l.to_utc[1]) AS to_utc, "    \
	"COALESCE(e.row_count, l.row_counts[1]) AS row_count "                                                                                 \
	"FROM unnest(l.symbols, l.from_utc, l.to_utc, l.row_counts) AS e(symbol, from_utc, to_utc, row_count)) AS u "

/// Absorbs all entries that this transaction can see and nobody else is absorbing. Cheap when there is none.
Op<void> absorb_changes(Database &db);

} // namespace aggregation
