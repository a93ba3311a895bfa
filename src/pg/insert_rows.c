/*
 * Inserting rows by a statement, as anybody else would: where a row that is there already is to be rewritten, and into a table that another
 * extension manages. Such an extension (TimescaleDB, Citus) hooks into the planner or gives the statement another plan, and brings each row
 * to where its own queries look for it. COPY's machinery, called from C, knows nothing of that: its rows would end in the table's root,
 * where no query sees them. So the statement is planned first, and its plan tells who manages the table.
 */
#include "bulk_write.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "catalog/pg_type.h"

/* Mostly there are few rows, and memory for many would cost more than they do. */
#define ROWS_IN_FIRST_STATEMENT 64
#define ROWS_IN_STATEMENT 4096

/*
 * INSERT INTO table (varying, shared, times) SELECT n.*, shared, now() FROM unnest(an array for each varying column) AS n, and what is to
 * be done about a key that exists. JSON is parsed once: the scalar subquery is evaluated before the rows are.
 */
static char *statement_of(const bulk_write *write) {
	const agg_request *request = write->request;
	size_t varying = agg_varying_columns(request);
	size_t given = request->column_count - request->stamped_count;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s.%s AS d (", quote_identifier(get_namespace_name(RelationGetNamespace(write->relation))),
	                 quote_identifier(RelationGetRelationName(write->relation)));
	for (size_t i = 0; i < request->column_count; i++)
		appendStringInfo(&sql, "%s%s", i == 0 ? "" : ", ", request->column_names[i]);
	appendStringInfoString(&sql, ") SELECT n.*");
	for (size_t i = varying; i < given; i++)
		appendStringInfo(&sql, write->column_types[i] == JSONBOID ? ", (SELECT $%d::text::jsonb)" : ", $%d", (int)i + 1);
	for (size_t i = given; i < request->column_count; i++)
		appendStringInfoString(&sql, ", now()");
	appendStringInfoString(&sql, " FROM unnest(");
	for (size_t i = 0; i < varying; i++)
		appendStringInfo(&sql, "%s$%d", i == 0 ? "" : ", ", (int)i + 1);
	appendStringInfoString(&sql, ") AS n(");
	for (size_t i = 0; i < varying; i++)
		appendStringInfo(&sql, "%s%s", i == 0 ? "" : ", ", request->column_names[i]);
	appendStringInfo(&sql, ") %s", request->conflict == NULL ? "" : request->conflict);
	return sql.data;
}

/* The statement as a request; the arrays are empty as yet. */
static agg_request insert_request(const bulk_write *write) {
	const agg_request *request = write->request;
	size_t varying = agg_varying_columns(request);
	size_t given = request->column_count - request->stamped_count;
	agg_parameter *parameters = palloc0(sizeof(agg_parameter) * given);

	for (size_t i = 0; i < given; i++) {
		parameters[i].type = request->column_types[i];
		parameters[i].is_array = i < varying;
		if (i >= varying) {
			parameters[i].cells = &request->constants[i - varying];
			parameters[i].count = 1;
		}
	}
	return (agg_request) {.kind = AGG_QUERY,
	                      .relation = request->relation,
	                      .sql = statement_of(write),
	                      .keep_plan = true,
	                      .plan_by_index = true,
	                      .parameters = parameters,
	                      .parameter_count = given};
}

/* One statement that inserts into the table itself, and has nobody else's node in its plan. */
static bool is_plain(const List *statements, Oid table) {
	const PlannedStmt *statement;
	const ModifyTable *insert;
	const RangeTblEntry *target;

	if (list_length(statements) != 1)
		return false;
	statement = linitial_node(PlannedStmt, statements);
	if (statement->commandType != CMD_INSERT || !IsA(statement->planTree, ModifyTable))
		return false;
	insert = (const ModifyTable *)statement->planTree;
	if (insert->operation != CMD_INSERT || list_length(insert->resultRelations) != 1 || outerPlan(&insert->plan) == NULL ||
	    IsA(outerPlan(&insert->plan), CustomScan))
		return false;
	target = rt_fetch(linitial_int(insert->resultRelations), statement->rtable);
	return target->relid == table;
}

/* Asked before each write; the plan is kept, and made again only when something about the table has changed. */
bool agg_insert_is_plain(const agg_scope *scope, const bulk_write *write) {
	agg_request request = insert_request(write);
	CachedPlan *plan = SPI_plan_get_cached_plan(agg_plan_of(scope, &request));
	bool plain;

	if (plan == NULL)
		return false;
	plain = is_plain(plan->stmt_list, RelationGetRelid(write->relation));
	ReleaseCachedPlan(plan, CurrentResourceOwner);
	return plain;
}

/* Turns rows into columns. */
static void spread(const bulk_write *write, const agg_cell *rows, size_t count, agg_cell *columns) {
	size_t varying = agg_varying_columns(write->request);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < varying; j++) {
			const agg_cell *cell = &rows[i * varying + j];

			if (!cell->is_null && (write->column_types[j] == INT2OID || write->column_types[j] == INT4OID))
				(void)agg_fitting(write, j, cell->as.integer);
			columns[j * count + i] = *cell;
		}
	}
}

/* Inserts at most `most` rows; how many there were, and how many of them the table took. */
static size_t insert_batch(const agg_scope *scope, const bulk_write *write, agg_request *request, size_t most, uint64 *processed) {
	size_t varying = agg_varying_columns(write->request);
	agg_parameter *parameters = (agg_parameter *)request->parameters;
	agg_cell *rows = palloc(sizeof(agg_cell) * most * varying);
	size_t count = agg_operation_fill(write->operation, rows, most);
	agg_cell *columns = palloc(sizeof(agg_cell) * (count + 1) * varying);

	if (count == 0)
		return 0;
	spread(write, rows, count, columns);
	for (size_t i = 0; i < varying; i++) {
		parameters[i].cells = &columns[i * count];
		parameters[i].count = count;
	}
	*processed += agg_run_query(scope, write->operation, request, InvalidOid);
	return count;
}

uint64 agg_insert_rows(const agg_scope *scope, const bulk_write *write) {
	agg_request request = insert_request(write);
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "aggregation insert", ALLOCSET_DEFAULT_SIZES);
	size_t most = ROWS_IN_FIRST_STATEMENT;
	uint64 processed = 0;

	for (;;) {
		MemoryContext caller = MemoryContextSwitchTo(batch);
		size_t count = insert_batch(scope, write, &request, most, &processed);

		MemoryContextSwitchTo(caller);
		if (count < most)
			return processed;
		MemoryContextReset(batch);
		CHECK_FOR_INTERRUPTS();
		most = ROWS_IN_STATEMENT;
	}
}
