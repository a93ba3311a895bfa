/*
 * The outbox of events (src/ops/marks/events.h), as the writers of bars see it:
 *
 *   BEGIN      UPDATE ...   SAVEPOINT a   COPY ...     ROLLBACK TO a   COMMIT
 *              note         layer a       note, write  gone with a     write, merge, number, notify
 *
 * Events are rows of agg_events from early on, so that a transaction of any size holds but a layer of them for each subtransaction in
 * memory; a rollback takes them along. They have no place in the order of all events before the commit: then the transaction takes a lock,
 * gives them the next ids, and keeps the lock until it has ended. So ids rise in the order of commits: whoever sees an event sees all
 * before it, and nothing appears behind a reader's back. Who writes bars of a task holds the task's row until he ends, so a task's events
 * are in the order of its changes, too. (PostgreSQL takes such a lock itself for whoever uses NOTIFY.)
 *
 * Where a transaction changes a bar more than once, one event tells what came of it, or none.
 */
#include "event_log.h"
#include "own_rows.h"
#include "settings.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ops/marks/events.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#define EVENTS_IN_LAYER 256
#define CHECKS_OF_SIZE 16 /* while as many events are made as are kept */

typedef struct noted_event {
	int64 ordinal;
	const char *kind;
	text *symbol;
	text *timeframe;
	TimestampTz time;
	agg_event_bar old;
	agg_event_bar fresh;
} noted_event;

/* What a subtransaction has noted and not written yet. */
typedef struct layer {
	SubTransactionId id;
	MemoryContext memory;
	noted_event *events;
	int count;
	struct layer *below;
} layer;

/* What a consumer wants; NULL: all. */
typedef struct wanted {
	Datum *symbols;
	int symbol_count;
	Datum *timeframes;
	int timeframe_count;
} wanted;

/* Of this transaction; all of it is in its memory. */
static struct {
	Oid schema;     /* InvalidOid: no bar was looked at yet */
	wanted *wanted; /* of all consumers */
	int wanted_count;
	layer *layers; /* the innermost one first */
	pg_uuid_t batch;
	int64 count;
	bool twice; /* some bar may have been changed twice */
} own;

/* ---- what is wanted ---- */

static int compare_texts(const void *a, const void *b) {
	const text *x = (const text *)DatumGetPointer(*(const Datum *)a);
	const text *y = (const text *)DatumGetPointer(*(const Datum *)b);
	size_t length = VARSIZE_ANY_EXHDR(x);

	if (length != VARSIZE_ANY_EXHDR(y))
		return length < VARSIZE_ANY_EXHDR(y) ? -1 : 1;
	return memcmp(VARDATA_ANY(x), VARDATA_ANY(y), length);
}

static Datum *sorted_texts(Datum array, bool is_null, int *count) {
	Datum *texts;
	bool *nulls;

	*count = 0;
	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypePCopy(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, count);
	qsort(texts, *count, sizeof(Datum), compare_texts);
	return texts;
}

static bool is_among(const text *one, Datum *texts, int count) {
	Datum key = PointerGetDatum(one);

	return texts == NULL || bsearch(&key, texts, count, sizeof(Datum), compare_texts) != NULL;
}

/* Consumers as of now, whatever the transaction's snapshot: none comes or changes its mind while somebody writes bars (agg_subscribe()). */
static void find_wanted(Oid schema) {
	Oid table = agg_find_table(schema, "agg_consumers");
	agg_scope *scope;
	uint64 count;

	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(table);
	count = agg_execute(scope, agg_in_schema(schema, "SELECT c.symbols, c.timeframes FROM @agg_consumers AS c"), 0, NULL, NULL, true);
	agg_stop_acting(scope);
	own.wanted = MemoryContextAlloc(TopTransactionContext, sizeof(wanted) * (count + 1));
	for (uint64 i = 0; i < count; i++) {
		wanted *one = &own.wanted[i];
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
		bool is_null;
		Datum symbols = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);

		one->symbols = sorted_texts(symbols, is_null, &one->symbol_count);
		symbols = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &is_null);
		one->timeframes = sorted_texts(symbols, is_null, &one->timeframe_count);
		MemoryContextSwitchTo(caller);
	}
	own.wanted_count = (int)count;
	own.schema = schema;
	SPI_finish();
	PopActiveSnapshot();
}

