/*
 * The outbox of events (src/ops/marks/events.h), as the writers of bars see it:
 *
 *   BEGIN      UPDATE ...   SAVEPOINT a   COPY ...     ROLLBACK TO a   COMMIT
 *              note         layer a       note, write  gone with a     write, merge, number, notify
 *
 * Events become rows of agg_events where there are many of them, so that a transaction of any size holds but a layer of them for each
 * subtransaction in memory; a rollback takes them along. They have no place in the order of all events before the commit: then the
 * transaction takes a lock, gives them the next ids, and keeps the lock until it has ended. So ids rise in the order of commits: whoever
 * sees an event sees all before it, and nothing appears behind a reader's back. Who writes bars of a task holds the task's row until he
 * ends, so a task's events are in the order of its changes, too. (PostgreSQL takes such a lock itself for whoever uses NOTIFY.)
 *
 * Where a transaction changes a bar more than once, one event tells what came of it, or none.
 *
 * What tasks that keep their revisions have to know goes the same way, and into agg_bar_revisions as soon as the transaction has its place;
 * what no consumer wants goes from agg_events then.
 */
#include "event_log.h"
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
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define EVENTS_IN_LAYER 16384
#define EVENTS_AT_FIRST 64
#define CHECKS_OF_SIZE 16 /* while as many events are made as are kept */

/* What a subtransaction has noted and not written yet. */
typedef struct layer {
	SubTransactionId id;
	MemoryContext memory;
	agg_noted_event *events;
	int count;
	int room;
	struct layer *below;
} layer;

/* Of this transaction; all of it is in its memory. */
static struct {
	agg_table_set set;
	bool any_by_consumer; /* of what was noted */
	bool any_written;
	layer *layers; /* the innermost one first */
	pg_uuid_t batch;
	int64 count;
	bool twice; /* some bar may have been changed twice */
	/* What was written, rolled back since or not. */
	bool any_for_consumers;
	bool any_for_history;
} own;

/* In the current subtransaction, which must be the layer's. */
static void write_layer(layer *noted) {
	agg_find_kept(own.set, noted->events, noted->count);
	for (int i = 0; i < noted->count; i++) {
		own.any_for_consumers |= noted->events[i].by_consumer;
		own.any_for_history |= agg_event_is_kept(&noted->events[i]);
	}
	agg_write_events(own.set, &own.batch, noted->events, noted->count);
	MemoryContextReset(noted->memory);
	noted->events = NULL;
	noted->count = 0;
	noted->room = 0;
	own.any_written = true;
}

/*
 * Where all that a transaction does is to make new bars of which nobody but the history is to know, as a tick does, they need not wait in
 * agg_events: they are at hand.
 */
static bool all_at_hand(void) {
	return own.layers != NULL && own.layers->below == NULL && !own.any_written && !own.any_by_consumer && !own.twice;
}

static void drop_layer(void) {
	layer *gone = own.layers;

	own.layers = gone->below;
	MemoryContextDelete(gone->memory);
	pfree(gone);
}

/* ---- the end of the transaction ---- */

/*
 * The first event of a bar says what it was before, the last one what it is now; they make one event, which is the last one's. Where the
 * bar is what it was, it is none; but if it has another number all the same, the history has to know.
 */
