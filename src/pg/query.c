/*
 * Statements. Each is planned once a session as a generic plan and kept; PostgreSQL itself plans it again when a relation changes. Rows go
 * to the operation through a DestReceiver, in batches; nothing is materialised.
 */
#include "shim.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#define ROWS_IN_BATCH 1024

/* ---- plans ---- */

typedef struct kept_plan {
	uint64 hash; /* key */
	char *sql;
	SPIPlanPtr plan;
} kept_plan;

static HTAB *kept_plans = NULL;

/*
 * The statements read ranges of an index for many keys in order, whatever the statistics say (after a bulk load there are none): every
 * plan must be a nested loop over index scans. The settings hold while a statement is planned, not while it runs.
 */
static int enter_planning(void) {
	static const char *const off[] = {"enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material",
	                                  "enable_memoize",    "enable_seqscan",  "enable_sort",      "jit"};
	int nest_level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(off); i++)
		(void)set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* While a statement is prepared: where a column was changed or dropped, the hint says how to get it back. */
static void add_setup_hint(void *unused pg_attribute_unused()) {
	int code = geterrcode();

	if (code == ERRCODE_UNDEFINED_COLUMN || code == ERRCODE_UNDEFINED_TABLE || code == ERRCODE_UNDEFINED_FUNCTION ||
	    code == ERRCODE_DATATYPE_MISMATCH || code == ERRCODE_INVALID_COLUMN_REFERENCE)
		errhint("Run agg_setup() to see and mend what differs from the tables that the extension needs.");
}

static SPIPlanPtr prepare(const agg_scope *scope, const agg_request *request) {
	Oid *types = palloc(sizeof(Oid) * (request->parameter_count + 1));

	for (size_t i = 0; i < request->parameter_count; i++) {
		Oid element = agg_type_oid(request->parameters[i].type);

		types[i] = request->parameters[i].is_array ? get_array_type(element) : element;
	}
	return agg_prepare(scope, request->sql, (int)request->parameter_count, types, request->keep_plan ? CURSOR_OPT_GENERIC_PLAN : 0);
}

