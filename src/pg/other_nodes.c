/*
 * What is asked of one node and done on others, where the shards are. Citus finds these, and runs it there as the same user:
 *
 *   about a symbol    a query of the symbol's shard that calls the function: a part of the caller's transaction
 *   about all         the same call on each node, side by side, each in a transaction of its own
 */
#include "shard_groups.h"
#include "shim.h"

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

static const char *function_in_sql(Oid function) {
	return quote_qualified_identifier(get_namespace_name(get_func_namespace(function)), get_func_name(function));
}

static const char *value_in_sql(NullableDatum value, Oid type) {
	Oid output;
	bool varlena;

	if (value.isnull)
		return psprintf("NULL::%s", format_type_be_qualified(type));
	getTypeOutputInfo(type, &output, &varlena);
	return psprintf("%s::%s", quote_literal_cstr(OidOutputFunctionCall(output, value.value)), format_type_be_qualified(type));
}

/* The call as SQL, with its values. */
static char *call_in_sql(FunctionCallInfo fcinfo) {
	Oid *types;
	int count;
	StringInfoData sql;

	(void)get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	initStringInfo(&sql);
	appendStringInfo(&sql, "%s(", function_in_sql(fcinfo->flinfo->fn_oid));
	for (int i = 0; i < count; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", value_in_sql(fcinfo->args[i], types[i]));
	appendStringInfoChar(&sql, ')');
	return sql.data;
}

/* Puts the rows of a query into the result of the function. */
static void put_out(const char *sql, int parameter_count, Oid *types, Datum *values, ReturnSetInfo *rows) {
	DestReceiver *receiver = CreateTuplestoreDestReceiver();
	ParamListInfo parameters = parameter_count == 0 ? NULL : makeParamList(parameter_count);
	agg_scope *scope;

	for (int i = 0; i < parameter_count; i++)
		parameters->params[i] = (ParamExternData) {.value = values[i], .isnull = false, .pflags = PARAM_FLAG_CONST, .ptype = types[i]};
	SetTuplestoreDestReceiverParams(receiver, rows->setResult, rows->econtext->ecxt_per_query_memory, false, NULL, NULL);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_caller();
	(void)agg_execute_plan(scope, agg_prepare(scope, sql, parameter_count, types, 0), parameters, receiver, false);
	agg_stop_acting(scope);
	SPI_finish();
	receiver->rDestroy(receiver);
}

/* The one value of a query, in the caller's memory. */
static NullableDatum value_of(const char *sql, Oid type) {
	MemoryContext caller = CurrentMemoryContext;
	NullableDatum answer;
	int16 length;
	bool by_value;
	agg_scope *scope;

	get_typlenbyval(type, &length, &by_value);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_caller();
	if (agg_execute(scope, sql, 0, NULL, NULL, false) != 1)
		elog(ERROR, "a query of one row has " UINT64_FORMAT, SPI_processed);
	agg_stop_acting(scope);
	answer.value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &answer.isnull);
	MemoryContextSwitchTo(caller);
	if (!answer.isnull)
		answer.value = datumCopy(answer.value, by_value, length);
	SPI_finish();
	return answer;
}

/* ---- about a symbol ---- */

/* A query about one shard has one row, whatever the shard holds. */
#define ON_SHARD_OF "SELECT f.* FROM (SELECT count(*) FROM %s AS t WHERE t.canonical_symbol = %s) AS one CROSS JOIN LATERAL %s AS f"

/* A table that is distributed as all others are, and that whoever calls a function about its symbols may read. */
static const char *readable_table(Oid schema) {
	static const char *const names[] = {"data_agg_state", "derived_data_bars", "data_bars"};
	const char *name = names[0];

	for (size_t i = 0; i < lengthof(names); i++) {
		Oid table = get_relname_relid(names[i], schema);

		if (OidIsValid(table) && pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK) {
			name = names[i];
			break;
		}
	}
	return quote_qualified_identifier(get_namespace_name(schema), name);
}

static NullableDatum ask_node_of(agg_table_set plain, const char *symbol, FunctionCallInfo fcinfo) {
	char *sql = psprintf(ON_SHARD_OF, readable_table(plain.schema), quote_literal_cstr(symbol), call_in_sql(fcinfo));

	if (!fcinfo->flinfo->fn_retset)
		return value_of(sql, get_func_rettype(fcinfo->flinfo->fn_oid));
	put_out(sql, 0, NULL, NULL, (ReturnSetInfo *)fcinfo->resultinfo);
	return (NullableDatum) {.isnull = true};
}

