/*
 * Rows of agg_events and agg_bar_revisions: who may write bars needs no right on them.
 */
#include "event_log.h"
#include "own_rows.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

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
	AttrNumber old_revision;
	AttrNumber fresh_revision;
	AttrNumber wanted;
	AttrNumber kept_since;
	pg_uuid_t *id; /* of the batch */
	const agg_noted_event *events;
	int count;
	int next;
} event_rows;

/* What an event holds of a value is as wide as what note_event.c has noted. */
static AttrNumber value_column(Relation table, const char *state, const char *name) {
	bool count = strcmp(name, "trade_count") == 0 || strcmp(name, "quality_score") == 0;

	return agg_own_column(table, psprintf("%s%s", state, name), count ? INT8OID : FLOAT8OID);
}

#define AGG_COLUMN_NAME(name) #name,

static void begin_rows(agg_own_rows *base, Relation events) {
	static const char *const names[] = {AGG_EVENT_COLUMNS(AGG_COLUMN_NAME)};
	event_rows *rows = (event_rows *)base;

	rows->batch = agg_own_column(events, "batch", UUIDOID);
	rows->ordinal = agg_own_column(events, "ordinal", INT8OID);
	rows->kind = agg_own_column(events, "kind", TEXTOID);
	rows->symbol = agg_own_column(events, "canonical_symbol", TEXTOID);
	rows->timeframe = agg_own_column(events, "timeframe", TEXTOID);
	rows->time = agg_own_column(events, "ts_utc", TIMESTAMPTZOID);
	rows->old_revision = agg_own_column(events, "old_revision", INT4OID);
	rows->fresh_revision = agg_own_column(events, "new_revision", INT4OID);
	rows->wanted = agg_own_column(events, "wanted", BOOLOID);
	rows->kept_since = agg_own_column(events, "kept_since", TIMESTAMPTZOID);
	for (int i = 0; i < AGG_EVENT_VALUES; i++) {
		rows->old[i] = value_column(events, "old_", names[i]);
		rows->fresh[i] = value_column(events, "new_", names[i]);
	}
}

static void set_bar(TupleTableSlot *slot, const AttrNumber *columns, AttrNumber revision, const agg_event_bar *bar) {
	if (!bar->live)
		return;
	agg_set_column(slot, revision, Int32GetDatum(bar->revision));
	for (int i = 0; i < AGG_EVENT_VALUES; i++) {
		if (!bar->is_null[i])
			agg_set_column(slot, columns[i], bar->values[i]);
	}
}

static bool next_row(agg_own_rows *base, TupleTableSlot *slot) {
	event_rows *rows = (event_rows *)base;
	const agg_noted_event *event;

	while (rows->next < rows->count && !rows->events[rows->next].by_consumer && !agg_event_is_kept(&rows->events[rows->next]))
		rows->next++;
	if (rows->next == rows->count)
		return false;
	event = &rows->events[rows->next++];
	agg_set_column(slot, rows->batch, UUIDPGetDatum(rows->id));
	agg_set_column(slot, rows->ordinal, Int64GetDatum(event->ordinal));
	agg_set_column(slot, rows->kind, CStringGetTextDatum(event->kind));
	agg_set_column(slot, rows->symbol, PointerGetDatum(event->symbol));
	agg_set_column(slot, rows->timeframe, PointerGetDatum(event->timeframe));
	agg_set_column(slot, rows->time, TimestampTzGetDatum(event->time));
	set_bar(slot, rows->old, rows->old_revision, &event->old);
	set_bar(slot, rows->fresh, rows->fresh_revision, &event->fresh);
	agg_set_column(slot, rows->wanted, BoolGetDatum(event->by_consumer));
	if (agg_event_is_kept(event))
		agg_set_column(slot, rows->kept_since, TimestampTzGetDatum(event->kept_since));
	return true;
}

static void insert_into(agg_table_set set, const char *name, agg_own_rows *rows) {
	Oid table = agg_find_table(set, name);
	agg_scope *scope = agg_act_as_owner_of_log(table);

	agg_insert_own_rows(scope, table, rows);
	agg_stop_acting(scope);
}

void agg_write_events(agg_table_set set, pg_uuid_t *batch, const agg_noted_event *events, int count) {
	event_rows rows = {.base = {begin_rows, next_row}, .id = batch, .events = events, .count = count, .next = 0};

	insert_into(set, "agg_events", &rows.base);
}

typedef struct revision_rows {
	agg_own_rows base;
	AttrNumber symbol;
	AttrNumber timeframe;
	AttrNumber time;
	AttrNumber made_at;
	AttrNumber revision;
	AttrNumber deleted;
	AttrNumber values[AGG_EVENT_VALUES];
	TimestampTz made;
	const agg_noted_event *events;
	int count;
	int next;
} revision_rows;

static void begin_revisions(agg_own_rows *base, Relation revisions) {
	static const char *const names[] = {AGG_EVENT_COLUMNS(AGG_COLUMN_NAME)};
	revision_rows *rows = (revision_rows *)base;

	rows->symbol = agg_own_column(revisions, "canonical_symbol", TEXTOID);
	rows->timeframe = agg_own_column(revisions, "timeframe", TEXTOID);
	rows->time = agg_own_column(revisions, "ts_utc", TIMESTAMPTZOID);
	rows->made_at = agg_own_column(revisions, "made_at", TIMESTAMPTZOID);
	rows->revision = agg_own_column(revisions, "revision", INT4OID);
	rows->deleted = agg_own_column(revisions, "deleted", BOOLOID);
	for (int i = 0; i < AGG_EVENT_VALUES; i++)
		rows->values[i] = value_column(revisions, "", names[i]);
}

static bool next_revision(agg_own_rows *base, TupleTableSlot *slot) {
	revision_rows *rows = (revision_rows *)base;
	const agg_noted_event *event;

	while (rows->next < rows->count && !agg_event_is_kept(&rows->events[rows->next]))
		rows->next++;
	if (rows->next == rows->count)
		return false;
	event = &rows->events[rows->next++];
	agg_set_column(slot, rows->symbol, PointerGetDatum(event->symbol));
	agg_set_column(slot, rows->timeframe, PointerGetDatum(event->timeframe));
	agg_set_column(slot, rows->time, TimestampTzGetDatum(event->time));
	agg_set_column(slot, rows->made_at, TimestampTzGetDatum(rows->made));
	agg_set_column(slot, rows->deleted, BoolGetDatum(false));
	set_bar(slot, rows->values, rows->revision, &event->fresh);
	return true;
}

void agg_write_new_revisions(agg_table_set set, TimestampTz made, const agg_noted_event *events, int count) {
	revision_rows rows = {.base = {begin_revisions, next_revision}, .made = made, .events = events, .count = count, .next = 0};

	insert_into(set, "agg_bar_revisions", &rows.base);
}
