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

/// The ingested parts of all indexes, as two arrays of the same length: index and part.
#define AGG_INDEX_PARTS                                                                                                                    \
	"WITH RECURSIVE " AGG_PARTS_OF_INDEXES                                                                                                 \
	" SELECT COALESCE(array_agg(p.index_symbol), '{}'), COALESCE(array_agg(p.symbol), '{}') FROM part p "                                  \
	"WHERE NOT EXISTS (SELECT FROM @agg_indexes i WHERE i.canonical_symbol = p.symbol)"

/// What is to be sealed for `tasks`, as above: symbol, source timeframe (NULL: 1m), from, to, the task's timeframe, and how many bars that
/// is. $1, $2: what AGG_INDEX_PARTS gives. Windows with adopted bars and windows with source stand in one line; those without source, up to
/// the next one with it, are one range. An index's minutes are computed where all of its parts have one. Weeks begin on Mondays.
// clang-format off
#define AGG_ADOPTED_RANGES(tasks) \
	"SELECT t.symbol, NULLIF(t.source, '1m'), r.first, r.last + t.width, t.timeframe, r.bars " \
	"FROM (SELECT f.canonical_symbol::text AS symbol, f.timeframe::text AS timeframe, " AGG_SOURCE_TIMEFRAME("f.") "::text AS source, " \
		"make_interval(mins => " AGG_WIDTH_MINUTES("f.") "::int4) AS width FROM " tasks ") t " \
	"CROSS JOIN LATERAL (SELECT COALESCE(o.raw ? 'rule', false) AS made_here FROM @derived_data_bars o " \
		"WHERE o.canonical_symbol = t.symbol AND o.timeframe = t.timeframe AND o.deleted_at IS NULL ORDER BY o.ts_utc LIMIT 1) oldest " \
	"CROSS JOIN LATERAL (SELECT min(i.start) AS first, max(i.start) AS last, count(*)::int8 AS bars " \
		"FROM (SELECT w.*, count(*) FILTER (WHERE w.has_source) OVER (ORDER BY w.start) AS range " \
			"FROM (SELECT date_bin(t.width, e.ts_utc, '2000-01-03 00:00+00') AS start, bool_or(e.is_source) AS has_source, " \
					"bool_or(e.is_adopted) AS adopted " \
				"FROM (SELECT d.ts_utc, false AS is_source, NOT COALESCE(d.raw ? 'rule', false) AS is_adopted FROM @derived_data_bars d " \
					"WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe AND d.deleted_at IS NULL " \
					"UNION ALL SELECT s.ts_utc, true, false FROM @derived_data_bars s " \
					"WHERE t.source <> '1m' AND s.canonical_symbol = t.symbol AND s.timeframe = t.source AND s.deleted_at IS NULL " \
					"UNION ALL SELECT s.ts_utc, true, false FROM @data_bars s " \
					"WHERE t.source = '1m' AND s.canonical_symbol = t.symbol AND s.timeframe = '1m' " \
					"UNION ALL SELECT s.ts_utc, true, false FROM @data_bars s " \
					"WHERE t.source = '1m' AND s.timeframe = '1m' AND s.canonical_symbol = ANY (ARRAY(SELECT p.part " \
						"FROM unnest($1::text[], $2::text[]) p(symbol, part) WHERE p.symbol = t.symbol)) " \
					"GROUP BY 1 HAVING count(*) = (SELECT count(*) " \
						"FROM unnest($1::text[], $2::text[]) p(symbol, part) WHERE p.symbol = t.symbol)) e " \
				"GROUP BY 1) w) i " \
		"WHERE i.adopted AND NOT i.has_source GROUP BY i.range) r " \
	"WHERE NOT oldest.made_here AND t.width IS NOT NULL"
// clang-format on
