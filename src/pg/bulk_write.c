/*
 * Inserting rows through COPY's machinery: it routes to partitions, fires triggers, checks constraints, fills in defaults, and inserts heap
 * pages at a time. The operation's cells are turned into COPY's binary format as COPY asks for bytes.
 */
#include "shim.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#define ROWS_IN_BATCH 256

typedef struct bulk_writer {
	agg_operation *operation;
	const agg_request *request;
	Oid *column_types; /* as the table has them */
	agg_cell *cells;
	StringInfoData bytes; /* waiting to be taken */
	int taken;
	bool finished;
	struct bulk_writer *outer; /* of the bulk write whose trigger began this one */
} bulk_writer;

/* COPY's callback has no argument of its own. */
static bulk_writer *current_writer = NULL;

static void put_value(StringInfo bytes, const agg_cell *cell, Oid type) {
	if (cell->is_null) {
		pq_sendint32(bytes, (uint32)-1);
		return;
	}
	switch (type) {
	case BOOLOID:
		pq_sendint32(bytes, 1);
		pq_sendbyte(bytes, cell->as.integer != 0);
		break;
	case INT2OID:
		pq_sendint32(bytes, 2);
		pq_sendint16(bytes, (uint16)cell->as.integer);
		break;
	case INT4OID:
		pq_sendint32(bytes, 4);
		pq_sendint32(bytes, (uint32)cell->as.integer);
		break;
	case INT8OID:
	case TIMESTAMPTZOID:
		pq_sendint32(bytes, 8);
		pq_sendint64(bytes, (uint64)cell->as.integer);
		break;
	case FLOAT8OID:
		pq_sendint32(bytes, 8);
		pq_sendfloat8(bytes, cell->as.real);
		break;
	case JSONBOID:
		pq_sendint32(bytes, cell->length + 1);
		pq_sendbyte(bytes, 1); /* version of jsonb's binary format */
		appendBinaryStringInfo(bytes, cell->as.text, cell->length);
		break;
	default: /* text and its kin; check_column_type() let nothing else through */
		pq_sendint32(bytes, cell->length);
		appendBinaryStringInfo(bytes, cell->as.text, cell->length);
		break;
	}
}

static size_t varying_columns(const agg_request *request) {
	return request->column_count - request->constant_count;
}

/* The next batch of rows as bytes; at the end, COPY's trailer. */
static void refill(bulk_writer *writer) {
	size_t columns = varying_columns(writer->request);
	size_t rows = agg_operation_fill(writer->operation, writer->cells, ROWS_IN_BATCH);

	CHECK_FOR_INTERRUPTS();
	resetStringInfo(&writer->bytes);
	writer->taken = 0;
	for (size_t i = 0; i < rows; i++) {
		pq_sendint16(&writer->bytes, (uint16)columns);
		for (size_t j = 0; j < columns; j++)
			put_value(&writer->bytes, &writer->cells[i * columns + j], writer->column_types[j]);
	}
	if (rows == 0) {
		pq_sendint16(&writer->bytes, (uint16)-1);
		writer->finished = true;
	}
}

static int give_bytes(void *buffer, int least pg_attribute_unused(), int most) {
	bulk_writer *writer = current_writer;
	int given;

	if (writer->taken == writer->bytes.len && !writer->finished)
		refill(writer);
	given = Min(most, writer->bytes.len - writer->taken);
	memcpy(buffer, writer->bytes.data + writer->taken, given);
	writer->taken += given;
	return given;
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
	Oid present;

	if (number == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(relation)),
		                errhint("Run agg_setup() to add the missing columns.")));
	present = get_atttype(RelationGetRelid(relation), number);
	if (!type_serves(present, given))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("column \"%s\" of table \"%s\" is of type %s, but must be %s", name, RelationGetRelationName(relation),
		                       format_type_be(present), agg_type_name(given)),
		                errhint("Change the column's type; agg_setup() lists all that differs.")));
	return present;
}