static SPIPlanPtr find_or_keep(const agg_scope *scope, const agg_request *request) {
	uint64 hash;
	kept_plan *kept;
	char *sql;
	SPIPlanPtr plan;

	if (kept_plans == NULL) {
		HASHCTL control = {.keysize = sizeof(uint64), .entrysize = sizeof(kept_plan), .hcxt = TopMemoryContext};

		kept_plans = hash_create("aggregation plans", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash = DatumGetUInt64(hash_any_extended((const unsigned char *)request->sql, (int)strlen(request->sql), 0));
	kept = hash_search(kept_plans, &hash, HASH_FIND, NULL);
	if (kept != NULL && strcmp(kept->sql, request->sql) == 0)
		return kept->plan;
	plan = prepare(scope, request);
	sql = MemoryContextStrdup(TopMemoryContext, request->sql);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	kept = hash_search(kept_plans, &hash, HASH_ENTER, NULL); /* of two statements with one hash the later one is kept */
	kept->sql = sql;
	kept->plan = plan;
	return plan;
}

/* Whether the statement has a plan that is going to be used as it is. */
static bool is_planned(SPIPlanPtr plan) {
	const CachedPlanSource *source;

	AcceptInvalidationMessages();
	if (list_length(SPI_plan_get_plan_sources(plan)) != 1)
		return false;
	source = linitial(SPI_plan_get_plan_sources(plan));
	return source->is_valid && !source->dependsOnRLS && source->gplan != NULL && source->gplan->is_valid && !source->gplan->dependsOnRole &&
	       !TransactionIdIsValid(source->gplan->saved_xmin);
}

/* The statement with a valid plan made under our settings, which cost more than many a statement: they are only made where they count. */
static SPIPlanPtr plan_by_index(const agg_scope *scope, const agg_request *request) {
	SPIPlanPtr plan = find_or_keep(scope, request);

	if (!is_planned(plan)) {
		int nest_level = enter_planning();
		CachedPlan *cached = SPI_plan_get_cached_plan(plan);

		if (cached != NULL)
			ReleaseCachedPlan(cached, CurrentResourceOwner);
		AtEOXact_GUC(false, nest_level);
	}
	return plan;
}

/* The plan of a statement, valid as of now. */
SPIPlanPtr agg_plan_of(const agg_scope *scope, const agg_request *request) {
	ErrorContextCallback callback = {.previous = error_context_stack, .callback = add_setup_hint};
	SPIPlanPtr plan;

	error_context_stack = &callback;
	if (request->plan_by_index)
		plan = plan_by_index(scope, request);
	else
		plan = request->keep_plan ? find_or_keep(scope, request) : prepare(scope, request);
	error_context_stack = callback.previous;
	return plan;
}

/* ---- rows ---- */

typedef struct row_receiver {
	DestReceiver pub;
	agg_operation *operation;
	const agg_request *request;
	agg_cell *cells;
	size_t rows;
	bool *fixed_width; /* columns whose Datum is the cell, bit by bit */
	bool any_text;
	MemoryContext texts; /* of the batch at hand */
	bool enough;
	const ReturnSetInfo *result; /* AGG_EMIT_QUERY */
} row_receiver;

static void deliver(row_receiver *receiver) {
	if (receiver->rows == 0 || receiver->enough)
		return;
	receiver->enough = !agg_operation_rows(receiver->operation, receiver->cells, receiver->rows);
	receiver->rows = 0;
	if (receiver->any_text)
		MemoryContextReset(receiver->texts);
	CHECK_FOR_INTERRUPTS();
}

static bool receive(TupleTableSlot *slot, DestReceiver *self) {
	row_receiver *receiver = (row_receiver *)self;
	const agg_request *request = receiver->request;
	agg_cell *row = receiver->cells + receiver->rows * request->column_count;
	MemoryContext caller = MemoryContextSwitchTo(receiver->texts);

	slot_getallattrs(slot);
	for (size_t i = 0; i < request->column_count; i++) {
		if (receiver->fixed_width[i]) {
			row[i].is_null = slot->tts_isnull[i];
			row[i].as.integer = DatumGetInt64(slot->tts_values[i]);
		} else {
			agg_datum_to_cell(slot->tts_values[i], slot->tts_isnull[i], request->column_types[i], &row[i]);
		}
	}
	MemoryContextSwitchTo(caller);
	if (++receiver->rows == ROWS_IN_BATCH)
		deliver(receiver);
	return !receiver->enough;
}

static bool put_into_result(TupleTableSlot *slot, DestReceiver *self) {
	tuplestore_puttupleslot(((row_receiver *)self)->result->setResult, slot);
	return true;
}

/* An adopted table may hold columns of other types than the operation can read. */
static void check_columns(DestReceiver *self, int operation pg_attribute_unused(), TupleDesc columns) {
	const agg_request *request = ((row_receiver *)self)->request;

	if ((size_t)columns->natts != request->column_count)
		elog(ERROR, "statement has %d columns instead of %d", columns->natts, (int)request->column_count);
	for (int i = 0; i < columns->natts; i++) {
		Form_pg_attribute column = TupleDescAttr(columns, i);
		Oid wanted = agg_type_oid(request->column_types[i]);

		if (column->atttypid != wanted && !(wanted == TEXTOID && column->atttypid == VARCHAROID))
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
			                errmsg("column \"%s\"%s is of type %s, but must be %s", NameStr(column->attname),
			                       request->relation ? psprintf(" of table \"%s\"", request->relation) : "",
			                       format_type_be(column->atttypid), format_type_be(wanted)),
			                errhint("Change the column's type; agg_setup() lists all differences.")));
	}
}

/* A caller may have named columns that the query does not have. */
static void check_result(DestReceiver *self, int operation pg_attribute_unused(), TupleDesc columns) {
	TupleDesc wanted = ((row_receiver *)self)->result->setDesc;

	if (columns->natts != wanted->natts)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("the rows have %d columns, but the call names %d", columns->natts, wanted->natts),
		                errhint("Name the columns that there are.")));
	for (int i = 0; i < columns->natts; i++) {
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->atttypid != TupleDescAttr(wanted, i)->atttypid)
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
			                errmsg("column \"%s\" is of type %s, but must be %s", NameStr(column->attname),
			                       format_type_be(column->atttypid), format_type_be(TupleDescAttr(wanted, i)->atttypid)),
			                errhint("Change the column's type; agg_setup() lists all differences.")));
	}
}

