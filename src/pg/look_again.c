/*
 * Windows that this transaction has derived without being sure that it would be told of changes (src/ops/marks/look_again.hpp). They are
 * kept in memory and marked in agg_dirty_ranges right before the commit (or the prepare), in the same transaction: marked earlier, they
 * would be processed by the transaction itself. A savepoint that is rolled back leaves them: a mark too many only costs a look.
 */
#include "shim.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

enum { SYMBOL, TIMEFRAME, FROM_UTC, TO_UTC, DUE };

typedef struct noted_windows {
	agg_table_set set;
	Datum column[AGG_LOOK_AGAIN_COLUMNS];
} noted_windows;

static const Oid column_types[AGG_LOOK_AGAIN_COLUMNS] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID};

/* All of it belongs to the transaction. */
static noted_windows *noted = NULL;
static int noted_count = 0;
static int noted_room = 0;

static void forget(void) {
	noted = NULL;
	noted_count = 0;
	noted_room = 0;
}

/* One column of the rows of a set, as an array. */
static Datum column_of_noted(agg_table_set set, int column) {
	Datum *values = palloc(sizeof(Datum) * noted_count);
	int count = 0;
	int16 length;
	bool by_value;
	char alignment;

	for (int i = 0; i < noted_count; i++) {
		if (agg_same_set(noted[i].set, set))
			values[count++] = noted[i].column[column];
	}
	get_typlenbyvalalign(column_types[column], &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(values, count, column_types[column], length, by_value, alignment));
}

static void mark_noted_of(agg_table_set set) {
	Oid table = agg_look_for_table(set, "agg_dirty_ranges");
	Oid types[AGG_LOOK_AGAIN_COLUMNS];
	Datum values[AGG_LOOK_AGAIN_COLUMNS];
	char *sql;
	agg_scope *scope;

	if (!OidIsValid(table))
		return; /* dropped by this very transaction */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	for (int i = 0; i < AGG_LOOK_AGAIN_COLUMNS; i++) {
		types[i] = get_array_type(column_types[i]);
		values[i] = column_of_noted(set, i);
	}
	sql = agg_in_set(set, "INSERT INTO @agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc, due) "
	                      "SELECT n.symbol, n.timeframe, n.from_utc, n.to_utc, n.due "
	                      "FROM unnest($1, $2, $3, $4, $5) AS n(symbol, timeframe, from_utc, to_utc, due)");
	scope = agg_act_as_owner(table);
	(void)agg_execute(scope, sql, lengthof(types), types, values, false);
	agg_stop_acting(scope);
	SPI_finish();
	PopActiveSnapshot();
}

/* Whether a row before this one is of the same set. */
static bool is_marked(int row) {
	for (int i = 0; i < row; i++) {
		if (agg_same_set(noted[i].set, noted[row].set))
			return true;
	}
	return false;
}

static void mark_noted(void) {
	for (int i = 0; i < noted_count; i++) {
		if ((i == 0 || !agg_same_set(noted[i].set, noted[i - 1].set)) && !is_marked(i))
			mark_noted_of(noted[i].set);
	}
	forget();
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) {
		if (noted_count > 0)
			mark_noted();
	} else if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE) {
		forget();
	}
}

static Datum kept_text(const agg_cell *cell) {
	return PointerGetDatum(cstring_to_text_with_len(cell->as.text, cell->length));
}

static bool same_text(Datum kept, const agg_cell *cell) {
	const text *other = (const text *)DatumGetPointer(kept);

	return VARSIZE_ANY_EXHDR(other) == (Size)cell->length && memcmp(VARDATA_ANY(other), cell->as.text, cell->length) == 0;
}

/* Rows of symbol, timeframe, from, to, due. */
void agg_look_again(agg_table_set set, const agg_cell *cells, size_t rows) {
	static bool registered = false;
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	if (!registered)
		RegisterXactCallback(end_of_transaction, NULL);
	registered = true;
	if (noted_count + (int)rows > noted_room) {
		noted_room = Max(2 * noted_room, noted_count + (int)rows);
		noted = noted == NULL ? palloc(sizeof(noted_windows) * noted_room) : repalloc_huge(noted, sizeof(noted_windows) * noted_room);
	}
	for (size_t i = 0; i < rows; i++) {
		const agg_cell *row = &cells[AGG_LOOK_AGAIN_COLUMNS * i];
		Datum *last = noted_count > 0 && agg_same_set(noted[noted_count - 1].set, set) ? noted[noted_count - 1].column : NULL;

		/* A task that goes on where it stopped. */
		if (last != NULL && row[FROM_UTC].as.integer == DatumGetTimestampTz(last[TO_UTC]) && same_text(last[SYMBOL], &row[SYMBOL]) &&
		    same_text(last[TIMEFRAME], &row[TIMEFRAME]) && same_text(last[DUE], &row[DUE])) {
			last[TO_UTC] = TimestampTzGetDatum(row[TO_UTC].as.integer);
			continue;
		}
		noted[noted_count].set = set;
		for (int c = 0; c < AGG_LOOK_AGAIN_COLUMNS; c++)
			noted[noted_count].column[c] = column_types[c] == TEXTOID ? kept_text(&row[c]) : TimestampTzGetDatum(row[c].as.integer);
		noted_count++;
	}
	MemoryContextSwitchTo(caller);
}