void agg_refuse_elsewhere(const agg_cell *symbol) {
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("the bars of \"%s\" are on another node", pnstrdup(symbol->as.text, (Size)symbol->length)), errhint("Try again.")));
}

NullableDatum agg_ask_node_of(agg_table_set plain, const agg_cell *symbol, FunctionCallInfo fcinfo) {
	static bool asking = false;
	NullableDatum answer;

	if (asking) /* this very session was asked: Citus has another idea of where the shard is, as in the moment after a move */
		agg_refuse_elsewhere(symbol);
	asking = true;
	PG_TRY();
	{ answer = ask_node_of(plain, pnstrdup(symbol->as.text, (Size)symbol->length), fcinfo); }
	PG_FINALLY();
	{ asking = false; }
	PG_END_TRY();
	return answer;
}

/* ---- about all ---- */

/* Of what run_command_on_workers() answers. */
enum { NODE = 1, RESULT, SUCCESS };

static bool has_succeeded(HeapTuple row) {
	bool is_null;

	return DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, SUCCESS, &is_null));
}

/* What a node says of its error: no more than the message comes from there. */
static const char *message_of(HeapTuple row) {
	static const char severity[] = "ERROR:  ";
	const char *message = SPI_getvalue(row, SPI_tuptable->tupdesc, RESULT);

	return strncmp(message, severity, strlen(severity)) == 0 ? message + strlen(severity) : message;
}

/* Where all say the same, as of an argument that makes no sense, it is no node's. */
static void raise_failure(int failure, int count, bool writes) {
	HeapTuple *rows = SPI_tuptable->vals;
	const char *message = message_of(rows[failure]);
	bool of_all = true;
	bool any_done = false;

	for (int i = 0; i < count; i++) {
		bool succeeded = has_succeeded(rows[i]);

		any_done = any_done || succeeded;
		of_all = of_all && !succeeded && strcmp(message_of(rows[i]), message) == 0;
	}
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         of_all ? errmsg("%s", message) : errmsg("node %s: %s", SPI_getvalue(rows[failure], SPI_tuptable->tupdesc, NODE), message),
	         any_done && writes ? errhint("What the other nodes have done by now is done.") : 0));
}

/* What each of the other nodes answers to a query of one text; an error of one of them is raised. They are asked by the caller, or by the
 * owner of a table of ours. */
static Datum *ask_nodes(const char *query, Oid owner_of, bool writes, int *count) {
	static const char sql[] = "SELECT w.nodename || ':' || w.nodeport, w.result, w.success FROM run_command_on_workers($1) AS w";
	MemoryContext caller = CurrentMemoryContext;
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(query)};
	agg_scope *scope;
	Datum *answers;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = OidIsValid(owner_of) ? agg_act_as_owner(owner_of) : agg_act_as_caller();
	*count = (int)agg_execute(scope, sql, lengthof(types), types, values, false);
	agg_stop_acting(scope);
	answers = MemoryContextAlloc(caller, sizeof(Datum) * (size_t)(*count + 1));
	for (int i = 0; i < *count; i++) {
		HeapTuple row = SPI_tuptable->vals[i];
		MemoryContext spi;

		if (!has_succeeded(row))
			raise_failure(i, *count, writes);
		spi = MemoryContextSwitchTo(caller);
		answers[i] = CStringGetTextDatum(SPI_getvalue(row, SPI_tuptable->tupdesc, RESULT));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return answers;
}

static bool writes(Oid function) {
	return func_volatile(function) == PROVOLATILE_VOLATILE;
}

/*
 * Answers in JSON, of those that have groups of shards. What this transaction has locked, another node would wait for, and this one for
 * that: nobody would see it.
 */
static Datum *ask_all(const char *call, bool writes, int *count) {
	Datum *answers = ask_nodes(psprintf("SELECT %s FROM set_config('lock_timeout', '30s', true)", call), InvalidOid, writes, count);
	int given = 0;

	for (int i = 0; i < *count; i++) {
		char *answer = TextDatumGetCString(answers[i]);

		if (*answer != '\0')
			answers[given++] = DirectFunctionCall1(jsonb_in, CStringGetDatum(answer));
	}
	*count = given;
	return answers;
}

