// What PostgreSQL says of a native partition's bounds, in SQL: written once, for all who ask which partition has which times.
#pragma once

// Preprocessor strings, since they are pasted into larger statements and into views.

/// c: a row of pg_class. An array of two texts; NULL for a DEFAULT partition. Of a table that is PARTITION BY RANGE (ts_utc).
#define AGG_PARTITION_BOUNDS(c) "regexp_match(pg_get_expr(" c ".relpartbound, " c ".oid), '^FOR VALUES FROM [(](.*)[)] TO [(](.*)[)]$')"

/// PostgreSQL writes times as the session has it (DateStyle, TimeZone), and cannot read the name of every time zone that it writes. Without
/// it, a time is that of the session's zone.
#define AGG_PARTITION_TIME(bound) "regexp_replace(btrim(" bound ", ''''), ' (?!BC$)[A-Za-z]+(?= BC$|$)', '')::timestamptz"

/// bounds: of these.
#define AGG_PARTITION_FROM(bounds) "(CASE " bounds "[1] WHEN 'MINVALUE' THEN '-infinity' ELSE " AGG_PARTITION_TIME(bounds "[1]") " END)"
#define AGG_PARTITION_TO(bounds) "(CASE " bounds "[2] WHEN 'MAXVALUE' THEN 'infinity' ELSE " AGG_PARTITION_TIME(bounds "[2]") " END)"
