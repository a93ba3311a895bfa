/* Rows of the extension's own tables that are written without a statement. */
#ifndef AGGREGATION_OWN_ROWS_H
#define AGGREGATION_OWN_ROWS_H

#include "shim.h"

/* Where rows come from; what the two functions need stands behind this in a struct of their own. */
typedef struct agg_own_rows {
	void (*begin)(struct agg_own_rows *rows, Relation table);      /* finds its columns, once */
	bool (*next)(struct agg_own_rows *rows, TupleTableSlot *slot); /* sets columns of the next row, the others being NULL; false: no more */
} agg_own_rows;

/* The column's number; raises (42703) if there is none of this name and type. */
extern AttrNumber agg_own_column(Relation table, const char *name, Oid type);
extern void agg_set_column(TupleTableSlot *slot, AttrNumber number, Datum value);
extern void agg_insert_own_rows(const agg_scope *scope, Oid table, agg_own_rows *rows);

#endif
