/* The two ways in which rows are inserted, and what they share. */
#ifndef AGGREGATION_BULK_WRITE_H
#define AGGREGATION_BULK_WRITE_H

#include "shim.h"

typedef struct bulk_write {
	agg_operation *operation;
	const agg_request *request;
	Relation relation;
	Oid *column_types; /* as the table has them */
} bulk_write;

/* bulk_write.c */
extern size_t agg_varying_columns(const agg_request *request);
extern int64 agg_fitting(const bulk_write *write, size_t column, int64 value);

/* copy_rows.c */
extern uint64 agg_copy_rows(const agg_scope *scope, const bulk_write *write);

/* insert_rows.c */
extern bool agg_insert_is_plain(const agg_scope *scope, const bulk_write *write);
extern uint64 agg_insert_rows(const agg_scope *scope, const bulk_write *write);

#endif
