// What can be said of a row of data_agg_state in SQL: what makes it due, how wide its windows are, what it reads. Written once, used by
// queries, by the index that serves them, by the health view, and by the triggers' C.
#pragma once

// Preprocessor strings, since they are pasted into larger constant statements. Only built-in functions stand in them, so that index and
// view do not depend on the extension.

// Each takes the prefix of the columns: "s." in a query, "" in an index.

/// NULL next_run_at is due.
#define AGG_DUE_AT(s) "COALESCE(" s "next_run_at, '-infinity'::timestamptz)"
/// Only idle, enabled tasks are ever handed out.
#define AGG_CLAIMABLE(s) s "status = 'idle' AND " s "enabled"
/// A window's width in minutes, by the timeframe's name; NULL for a name that makes no sense.
#define AGG_WIDTH_MINUTES(s)                                                                                                               \
	"(CASE WHEN " s "timeframe ~ '^[1-9][0-9]{0,4}[mhdw]$' THEN left(" s "timeframe, -1)::int8 * "                                         \
	"CASE right(" s "timeframe, 1) WHEN 'm' THEN 1 WHEN 'h' THEN 60 WHEN 'd' THEN 1440 ELSE 10080 END END)"

/// The symbol whose minutes are computed (dollar_index).
#define AGG_INDEX_SYMBOL "DXY"
/// And those that they are computed from.
#define AGG_INDEX_COMPONENTS "ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']"

/// What a task reads: what its row says, or the default of Timeframe::default_source().
#define AGG_SOURCE_TIMEFRAME(s)                                                                                                                                                \
	"COALESCE(" s                                                                                                                                                              \
	"source_timeframe, CASE WHEN " AGG_WIDTH_MINUTES(s) " > 1440 AND " AGG_WIDTH_MINUTES(s) " % 1440 = 0 THEN '1d' WHEN " AGG_WIDTH_MINUTES(s) " > 60 AND " AGG_WIDTH_MINUTES( \
	    s) " % 60 = 0 THEN '1h' WHEN " AGG_WIDTH_MINUTES(s) " > 5 AND " AGG_WIDTH_MINUTES(s) " % 5 = 0 THEN '5m' WHEN " AGG_WIDTH_MINUTES(s) " > 1 THEN '1m' END)"
