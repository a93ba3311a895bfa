/*
 * Inserting rows through COPY's machinery: it routes to partitions, fires triggers, checks constraints, fills in defaults, and inserts heap
 * pages at a time. The operation's cells are turned into COPY's binary format as COPY asks for bytes.
 */
#include "bulk_write.h"

#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define ROWS_IN_BATCH 256

typedef struct bulk_writer {
	const bulk_write *write;
	agg_cell *cells;
	StringInfoData bytes; /* waiting to be taken */
	int taken;
	bool finished;
	struct bulk_writer *outer; /* of the bulk write whose trigger began this one */
} bulk_writer;

/* COPY's callback has no argument of its own. */
static bulk_writer *current_writer = NULL;

static void put_value(const bulk_writer *writer, StringInfo bytes, const agg_cell *cell, size_t column) {
	Oid type = writer->write->column_types[column];

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
		pq_sendint16(bytes, (uint16)agg_fitting(writer->write, column, cell->as.integer));
		break;
	case INT4OID:
		pq_sendint32(bytes, 4);
		pq_sendint32(bytes, (uint32)agg_fitting(writer->write, column, cell->as.integer));
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

/* The next batch of rows as bytes; at the end, COPY's trailer. */
static void refill(bulk_writer *writer) {
	size_t columns = agg_varying_columns(writer->write->request);
	size_t rows = agg_operation_fill(writer->write->operation, writer->cells, ROWS_IN_BATCH);

	CHECK_FOR_INTERRUPTS();
	resetStringInfo(&writer->bytes);
	writer->taken = 0;
	for (size_t i = 0; i < rows; i++) {
		pq_sendint16(&writer->bytes, (uint16)columns);
		for (size_t j = 0; j < columns; j++)
			put_value(writer, &writer->bytes, &writer->cells[i * columns + j], j);
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

/* A value that all rows share, as the column holds it; text goes through the type's input, which knows of lengths. */
static Datum constant_datum(const bulk_writer *writer, size_t column, const agg_cell *cell, int32 typmod) {
	Oid type = writer->write->column_types[column];
	Oid input;
	Oid parameter;

	switch (type) {
	case INT2OID:
		return Int16GetDatum((int16)agg_fitting(writer->write, column, cell->as.integer));
	case INT4OID:
		return Int32GetDatum((int32)agg_fitting(writer->write, column, cell->as.integer));
	case JSONBOID:
	case VARCHAROID:
		getTypeInputInfo(type, &input, &parameter);
		return OidInputFunctionCall(input, pnstrdup(cell->as.text, cell->length), parameter, typmod);
	default:
		return agg_cell_to_column(cell, type);
	}
}

/*
 * A column that is the same in every row is not parsed row after row: it takes the place of the column's default, which COPY evaluates for
 * each column that its input leaves out. (Parsing the same jsonb 100,000 times costs more than a tenth of a load.)
 */
static void set_constant(const bulk_writer *writer, CopyFromState copy, size_t column, const agg_cell *cell) {
	Oid type = writer->write->column_types[column];
	AttrNumber number = get_attnum(RelationGetRelid(writer->write->relation), writer->write->request->column_names[column]);
	int32 typmod = TupleDescAttr(RelationGetDescr(writer->write->relation), number - 1)->atttypmod;
	Datum value = cell->is_null ? (Datum)0 : constant_datum(writer, column, cell, typmod);
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

uint64 agg_copy_rows(const agg_scope *scope, const bulk_write *write) {
	const agg_request *request = write->request;
	size_t varying = agg_varying_columns(request);
	bulk_writer writer = {.write = write, .outer = current_writer};
	agg_cell now = {.as.integer = GetCurrentTransactionStartTimestamp()};
	List *names = NIL;
	List *options = list_make1(makeDefElem("format", (Node *)makeString("binary"), -1));
	ParseState *parse_state = make_parsestate(NULL);
	ParseNamespaceItem *item;
	uint64 processed = 0;

	writer.cells = palloc(sizeof(agg_cell) * ROWS_IN_BATCH * (varying + 1));
	for (size_t i = 0; i < varying; i++)
		names = lappend(names, makeString(pstrdup(request->column_names[i])));
	initStringInfo(&writer.bytes);
	appendBinaryStringInfo(&writer.bytes, "PGCOPY\n\377\r\n\0", 11);
	pq_sendint32(&writer.bytes, 0); /* flags */
	pq_sendint32(&writer.bytes, 0); /* length of the header's extension */

	item = addRangeTableEntryForRelation(parse_state, write->relation, RowExclusiveLock, NULL, false, false);
	agg_require_insert(item);
	/* What this session has written so far must be visible to what the copy fires, and the copy to what comes next. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	current_writer = &writer;
	PG_TRY();
	{
		CopyFromState copy = agg_begin_copy(scope, parse_state, write->relation, give_bytes, names, options);

		for (size_t i = 0; i < request->constant_count; i++)
			set_constant(&writer, copy, varying + i, &request->constants[i]);
		for (size_t i = request->column_count - request->stamped_count; i < request->column_count; i++)
			set_constant(&writer, copy, i, &now);
		processed = CopyFrom(copy);
		EndCopyFrom(copy);
	}
	PG_FINALLY();
	{ current_writer = writer.outer; }
	PG_END_TRY();
	PopActiveSnapshot();
	CommandCounterIncrement();
	free_parsestate(parse_state);
	return processed;
}
