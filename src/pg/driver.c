/*
 * Runs an operation: hands it the arguments and executes one request after the other until it answers.
 *
 * While PostgreSQL works no C++ frame is on the stack. The suspended operation belongs to a memory context; when that goes, by an error, a
 * cancel or the ordinary end, the operation is destroyed with everything in it. An error of PostgreSQL passes through untouched. Only
 * inside a subtransaction that the operation asked for does it come back as an outcome, and even then the whole error is kept, in case the
 * operation lets it pass.
 */
#include "driver.h"
#include "settings.h"
#include "shard_groups.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
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

static int running = 0; /* operations of this session that are at work: one, or those that are called in it */

bool agg_is_running(void) {
	return running > 0;
}

/* Rules that an operation has read stay as they are until it ends. */
void agg_refuse_while_running(const char *rules) {
	if (agg_is_running())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("%s cannot be changed by code that a function of the extension fires", rules),
		                errdetail("What is at work has read them."), errhint("Change them afterwards.")));
}

static void destroy_operation(void *state) {
	agg_operation_free(((agg_call_state *)state)->operation);
}

static void emit_rows(const agg_call_state *state, const agg_request *request) {
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

static void begin_subtransaction(agg_call_state *state) {
	if (state->depth == DEEPEST_SUBTRANSACTION)
		elog(ERROR, "subtransactions are nested too deeply");
	state->owners[state->depth++] = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(state->memory);
}

static void end_subtransaction(agg_call_state *state, bool release) {
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

/* Who commits batch by batch must see what others have committed meanwhile, whatever the session's default is. */
void agg_read_committed(void) {
	XactIsoLevel = XACT_READ_COMMITTED;
}

void agg_commit(void) {
	SPI_commit();
	agg_read_committed();
}

static void commit(agg_call_state *state, bool lazily) {
	if (!state->commits || state->depth > 0)
		elog(ERROR, "operation cannot commit here");
	if (lazily && synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		(void)set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	if (state->own_snapshot)
		PopActiveSnapshot();
	agg_commit();
	if (state->own_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	agg_check_release(state->function);
	state->left = !agg_hold_set(state->set);
	MemoryContextSwitchTo(state->request);
}

/* ---- errors ---- */

static void keep_error(agg_call_state *state) {
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

bool agg_sets_up(agg_function function) {
	return function == AGG_FN_agg_setup || function == AGG_FN_agg_adopt || function == AGG_FN_agg_distribute ||
	       function == AGG_FN_agg_partition_by_month;
}

/*
 * agg_setup(), agg_adopt() and agg_distribute() work with their caller's rights: he must be the owner himself, or have the owner's rights.
 * All other functions work on the tables for callers who have none there.
 */
static agg_scope *enter_scope(const agg_call_state *state, const agg_request *request, Oid table) {
	bool is_mended = state->function == AGG_FN_mend_shape;

	if (!OidIsValid(table) && is_mended)
		return agg_act_as_owner(agg_marked_table(state->set));
	if (state->function == AGG_FN_agg_distribute)
		return agg_act_as_distributor();
	if (!OidIsValid(table))
		return agg_act_as_caller();
	/* agg_setup() has the table's owner do what is the owner's. */
	if (agg_sets_up(state->function))
		return agg_act_as_owner_for_caller(table);
	/* What has no name of ours is a partition that is mended, or holds ticks. */
	return request->relation == NULL && !is_mended ? agg_act_as_owner_of_ticks(table) : agg_act_as_owner_of_all_rows(table);
}

/* In a subtransaction, tasks of many people: who has to wait is left for later, and the others go on. And locks that are tried again. */
static bool works_for_many(agg_function function) {
	return function == AGG_FN_agg_run || function == AGG_FN_agg_run_batch || function == AGG_FN_work || function == AGG_FN_agg_distribute;
}

/* A part of somebody's query: it sees what that sees, in all of its statements, and writes nothing. */
bool agg_is_reader(agg_function function) {
	return function == AGG_FN_agg_bars || function == AGG_FN_agg_latest || function == AGG_FN_agg_chart ||
	       function == AGG_FN_agg_rows_of_nodes;
}

static uint64 run_query(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table) {
	volatile uint64 processed;

	if (!request->notes_due && !request->untracked)
		return agg_run_query(scope, operation, request, table);
	agg_operation_notes_due(request->notes_due);
	agg_operation_retires_bars(request->untracked);
	PG_TRY();
	{ processed = agg_run_query(scope, operation, request, table); }
	PG_FINALLY();
	{
		agg_operation_notes_due(false);
		agg_operation_retires_bars(false);
	}
	PG_END_TRY();
	return processed;
}

static uint64 execute_in_scope(const agg_call_state *state, const agg_request *request) {
	bool of_all_sets = request->relation != NULL && request->relation[0] == '@';
	Oid table = request->relation == NULL ? request->relation_oid
	            : of_all_sets             ? agg_find_table(agg_set_in(state->set.schema), request->relation + 1)
	                                      : agg_find_table(state->set, request->relation);
	agg_scope *scope = enter_scope(state, request, table);
	uint64 processed;

	if (of_all_sets) {
		agg_reach_other_groups();
		agg_let_citus_nest(scope);
	}

	if (agg_is_reader(state->function))
		agg_only_read(scope);
	if (request->untracked)
		agg_stop_tracking(scope);
	if (request->from_start)
		agg_scan_from_start(scope);
	agg_limit_waits(state->depth > 0 && works_for_many(state->function));
	if (request->relation == NULL) /* an advisory lock, or a table of ticks: everything else is of use without it */
		agg_bound_waits(scope);
	if (request->kind == AGG_CHECK_STRANGERS) {
		agg_check_strangers(table, agg_owner_of(table));
		processed = 0;
	} else if (request->kind == AGG_ASK_PASS)
		processed = agg_rows_of_pass(scope, request);
	else if (request->kind == AGG_QUERY)
		processed = run_query(scope, state->operation, request, table);
	else if (request->kind == AGG_EMIT_QUERY)
		processed = agg_emit_query(scope, request, state->rows);
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

/* Children that are no partitions are another extension's: nobody else may have any (partitions.c). */
static bool has_chunks(Oid table) {
	return OidIsValid(table) && get_rel_relkind(table) == RELKIND_RELATION && has_subclass(table);
}

static bool rows_lie_in_chunks(agg_table_set set) {
	return has_chunks(agg_look_for_table(set, "data_bars")) || has_chunks(agg_look_for_table(set, "derived_data_bars")) ||
	       pages_of(agg_find_table(set, "agg_chunks")) > 0;
}

/* Citus plans for the values of a statement, and for nothing else. */
static agg_request planned_by_citus(const agg_request *request) {
	agg_request adapted = *request;

	adapted.keep_plan = false;
	adapted.plan_by_index = false;
	return adapted;
}

static void work_on_tables(const agg_call_state *state, const agg_request *request, agg_outcome *outcome) {
	agg_request adapted;

	if (state->for_citus) {
		adapted = planned_by_citus(request);
		request = &adapted;
	}
	switch (request->kind) {
	case AGG_ASK_DUE:
		outcome->due = agg_next_due(state->set);
		break;
	case AGG_NOTE_DUE:
		agg_note_due(state->set, request->due);
		break;
	case AGG_LOOK_AHEAD:
		outcome->processed = agg_look_ahead(state->set) ? 1 : 0;
		break;
	default:
		outcome->processed = execute_in_scope(state, request);
	}
}

/* Inside a subtransaction an error becomes the outcome. */
static void execute_sql(agg_call_state *state, const agg_request *request, agg_outcome *outcome) {
	if (state->depth == 0) {
		work_on_tables(state, request, outcome);
		return;
	}
	PG_TRY();
	{ work_on_tables(state, request, outcome); }
	PG_CATCH();
	{
		keep_error(state);
		outcome->error = &state->description;
	}
	PG_END_TRY();
}

static void show_progress(agg_call_state *state, const char *text) {
	pgstat_report_activity(STATE_RUNNING, text);
	state->progress_shown = true;
}

/* Goes on to the next one of the operation's sets. */
static void next_set(agg_call_state *state, agg_outcome *outcome) {
	MemoryContextSwitchTo(state->memory);
	if (state->sets.list == NULL)
		state->sets = agg_sets_from(state->set);
	if (state->next_set < state->sets.count) {
		state->set = state->sets.list[state->next_set++];
		state->tables = agg_names_of(state->set);
		outcome->tables = &state->tables;
		outcome->processed = 1;
	}
	MemoryContextSwitchTo(state->request);
}

static void execute_request(agg_call_state *state, const agg_request *request, agg_outcome *outcome) {
	switch (request->kind) {
	case AGG_QUERY:
	case AGG_EMIT_QUERY:
	case AGG_ASK_PASS:
	case AGG_BULK_WRITE:
	case AGG_CHECK_STRANGERS:
	case AGG_ASK_DUE:
	case AGG_NOTE_DUE:
	case AGG_LOOK_AHEAD:
		execute_sql(state, request, outcome);
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
		show_progress(state, request->text);
		break;
	case AGG_NOTICE:
		ereport(NOTICE, (errmsg_internal("%s", request->text), request->hint ? errhint("%s", request->hint) : 0));
		break;
	case AGG_BEGIN_DERIVING:
		agg_begin_deriving(agg_find_table(state->set, "agg_dirty_ranges"));
		break;
	case AGG_ASK_DERIVING:
		outcome->others = agg_other_derivers(agg_find_table(state->set, "agg_dirty_ranges"));
		break;
	case AGG_BEGIN_ABSORBING:
		agg_begin_absorbing_own(agg_find_table(state->set, "agg_change_log"));
		break;
	case AGG_ASK_ABSORBING:
		outcome->others = agg_others_absorbing_own(agg_find_table(state->set, "agg_change_log"));
		break;
	case AGG_BEGIN_RUNNING:
		agg_begin_running(agg_find_table(state->set, "data_agg_state"));
		break;
	case AGG_ASK_RUNNING:
		outcome->runners = agg_other_runners(agg_find_table(state->set, "data_agg_state"));
		break;
	case AGG_ASK_CHUNKS:
		outcome->processed = rows_lie_in_chunks(state->set) ? 1 : 0;
		break;
	case AGG_ASK_PAGES:
		outcome->processed = pages_of(agg_find_table(state->set, request->relation));
		break;
	case AGG_LOOK_AGAIN:
		agg_look_again(state->set, request->cells, request->row_count);
		break;
	case AGG_NEXT_SET:
		next_set(state, outcome);
		break;
	case AGG_OWN_CHANGES:
		agg_note_own_changes();
		break;
	case AGG_TAKE_CHANGES:
		agg_take_changes(state->set, state->operation);
		break;
	case AGG_WAKE_WORKER:
		agg_wake_worker_at_commit();
		break;
	case AGG_DONE:
	case AGG_FAILED:
	case AGG_FAILED_BY_DATABASE:
		elog(ERROR, "unexpected request %d", (int)request->kind);
	}
}

/* Does what is asked for, in memory of its own, and says what came of it. */
static agg_outcome execute(agg_call_state *state, const agg_request *request) {
	agg_outcome outcome = {0};
	MemoryContext memory = state->memory;

	if (state->broken && request->kind != AGG_ROLLBACK_SUBTRANSACTION)
		elog(ERROR, "a failed subtransaction must be rolled back first");
	MemoryContextSwitchTo(state->request);
	execute_request(state, request, &outcome);
	MemoryContextSwitchTo(memory);
	MemoryContextReset(state->request);
	describe_transaction(&outcome);
	return outcome;
}

/* Runs the operation to its last request. */
static void run(agg_call_state *state, agg_request *request) {
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
			if (state->left) { /* with everything that is committed */
				*request = (agg_request) {.result.is_null = true};
				return;
			}
		}
	}
}

/*
 * Runs the operation; whatever is raised leaves no subtransaction of ours open. PostgreSQL ends only the innermost one by itself, as if a
 * user had set a savepoint, and the session would stay in it.
 */
static void run_guarded(agg_call_state *state, agg_request *request) {
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

/* Until the session ends. */
static agg_calendar_cache *calendars(void) {
	static agg_calendar_cache *cache = NULL;

	if (cache == NULL)
		cache = agg_calendar_cache_new();
	if (cache == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return cache;
}

void agg_create_operation(agg_call_state *state, agg_function function, const agg_argument *arguments, size_t count) {
	agg_context context = {.tables = agg_names_of(state->set),
	                       .transaction_start = GetCurrentTransactionStartTimestamp(),
	                       .fixed_snapshot = IsolationUsesXactSnapshot(),
	                       .release = AGGREGATION_VERSION,
	                       .calendars = calendars(),
	                       .read_source = (agg_read_source)agg_setting_read_source};

	state->function = function;
	state->operation = agg_operation_new(function, &context, arguments, count);
	if (state->operation == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"), errhint("Process fewer tasks or windows in one call.")));
}

agg_call_state *agg_begin_call(MemoryContext parent, agg_table_set set, bool commits) {
	MemoryContext memory = AllocSetContextCreate(parent, "aggregation operation", ALLOCSET_DEFAULT_SIZES);
	MemoryContextCallback *callback = MemoryContextAllocZero(memory, sizeof(MemoryContextCallback));
	agg_call_state *state = MemoryContextAllocZero(memory, sizeof(agg_call_state));

	state->memory = memory;
	state->request = AllocSetContextCreate(memory, "aggregation request", ALLOCSET_DEFAULT_SIZES);
	state->set = set;
	state->commits = commits;
	state->for_citus = set.group == NULL && agg_is_distributed(set.schema);
	callback->func = destroy_operation;
	callback->arg = state;
	MemoryContextRegisterResetCallback(memory, callback);
	return state;
}

void agg_run_operation(agg_call_state *state, agg_request *request) {
	running++;
	PG_TRY();
	{ run_guarded(state, request); }
	PG_FINALLY();
	{ running--; }
	PG_END_TRY();
	if (state->progress_shown)
		pgstat_report_activity(STATE_RUNNING, debug_query_string);
}
