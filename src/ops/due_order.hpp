// What makes a task due, and in which order due tasks are handed out: written once, used by the query and by the index that serves it.
#pragma once

namespace aggregation {

// A preprocessor string, since both are pasted into larger constant statements. Only built-in functions stand in it, so that the index does
// not depend on the extension.

// Each takes the prefix of the columns: "s." in a query, "" in an index.

/// NULL next_run_at is due.
#define AGG_DUE_AT(s) "COALESCE(" s "next_run_at, '-infinity'::timestamptz)"
/// Only idle, enabled tasks are ever handed out.
#define AGG_CLAIMABLE(s) s "status = 'idle' AND " s "enabled"
/// A window's width in minutes, by the timeframe's name; NULL for a name that makes no sense.
#define AGG_WIDTH_MINUTES(s)                                                                                                               \
	"(CASE WHEN " s "timeframe ~ '^[1-9][0-9]{0,4}[mhdw]$' THEN left(" s "timeframe, -1)::int8 * "                                         \
	"CASE right(" s "timeframe, 1) WHEN 'm' THEN 1 WHEN 'h' THEN 60 WHEN 'd' THEN 1440 ELSE 10080 END END)"

} // namespace aggregation
