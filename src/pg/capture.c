/*
 * Change capture: what a transaction changes in data_bars is noted row by row in memory and logged in agg_change_log when the transaction
 * ends, in that same transaction. So a change and its log entry become visible together, whoever looks and whenever.
 *
 *   BEGIN      INSERT ...   SAVEPOINT a   COPY ...   ROLLBACK TO a   UPDATE ...   COMMIT
 *              note           layer a     note       forget layer a  note         log what was noted
 *
 * Each subtransaction has a layer of its own, which goes with it or falls to its parent. The log is written before the commit (or the
 * prepare) and, so that an operation of ours sees what its own transaction has done, before an operation looks at the log.
 */
#include "shim.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "ops/marks/change_capture.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "worker.h"

#define BYTES_IN_ROW 1800 /* of the arrays of a row of the log: it is never compressed, nor stored anywhere else than in its page */
#define VALUE_COLUMNS 7
#define LOOK_AT_LOG_EVERY 64 /* transactions of a session */

bool agg_setting_tracking = true;
int agg_setting_change_log_size = 65536; /* kB */

typedef struct layer {
	SubTransactionId id;
	Oid schema; /* of the extension, where the log is */
	agg_changes *changes;
	struct layer *below;
} layer;

static layer *layers = NULL; /* of the innermost subtransaction that has changed something */

/* The transaction that has entries in the log. */
static FullTransactionId logged_in = {0};

void agg_note_own_changes(void) {
	logged_in = GetTopFullTransactionId();
}

bool agg_has_own_changes(void) {
	return agg_is_this_transaction(logged_in);
}

/* ---- layers ---- */

static void refuse_out_of_memory(void) {
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
	                errdetail("Noting which bars of data_bars the transaction changes failed."),
	                errhint("Commit more often, or load in the order of symbol and time.")));
}

static void drop_layer(void) {
	layer *gone = layers;

	layers = gone->below;
	agg_changes_free(gone->changes);
	pfree(gone);
}

static void end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *argument pg_attribute_unused()) {
	if (layers == NULL || layers->id != id)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB) {
		drop_layer();
	} else if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) {
		if (layers->below == NULL || layers->below->id != parent) {
			layers->id = parent;
		} else {
			if (!agg_changes_merge(layers->below->changes, layers->changes))
				refuse_out_of_memory();
			drop_layer();
		}
	}
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	switch (event) {
	case XACT_EVENT_PRE_COMMIT:
	case XACT_EVENT_PRE_PREPARE:
		agg_log_changes();
		break;
	case XACT_EVENT_ABORT:
		while (layers != NULL)
			drop_layer();
		break;
	default:
		break;
	}
}

/* What goes wrong here is not the writer's fault: his bars are written all the same. */
static void absorb_guarded(Oid schema) {
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		agg_call_in_trigger(schema, AGG_FN_ABSORB);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(LOG, (errmsg("aggregation: the change log could not be worked off: %s", error->message),
		              errhint("agg_run() does it, and tells what is wrong.")));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
}

/*
 * Where nobody absorbs the log for long, those who write do it now and then: what is merged in agg_dirty_ranges stays small, however long
 * nobody looks. An operation of ours that writes bars has absorbed it itself.
 */
static void bound_log(Oid schema) {
	static uint32 transactions = 0;
	Relation log;
	double kilobytes;

	if (agg_is_running() || ++transactions % LOOK_AT_LOG_EVERY != 0)
		return;
	log = table_open(agg_find_table(schema, "agg_change_log"), AccessShareLock);
	kilobytes = (double)RelationGetNumberOfBlocks(log) * (BLCKSZ / 1024.0);
	table_close(log, AccessShareLock);
	if (kilobytes > agg_setting_change_log_size)
		absorb_guarded(schema);
}