/* What COPY's own statement checks before it comes to copying. */
static void check_may_copy(Relation relation) {
	Oid table = RelationGetRelid(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
		                errhint("Rename it and run agg_setup().")));
	PreventCommandIfReadOnly("COPY FROM");
	if (pg_class_aclcheck(table, GetUserId(), ACL_INSERT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(relation));
	if (check_enable_rls(table, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("row security is forced on the owner of table \"%s\"", RelationGetRelationName(relation)),
		                errhint("Use ALTER TABLE ... NO FORCE ROW LEVEL SECURITY.")));
}

static Datum constant_datum(const agg_cell *cell, Oid type) {
	switch (type) {
	case INT2OID:
		return Int16GetDatum((int16)cell->as.integer);
	case INT4OID:
		return Int32GetDatum((int32)cell->as.integer);
	case JSONBOID:
		return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(cell->as.text, cell->length)));
	case VARCHAROID:
		return PointerGetDatum(cstring_to_text_with_len(cell->as.text, cell->length));
	default:
		return agg_cell_to_column(cell, type);
	}
}

/*
 * A column that is the same in every row is not parsed row after row: it takes the place of the column's default, which COPY evaluates for
 * each column that its input leaves out. (Parsing the same jsonb 100,000 times costs more than a tenth of a load.)
 */
static void set_constant(CopyFromState copy, AttrNumber number, Oid type, const agg_cell *cell) {
	Datum value = cell->is_null ? (Datum)0 : constant_datum(cell, type);
	int16 length;
	bool by_value;
	Const *constant;
	ExprState *expression;
	int i;

	get_typlenbyval(type, &length, &by_value);
	constant = makeConst(type, -1, get_typcollation(type), length, value, cell->is_null, by_value);
	expression = ExecInitExpr((Expr *)constant, NULL);
	for (i = 0; i < copy->num_defaults && copy->defmap[i] != number - 1; i++)
		;
	if (i == copy->num_defaults)
		copy->defmap[copy->num_defaults++] = number - 1;
	copy->defexprs[agg_default_index(i, number)] = expression;
}

uint64 agg_run_bulk_write(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table) {
	bulk_writer writer = {.operation = operation, .request = request, .outer = current_writer};
	Relation relation = table_open(table, RowExclusiveLock);
	List *names = NIL;
	List *options = list_make1(makeDefElem("format", (Node *)makeString("binary"), -1));
	ParseState *parse_state = make_parsestate(NULL);
	ParseNamespaceItem *item;
	uint64 processed = 0;

	check_may_copy(relation);
	writer.column_types = palloc(sizeof(Oid) * request->column_count);
	writer.cells = palloc(sizeof(agg_cell) * ROWS_IN_BATCH * (varying_columns(request) + 1));
	for (size_t i = 0; i < request->column_count; i++) {
		writer.column_types[i] = checked_column_type(relation, request->column_names[i], request->column_types[i]);
		if (i < varying_columns(request))
			names = lappend(names, makeString(pstrdup(request->column_names[i])));
	}
	initStringInfo(&writer.bytes);
	appendBinaryStringInfo(&writer.bytes, "PGCOPY\n\377\r\n\0", 11);
	pq_sendint32(&writer.bytes, 0); /* flags */
	pq_sendint32(&writer.bytes, 0); /* length of the header's extension */

	item = addRangeTableEntryForRelation(parse_state, relation, RowExclusiveLock, NULL, false, false);
	agg_require_insert(item);
	/* What this session has written so far must be visible to what the copy fires, and the copy to what comes next. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	current_writer = &writer;
	PG_TRY();
	{
		CopyFromState copy = agg_begin_copy(scope, parse_state, relation, give_bytes, names, options);

		for (size_t i = 0; i < request->constant_count; i++) {
			size_t column = varying_columns(request) + i;

			set_constant(copy, get_attnum(table, request->column_names[column]), writer.column_types[column], &request->constants[i]);
		}
		processed = CopyFrom(copy);
		EndCopyFrom(copy);
	}
	PG_FINALLY();
	{ current_writer = writer.outer; }
	PG_END_TRY();
	PopActiveSnapshot();
	CommandCounterIncrement();
	free_parsestate(parse_state);
	table_close(relation, NoLock);
	return processed;
}
