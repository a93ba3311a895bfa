/*
 * Runs an operation: hands it the arguments, executes one request after the other, and returns what it answers.
 *
 * While PostgreSQL works no C++ frame is on the stack. The suspended operation belongs to a memory context; when that goes, by an error, a
 * cancel or the ordinary end, the operation is destroyed with everything in it. An error of PostgreSQL passes through untouched. Only
 * inside a subtransaction that the operation asked for does it come back as an outcome, and even then the whole error is kept, in case the
 * operation lets it pass.
 */
#include "shim.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#define DEEPEST_SUBTRANSACTION 4

typedef struct call_state {
	agg_operation *operation;
	MemoryContext memory;  /* owns the operation */
	MemoryContext request; /* reset after each request */
	Oid schema;
	agg_function function;
	ReturnSetInfo *rows; /* of a set-returning function, or NULL */
	bool commits;        /* called so that it may end transactions */
	bool own_snapshot;   /* there is no portal whose snapshot SPI could use between two commits */
	bool progress_shown;
	int depth; /* of subtransactions */
	ResourceOwner owners[DEEPEST_SUBTRANSACTION];
	ErrorData *error;      /* the last one caught */
	bool broken;           /* a request failed in the innermost subtransaction, which waits to be rolled back */
	char sqlstate[6];      /* of `error` */
	agg_error description; /* of `error` */
} call_state;

static int running = 0; /* operations of this session that are at work: one, or those that are called in it */

bool agg_is_running(void) {
	return running > 0;
}

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
	if (running > 0 && !may_be_nested(function))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("\"%s\" cannot be called by what another function of the extension fires", get_func_name(function_oid)),
		                errdetail("A trigger on one of the tables, or something else that hangs there, called it."),
		                errhint("Call it afterwards; a trigger can call agg_mark_changed() or agg_wake().")));
}

static void destroy_operation(void *state) {
	agg_operation_free(((call_state *)state)->operation);
}

/* ---- the result of a set-returning function ---- */

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

static void emit_rows(const call_state *state, const agg_request *request) {
	TupleDesc columns = state->rows->setDesc;
	Datum *values = palloc(sizeof(Datum) * columns->natts);
	bool *nulls = palloc(sizeof(bool) * columns->natts);

	if ((size_t)columns->natts != request->column_count)
		elog(ERROR, "operation emits %d columns instead of %d", (int)request->column_count, columns->natts);
	for (size_t row = 0; row < request->row_count; row++) {
		for (int i = 0; i < columns->natts; i++) {
			const agg_cell *cell = &request->cells[row * request->column_count + i];

			nulls[i] = cell->is_null;
			values[i] = agg_cell_to_column(cell, TupleDescAttr(columns, i)->atttypid);
		}
		tuplestore_putvalues(state->rows->setResult, columns, values, nulls);
	}
}

/* ---- subtransactions ---- */

static void begin_subtransaction(call_state *state) {
	if (state->depth == DEEPEST_SUBTRANSACTION)
		elog(ERROR, "subtransactions are nested too deeply");
	state->owners[state->depth++] = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(state->memory);
}

static void end_subtransaction(call_state *state, bool release) {
	if (state->depth == 0)
		elog(ERROR, "there is no subtransaction to end");
	if (release)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	state->depth--;
	state->broken = false;
	MemoryContextSwitchTo(state->memory);
	CurrentResourceOwner = state->owners[state->depth];
}

/* ---- transactions of the operation's own ---- */

static void commit(call_state *state, bool lazily) {
	if (!state->commits || state->depth > 0)
		elog(ERROR, "operation cannot commit here");
	if (lazily && synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		(void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	if (state->own_snapshot)
		PopActiveSnapshot();
	SPI_commit();
	if (state->own_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(state->request);
}

/* ---- errors ---- */

static void keep_error(call_state *state) {
	MemoryContextSwitchTo(state->memory);
	if (state->error != NULL)
		FreeErrorData(state->error);
	state->error = CopyErrorData();
	FlushErrorState();
	state->broken = true;
	strlcpy(state->sqlstate, unpack_sql_state(state->error->sqlerrcode), sizeof(state->sqlstate));
	state->description = (agg_error) {.sqlstate = state->sqlstate,
	                                  .message = state->error->message,
	                                  .detail = state->error->detail,
	                                  .hint = state->error->hint,
	                                  .table = state->error->table_name,
	                                  .constraint = state->error->constraint_name};
}

static void raise_failure(const agg_error *error) {
	const char *s = error->sqlstate;

	ereport(ERROR, (errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])), errmsg_internal("%s", error->message),
	                error->detail ? errdetail_internal("%s", error->detail) : 0, error->hint ? errhint("%s", error->hint) : 0));
}

