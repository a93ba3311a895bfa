/* Which symbols a table of bars holds, and from when to when: its symbols are walked through in the key's index, however many bars each
 * has. */
#include "shard_groups.h"
#include "shim.h"

#include "core/time_range.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static bool has_column(Relation bars, const char *name, Oid type, Oid other_type) {
	AttrNumber number = get_attnum(RelationGetRelid(bars), name);
	Oid present = number == InvalidAttrNumber ? InvalidOid : get_atttype(RelationGetRelid(bars), number);

	return OidIsValid(present) && (present == type || present == other_type);
}

/* Values are read as what they must be: so their types come first. */
bool agg_has_key_of_bars(Relation bars) {
	return has_column(bars, "canonical_symbol", TEXTOID, VARCHAROID) && has_column(bars, "timeframe", TEXTOID, VARCHAROID) &&
	       has_column(bars, "ts_utc", TIMESTAMPTZOID, TIMESTAMPTZOID);
}

static char *about(Relation bars, const char *format) {
	return psprintf(format, psprintf("%s.%s", quote_identifier(get_namespace_name(RelationGetNamespace(bars))),
	                                 quote_identifier(RelationGetRelationName(bars))));
}

static void check_key(Relation bars) {
	if (!agg_has_key_of_bars(bars))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("table \"%s\" has no columns canonical_symbol, timeframe and ts_utc of the types that bars have",
		                       RelationGetRelationName(bars)),
		                errhint("Change the columns' type; agg_setup() lists all differences.")));
}

/* Runs a query of the table (%1$s in it) as the latest snapshot sees it, and stays connected: its rows are in SPI_tuptable. */
static uint64 look_at(Relation bars, const char *format) {
	char *sql = about(bars, format);
	agg_scope *scope;
	uint64 rows;

	check_key(bars);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(RelationGetRelid(bars));
	PushActiveSnapshot(GetLatestSnapshot());
	rows = agg_execute(scope, sql, 0, NULL, NULL, true);
	PopActiveSnapshot();
	agg_stop_acting(scope);
	return rows;
}

/*
 * Rows of symbol, timeframe, first and last start of what a query of the table finds, in the current memory context. The latest snapshot is
 * asked: the table is locked, and what others have committed before counts, whenever the transaction began.
 */
static agg_bar_span *spans_found(Relation bars, const char *format, size_t *count) {
	MemoryContext caller = CurrentMemoryContext;
	uint64 rows = look_at(bars, format);
	agg_bar_span *spans = MemoryContextAllocHuge(caller, sizeof(agg_bar_span) * (rows + 1));

	*count = 0;
	for (uint64 i = 0; i < rows; i++) {
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc columns = SPI_tuptable->tupdesc;
		bool no_first;
		bool no_last;
		Datum first = SPI_getbinval(row, columns, 3, &no_first);
		Datum last = SPI_getbinval(row, columns, 4, &no_last);

		if (!no_first && !no_last)
			spans[(*count)++] = (agg_bar_span) {.symbol = MemoryContextStrdup(caller, SPI_getvalue(row, columns, 1)),
			                                    .timeframe = MemoryContextStrdup(caller, SPI_getvalue(row, columns, 2)),
			                                    .from = DatumGetTimestampTz(first),
			                                    .to = DatumGetTimestampTz(last) + USECS_PER_MINUTE};
	}
	SPI_finish();
	return spans;
}

#define AGG_FROM_TO "min(b.ts_utc) FILTER (WHERE " AGG_IS_TIME("b.ts_utc") "), max(b.ts_utc) FILTER (WHERE " AGG_IS_TIME("b.ts_utc") ")"

/*
 * Of a table whose rows are in shards, whatever node they are on: each shard logs its own, as a part of this transaction. What follows in
 * it, such as a TRUNCATE, must find the connections that this has used, so that there is one for each node.
 */
