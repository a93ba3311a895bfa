// What can be said of a row of data_agg_state in SQL: what makes it due, how wide its windows are, what it reads. Written once, used by
// queries, by the health view, and by the triggers' C.
#pragma once

#include "core/default_sources.h"

// Preprocessor strings, since they are pasted into larger constant statements. Only built-in functions stand in them, so that index and
// view do not depend on the extension.

// Each takes the prefix of the columns: "s." in a query, "" in an index.

/// NULL next_run_at is due.
#define AGG_DUE_AT(s) "COALESCE(" s "next_run_at, '-infinity'::timestamptz)"
/// The order in which tasks are locked by whoever locks several: that of TaskKey, whatever the database's collation.
#define AGG_LOCK_ORDER(s) s "canonical_symbol COLLATE \"C\", " s "timeframe COLLATE \"C\""
/// Only idle, enabled tasks are ever handed out.
#define AGG_CLAIMABLE(s) s "status = 'idle' AND " s "enabled"
/// A claim that is older than a time; one of an unknown time is.
#define AGG_STALE_CLAIM(s, before)                                                                                                         \
	s "status = 'running' AND (" s "running_started_at_utc < " before "::timestamptz OR " s "running_started_at_utc IS NULL)"
/// A window's width in minutes, by the timeframe's name, with months of 30 days: the order of timeframes; NULL for a name that makes no
/// sense.
#define AGG_WIDTH_MINUTES(s)                                                                                                               \
	"(CASE WHEN " s "timeframe ~ '^[1-9][0-9]{0,4}([mhdwy]|mo)$' THEN rtrim(" s "timeframe, 'mhdwoy')::int8 * "                            \
	"CASE right(" s "timeframe, 1) WHEN 'm' THEN 1 WHEN 'h' THEN 60 WHEN 'd' THEN 1440 WHEN 'w' THEN 10080 WHEN 'o' THEN 43200 "           \
	"ELSE 518400 END END)"

/// Whether there is a timeframe of that name, as for Timeframe::parse().
#define AGG_IS_TIMEFRAME(s)                                                                                                                \
	"COALESCE(" AGG_WIDTH_MINUTES(s) " <= CASE WHEN " s "timeframe ~ '[oy]$' THEN 51840000 ELSE 52416000 END, false)"

/// For WITH RECURSIVE: each index with all that it is made of, all the way down, other indexes included.
#define AGG_PARTS_OF_INDEXES                                                                                                               \
	"part(index_symbol, symbol) AS ("                                                                                                      \
	"SELECT i.canonical_symbol, c.symbol FROM @agg_indexes i CROSS JOIN LATERAL unnest(i.components) c(symbol) UNION "                     \
	"SELECT p.index_symbol, c.symbol FROM part p JOIN @agg_indexes i ON i.canonical_symbol = p.symbol "                                    \
	"CROSS JOIN LATERAL unnest(i.components) c(symbol))"

/// What a task reads: what its row says, or the default of Timeframe::default_source().
#define AGG_SOURCE_TIMEFRAME(s) "COALESCE(" s "source_timeframe, CASE " AGG_DEFAULT_SOURCES(AGG_IF_IT_FITS, AGG_WIDTH_MINUTES(s)) "END)"
#define AGG_IF_IT_FITS(name, minutes, width) "WHEN " width " > " #minutes " AND " width " % " #minutes " = 0 THEN '" name "' "

/// Since when a symbol lacks minutes that it never had, over all of its tasks: from the earliest start that has come, but not before 1990,
/// where calendars begin.
#define AGG_EXPECTED_SINCE(task)                                                                                                           \
	"min(GREATEST(" task "agg_start_utc, '1990-01-01 00:00+00'::timestamptz)) FILTER (WHERE " task "enabled AND " task                     \
	"agg_start_utc <= now())"