/* ---- requests ---- */

/*
 * agg_setup() works with its caller's rights: he must be the owner himself, or have the owner's rights. All other functions work on the
 * tables for callers who have none there.
 */
static agg_scope *enter_scope(const call_state *state, Oid table) {
	if (!OidIsValid(table))
		return agg_act_as_caller();
	return state->function == AGG_FN_SETUP ? agg_act_as_owner_for_caller(table) : agg_act_as_owner(table);
}

/* In a subtransaction, tasks of many people: who has to wait is left for later, and the others go on. */
static bool works_for_many(agg_function function) {
	return function == AGG_FN_RUN || function == AGG_FN_RUN_BATCH || function == AGG_FN_WORK;
}

static uint64 execute_in_scope(const call_state *state, const agg_request *request) {
	Oid table = request->relation == NULL ? request->relation_oid : agg_find_table(state->schema, request->relation);
	agg_scope *scope = enter_scope(state, table);
	uint64 processed;

	if (request->untracked)
		agg_stop_tracking(scope);
	agg_limit_waits(state->depth > 0 && works_for_many(state->function));
	if (request->kind == AGG_CHECK_STRANGERS) {
		agg_check_strangers(table, agg_owner_of(table));
		processed = 0;
	} else if (request->kind == AGG_QUERY)
		processed = agg_run_query(scope, state->operation, request, table);
	else
		processed = agg_run_bulk_write(scope, state->operation, request, table);
	agg_stop_acting(scope);
	return processed;
}

static void describe_transaction(agg_outcome *outcome) {
	outcome->clock = GetCurrentTimestamp();
	outcome->own_changes = agg_has_own_changes();
	outcome->own_tasks = agg_has_own_tasks();
}

static uint64 pages_of(Oid table) {
	Relation relation = table_open(table, AccessShareLock);
	uint64 pages = relation->rd_rel->relkind == RELKIND_RELATION ? RelationGetNumberOfBlocks(relation) : 1;

	table_close(relation, NoLock);
	return pages;
}

/* Executes the request; an error inside a subtransaction becomes the outcome. */
static agg_outcome execute(call_state *state, const agg_request *request) {
	agg_outcome outcome = {0};
	MemoryContext memory = state->memory;

	if (state->broken && request->kind != AGG_ROLLBACK_SUBTRANSACTION)
		elog(ERROR, "a failed subtransaction must be rolled back first");
	MemoryContextSwitchTo(state->request);
	switch (request->kind) {
	case AGG_QUERY:
	case AGG_BULK_WRITE:
	case AGG_CHECK_STRANGERS:
		if (state->depth == 0) {
			outcome.processed = execute_in_scope(state, request);
			break;
		}
		PG_TRY();
		{ outcome.processed = execute_in_scope(state, request); }
		PG_CATCH();
		{
			keep_error(state);
			outcome.error = &state->description;
		}
		PG_END_TRY();
		break;
	case AGG_BEGIN_SUBTRANSACTION:
		begin_subtransaction(state);
		break;
	case AGG_RELEASE_SUBTRANSACTION:
	case AGG_ROLLBACK_SUBTRANSACTION:
		end_subtransaction(state, request->kind == AGG_RELEASE_SUBTRANSACTION);
		break;
	case AGG_EMIT_ROWS:
		emit_rows(state, request);
		break;
	case AGG_COMMIT:
	case AGG_COMMIT_LAZILY:
		commit(state, request->kind == AGG_COMMIT_LAZILY);
		break;
	case AGG_PROGRESS:
		pgstat_report_activity(STATE_RUNNING, request->text);
		state->progress_shown = true;
		break;
	case AGG_NOTICE:
		ereport(NOTICE, (errmsg_internal("%s", request->text)));
		break;
	case AGG_BEGIN_DERIVING:
		agg_begin_deriving(agg_find_table(state->schema, "agg_dirty_ranges"));
		break;
	case AGG_ASK_DERIVING:
		outcome.others = agg_other_derivers(agg_find_table(state->schema, "agg_dirty_ranges"));
		break;
	case AGG_ASK_PAGES:
		outcome.processed = pages_of(agg_find_table(state->schema, request->relation));
		break;
	case AGG_LOOK_AGAIN:
		agg_look_again(state->schema, request->cells, request->row_count);
		break;
	case AGG_OWN_CHANGES:
		agg_note_own_changes();
		break;
	case AGG_WAKE_WORKER:
		agg_wake_worker_at_commit();
		break;
	case AGG_DONE:
	case AGG_FAILED:
	case AGG_FAILED_BY_DATABASE:
		elog(ERROR, "unexpected request %d", (int)request->kind);
	}
	MemoryContextSwitchTo(memory);
	MemoryContextReset(state->request);
	describe_transaction(&outcome);
	return outcome;
}