/* The layer of the current subtransaction. */
static layer *current_layer(Oid schema) {
	static bool registered = false;
	SubTransactionId id = GetCurrentSubTransactionId();
	layer *fresh;

	if (layers != NULL && layers->id == id)
		return layers;
	if (!registered) {
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		registered = true;
	}
	fresh = MemoryContextAllocZero(TopMemoryContext, sizeof(layer));
	fresh->changes = agg_changes_new();
	if (fresh->changes == NULL) {
		pfree(fresh);
		refuse_out_of_memory();
	}
	fresh->id = id;
	fresh->schema = schema;
	fresh->below = layers;
	layers = fresh;
	return fresh;
}

/* ---- the log ---- */

static AttrNumber log_column(Relation log, const char *name, Oid type) {
	AttrNumber number = get_attnum(RelationGetRelid(log), name);

	if (number == InvalidAttrNumber || TupleDescAttr(RelationGetDescr(log), number - 1)->atttypid != type)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("table \"%s\" has no column \"%s\" of type %s", RelationGetRelationName(log), name, format_type_be(type)),
		                errhint("Run agg_setup() to see and mend what differs from the tables that the extension needs.")));
	return number;
}

typedef struct log_columns {
	AttrNumber logged_at;
	AttrNumber symbols;
	AttrNumber from;
	AttrNumber to;
	AttrNumber rows;
} log_columns;

static log_columns find_log_columns(Relation log) {
	return (log_columns) {.logged_at = log_column(log, "logged_at", TIMESTAMPTZOID),
	                      .symbols = log_column(log, "symbols", TEXTARRAYOID),
	                      .from = log_column(log, "from_utc", TIMESTAMPTZARRAYOID),
	                      .to = log_column(log, "to_utc", TIMESTAMPTZARRAYOID),
	                      .rows = log_column(log, "row_counts", INT8ARRAYOID)};
}

static bool same_times(agg_changed_range a, agg_changed_range b) {
	return a.from == b.from && a.to == b.to && a.rows == b.rows;
}

/* The ranges [first, first + count) of the list: at least one, and no more than a row has room for. */
typedef struct log_row {
	size_t first;
	int count;
	bool same; /* times and row counts: said once for all */
} log_row;

static log_row row_from(const agg_changes *changes, size_t first, size_t count) {
	log_row row = {.first = first, .count = 0, .same = true};
	size_t symbols = 0;
	size_t i;

	for (i = first; i < count; i++) {
		bool same = row.same && same_times(agg_changes_listed(changes, i), agg_changes_listed(changes, first));

		symbols += INTALIGN(VARHDRSZ + agg_changes_listed(changes, i).symbol_length);
		if (i > first && symbols + 3 * sizeof(int64) * (same ? 1 : i - first + 1) > BYTES_IN_ROW)
			break;
		row.same = same;
	}
	row.count = (int)(i - first);
	return row;
}

static void set_column(TupleTableSlot *slot, AttrNumber number, Datum value) {
	slot->tts_values[number - 1] = value;
	slot->tts_isnull[number - 1] = false;
}

static Datum array_of(Datum *values, int count, Oid type, int16 length, bool by_value, char alignment) {
	return PointerGetDatum(construct_array(values, count, type, length, by_value, alignment));
}