/* The columns of the rows as a definition list. */
static char *columns_of(TupleDesc columns) {
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < columns->natts; i++) {
		const FormData_pg_attribute *column = TupleDescAttr(columns, i);

		appendStringInfo(&list, "%s%s %s", i > 0 ? ", " : "", quote_identifier(NameStr(column->attname)),
		                 format_type_with_typemod(column->atttypid, column->atttypmod));
	}
	return list.data;
}

/* Else a call must name them. */
static bool names_its_columns(Oid function) {
	Oid type;
	TupleDesc columns;

	return get_func_result_type(function, &type, &columns) != TYPEFUNC_RECORD;
}

Datum *agg_ask_nodes_for(FunctionCallInfo fcinfo, Oid owner_of, int *count) {
	ReturnSetInfo *rows = (ReturnSetInfo *)fcinfo->resultinfo;
	const char *columns;
	Oid types[] = {TEXTARRAYOID};
	Datum values[1];
	Datum *answers;

	if (!fcinfo->flinfo->fn_retset)
		return ask_all(call_in_sql(fcinfo), writes(fcinfo->flinfo->fn_oid), count);
	columns = columns_of(rows->setDesc);
	answers = ask_nodes(psprintf("SELECT COALESCE(jsonb_agg(to_jsonb(f)), '[]') FROM %s AS f%s", call_in_sql(fcinfo),
	                             names_its_columns(fcinfo->flinfo->fn_oid) ? "" : psprintf("(%s)", columns)),
	                    owner_of, writes(fcinfo->flinfo->fn_oid), count);
	values[0] = PointerGetDatum(construct_array(answers, *count, TEXTOID, -1, false, TYPALIGN_INT));
	put_out(psprintf("SELECT r.* FROM unnest($1) AS a(answer) CROSS JOIN LATERAL jsonb_to_recordset(a.answer::jsonb) AS r(%s)", columns),
	        lengthof(types), types, values, rows);
	*count = 0;
	return NULL;
}

static int64 interval_microseconds(Datum value) {
	const Interval *interval = DatumGetIntervalP(value);

	return interval->time + (interval->day + INT64CONST(30) * interval->month) * USECS_PER_DAY;
}

static bool goes_on(Datum answer) {
	Datum word = DirectFunctionCall2(jsonb_object_field_text, answer, CStringGetTextDatum("continue"));

	return strcmp(TextDatumGetCString(word), "true") == 0;
}

/* Of a procedure that runs tasks: a batch on each node, and again until all are done or its time is up. Its arguments: agg_run()'s. */
enum { ENVIRONMENT, MAX_TASKS, MAX_WINDOWS, TIME_BUDGET, BATCH, NOW, SYNC };

Datum *agg_run_on_nodes(FunctionCallInfo fcinfo, int *count) {
	const char *schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	const char *environment = value_in_sql(fcinfo->args[ENVIRONMENT], TEXTOID);
	TimestampTz end = GetCurrentTimestamp() + interval_microseconds(fcinfo->args[TIME_BUDGET].value);
	char *batch = psprintf("%s.agg_run_batch(%s, %s, %s, %s)", schema, environment, value_in_sql(fcinfo->args[BATCH], INT4OID),
	                       value_in_sql(fcinfo->args[MAX_WINDOWS], INT4OID), value_in_sql(fcinfo->args[NOW], TIMESTAMPTZOID));
	ArrayBuildState *all = NULL;
	Datum *answers;
	bool more = true;

	if (!fcinfo->args[SYNC].isnull)
		(void)ask_all(psprintf("%s.sync_agg_state_from_registry(%s)", schema, environment), true, count);
	while (more) {
		CHECK_FOR_INTERRUPTS();
		answers = ask_all(batch, true, count);
		more = false;
		for (int i = 0; i < *count; i++) {
			more = more || goes_on(answers[i]);
			all = accumArrayResult(all, answers[i], false, JSONBOID, CurrentMemoryContext);
		}
		more = more && GetCurrentTimestamp() < end;
	}
	if (all == NULL)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(makeArrayResult(all, CurrentMemoryContext)), JSONBOID, -1, false, TYPALIGN_INT, &answers, NULL,
	                  count);
	return answers;
}