static void ignore_end(DestReceiver *self pg_attribute_unused()) {
}

/* On 64-bit platforms the hot path's values, times and prices, need no conversion. */
static bool is_fixed_width(agg_type type) {
#ifdef USE_FLOAT8_BYVAL
	return type == AGG_INT8 || type == AGG_FLOAT8 || type == AGG_TIMESTAMPTZ;
#else
	return false && type;
#endif
}

static void prepare_batch(row_receiver *receiver) {
	size_t columns = receiver->request->column_count;

	receiver->cells = palloc0(sizeof(agg_cell) * ROWS_IN_BATCH * columns);
	receiver->texts = AllocSetContextCreate(CurrentMemoryContext, "aggregation row texts", ALLOCSET_DEFAULT_SIZES);
	receiver->fixed_width = palloc(sizeof(bool) * columns);
	for (size_t i = 0; i < columns; i++) {
		receiver->fixed_width[i] = is_fixed_width(receiver->request->column_types[i]);
		receiver->any_text |= receiver->request->column_types[i] == AGG_TEXT;
	}
}

/* Whether rows are written or locked. */
static bool writes(SPIPlanPtr plan) {
	ListCell *source;
	ListCell *cell;

	foreach (source, SPI_plan_get_plan_sources(plan)) {
		foreach (cell, ((const CachedPlanSource *)lfirst(source))->query_list) {
			const Query *query = lfirst_node(Query, cell);

			if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->hasForUpdate)
				return true;
		}
	}
	return false;
}

ParamListInfo agg_parameters_of(const agg_request *request) {
	ParamListInfo parameters;

	if (request->parameter_count == 0)
		return NULL; /* a list of none is what Citus does not expect */
	parameters = makeParamList((int)request->parameter_count);
	for (size_t i = 0; i < request->parameter_count; i++) {
		ParamExternData *parameter = &parameters->params[i];
		Oid element = agg_type_oid(request->parameters[i].type);

		parameter->value = agg_parameter_to_datum(&request->parameters[i], &parameter->isnull);
		parameter->pflags = PARAM_FLAG_CONST;
		parameter->ptype = request->parameters[i].is_array ? get_array_type(element) : element;
	}
	return parameters;
}

static uint64 run(const agg_scope *scope, const agg_request *request, SPIPlanPtr plan, row_receiver *receiver) {
	receiver->pub.rStartup = receiver->result != NULL ? check_result : check_columns;
	receiver->pub.rShutdown = ignore_end;
	receiver->pub.rDestroy = ignore_end;
	receiver->pub.mydest = DestTuplestore;
	return agg_execute_plan(scope, plan, agg_parameters_of(request),
	                        receiver->result != NULL || request->column_count > 0 ? &receiver->pub : NULL, request->latest);
}

uint64 agg_run_query(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table) {
	SPIPlanPtr plan = agg_plan_of(scope, request);
	row_receiver receiver = {.pub = {.receiveSlot = receive}, .operation = operation, .request = request};
	uint64 processed;

	if (OidIsValid(table) && writes(plan))
		agg_begin_writing(scope, table);
	if (request->column_count > 0)
		prepare_batch(&receiver);
	processed = run(scope, request, plan, &receiver);
	deliver(&receiver);
	if (!request->keep_plan)
		SPI_freeplan(plan);
	return processed;
}

/* Its rows are in the result as they come out of the plan: nothing is converted. */
uint64 agg_emit_query(const agg_scope *scope, const agg_request *request, const ReturnSetInfo *result) {
	row_receiver receiver = {.pub = {.receiveSlot = put_into_result}, .request = request, .result = result};

	return run(scope, request, agg_plan_of(scope, request), &receiver);
}
