/*
 * Writing rows into a table. Rows that are most likely new go through COPY's machinery, which is several times faster than a statement; a
 * statement (insert_rows.c) writes what may have to rewrite rows, and into tables that another extension manages. Both write the same rows
 * and refuse the same tables.
 */
#include "bulk_write.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

size_t agg_varying_columns(const agg_request *request) {
	return request->column_count - request->constant_count - request->stamped_count;
}

/* Counts are 64 bits wide here, and as wide as the table's owner made them there. */
int64 agg_fitting(const bulk_write *write, size_t column, int64 value) {
	int64 largest = write->column_types[column] == INT2OID ? PG_INT16_MAX : PG_INT32_MAX;

	if (value > largest || value < -largest - 1)
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("%lld does not fit column \"%s\" of table \"%s\", which is of type %s", (long long)value,
		                       write->request->column_names[column], RelationGetRelationName(write->relation),
		                       format_type_be(write->column_types[column])),
		                errhint("Widen it: ALTER TABLE ... ALTER COLUMN %s TYPE bigint.", write->request->column_names[column])));
	return value;
}

static bool type_serves(Oid present, agg_type given) {
	switch (given) {
	case AGG_TEXT:
		return present == TEXTOID || present == VARCHAROID || present == JSONBOID;
	case AGG_INT4:
	case AGG_INT8:
		return present == INT2OID || present == INT4OID || present == INT8OID;
	default:
		return present == agg_type_oid(given);
	}
}

static Oid checked_column_type(Relation relation, const char *name, agg_type given) {
	AttrNumber number = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute column;
	Oid present;

	if (number == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(relation)),
		                errhint("Run agg_setup() to add the missing columns.")));
	column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	present = column->atttypid;
	if (column->attgenerated != '\0' || column->attidentity != '\0')
		ereport(ERROR, (errcode(ERRCODE_GENERATED_ALWAYS),
		                errmsg("column \"%s\" of table \"%s\" is %s, so no bar can be written", name, RelationGetRelationName(relation),
		                       column->attgenerated != '\0' ? "generated" : "an identity column"),
		                errhint("Make it a plain column; agg_setup() lists everything that is in the way.")));
	if (!type_serves(present, given))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("column \"%s\" of table \"%s\" is of type %s, but must be %s", name, RelationGetRelationName(relation),
		                       format_type_be(present), agg_type_name(given)),
		                errhint("Change the column's type; agg_setup() lists all differences.")));
	return present;
}

/* What a statement would be checked for before it comes to its rows. */
static void check_may_write(Relation relation) {
	Oid table = RelationGetRelid(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
		                errhint("Rename it and run agg_setup().")));
	PreventCommandIfReadOnly("COPY FROM");
	if (pg_class_aclcheck(table, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(relation));
}

/*
 * Rows of a child are read with the table's, but no key of the table counts them: what is there already would be stored once more.
 * (Children that another extension keeps, as chunks, are its own business.)
 */
static void check_has_no_children(Relation relation) {
	if (relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relhassubclass &&
	    find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("table \"%s\" has children by inheritance", RelationGetRelationName(relation)),
		                errdetail("No unique key spans a table and its children."), errhint("Use a partitioned table.")));
}

uint64 agg_run_bulk_write(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table) {
	Relation relation = table_open(table, RowExclusiveLock);
	bulk_write write = {.operation = operation, .request = request, .relation = relation};
	uint64 processed;
	bool plain;

	check_may_write(relation);
	agg_begin_writing(scope, table);
	write.column_types = palloc(sizeof(Oid) * request->column_count);
	for (size_t i = 0; i < request->column_count; i++)
		write.column_types[i] = checked_column_type(relation, request->column_names[i], request->column_types[i]);
	plain = agg_insert_is_plain(scope, &write);
	if (plain)
		check_has_no_children(relation);
	if (plain && request->conflict == NULL)
		processed = agg_copy_rows(scope, &write);
	else
		processed = agg_insert_rows(scope, &write);
	table_close(relation, NoLock);
	return processed;
}