#define AGG_COMMA_OLD(name) ", f.old_" #name
#define AGG_COMMA_NEW(name) ", l.new_" #name
#define AGG_SET_OLD(name) ", old_" #name " = n.old_" #name
/* clang-format off */
static const char merge_changes[] =
    "WITH chain AS MATERIALIZED (SELECT e.ordinal, min(e.ordinal) OVER w AS first, max(e.ordinal) OVER w AS last FROM @agg_events AS e "
    "WHERE e.batch = $1 WINDOW w AS (PARTITION BY e.canonical_symbol, e.timeframe, e.ts_utc)), "
    "net AS MATERIALIZED (SELECT c.ordinal, f.kind = 'finished' AS fresh, l.kind = 'deleted' AS gone, s.same, "
    "s.same AND (l.kept_since IS NULL OR f.old_revision IS NOT DISTINCT FROM l.new_revision) AS nothing, "
    "f.old_revision" AGG_EVENT_COLUMNS(AGG_COMMA_OLD) " "
    "FROM chain AS c JOIN @agg_events AS f ON f.batch = $1 AND f.ordinal = c.first JOIN @agg_events AS l ON l.batch = $1 AND l.ordinal = c.last "
    "CROSS JOIN LATERAL (SELECT (f.kind = 'finished') = (l.kind = 'deleted') "
    "AND ROW(0" AGG_EVENT_COLUMNS(AGG_COMMA_OLD) ")::record *= ROW(0" AGG_EVENT_COLUMNS(AGG_COMMA_NEW) ")::record AS same) AS s "
    "WHERE c.ordinal = c.last AND c.first < c.last), "
    "merged AS (UPDATE @agg_events AS e SET kind = CASE WHEN n.fresh THEN 'finished' WHEN n.gone THEN 'deleted' ELSE 'revised' END, "
    "wanted = e.wanted AND NOT n.same, old_revision = n.old_revision" AGG_EVENT_COLUMNS(AGG_SET_OLD) " "
    "FROM net AS n WHERE e.batch = $1 AND e.ordinal = n.ordinal AND NOT n.nothing) "
    "DELETE FROM @agg_events AS e USING (SELECT c.ordinal FROM chain AS c WHERE c.ordinal < c.last "
    "UNION ALL SELECT n.ordinal FROM net AS n WHERE n.nothing) AS g WHERE e.batch = $1 AND e.ordinal = g.ordinal";
/* clang-format on */

/*
 * What becomes current with this transaction. A bar of which nothing is known since its task keeps revisions has not changed since then:
 * what it was before is known now.
 */
#define AGG_COMMA_COLUMN(name) ", " #name
#define AGG_COMMA_EVENT_OLD(name) ", e.old_" #name
#define AGG_COMMA_EVENT_NEW(name) ", e.new_" #name
/* clang-format off */
static const char store_revisions[] =
    "INSERT INTO @agg_bar_revisions (canonical_symbol, timeframe, ts_utc, made_at, revision, deleted" AGG_EVENT_COLUMNS(AGG_COMMA_COLUMN) ") "
    "SELECT e.canonical_symbol, e.timeframe, e.ts_utc, $2, COALESCE(e.new_revision, e.old_revision), e.kind = 'deleted'"
    AGG_EVENT_COLUMNS(AGG_COMMA_EVENT_NEW) " FROM @agg_events AS e WHERE e.batch = $1 AND e.kept_since IS NOT NULL "
    "UNION ALL "
    "SELECT e.canonical_symbol, e.timeframe, e.ts_utc, e.kept_since, e.old_revision, false" AGG_EVENT_COLUMNS(AGG_COMMA_EVENT_OLD) " "
    "FROM @agg_events AS e WHERE e.batch = $1 AND e.kept_since IS NOT NULL AND e.kind <> 'finished' AND NOT EXISTS ("
    "SELECT FROM @agg_bar_revisions AS r WHERE r.canonical_symbol = e.canonical_symbol AND r.timeframe = e.timeframe AND r.ts_utc = e.ts_utc "
    "AND r.made_at >= e.kept_since OFFSET 0)";
/* clang-format on */

static void run_on(const char *table, const char *sql, int count, Oid *types, Datum *values) {
	agg_scope *scope = agg_act_as_owner(agg_find_table(own.set, table));

	(void)agg_execute(scope, agg_in_set(own.set, sql), count, types, values, false);
	agg_stop_acting(scope);
}

