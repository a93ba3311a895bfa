/*
 * How an operation is called: as an SQL function or procedure, by a trigger, or by the background worker.
 */
#include "driver.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* What reads, or notes something for later, may be called by whatever an operation fires. */
static bool may_be_nested(agg_function function) {
	switch (function) {
	case AGG_FN_BOOTSTRAP_CURSOR:
	case AGG_FN_WHY:
	case AGG_FN_WAKE:
	case AGG_FN_HEARTBEAT:
	case AGG_FN_MARK_CHANGED:
	case AGG_FN_RUNLOG_START:
	case AGG_FN_RUNLOG_CHECKPOINT:
	case AGG_FN_RUNLOG_FINISH:
		return true;
	default:
		return false;
	}
}

/*
 * A trigger that runs tasks while a run stores theirs would nest a run in each row, without end and without a budget, and change under the
 * outer run what that has read.
 */
static void refuse_nesting(Oid function_oid, agg_function function) {
	if (agg_is_running() && !may_be_nested(function))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("\"%s\" cannot be called by what another function of the extension fires", get_func_name(function_oid)),
		                errdetail("A trigger on one of the tables, or something else that hangs there, called it."),
		                errhint("Call it afterwards; a trigger can call agg_mark_changed() or agg_wake().")));
}

static void begin_rows(FunctionCallInfo fcinfo) {
	ReturnSetInfo *rows = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;
	TupleDesc columns;

	if (rows == NULL || !IsA(rows, ReturnSetInfo) || (rows->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("set-valued function called in context that cannot accept a set"),
		                errhint("Call it in the FROM clause of a query.")));
	caller = MemoryContextSwitchTo(rows->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rows->returnMode = SFRM_Materialize;
	rows->setResult = tuplestore_begin_heap((rows->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	rows->setDesc = CreateTupleDescCopy(columns);
	MemoryContextSwitchTo(caller);
}

/* The arguments of an SQL function, as it declares them. */
static agg_parameter *arguments_of(FunctionCallInfo fcinfo) {
	Oid *types;
	int count;
	agg_parameter *arguments;

	(void)get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	arguments = palloc0(sizeof(agg_parameter) * (count + 1));
	for (int i = 0; i < count; i++)
		agg_argument_to_parameter(fcinfo->args[i], types[i], &arguments[i]);
	return arguments;
}

static Datum result_of(const agg_request *request) {
	if (request->result.is_null)
		return (Datum)0;
	if (request->result_type == AGG_TIMESTAMPTZ)
		return TimestampTzGetDatum(request->result.as.integer);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(request->result.as.text, request->result.length)));
}

/* Whether the function was called as a procedure, at the top level and outside of a transaction block. */
static bool may_commit(FunctionCallInfo fcinfo) {
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) && !castNode(CallContext, fcinfo->context)->atomic;
}

static Datum call(FunctionCallInfo fcinfo, agg_function function, bool commits) {
	MemoryContext caller = CurrentMemoryContext;
	agg_call_state *state = agg_begin_call(commits ? PortalContext : caller, get_func_namespace(fcinfo->flinfo->fn_oid), commits);
	agg_request request = {0};
	Datum result = (Datum)0;

	refuse_nesting(fcinfo->flinfo->fn_oid, function);
	if (fcinfo->flinfo->fn_retset) {
		begin_rows(fcinfo);
		state->rows = (ReturnSetInfo *)fcinfo->resultinfo;
	}
	if (SPI_connect_ext(commits ? SPI_OPT_NONATOMIC : 0) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(state->memory);
	agg_log_changes();
	agg_create_operation(state, function, arguments_of(fcinfo));
	agg_run_operation(state, &request);
	SPI_finish();

	MemoryContextSwitchTo(caller);
	if (state->rows == NULL)
		result = result_of(&request);
	MemoryContextDelete(state->memory);
	if (fcinfo->flinfo->fn_retset)
		fcinfo->isnull = true;
	return result;
}

Datum agg_call(FunctionCallInfo fcinfo, agg_function function) {
	return call(fcinfo, function, false);
}

Datum agg_call_committing(FunctionCallInfo fcinfo, agg_function function) {
	if (!may_commit(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
		                errmsg("\"%s\" commits its work batch by batch and cannot run inside a transaction block or a function",
		                       get_func_name(fcinfo->flinfo->fn_oid)),
		                errhint("Call it outside of a transaction block, or call agg_run_batch(), which does one batch in the caller's "
		                        "transaction.")));
	return call(fcinfo, function, true);
}

/* The same inside of another statement, for its effect alone. */
void agg_call_in_trigger(Oid schema, agg_function function) {
	MemoryContext caller = CurrentMemoryContext;
	agg_call_state *state = agg_begin_call(caller, schema, false);
	agg_request request = {0};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(state->memory);
	agg_create_operation(state, function, NULL);
	agg_run_operation(state, &request);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(state->memory);
}

/*
 * The same without an SQL function, in transactions of its own from the first one on. `memory` must outlive them; the result is the
 * operation's timestamp.
 */
TimestampTz agg_call_in_background(MemoryContext memory, Oid schema, agg_function function, const agg_parameter *arguments) {
	agg_call_state *state;
	agg_request request = {0};

	PortalContext = memory; /* where SPI keeps what outlives a commit; there is no portal here */
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	state = agg_begin_call(memory, schema, true);
	state->own_snapshot = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(state->memory);
	agg_create_operation(state, function, arguments);
	agg_run_operation(state, &request);
	PopActiveSnapshot();
	SPI_finish();
	return request.result.as.integer;
}
