// Bars that were here before the extension, made of source that is not here any more: minutes are dropped after some months, bars are kept.
// Nobody can make them again, so their source counts as retired (ops/bars/sealed_ranges.hpp) from the moment when tasks for them are made.
//
//   source      . . . . . . . . . . . . . . . |oooooooooo          . gone, o here
//   stored      |###|###|###|###|   |###|###|###|###|##            # made by somebody else
//   sealed      [---------------|---|-------)
//
// A bar counts as made here once its raw names a rule. Where the oldest bar of a task was made here, source that is gone was taken away
// under our eyes, and takes its bars along.
#pragma once

#include "ops/tasks/task_columns.h"

/// The reason in agg_sealed_ranges.
#define AGG_ADOPTED "adopted"

/// Seals `ranges`, a FROM item of symbol, source timeframe, from and to, but for those that are sealed already.
#define AGG_SEAL_ADOPTED(ranges)                                                                                                           \
	"INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) "                                              \
	"SELECT u.symbol, u.timeframe, u.from_utc, u.to_utc, '" AGG_ADOPTED "' FROM " ranges " AS u(symbol, timeframe, from_utc, to_utc) "     \
	"WHERE NOT EXISTS (SELECT FROM @agg_sealed_ranges r WHERE r.canonical_symbol = u.symbol "                                              \
	"AND r.timeframe IS NOT DISTINCT FROM u.timeframe AND r.from_utc <= u.from_utc AND r.to_utc >= u.to_utc)"

/// A row for each of `tasks`, a FROM item "… AS f" with the columns of data_agg_state, whose oldest bar was not made here.
#define AGG_TASKS_WITH_ADOPTED_BARS(tasks)                                                                                                 \
	"SELECT 1 FROM " tasks " CROSS JOIN LATERAL (SELECT COALESCE(o.raw ? 'rule', false) AS made_here FROM @derived_data_bars o "           \
	"WHERE o.canonical_symbol = f.canonical_symbol AND o.timeframe = f.timeframe AND o.deleted_at IS NULL ORDER BY o.ts_utc LIMIT 1) b "   \
	"WHERE NOT b.made_here"

/// Source of `t` in [from, to): minutes, those of the index's pairs, or narrower bars.
#define AGG_ADOPTED_SOURCE(from, to)                                                                                                       \
	"CASE WHEN t.source <> '1m' THEN EXISTS (SELECT FROM @derived_data_bars s WHERE s.canonical_symbol = t.symbol "                        \
	"AND s.timeframe = t.source AND s.ts_utc >= " from " AND s.ts_utc < " to " AND s.deleted_at IS NULL) "                                 \
	"WHEN EXISTS (SELECT FROM @data_bars s WHERE s.canonical_symbol = t.symbol AND s.timeframe = '1m' "                                    \
	"AND s.ts_utc >= " from " AND s.ts_utc < " to ") THEN true "                                                                           \
	"WHEN t.symbol = '" AGG_INDEX_SYMBOL "' THEN NOT EXISTS (SELECT FROM unnest(" AGG_INDEX_COMPONENTS ") AS c(symbol) "                   \
	"WHERE NOT EXISTS (SELECT FROM @data_bars s WHERE s.canonical_symbol = c.symbol AND s.timeframe = '1m' "                               \
	"AND s.ts_utc >= " from " AND s.ts_utc < " to ")) ELSE false END"

/// What is to be sealed for `tasks`, as above: symbol, source timeframe (NULL: 1m), from, to,
/// the task's timeframe, and how many bars that is.
#define AGG_ADOPTED_RANGES(tasks)                                                                                                                                                                \
	"SELECT i.symbol, NULLIF(i.source, '1m'), min(i.ts_utc), max(i.ts_utc) + i.width, i.timeframe, count(*)::int8 FROM ("                                                                        \
	"SELECT b.*, count(*) FILTER (WHERE b.breaks) OVER (PARTITION BY b.symbol, b.timeframe ORDER BY b.ts_utc) AS island FROM ("                                                                  \
	"SELECT t.symbol, t.timeframe, t.source, t.width, d.ts_utc, l.lone, NOT l.lone OR COALESCE(" AGG_ADOPTED_SOURCE(                                                                             \
	    "d.previous + t.width",                                                                                                                                                                  \
	    "d.ts_utc") ", false) AS breaks "                                                                                                                                                        \
	                "FROM (SELECT f.canonical_symbol::text AS symbol, f.timeframe::text AS timeframe, " AGG_SOURCE_TIMEFRAME("f.") "::text AS source, make_interval(mins => " AGG_WIDTH_MINUTES( \
	                    "f.") "::int4) AS width FROM " tasks ") t "                                                                                                                              \
	                          "CROSS JOIN LATERAL (SELECT COALESCE(o.raw ? 'rule', false) AS made_here FROM @derived_data_bars o "                                                               \
	                          "WHERE o.canonical_symbol = t.symbol AND o.timeframe = t.timeframe AND o.deleted_at IS NULL ORDER BY o.ts_utc LIMIT 1) oldest "                                    \
	                          "CROSS JOIN LATERAL (SELECT a.ts_utc, a.raw, lag(a.ts_utc) OVER (ORDER BY a.ts_utc) AS previous FROM @derived_data_bars a "                                        \
	                          "WHERE a.canonical_symbol = t.symbol AND a.timeframe = t.timeframe AND a.deleted_at IS NULL) d "                                                                   \
	                          "CROSS JOIN LATERAL (SELECT NOT COALESCE(d.raw ? 'rule', false) AND NOT " AGG_ADOPTED_SOURCE(                                                                      \
	                              "d.ts_utc",                                                                                                                                                    \
	                              "d.ts_utc + t.width") " AS lone) l WHERE NOT oldest.made_here AND t.width IS NOT NULL) b) i "                                                                  \
	                                                    "WHERE i.lone GROUP BY i.symbol, i.timeframe, i.source, i.width, i.island"
