/*
 * The rows of agg_change_log: a row holds as many ranges as have room in it. They are inserted as the log's owner, for whoever may write
 * bars needs no right on the log.
 */
#include "shim.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define BYTES_IN_ROW 1800 /* of the arrays of a row of the log: it is never compressed, nor stored anywhere else than in its page */

static AttrNumber log_column(Relation log, const char *name, Oid type) {
	AttrNumber number = get_attnum(RelationGetRelid(log), name);

	if (number == InvalidAttrNumber || TupleDescAttr(RelationGetDescr(log), number - 1)->atttypid != type)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("table \"%s\" has no column \"%s\" of type %s", RelationGetRelationName(log), name, format_type_be(type)),
		                errhint("Run agg_setup() to see and mend what differs from the tables that the extension needs.")));
	return number;
}

typedef struct log_columns {
	AttrNumber logged_at;
	AttrNumber symbols;
	AttrNumber from;
	AttrNumber to;
	AttrNumber rows;
} log_columns;

static log_columns find_log_columns(Relation log) {
	return (log_columns) {.logged_at = log_column(log, "logged_at", TIMESTAMPTZOID),
	                      .symbols = log_column(log, "symbols", TEXTARRAYOID),
	                      .from = log_column(log, "from_utc", TIMESTAMPTZARRAYOID),
	                      .to = log_column(log, "to_utc", TIMESTAMPTZARRAYOID),
	                      .rows = log_column(log, "row_counts", INT8ARRAYOID)};
}

static bool same_times(agg_changed_range a, agg_changed_range b) {
	return a.from == b.from && a.to == b.to && a.rows == b.rows;
}

/* The ranges [first, first + count) of the list: at least one, and no more than a row has room for. */
typedef struct log_row {
	size_t first;
	int count;
	bool same; /* times and row counts: said once for all */
} log_row;

static log_row row_from(const agg_changes *changes, size_t first, size_t count) {
	log_row row = {.first = first, .count = 0, .same = true};
	size_t symbols = 0;
	size_t i;

	for (i = first; i < count; i++) {
		bool same = row.same && same_times(agg_changes_listed(changes, i), agg_changes_listed(changes, first));

		symbols += INTALIGN(VARHDRSZ + agg_changes_listed(changes, i).symbol_length);
		if (i > first && symbols + 3 * sizeof(int64) * (same ? 1 : i - first + 1) > BYTES_IN_ROW)
			break;
		row.same = same;
	}
	row.count = (int)(i - first);
	return row;
}

static void set_column(TupleTableSlot *slot, AttrNumber number, Datum value) {
	slot->tts_values[number - 1] = value;
	slot->tts_isnull[number - 1] = false;
}

static Datum array_of(Datum *values, int count, Oid type, int16 length, bool by_value, char alignment) {
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

static void fill_row(TupleTableSlot *slot, const log_columns *columns, const agg_changes *changes, log_row row) {
	int times = row.same ? 1 : row.count;
	Datum *symbols = palloc(sizeof(Datum) * row.count);
	Datum *from = palloc(sizeof(Datum) * row.count);
	Datum *to = palloc(sizeof(Datum) * row.count);
	Datum *rows = palloc(sizeof(Datum) * row.count);

	for (int i = 0; i < row.count; i++) {
		agg_changed_range range = agg_changes_listed(changes, row.first + i);

		symbols[i] = PointerGetDatum(cstring_to_text_with_len(range.symbol, (int)range.symbol_length));
		from[i] = TimestampTzGetDatum(range.from);
		to[i] = TimestampTzGetDatum(range.to);
		rows[i] = Int64GetDatum(range.rows);
	}
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	set_column(slot, columns->logged_at, TimestampTzGetDatum(GetCurrentTimestamp()));
	set_column(slot, columns->symbols, array_of(symbols, row.count, TEXTOID, -1, false, TYPALIGN_INT));
	set_column(slot, columns->from, array_of(from, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	set_column(slot, columns->to, array_of(to, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	set_column(slot, columns->rows, array_of(rows, times, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	ExecStoreVirtualTuple(slot);
}

void agg_insert_log_rows(const agg_scope *scope, Oid table, const agg_changes *changes, size_t count) {
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "aggregation change log", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Relation log = table_open(table, RowExclusiveLock);
	EState *state = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleTableSlot *slot;
	log_columns columns;

	/* From here on: an index of somebody's may evaluate expressions of his as soon as it is opened. */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (log->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(log)),
		                errhint("Rename it and run agg_setup().")));
	columns = find_log_columns(log);
	slot = table_slot_create(log, NULL);
	InitResultRelInfo(target, log, 1, NULL, 0);
	ExecOpenIndices(target, false);
	for (size_t first = 0; first < count;) {
		log_row row = row_from(changes, first, count);

		MemoryContextSwitchTo(GetPerTupleMemoryContext(state));
		fill_row(slot, &columns, changes, row);
		MemoryContextSwitchTo(memory);
		agg_insert_row(scope, target, state, slot);
		ExecClearTuple(slot);
		ResetPerTupleExprContext(state);
		first += row.count;
	}
	ExecCloseIndices(target);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(state);
	PopActiveSnapshot();
	table_close(log, NoLock);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	CommandCounterIncrement();
}