/* ---- rows of agg_events ---- */

typedef struct event_rows {
	agg_own_rows base;
	AttrNumber batch;
	AttrNumber ordinal;
	AttrNumber kind;
	AttrNumber symbol;
	AttrNumber timeframe;
	AttrNumber time;
	AttrNumber old[AGG_EVENT_VALUES];
	AttrNumber fresh[AGG_EVENT_VALUES];
	const layer *noted;
	int written;
} event_rows;

/* What an event holds of a value is as wide as what note_event.c has noted. */
static AttrNumber value_column(Relation events, const char *state, const char *name) {
	bool count = strcmp(name, "trade_count") == 0 || strcmp(name, "quality_score") == 0;

	return agg_own_column(events, psprintf("%s_%s", state, name), count ? INT8OID : FLOAT8OID);
}

static void begin_rows(agg_own_rows *base, Relation events) {
#define AGG_COLUMN_NAME(name) #name,
	static const char *const names[] = {AGG_EVENT_COLUMNS(AGG_COLUMN_NAME)};
	event_rows *rows = (event_rows *)base;

	rows->batch = agg_own_column(events, "batch", UUIDOID);
	rows->ordinal = agg_own_column(events, "ordinal", INT8OID);
	rows->kind = agg_own_column(events, "kind", TEXTOID);
	rows->symbol = agg_own_column(events, "canonical_symbol", TEXTOID);
	rows->timeframe = agg_own_column(events, "timeframe", TEXTOID);
	rows->time = agg_own_column(events, "ts_utc", TIMESTAMPTZOID);
	for (int i = 0; i < AGG_EVENT_VALUES; i++) {
		rows->old[i] = value_column(events, "old", names[i]);
		rows->fresh[i] = value_column(events, "new", names[i]);
	}
}

static void set_values(TupleTableSlot *slot, const AttrNumber *columns, const agg_event_bar *bar) {
	for (int i = 0; bar->live && i < AGG_EVENT_VALUES; i++) {
		if (!bar->is_null[i])
			agg_set_column(slot, columns[i], bar->values[i]);
	}
}

static bool next_row(agg_own_rows *base, TupleTableSlot *slot) {
	event_rows *rows = (event_rows *)base;
	const noted_event *event = &rows->noted->events[rows->written];

	if (rows->written == rows->noted->count)
		return false;
	agg_set_column(slot, rows->batch, UUIDPGetDatum(&own.batch));
	agg_set_column(slot, rows->ordinal, Int64GetDatum(event->ordinal));
	agg_set_column(slot, rows->kind, CStringGetTextDatum(event->kind));
	agg_set_column(slot, rows->symbol, PointerGetDatum(event->symbol));
	agg_set_column(slot, rows->timeframe, PointerGetDatum(event->timeframe));
	agg_set_column(slot, rows->time, TimestampTzGetDatum(event->time));
	set_values(slot, rows->old, &event->old);
	set_values(slot, rows->fresh, &event->fresh);
	rows->written++;
	return true;
}

/* In the current subtransaction, which must be the layer's. */
static void write_layer(layer *noted) {
	event_rows rows = {.base = {begin_rows, next_row}, .noted = noted, .written = 0};
	Oid table = agg_find_table(own.schema, "agg_events");
	agg_scope *scope = agg_act_as_owner_of_log(table);

	agg_insert_own_rows(scope, table, &rows.base);
	agg_stop_acting(scope);
	MemoryContextReset(noted->memory);
	noted->events = NULL;
	noted->count = 0;
}

static void drop_layer(void) {
	layer *gone = own.layers;

	own.layers = gone->below;
	MemoryContextDelete(gone->memory);
	pfree(gone);
}