/* Statistics say that a batch has a row, and it has thousands: they must not be joined row by row. */
static void merge_batch(Oid *types, Datum *values) {
	agg_scope *scope = agg_act_as_owner(agg_find_table(own.set, "agg_events"));

	agg_avoid_loops(scope);
	(void)agg_execute(scope, agg_in_set(own.set, merge_changes), 1, types, values, false);
	agg_stop_acting(scope);
}

/* Others read it, and look at the tables, without a lock; who commits events waits here for who does so now. */
static void lock_order(Oid batches) {
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, batches, 1);
	(void)LockAcquire(&tag, ExclusiveLock, false, false);
}

typedef struct place_in_order {
	int64 id;
	TimestampTz time;
} place_in_order;

/* Of the newest event, as of now. */
static place_in_order newest_place(Oid batches) {
	agg_scope *scope;
	bool is_null;
	place_in_order newest = {0, DT_NOBEGIN};

	PushActiveSnapshot(GetLatestSnapshot());
	scope = agg_act_as_owner(batches);
	if (agg_execute(scope, agg_in_set(own.set, AGG_NEWEST_BATCH("n.last_id, n.made_at")), 0, NULL, NULL, true) > 0) {
		newest.id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
		newest.time = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &is_null));
	}
	agg_stop_acting(scope);
	PopActiveSnapshot();
	return newest;
}

/* Times rise with ids, whatever the clock says. */
static place_in_order place_behind(place_in_order newest) {
	TimestampTz now = GetCurrentTimestamp();

	return (place_in_order) {newest.id + own.count, now > newest.time ? now : newest.time + 1};
}

/* Without events: instead of the last one, if that had none either. Nobody waits for who frees what was acknowledged. */
static const char take_place[] =
    "WITH last AS (SELECT b.last_id FROM @agg_event_batches AS b WHERE b.last_id = $2 - 1 AND b.batch = " AGG_NO_EVENTS
    " FOR UPDATE SKIP LOCKED), "
    "gone AS (DELETE FROM @agg_event_batches AS b USING last AS l WHERE b.last_id = l.last_id) "
    "INSERT INTO @agg_event_batches (batch, made_at, first_id, last_id) VALUES (" AGG_NO_EVENTS ", $1, $2, $3)";

static void number_batch(bool at_hand) {
	Oid batches = agg_find_table(own.set, "agg_event_batches");
	Oid types[] = {UUIDOID, TIMESTAMPTZOID, INT8OID, INT8OID};
	Datum values[4] = {UUIDPGetDatum(&own.batch)};
	int64 step = Max(agg_setting_events_kept / CHECKS_OF_SIZE, 1);
	place_in_order newest;
	place_in_order place;

	if (!at_hand && own.twice && own.count > 1)
		merge_batch(types, values);
	lock_order(batches);
	newest = newest_place(batches);
	place = place_behind(newest);
	values[1] = TimestampTzGetDatum(place.time);
	values[2] = Int64GetDatum(newest.id + 1);
	values[3] = Int64GetDatum(place.id);
	if (at_hand) {
		agg_write_new_revisions(own.set, place.time, own.layers->events, own.layers->count);
	} else if (own.any_for_history) {
		run_on("agg_bar_revisions", store_revisions, 2, types, values);
		run_on("agg_events", "DELETE FROM @agg_events AS e WHERE e.batch = $1 AND NOT e.wanted", 1, types, values);
	}
	if (own.any_for_consumers) {
		run_on("agg_event_batches", "INSERT INTO @agg_event_batches (batch, made_at, first_id, last_id) VALUES ($1, $2, $3, $4)",
		       lengthof(types), types, values);
		Async_Notify(AGG_EVENT_CHANNEL, "");
	} else {
		run_on("agg_event_batches", take_place, lengthof(types) - 1, types + 1, values + 1);
	}
	/* A transaction with one snapshot cannot free what others have freed since; the next one does. */
	if (newest.id / step != place.id / step && !IsolationUsesXactSnapshot())
		run_on("agg_events", AGG_PRUNE_EVENTS, 0, NULL, NULL);
}

