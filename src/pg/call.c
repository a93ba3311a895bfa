/*
 * How an operation is called: as an SQL function or procedure, by a trigger, or by the background worker.
 */
#include "driver.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

/* What reads, or notes something for later, may be called by whatever an operation fires. */
static bool may_be_nested(agg_function function) {
	switch (function) {
	case AGG_FN_agg_bootstrap_cursor:
	case AGG_FN_agg_why:
	case AGG_FN_agg_trading_days:
	case AGG_FN_agg_calendar_windows:
	case AGG_FN_agg_gaps:
	case AGG_FN_agg_completeness:
	case AGG_FN_agg_bars:
	case AGG_FN_agg_latest:
	case AGG_FN_agg_chart:
	case AGG_FN_agg_rows_of_nodes:
	case AGG_FN_agg_wake:
	case AGG_FN_agg_heartbeat:
	case AGG_FN_agg_mark_changed:
	case AGG_FN_ops_runlog_start:
	case AGG_FN_ops_runlog_checkpoint:
	case AGG_FN_ops_runlog_finish:
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
		                errmsg("\"%s\" cannot be called by code that another function of the extension fires", get_func_name(function_oid)),
		                errdetail("A trigger, check, default or policy of one of the tables called it."),
		                errhint("Call it afterwards; a trigger can call agg_mark_changed() or agg_wake().")));
}

static void begin_rows(FunctionCallInfo fcinfo) {
	ReturnSetInfo *rows = (ReturnSetInfo *)fcinfo->resultinfo;
	MemoryContext caller;
	TupleDesc columns;
	Oid type;

	if (rows == NULL || !IsA(rows, ReturnSetInfo) || (rows->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("set-valued function called in context that cannot accept a set"),
		                errhint("Call it in the FROM clause of a query.")));
	caller = MemoryContextSwitchTo(rows->econtext->ecxt_per_query_memory);
	switch (get_call_result_type(fcinfo, &type, &columns)) {
	case TYPEFUNC_COMPOSITE:
		break;
	case TYPEFUNC_SCALAR:
		columns = CreateTemplateTupleDesc(1);
		TupleDescInitEntry(columns, 1, NULL, type, -1, 0);
		break;
	default:
		elog(ERROR, "return type must be a row type or a scalar type");
	}
	rows->returnMode = SFRM_Materialize;
	rows->setResult = tuplestore_begin_heap((rows->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	rows->setDesc = CreateTupleDescCopy(columns);
	MemoryContextSwitchTo(caller);
}

/* The arguments of an SQL function, by the names that it gives them. */
static agg_argument *arguments_of(FunctionCallInfo fcinfo, size_t *count) {
	HeapTuple function = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Datum names;
	Datum modes;
	bool no_names;
	bool no_modes;
	char **named = NULL;
	Form_pg_proc declared;
	agg_argument *arguments;

	if (!HeapTupleIsValid(function))
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	declared = (Form_pg_proc)GETSTRUCT(function);
	names = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proargnames, &no_names);
	modes = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proargmodes, &no_modes);
	*count = declared->pronargs;
	if (!no_names && get_func_input_arg_names(names, no_modes ? PointerGetDatum(NULL) : modes, &named) != declared->pronargs)
		elog(ERROR, "function %u has not as many names as arguments", fcinfo->flinfo->fn_oid);
	arguments = palloc0(sizeof(agg_argument) * (*count + 1));
	for (size_t i = 0; i < *count; i++) {
		arguments[i].name = named == NULL || named[i] == NULL ? "" : named[i];
		agg_argument_to_parameter(fcinfo->args[i], declared->proargtypes.values[i], &arguments[i].value);
	}
	ReleaseSysCache(function);
	return arguments;
}

static Datum result_of(FunctionCallInfo fcinfo, const agg_request *request) {
	if (request->result.is_null)
		return (Datum)0;
	if (request->result_type == AGG_TIMESTAMPTZ)
		return TimestampTzGetDatum(request->result.as.integer);
	if (get_func_rettype(fcinfo->flinfo->fn_oid) == TEXTOID)
		return PointerGetDatum(cstring_to_text_with_len(request->result.as.text, request->result.length));
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(request->result.as.text, request->result.length)));
}

/* Whether the function was called as a procedure, at the top level and outside of a transaction block. */
static bool may_commit(FunctionCallInfo fcinfo) {
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) && !castNode(CallContext, fcinfo->context)->atomic;
}