static void fill_row(TupleTableSlot *slot, const log_columns *columns, const agg_changes *changes, log_row row) {
	int times = row.same ? 1 : row.count;
	Datum *symbols = palloc(sizeof(Datum) * row.count);
	Datum *from = palloc(sizeof(Datum) * row.count);
	Datum *to = palloc(sizeof(Datum) * row.count);
	Datum *rows = palloc(sizeof(Datum) * row.count);

	for (int i = 0; i < row.count; i++) {
		agg_changed_range range = agg_changes_listed(changes, row.first + i);

		symbols[i] = PointerGetDatum(cstring_to_text_with_len(range.symbol, (int)range.symbol_length));
		from[i] = TimestampTzGetDatum(range.from);
		to[i] = TimestampTzGetDatum(range.to);
		rows[i] = Int64GetDatum(range.rows);
	}
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	set_column(slot, columns->logged_at, TimestampTzGetDatum(GetCurrentTimestamp()));
	set_column(slot, columns->symbols, array_of(symbols, row.count, TEXTOID, -1, false, TYPALIGN_INT));
	set_column(slot, columns->from, array_of(from, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	set_column(slot, columns->to, array_of(to, times, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	set_column(slot, columns->rows, array_of(rows, times, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	ExecStoreVirtualTuple(slot);
}

/* Inserts the rows as the log's owner: whoever may write bars needs no right on the log. */
static void insert_rows(const agg_scope *scope, Oid table, const agg_changes *changes, size_t count) {
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "aggregation change log", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Relation log = table_open(table, RowExclusiveLock);
	EState *state = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleTableSlot *slot;
	log_columns columns;

	/* From here on: an index of somebody's may evaluate expressions of his as soon as it is opened. */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (log->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(log)),
		                errhint("Rename it and run agg_setup().")));
	columns = find_log_columns(log);
	slot = table_slot_create(log, NULL);
	InitResultRelInfo(target, log, 1, NULL, 0);
	ExecOpenIndices(target, false);
	for (size_t first = 0; first < count;) {
		log_row row = row_from(changes, first, count);

		MemoryContextSwitchTo(GetPerTupleMemoryContext(state));
		fill_row(slot, &columns, changes, row);
		MemoryContextSwitchTo(memory);
		agg_insert_row(scope, target, state, slot);
		ExecClearTuple(slot);
		ResetPerTupleExprContext(state);
		first += row.count;
	}
	ExecCloseIndices(target);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(state);
	PopActiveSnapshot();
	table_close(log, NoLock);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	CommandCounterIncrement();
}

/*
 * Logs what the current subtransaction has changed. What its parents have changed is left to them: logged here, it would be lost with a
 * rollback that their rows survive.
 */
void agg_log_changes(void) {
	agg_scope *scope;
	size_t count;
	Oid table;

	if (layers == NULL || layers->id != GetCurrentSubTransactionId())
		return;
	if (!agg_changes_begin_list(layers->changes, &count))
		refuse_out_of_memory();
	table = agg_find_table(layers->schema, "agg_change_log");
	scope = agg_act_as_owner_of_log(table);
	insert_rows(scope, table, layers->changes, count);
	agg_note_own_changes();
	agg_stop_acting(scope);
	drop_layer();
}

/* ---- rows ---- */

typedef struct bar_columns {
	AttrNumber symbol;
	AttrNumber timeframe;
	AttrNumber time;
	AttrNumber values[VALUE_COLUMNS];
} bar_columns;

static AttrNumber bar_column(Relation bars, const char *name, bool is_time) {
	AttrNumber number = get_attnum(RelationGetRelid(bars), name);
	Oid type = number == InvalidAttrNumber ? InvalidOid : TupleDescAttr(RelationGetDescr(bars), number - 1)->atttypid;

	if (is_time ? type != TIMESTAMPTZOID : type != TEXTOID && type != VARCHAROID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("table \"%s\" has no column \"%s\" of type %s", RelationGetRelationName(bars), name,
		                       is_time ? "timestamp with time zone" : "text"),
		                errhint("Change the column's type; agg_setup() lists all that differs.")));
	return number;
}

/* A trigger function believes the table that it is for, and no other. */
static void check_watched(FunctionCallInfo fcinfo, Relation relation, const char *watched) {
	agg_check_trigger_table(relation, get_func_namespace(fcinfo->flinfo->fn_oid), "agg_capture_changes", watched);
}

/* Once for each trigger and statement. */
static const bar_columns *columns_of(FunctionCallInfo fcinfo, Relation bars) {
	static const char *const values[VALUE_COLUMNS] = {"open", "high", "low", "close", "vol", "vwap", "trade_count"};
	bar_columns *columns = fcinfo->flinfo->fn_extra;

	if (columns != NULL)
		return columns;
	check_watched(fcinfo, bars, "data_bars");
	columns = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(bar_columns));
	columns->symbol = bar_column(bars, "canonical_symbol", false);
	columns->timeframe = bar_column(bars, "timeframe", false);
	columns->time = bar_column(bars, "ts_utc", true);
	for (int i = 0; i < VALUE_COLUMNS; i++)
		columns->values[i] = get_attnum(RelationGetRelid(bars), values[i]);
	fcinfo->flinfo->fn_extra = columns;
	return columns;
}

/* A bar is made of 1m bars; others in data_bars are nobody's source. */
static bool is_one_minute(const text *timeframe) {
	return VARSIZE_ANY_EXHDR(timeframe) == 2 && memcmp(VARDATA_ANY(timeframe), "1m", 2) == 0;
}

static void note_row(FunctionCallInfo fcinfo, TupleTableSlot *row, const bar_columns *columns) {
	bool symbol_is_null;
	bool timeframe_is_null;
	bool time_is_null;
	Datum symbol_datum = slot_getattr(row, columns->symbol, &symbol_is_null);
	Datum timeframe = slot_getattr(row, columns->timeframe, &timeframe_is_null);
	Datum time = slot_getattr(row, columns->time, &time_is_null);
	text *symbol;

	if (symbol_is_null || timeframe_is_null || time_is_null || !is_one_minute(DatumGetTextPP(timeframe)))
		return;
	symbol = DatumGetTextPP(symbol_datum);
	if (layers == NULL || layers->id != GetCurrentSubTransactionId()) {
		Oid schema = get_func_namespace(fcinfo->flinfo->fn_oid);

		if (layers == NULL)
			bound_log(schema);
		(void)current_layer(schema);
	}
	if (!agg_changes_add_bar(layers->changes, VARDATA_ANY(symbol), VARSIZE_ANY_EXHDR(symbol), DatumGetTimestampTz(time)))
		refuse_out_of_memory();
}

static bool same_text(TupleTableSlot *a, TupleTableSlot *b, AttrNumber column) {
	bool a_is_null;
	bool b_is_null;
	Datum a_datum = slot_getattr(a, column, &a_is_null);
	Datum b_datum = slot_getattr(b, column, &b_is_null);
	text *a_text;
	text *b_text;

	if (a_is_null || b_is_null)
		return a_is_null == b_is_null;
	a_text = DatumGetTextPP(a_datum);
	b_text = DatumGetTextPP(b_datum);
	return VARSIZE_ANY_EXHDR(a_text) == VARSIZE_ANY_EXHDR(b_text) &&
	       memcmp(VARDATA_ANY(a_text), VARDATA_ANY(b_text), VARSIZE_ANY_EXHDR(a_text)) == 0;
}

/* Bit by bit. What is not passed by value (no column of ours) counts as different. */
static bool same_value(TupleTableSlot *a, TupleTableSlot *b, AttrNumber column) {
	bool a_is_null;
	bool b_is_null;
	Datum a_datum;
	Datum b_datum;

	if (column == InvalidAttrNumber)
		return true;
	a_datum = slot_getattr(a, column, &a_is_null);
	b_datum = slot_getattr(b, column, &b_is_null);
	if (a_is_null || b_is_null)
		return a_is_null == b_is_null;
	return TupleDescAttr(a->tts_tupleDescriptor, column - 1)->attbyval && a_datum == b_datum;
}

/* Feeds send the same bars again and again: an update that leaves everything that bars are made of as it was is no change. */
static void note_update(FunctionCallInfo fcinfo, TupleTableSlot *old, TupleTableSlot *fresh, const bar_columns *columns) {
	bool same_key =
	    same_text(old, fresh, columns->symbol) && same_text(old, fresh, columns->timeframe) && same_value(old, fresh, columns->time);
	bool same = same_key;

	for (int i = 0; same && i < VALUE_COLUMNS; i++)
		same = same_value(old, fresh, columns->values[i]);
	if (same)
		return;
	note_row(fcinfo, fresh, columns);
	if (!same_key)
		note_row(fcinfo, old, columns);
}

/* All bars of a table, which is about to be emptied or has just become a partition. */
void agg_note_table(Oid schema, Relation bars) {
	size_t count;
	const agg_bar_span *spans = agg_spans_of_minutes(bars, &count);
	layer *noted = current_layer(schema);

	for (size_t i = 0; i < count; i++) {
		agg_changed_range range = {
		    .symbol = spans[i].symbol, .symbol_length = strlen(spans[i].symbol), .from = spans[i].from, .to = spans[i].to};

		if (!agg_changes_add_range(noted->changes, &range))
			refuse_out_of_memory();
	}
}

/*
 * The partition that was last found to be one: asking the catalog for its ancestors in each statement would cost a feed of single bars more
 * than noting them.
 */
static Oid known_partition = InvalidOid;
static Oid known_whole = InvalidOid;

static void forget_partition(Datum argument pg_attribute_unused(), Oid relation) {
	if (relation == known_partition || relation == known_whole || relation == InvalidOid)
		known_partition = InvalidOid;
}

static bool is_part_of(Oid table, Oid whole) {
	static bool registered = false;

	if (table == whole || (table == known_partition && whole == known_whole))
		return true;
	if (!registered) {
		CacheRegisterRelcacheCallback(forget_partition, (Datum)0);
		registered = true;
	}
	/* A child by inheritance is a chunk that another extension keeps; nobody but the table's owner could make one, and a statement cannot.
	 */
	if (!agg_is_part_of(table, whole) && !typeInheritsFrom(get_rel_type_id(table), get_rel_type_id(whole)))
		return false;
	known_partition = table;
	known_whole = whole;
	return true;
}

void agg_check_trigger_table(Relation relation, Oid schema, const char *function, const char *watched) {
	Oid table = get_relname_relid(watched, schema);

	if (!OidIsValid(table) || !is_part_of(RelationGetRelid(relation), table))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("%s() is a trigger of \"%s.%s\" and its partitions, not of \"%s\"", function,
		                       quote_identifier(get_namespace_name(schema)), quote_identifier(watched), RelationGetRelationName(relation)),
		                errhint("Drop the trigger; agg_setup() puts it where it belongs.")));
}