/* Runs the operation to its last request. */
static void run(call_state *state, agg_request *request) {
	agg_outcome outcome = {0};

	describe_transaction(&outcome);

	for (;;) {
		CHECK_FOR_INTERRUPTS();
		agg_operation_resume(state->operation, &outcome, request);
		switch (request->kind) {
		case AGG_FAILED:
			raise_failure(&request->error);
			break;
		case AGG_FAILED_BY_DATABASE:
			ReThrowError(state->error);
			break;
		case AGG_DONE:
			if (state->depth > 0)
				elog(ERROR, "operation left a subtransaction open");
			return;
		default:
			outcome = execute(state, request);
		}
	}
}

/*
 * Runs the operation; whatever is raised leaves no subtransaction of ours open. PostgreSQL ends only the innermost one by itself, as if a
 * user had set a savepoint, and the session would stay in it.
 */
static void run_guarded(call_state *state, agg_request *request) {
	PG_TRY();
	{ run(state, request); }
	PG_CATCH();
	{
		ErrorData *error;

		if (state->depth == 0)
			PG_RE_THROW();
		MemoryContextSwitchTo(state->memory);
		error = CopyErrorData();
		FlushErrorState();
		while (state->depth > 0)
			end_subtransaction(state, false);
		ReThrowError(error);
	}
	PG_END_TRY();
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

static void create_operation(call_state *state, agg_function function, const agg_parameter *arguments) {
	agg_context context = {.schema = quote_identifier(get_namespace_name(state->schema)),
	                       .transaction_start = GetCurrentTransactionStartTimestamp(),
	                       .fixed_snapshot = IsolationUsesXactSnapshot()};

	state->function = function;
	state->operation = agg_operation_new(function, &context, arguments);
	if (state->operation == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errhint("Process fewer tasks or windows in one call.")));
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

/* What outlives a commit cannot belong to the transaction: then `parent` is a context that does. */
static call_state *begin_call(MemoryContext parent, Oid schema, bool commits) {
	MemoryContext memory = AllocSetContextCreate(parent, "aggregation operation", ALLOCSET_DEFAULT_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(memory, sizeof(MemoryContextCallback));
	call_state *state = MemoryContextAllocZero(memory, sizeof(call_state));

	state->memory = memory;
	state->request = AllocSetContextCreate(memory, "aggregation request", ALLOCSET_DEFAULT_SIZES);
	state->schema = schema;
	state->commits = commits;
	callback->func = destroy_operation;
	callback->arg = state;
	MemoryContextRegisterResetCallback(memory, callback);
	return state;
}

/* Runs the operation, connected to SPI. */
static void run_connected(call_state *state, agg_request *request) {
	running++;
	PG_TRY();
	{ run_guarded(state, request); }
	PG_FINALLY();
	{ running--; }
	PG_END_TRY();
	if (state->progress_shown)
		pgstat_report_activity(STATE_RUNNING, debug_query_string);
}

static Datum call(FunctionCallInfo fcinfo, agg_function function, bool commits) {
	MemoryContext caller = CurrentMemoryContext;
	call_state *state = begin_call(commits ? PortalContext : caller, get_func_namespace(fcinfo->flinfo->fn_oid), commits);
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
	create_operation(state, function, arguments_of(fcinfo));
	run_connected(state, &request);
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
	call_state *state = begin_call(caller, schema, false);
	agg_request request = {0};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(state->memory);
	create_operation(state, function, NULL);
	run_connected(state, &request);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(state->memory);
}

/*
 * The same without an SQL function, in transactions of its own from the first one on. `memory` must outlive them; the result is the
 * operation's timestamp.
 */
TimestampTz agg_call_in_background(MemoryContext memory, Oid schema, agg_function function, const agg_parameter *arguments) {
	call_state *state;
	agg_request request = {0};

	PortalContext = memory; /* where SPI keeps what outlives a commit; there is no portal here */
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	state = begin_call(memory, schema, true);
	state->own_snapshot = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(state->memory);
	create_operation(state, function, arguments);
	run_connected(state, &request);
	PopActiveSnapshot();
	SPI_finish();
	return request.result.as.integer;
}