/* What is made while a script of the extension runs would belong to it. The tables never do: they hold people's data. */
static void run_outside_of_script(agg_call_state *state, agg_request *request) {
	bool in_script = creating_extension;

	creating_extension = false;
	PG_TRY();
	{ agg_run_operation(state, request); }
	PG_FINALLY();
	{ creating_extension = in_script; }
	PG_END_TRY();
}

/* On one set of tables. Rows go to the caller, other answers are returned. */
static Datum call_on(agg_table_set set, FunctionCallInfo fcinfo, agg_function function, const agg_argument *arguments, size_t count,
                     bool commits) {
	MemoryContext caller = CurrentMemoryContext;
	agg_call_state *state = agg_begin_call(commits ? PortalContext : caller, set, commits);
	agg_request request = {0};
	Datum result = (Datum)0;

	if (fcinfo->flinfo->fn_retset)
		state->rows = (ReturnSetInfo *)fcinfo->resultinfo;
	if (SPI_connect_ext(commits ? SPI_OPT_NONATOMIC : 0) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(state->memory);
	if (!agg_is_reader(function))
		agg_log_changes();
	if (!agg_is_running() && !agg_sets_up(function))
		agg_need_shape(state->set);
	agg_create_operation(state, function, arguments, count);
	run_outside_of_script(state, &request);
	SPI_finish();

	MemoryContextSwitchTo(caller);
	if (state->rows == NULL)
		result = result_of(fcinfo, &request);
	MemoryContextDelete(state->memory);
	return result;
}

/* ---- on several sets ---- */

/* p_time_budget, which the sets share: the ones that are left share what is left. */
typedef struct time_budget {
	agg_cell *cell; /* NULL: there is none, or nobody to share it with */
	TimestampTz end;
} time_budget;

static time_budget budget_of(const agg_argument *arguments, size_t count, int sets) {
	for (size_t i = 0; i < count && sets > 1; i++) {
		agg_cell *cell = (agg_cell *)arguments[i].value.cells;

		if (strcmp(arguments[i].name, "p_time_budget") == 0 && !cell->is_null && cell->as.integer > 0)
			return (time_budget) {.cell = cell, .end = GetCurrentTimestamp() + cell->as.integer};
	}
	return (time_budget) {.cell = NULL};
}

static bool is_over(const time_budget *budget) {
	return budget->cell == NULL || GetCurrentTimestamp() >= budget->end;
}

/* When the next one's share ends, of so many. */
static TimestampTz begin_share(const time_budget *budget, int sets) {
	TimestampTz now = GetCurrentTimestamp();

	if (budget->cell == NULL)
		return DT_NOEND;
	budget->cell->as.integer = Max(1, (budget->end - now) / sets);
	return now + budget->cell->as.integer;
}

/* The transaction of a CALL may have its snapshot already. */
static void begin_read_committed(void) {
	if (!IsolationUsesXactSnapshot())
		return;
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	agg_commit();
	SPI_finish();
}

static Datum call(FunctionCallInfo fcinfo, agg_function function, bool commits) {
	MemoryContext caller = CurrentMemoryContext;
	agg_table_set plain = agg_set_of_call(fcinfo);
	bool distributed = agg_is_distributed(plain.schema);
	bool joins = distributed && (commits || get_func_rettype(fcinfo->flinfo->fn_oid) == JSONBOID);
	ArrayBuildState *answers = NULL;
	agg_argument *arguments;
	agg_argument *narrowed;
	size_t count;
	agg_call_sets sets;
	time_budget budget;
	int waiting; /* sets that have not had their turn, or want another */
	Datum result = (Datum)0;
	bool answered = false;

	refuse_nesting(fcinfo->flinfo->fn_oid, function);
	if (commits)
		begin_read_committed();
	if (!agg_is_running())
		agg_check_release(function);
	if (fcinfo->flinfo->fn_retset)
		begin_rows(fcinfo);
	if (commits)
		MemoryContextSwitchTo(PortalContext); /* what outlives the transaction */
	arguments = arguments_of(fcinfo, &count);
	narrowed = palloc0(sizeof(agg_argument) * (count + 1));
	sets = agg_sets_of_call(plain, function, fcinfo->flinfo->fn_oid, arguments, count);
	MemoryContextSwitchTo(caller);
	if (sets.symbol != NULL && sets.count == 0) {
		NullableDatum answer = agg_ask_node_of(plain, sets.symbol, fcinfo);

		result = answer.value;
		answered = !answer.isnull;
	}
	budget = budget_of(arguments, count, sets.count);
	waiting = sets.count;
	do {
		int turns = waiting;

		waiting = 0;
		for (int i = 0; i < turns; i++) {
			TimestampTz end = begin_share(&budget, turns - i);

			if (!agg_narrow_arguments(sets.list[i], arguments, count, narrowed) || !agg_hold_set(sets.list[i]))
				continue;
			result = call_on(sets.list[i], fcinfo, function, narrowed, count, commits);
			answered = true;
			if (joins && (commits || sets.count > 1 || sets.on_others) && DatumGetPointer(result) != NULL)
				answers = accumArrayResult(answers, result, false, JSONBOID, caller);
			if (GetCurrentTimestamp() >= end)
				sets.list[waiting++] = sets.list[i];
		}
	} while (commits && waiting > 0 && !is_over(&budget));
	if (!answered && sets.symbol != NULL && sets.count > 0) /* its group has just left */
		agg_refuse_elsewhere(sets.symbol);
	if (sets.on_others) {
		Datum *others;
		int other_count;

		others = commits ? agg_run_on_nodes(fcinfo, &other_count) : agg_ask_nodes_for(fcinfo, sets.as_owner_of, &other_count);
		for (int i = 0; i < other_count; i++)
			answers = accumArrayResult(answers, others[i], false, JSONBOID, caller);
	}
	if (answers != NULL)
		result = agg_join_answers(makeArrayResult(answers, caller));
	answered = answered || answers != NULL;
	if (commits && distributed)
		ereport(NOTICE, (answers != NULL
		                     ? errmsg("agg_run: %s", agg_text_of_answer(result))
		                     : errmsg("agg_run: nothing is due here; next_run_at, status and enabled in data_agg_state say when and why")));
	fcinfo->isnull = fcinfo->flinfo->fn_retset || !answered;
	return result;
}

Datum agg_call(FunctionCallInfo fcinfo, agg_function function) {
	return call(fcinfo, function, false);
}

Datum agg_call_committing(FunctionCallInfo fcinfo, agg_function function) {
	if (!may_commit(fcinfo))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
		     errmsg("\"%s\" commits its work batch by batch and cannot run inside a transaction block or a function",
		            get_func_name(fcinfo->flinfo->fn_oid)),
		     errhint("Call it outside a transaction block, or call agg_run_batch(), which runs one batch in the caller's transaction.")));
	return call(fcinfo, function, true);
}