/* ---- the end of the transaction ---- */

/* The first event of a bar says what it was before, the last one what it is now; they make one event, which is the last one's. */
static const char merge_changes[] =
    "WITH chain AS MATERIALIZED (SELECT e.ordinal, min(e.ordinal) OVER w AS first, max(e.ordinal) OVER w AS last FROM @agg_events AS e "
    "WHERE e.batch = $1 WINDOW w AS (PARTITION BY e.canonical_symbol, e.timeframe, e.ts_utc)), "
#define AGG_COMMA_OLD(name) ", f.old_" #name
#define AGG_COMMA_NEW(name) ", l.new_" #name
    "net AS MATERIALIZED (SELECT c.ordinal, f.kind = 'finished' AS fresh, l.kind = 'deleted' AS gone, "
    "ROW(0" AGG_EVENT_COLUMNS(AGG_COMMA_OLD) ") IS NOT DISTINCT FROM ROW(0" AGG_EVENT_COLUMNS(
        AGG_COMMA_NEW) ") "
                       "AND (f.kind = 'finished') = (l.kind = 'deleted') AS nothing" AGG_EVENT_COLUMNS(
                           AGG_COMMA_OLD) " FROM chain AS c "
                                          "JOIN @agg_events AS f ON f.batch = $1 AND f.ordinal = c.first JOIN @agg_events AS l ON l.batch = $1 AND l.ordinal = c.last "
                                          "WHERE c.ordinal = c.last AND c.first < c.last), "
#define AGG_SET_OLD(name) ", old_" #name " = n.old_" #name
                                          "merged AS (UPDATE @agg_events AS e SET kind = CASE WHEN n.fresh THEN 'finished' WHEN n.gone THEN 'deleted' ELSE 'revised' "
                                          "END" AGG_EVENT_COLUMNS(
                                              AGG_SET_OLD) " FROM net AS n WHERE e.batch = $1 AND e.ordinal = n.ordinal AND NOT n.nothing) "
                                                           "DELETE FROM @agg_events AS e USING (SELECT c.ordinal FROM chain AS c WHERE c.ordinal < c.last "
                                                           "UNION ALL SELECT n.ordinal FROM net AS n WHERE n.nothing) AS g WHERE e.batch = $1 AND e.ordinal = g.ordinal";

static void run_on(const char *table, const char *sql, int count, Oid *types, Datum *values) {
	agg_scope *scope = agg_act_as_owner(agg_find_table(own.schema, table));

	(void)agg_execute(scope, agg_in_schema(own.schema, sql), count, types, values, false);
	agg_stop_acting(scope);
}

/* Others read it, and look at the tables, without a lock; who commits events waits here for who does so now. */
static void lock_order(Oid batches) {
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, batches, 1);
	(void)LockAcquire(&tag, ExclusiveLock, false, false);
}

/* The newest id as of now. */
static int64 newest_event(Oid batches) {
	agg_scope *scope;
	bool is_null;
	int64 newest = 0;

	PushActiveSnapshot(GetLatestSnapshot());
	scope = agg_act_as_owner(batches);
	if (agg_execute(scope, agg_in_schema(own.schema, AGG_NEWEST_EVENT), 0, NULL, NULL, true) > 0)
		newest = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	agg_stop_acting(scope);
	PopActiveSnapshot();
	return newest;
}

static void number_batch(void) {
	Oid batches = agg_find_table(own.schema, "agg_event_batches");
	Oid types[] = {UUIDOID, INT8OID, INT8OID};
	Datum values[3] = {UUIDPGetDatum(&own.batch)};
	int64 step = Max(agg_setting_events_kept / CHECKS_OF_SIZE, 1);
	int64 newest;

	if (own.twice && own.count > 1)
		run_on("agg_events", merge_changes, 1, types, values);
	lock_order(batches);
	newest = newest_event(batches);
	values[1] = Int64GetDatum(newest + 1);
	values[2] = Int64GetDatum(newest + own.count);
	run_on("agg_event_batches", "INSERT INTO @agg_event_batches (batch, first_id, last_id, made_at) VALUES ($1, $2, $3, clock_timestamp())",
	       lengthof(types), types, values);
	Async_Notify(AGG_EVENT_CHANNEL, "");
	/* A transaction with one snapshot cannot free what others have freed since; the next one does. */
	if (newest / step != (newest + own.count) / step && !IsolationUsesXactSnapshot())
		run_on("agg_events", AGG_PRUNE_EVENTS, 0, NULL, NULL);
}