void agg_log_spans_of_shards(agg_table_set set, Relation bars) {
	Oid log = agg_find_table(set, "agg_change_log");
	char *sql = agg_in_set(
	    set,
	    about(bars,
	          "INSERT INTO @agg_change_log (canonical_symbol, symbols, from_utc, to_utc, row_counts) "
	          "SELECT f.symbol, ARRAY[f.symbol], ARRAY[f.first], ARRAY[f.last + '00:01:00'::interval], ARRAY[0::int8] "
	          "FROM (SELECT b.canonical_symbol::text, " AGG_FROM_TO
	          " FROM %1$s b WHERE b.timeframe = '1m' GROUP BY b.canonical_symbol) AS f(symbol, first, last) WHERE f.first IS NOT NULL"));
	agg_scope *scope;

	check_key(bars);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(log);
	agg_keep_connections(scope);
	(void)agg_execute(scope, sql, 0, NULL, NULL, false);
	agg_stop_acting(scope);
	SPI_finish();
}

agg_bar_span *agg_spans_of_minutes(Relation bars, size_t *count) {
	return spans_found(
	    bars,
	    "WITH RECURSIVE s(symbol) AS ((SELECT b.canonical_symbol::text FROM %1$s b ORDER BY b.canonical_symbol LIMIT 1) "
	    "UNION ALL SELECT (SELECT b.canonical_symbol::text FROM %1$s b WHERE b.canonical_symbol > s.symbol "
	    "ORDER BY b.canonical_symbol LIMIT 1) FROM s WHERE s.symbol IS NOT NULL) "
	    "SELECT s.symbol, '1m', (SELECT min(b.ts_utc) FROM %1$s b WHERE b.canonical_symbol = s.symbol "
	    "AND b.timeframe = '1m' AND " AGG_IS_TIME("b.ts_utc") "), (SELECT max(b.ts_utc) FROM %1$s b "
	                                                          "WHERE b.canonical_symbol = s.symbol AND b.timeframe = '1m' AND " AGG_IS_TIME(
	                                                              "b.ts_utc") ") "
	                                                                          "FROM s WHERE s.symbol IS NOT NULL",
	    count);
}

agg_bar_span *agg_spans_of_derived_bars(Relation bars, size_t *count) {
	if (agg_is_distributed(RelationGetNamespace(bars)))
		return spans_found(bars,
		                   "SELECT b.canonical_symbol::text, b.timeframe::text, " AGG_FROM_TO
		                   " FROM %1$s b WHERE b.deleted_at IS NULL GROUP BY b.canonical_symbol, b.timeframe",
		                   count);
	return spans_found(
	    bars,
	    "WITH RECURSIVE s(symbol, tf) AS ((SELECT b.canonical_symbol::text, b.timeframe::text FROM %1$s b "
	    "WHERE b.deleted_at IS NULL ORDER BY b.canonical_symbol, b.timeframe LIMIT 1) "
	    "UNION ALL SELECT n.symbol, n.tf FROM s CROSS JOIN LATERAL (SELECT b.canonical_symbol::text AS symbol, b.timeframe::text AS tf "
	    "FROM %1$s b WHERE b.deleted_at IS NULL AND (b.canonical_symbol, b.timeframe) > (s.symbol, s.tf) "
	    "ORDER BY b.canonical_symbol, b.timeframe LIMIT 1) n) "
	    "SELECT s.symbol, s.tf, (SELECT min(b.ts_utc) FROM %1$s b WHERE b.canonical_symbol = s.symbol AND b.timeframe = s.tf "
	    "AND b.deleted_at IS NULL AND " AGG_IS_TIME("b.ts_utc") "), (SELECT max(b.ts_utc) FROM %1$s b WHERE b.canonical_symbol = s.symbol "
	                                                            "AND b.timeframe = s.tf AND b.deleted_at IS NULL AND " AGG_IS_TIME(
	                                                                "b.ts_utc") ") FROM s",
	    count);
}
