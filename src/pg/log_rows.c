/*
 * The rows of agg_change_log and agg_tick_log: a row holds as many ranges as have room in it.
 */
#include "own_rows.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define BYTES_IN_ROW 1800 /* of the arrays of a row of the log: it is never compressed, nor stored anywhere else than in its page */

typedef struct log_columns {
	AttrNumber logged_at;
	AttrNumber symbols;
	AttrNumber from;
	AttrNumber to;
	/* Of bars: */
	AttrNumber rows;
	AttrNumber symbol; /* where the log is distributed: a row is about one symbol then */
	/* Of ticks: */
	AttrNumber source;
	AttrNumber first;
	AttrNumber gone;
} log_columns;

static bool same_times(agg_changed_range a, agg_changed_range b) {
	return a.from == b.from && a.to == b.to && a.rows == b.rows;
}

/* The ranges [first, first + count) of the list: at least one, and no more than a row has room for. */
typedef struct log_row {
	size_t first;
	int count;
	bool same; /* times and row counts: said once for all */
} log_row;

static bool same_symbol(agg_changed_range a, agg_changed_range b) {
	return a.symbol_length == b.symbol_length && memcmp(a.symbol, b.symbol, a.symbol_length) == 0;
}

static log_row row_from(const agg_changes *changes, size_t first, size_t count, bool of_one_symbol) {
	log_row row = {.first = first, .count = 0, .same = true};
	size_t symbols = 0;
	size_t i;

	for (i = first; i < count; i++) {
		bool same = row.same && same_times(agg_changes_listed(changes, i), agg_changes_listed(changes, first));

		if (of_one_symbol && !same_symbol(agg_changes_listed(changes, i), agg_changes_listed(changes, first)))
			break;
		symbols += INTALIGN(VARHDRSZ + agg_changes_listed(changes, i).symbol_length);
		if (i > first && symbols + 3 * sizeof(int64) * (same ? 1 : i - first + 1) > BYTES_IN_ROW)
			break;
		row.same = same;
	}
	row.count = (int)(i - first);
	return row;
}

static Datum array_of(Datum *values, int count, Oid type, int16 length, bool by_value, char alignment) {
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

typedef struct log_rows {
	agg_own_rows base;
	log_columns columns;
	const char *source; /* of ticks; NULL: bars */
	bool gone;          /* of ticks: they have left */
	const agg_changes *changes;
	size_t first; /* of the next row */
	size_t count;
} log_rows;

static void fill_row(TupleTableSlot *slot, const log_rows *log, log_row row) {
	const log_columns *columns = &log->columns;
	TimestampTz first = DT_NOEND;
	int times = row.same ? 1 : row.count;
	Datum *symbols = palloc(sizeof(Datum) * row.count);
	Datum *from = palloc(sizeof(Datum) * row.count);
	Datum *to = palloc(sizeof(Datum) * row.count);
	Datum *rows = palloc(sizeof(Datum) * row.count);

	for (int i = 0; i < row.count; i++) {
		agg_changed_range range = agg_changes_listed(log->changes, row.first + i);

		symbols[i] = PointerGetDatum(cstring_to_text_with_len(range.symbol, (int)range.symbol_length));
		from[i] = TimestampTzGetDatum(range.from);
		to[i] = TimestampTzGetDatum(range.to);
		rows[i] = Int64GetDatum(range.rows);
		first = Min(first, range.from);
	}
	agg_set_column(slot, columns->logged_at, TimestampTzGetDatum(GetCurrentTimestamp()));
	agg_set_column(slot, columns->symbols, array_of(symbols, row.count, TEXTOID, -1, false, TYPALIGN_INT));
	agg_set_column(slot, columns->from, array_of(from, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	agg_set_column(slot, columns->to, array_of(to, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (log->source == NULL) {
		agg_set_column(slot, columns->rows, array_of(rows, times, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		if (columns->symbol != InvalidAttrNumber)
			agg_set_column(slot, columns->symbol, symbols[0]);
	} else {
		agg_set_column(slot, columns->source, CStringGetTextDatum(log->source));
		agg_set_column(slot, columns->first, TimestampTzGetDatum(first));
		agg_set_column(slot, columns->gone, BoolGetDatum(log->gone));
	}
}

static void begin(agg_own_rows *base, Relation log) {
	log_rows *rows = (log_rows *)base;

	rows->columns = (log_columns) {.logged_at = agg_own_column(log, "logged_at", TIMESTAMPTZOID),
	                               .symbols = agg_own_column(log, "symbols", TEXTARRAYOID),
	                               .from = agg_own_column(log, "from_utc", TIMESTAMPTZARRAYOID),
	                               .to = agg_own_column(log, "to_utc", TIMESTAMPTZARRAYOID)};
	if (rows->source == NULL) {
		rows->columns.rows = agg_own_column(log, "row_counts", INT8ARRAYOID);
		rows->columns.symbol = get_attnum(RelationGetRelid(log), "canonical_symbol");
	} else {
		rows->columns.source = agg_own_column(log, "tick_source", TEXTOID);
		rows->columns.first = agg_own_column(log, "first_utc", TIMESTAMPTZOID);
		rows->columns.gone = agg_own_column(log, "gone", BOOLOID);
	}
}

static bool next(agg_own_rows *base, TupleTableSlot *slot) {
	log_rows *rows = (log_rows *)base;
	log_row row;

	if (rows->first == rows->count)
		return false;
	row = row_from(rows->changes, rows->first, rows->count, rows->columns.symbol != InvalidAttrNumber);
	fill_row(slot, rows, row);
	rows->first += row.count;
	return true;
}

void agg_insert_log_rows(const agg_scope *scope, Oid table, const char *source, bool gone, const agg_changes *changes, size_t count) {
	log_rows rows = {.base = {begin, next}, .source = source, .gone = gone, .changes = changes, .first = 0, .count = count};

	agg_insert_own_rows(scope, table, &rows.base);
}