static void end_batch(void) {
	if (own.layers != NULL && own.layers->count > 0)
		write_layer(own.layers);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	number_batch();
	SPI_finish();
	PopActiveSnapshot();
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	switch (event) {
	case XACT_EVENT_PRE_COMMIT:
		if (own.count > 0)
			end_batch();
		break;
	case XACT_EVENT_PRE_PREPARE:
		if (own.count > 0)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			                errmsg("a transaction that changes bars somebody is subscribed to cannot be prepared"),
			                errdetail("Until it is committed, nobody else could commit bars."), errhint("Commit it in one step.")));
		break;
	case XACT_EVENT_COMMIT:
	case XACT_EVENT_ABORT:
	case XACT_EVENT_PREPARE:
		memset(&own, 0, sizeof(own));
		break;
	default:
		break;
	}
}

static void end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent pg_attribute_unused(),
                                  void *argument pg_attribute_unused()) {
	if (own.layers == NULL || own.layers->id != id)
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) {
		if (own.layers->count > 0)
			write_layer(own.layers);
		drop_layer();
	} else if (event == SUBXACT_EVENT_ABORT_SUB) {
		drop_layer();
	}
}

/* ---- noting ---- */

/* To be asked before agg_note_event(). */
bool agg_event_is_wanted(Oid schema, const text *symbol, const text *timeframe) {
	static bool registered = false;

	if (!registered) {
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		registered = true;
	}
	if (!OidIsValid(own.schema))
		find_wanted(schema);
	for (int i = 0; i < own.wanted_count; i++) {
		const wanted *one = &own.wanted[i];

		if (is_among(timeframe, one->timeframes, one->timeframe_count) && is_among(symbol, one->symbols, one->symbol_count))
			return true;
	}
	return false;
}

static layer *current_layer(void) {
	SubTransactionId id = GetCurrentSubTransactionId();
	layer *fresh;

	if (own.layers != NULL && own.layers->id == id)
		return own.layers;
	fresh = MemoryContextAllocZero(TopTransactionContext, sizeof(layer));
	fresh->memory = AllocSetContextCreate(TopTransactionContext, "aggregation noted events", ALLOCSET_DEFAULT_SIZES);
	fresh->id = id;
	fresh->below = own.layers;
	own.layers = fresh;
	return fresh;
}

static void begin_batch(void) {
	if (!pg_strong_random(own.batch.data, UUID_LEN))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
}

static text *copy_of(const text *one) {
	return cstring_to_text_with_len(VARDATA_ANY(one), (int)VARSIZE_ANY_EXHDR(one));
}

void agg_note_event(const agg_event_key *key, const agg_event_bar *old, const agg_event_bar *fresh) {
	layer *noted;
	noted_event *event;
	MemoryContext caller;

	if (own.count == 0)
		begin_batch();
	noted = current_layer();
	caller = MemoryContextSwitchTo(noted->memory);
	if (noted->events == NULL)
		noted->events = palloc(sizeof(noted_event) * EVENTS_IN_LAYER);
	event = &noted->events[noted->count];
	event->ordinal = ++own.count;
	event->kind = !old->live ? "finished" : !fresh->live ? "deleted" : "revised";
	event->symbol = copy_of(key->symbol);
	event->timeframe = copy_of(key->timeframe);
	event->time = key->time;
	event->old = *old;
	event->fresh = *fresh;
	own.twice = own.twice || old->live;
	MemoryContextSwitchTo(caller);
	if (++noted->count == EVENTS_IN_LAYER)
		write_layer(noted);
}