static bool any_is_kept(layer *noted) {
	bool any = false;

	agg_find_kept(own.set, noted->events, noted->count);
	for (int i = 0; !any && i < noted->count; i++)
		any = agg_event_is_kept(&noted->events[i]);
	return any;
}

/* Writes what is left, and says whether any of it is for somebody. */
static bool has_written(void) {
	if (own.layers != NULL && own.layers->count > 0)
		write_layer(own.layers);
	return own.any_for_consumers || own.any_for_history;
}

static void end_batch(void) {
	bool at_hand = all_at_hand();
	bool read_only = XactReadOnly;

	if (at_hand ? !any_is_kept(own.layers) : !has_written())
		return;
	XactReadOnly = false; /* SET TRANSACTION READ ONLY concerns what its user does from then on */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	number_batch(at_hand);
	SPI_finish();
	PopActiveSnapshot();
	XactReadOnly = read_only;
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	switch (event) {
	case XACT_EVENT_PRE_COMMIT:
		if (own.count > 0)
			end_batch();
		break;
	case XACT_EVENT_PRE_PREPARE:
		if (own.count > 0 && has_written())
			ereport(ERROR,
			        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			         errmsg("a transaction that changes bars somebody is subscribed to, or whose revisions are kept, cannot be prepared"),
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

static void end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *argument pg_attribute_unused()) {
	if (own.layers == NULL || own.layers->id != id)
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) {
		if (own.layers->below == NULL || own.layers->below->id != parent)
			return;
		if (own.layers->count > 0)
			write_layer(own.layers);
		drop_layer();
	} else if (event == SUBXACT_EVENT_COMMIT_SUB) {
		own.layers->id = parent; /* from now on it is a layer of his */
	} else if (event == SUBXACT_EVENT_ABORT_SUB) {
		drop_layer();
	}
}

/* ---- noting ---- */

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

static void begin_batch(agg_table_set set) {
	static bool registered = false;

	if (!registered) {
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		registered = true;
	}
	own.set = set;
	if (!pg_strong_random(own.batch.data, UUID_LEN))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
}

static text *copy_of(const text *one) {
	return cstring_to_text_with_len(VARDATA_ANY(one), (int)VARSIZE_ANY_EXHDR(one));
}

static bool same_text(const text *a, const text *b) {
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

void agg_note_event(agg_table_set set, const agg_event_key *key, const agg_event_bar *old, const agg_event_bar *fresh, bool by_consumer) {
	layer *noted;
	agg_noted_event *event;
	MemoryContext caller;

	if (own.count == 0)
		begin_batch(set);
	noted = current_layer();
	caller = MemoryContextSwitchTo(noted->memory);
	if (noted->count == noted->room) {
		noted->room = Max(2 * noted->room, EVENTS_AT_FIRST);
		noted->events = noted->events == NULL ? palloc(sizeof(agg_noted_event) * noted->room)
		                                      : repalloc(noted->events, sizeof(agg_noted_event) * noted->room);
	}
	event = &noted->events[noted->count];
	event->ordinal = ++own.count;
	event->kind = !old->live ? "finished" : !fresh->live ? "deleted" : "revised";
	event->symbol = noted->count > 0 && same_text(event[-1].symbol, key->symbol) ? event[-1].symbol : copy_of(key->symbol);
	event->timeframe = noted->count > 0 && same_text(event[-1].timeframe, key->timeframe) ? event[-1].timeframe : copy_of(key->timeframe);
	event->time = key->time;
	event->old = *old;
	event->fresh = *fresh;
	event->by_consumer = by_consumer;
	own.any_by_consumer |= by_consumer;
	event->kept_since = DT_NOEND;
	own.twice = own.twice || old->live;
	MemoryContextSwitchTo(caller);
	if (++noted->count == EVENTS_IN_LAYER)
		write_layer(noted);
}