/* The same inside of another statement, for its effect alone. */
void agg_call_in_trigger(agg_table_set set, agg_function function, const agg_argument *arguments, size_t count) {
	MemoryContext caller = CurrentMemoryContext;
	agg_call_state *state = agg_begin_call(caller, set, false);
	agg_request request = {0};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(state->memory);
	agg_create_operation(state, function, arguments, count);
	agg_run_operation(state, &request);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(state->memory);
}

static TimestampTz call_in_background(MemoryContext memory, agg_table_set set, agg_function function, const agg_argument *arguments,
                                      size_t count) {
	agg_call_state *state;
	agg_request request = {0};

	PortalContext = memory; /* where SPI keeps what outlives a commit; there is no portal here */
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	state = agg_begin_call(memory, set, true);
	state->own_snapshot = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	agg_check_release(function);
	agg_need_shape(set);
	MemoryContextSwitchTo(state->memory);
	agg_create_operation(state, function, arguments, count);
	agg_run_operation(state, &request);
	PopActiveSnapshot();
	SPI_finish();
	return request.result.as.integer;
}

static agg_call_sets sets_in(MemoryContext memory, Oid schema) {
	MemoryContext caller = MemoryContextSwitchTo(memory);
	agg_call_sets sets = agg_sets_here(schema);

	MemoryContextSwitchTo(caller);
	return sets;
}

/*
 * The same without an SQL function, in transactions of its own from the first one on, for all sets of tables on this node. `memory` must
 * outlive them; the result is the earliest of the operation's timestamps.
 */
TimestampTz agg_call_in_background(MemoryContext memory, Oid schema, agg_function function, const agg_argument *arguments, size_t count) {
	agg_call_sets sets = sets_in(memory, schema);
	TimestampTz earliest = DT_NOEND;

	for (int i = 0; i < sets.count; i++) {
		if (agg_hold_set(sets.list[i]))
			earliest = Min(earliest, call_in_background(memory, sets.list[i], function, arguments, count));
	}
	return earliest;
}