PG_FUNCTION_INFO_V1(aggregation_agg_capture_changes);
extern Datum aggregation_agg_capture_changes(PG_FUNCTION_ARGS);

/* The triggers of data_bars: AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW, and BEFORE TRUNCATE FOR EACH STATEMENT. */
Datum aggregation_agg_capture_changes(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	const bar_columns *columns;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("agg_capture_changes() is a trigger function"),
		                errhint("agg_setup() puts the trigger on data_bars.")));
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ? !TRIGGER_FIRED_BEFORE(trigger->tg_event)
	                                                 : !TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("agg_capture_changes() must be fired after INSERT, UPDATE or DELETE for each row, or before TRUNCATE"),
		                errhint("Drop the trigger \"%s\"; agg_setup() puts the right ones on data_bars.", trigger->tg_trigger->tgname)));
	if (!agg_setting_tracking)
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)) {
		check_watched(fcinfo, trigger->tg_relation, "data_bars");
		if (trigger->tg_relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) /* its partitions have triggers of their own */
			agg_note_table(get_func_namespace(fcinfo->flinfo->fn_oid), trigger->tg_relation);
		return PointerGetDatum(NULL);
	}
	columns = columns_of(fcinfo, trigger->tg_relation);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_update(fcinfo, trigger->tg_trigslot, trigger->tg_newslot, columns);
	else
		note_row(fcinfo, trigger->tg_trigslot, columns);
	return PointerGetDatum(NULL);
}
