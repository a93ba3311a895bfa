/*
 * Events: the trigger of derived_data_bars, which is there only while somebody is subscribed or a task keeps its revisions. It notes each
 * row that changes what readers see of a bar, whoever writes it (event_log.c).
 *
 *   no live row  ->  live row      finished
 *   live row     ->  other values  revised
 *   live row     ->  no live row   deleted
 */
#include "event_log.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "ops/marks/events.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct event_columns {
	AttrNumber symbol;
	AttrNumber timeframe;
	AttrNumber time;
	AttrNumber deleted;
	AttrNumber revision; /* invalid: tables of an older release */
	AttrNumber values[AGG_EVENT_VALUES];
	Oid types[AGG_EVENT_VALUES];
	agg_table_set set; /* of the extension */
} event_columns;

static Oid type_of(Relation bars, const char *name, AttrNumber *number) {
	*number = get_attnum(RelationGetRelid(bars), name);
	return *number == InvalidAttrNumber ? InvalidOid : TupleDescAttr(RelationGetDescr(bars), *number - 1)->atttypid;
}

static void refuse_column(Relation bars, const char *name) {
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
	                errmsg("column \"%s\" of table \"%s\" is not what events of bars need", name, RelationGetRelationName(bars)),
	                errhint("Change the column; agg_setup() lists all differences.")));
}

static AttrNumber column_of(Relation bars, const char *name, Oid type, Oid or_type) {
	AttrNumber number;
	Oid present = type_of(bars, name, &number);

	if (!OidIsValid(present) || (present != type && present != or_type))
		refuse_column(bars, name);
	return number;
}

/* Once for each trigger and statement. */
static const event_columns *columns_of(FunctionCallInfo fcinfo, Relation bars) {
#define AGG_COLUMN_NAME(name) #name,
	static const char *const values[AGG_EVENT_VALUES] = {AGG_EVENT_COLUMNS(AGG_COLUMN_NAME)};
	agg_table_set set;
	event_columns *columns = fcinfo->flinfo->fn_extra;

	if (columns != NULL)
		return columns;
	set = agg_set_of_trigger(fcinfo, bars, AGG_EVENT_TRIGGER, "derived_data_bars");
	columns = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(event_columns));
	columns->symbol = column_of(bars, "canonical_symbol", TEXTOID, VARCHAROID);
	columns->timeframe = column_of(bars, "timeframe", TEXTOID, VARCHAROID);
	columns->time = column_of(bars, "ts_utc", TIMESTAMPTZOID, TIMESTAMPTZOID);
	columns->deleted = column_of(bars, "deleted_at", TIMESTAMPTZOID, TIMESTAMPTZOID);
	for (int i = 0; i < AGG_EVENT_VALUES; i++) {
		columns->types[i] = type_of(bars, values[i], &columns->values[i]);
		if (columns->types[i] != FLOAT8OID && columns->types[i] != INT2OID && columns->types[i] != INT4OID && columns->types[i] != INT8OID)
			refuse_column(bars, values[i]);
	}
	if (type_of(bars, "revision", &columns->revision) != INT4OID)
		columns->revision = InvalidAttrNumber;
	columns->set = set;
	fcinfo->flinfo->fn_extra = columns;
	return columns;
}

/* Counts are 64 bits wide in an event, whatever the table's owner made them. */
static Datum value_of(TupleTableSlot *row, const event_columns *columns, int i, bool *is_null) {
	Datum value = slot_getattr(row, columns->values[i], is_null);

	if (*is_null)
		return (Datum)0;
	switch (columns->types[i]) {
	case INT2OID:
		return Int64GetDatum(DatumGetInt16(value));
	case INT4OID:
		return Int64GetDatum(DatumGetInt32(value));
	default:
		return value;
	}
}

/* False: the row has no key, so it is nobody's bar. */
static bool key_of(TupleTableSlot *row, const event_columns *columns, agg_event_key *key) {
	bool is_null[3];
	Datum symbol = slot_getattr(row, columns->symbol, &is_null[0]);
	Datum timeframe = slot_getattr(row, columns->timeframe, &is_null[1]);
	Datum time = slot_getattr(row, columns->time, &is_null[2]);

	if (is_null[0] || is_null[1] || is_null[2])
		return false;
	key->symbol = DatumGetTextPP(symbol);
	key->timeframe = DatumGetTextPP(timeframe);
	key->time = DatumGetTimestampTz(time);
	return true;
}

static bool is_live(TupleTableSlot *row, const event_columns *columns) {
	bool is_null;

	(void)slot_getattr(row, columns->deleted, &is_null);
	return is_null;
}

static int32 revision_of(TupleTableSlot *row, const event_columns *columns) {
	bool is_null = true;
	Datum revision = columns->revision == InvalidAttrNumber ? (Datum)0 : slot_getattr(row, columns->revision, &is_null);

	return is_null ? 1 : DatumGetInt32(revision);
}

static agg_event_bar bar_of(TupleTableSlot *row, const event_columns *columns) {
	agg_event_bar bar = {.live = is_live(row, columns), .revision = revision_of(row, columns)};

	for (int i = 0; bar.live && i < AGG_EVENT_VALUES; i++)
		bar.values[i] = value_of(row, columns, i, &bar.is_null[i]);
	return bar;
}

static bool same_text(const text *a, const text *b) {
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static bool same_key(const agg_event_key *a, const agg_event_key *b) {
	return a->time == b->time && same_text(a->symbol, b->symbol) && same_text(a->timeframe, b->timeframe);
}

/* Bit by bit, as the engine compares them. */
static bool same_bar(const agg_event_bar *a, const agg_event_bar *b) {
	bool same = a->live == b->live;

	for (int i = 0; same && a->live && i < AGG_EVENT_VALUES; i++)
		same = a->is_null[i] == b->is_null[i] && (a->is_null[i] || a->values[i] == b->values[i]);
	return same;
}

/* What became of one bar. */
static void note(const event_columns *columns, const agg_event_key *key, const agg_event_bar *old, const agg_event_bar *fresh) {
	bool by_consumer;

	if (!same_bar(old, fresh) && agg_event_is_wanted(columns->set, key->symbol, key->timeframe, &by_consumer))
		agg_note_event(columns->set, key, old, fresh, by_consumer);
}

static void note_one(TupleTableSlot *row, const event_columns *columns, bool is_fresh) {
	const agg_event_bar none = {.live = false};
	agg_event_key key;
	agg_event_bar bar;

	if (!is_live(row, columns) || !key_of(row, columns, &key))
		return;
	bar = bar_of(row, columns);
	note(columns, &key, is_fresh ? &none : &bar, is_fresh ? &bar : &none);
}

static void note_update(TupleTableSlot *before, TupleTableSlot *after, const event_columns *columns) {
	agg_event_key old_key;
	agg_event_key key;

	if (key_of(before, columns, &old_key) && key_of(after, columns, &key) && same_key(&old_key, &key)) {
		agg_event_bar old = bar_of(before, columns);
		agg_event_bar fresh = bar_of(after, columns);

		note(columns, &key, &old, &fresh);
		return;
	}
	note_one(before, columns, false);
	note_one(after, columns, true);
}

/* What an operation's own statement takes away because it is old has not become anything else. */
static bool retires_bars = false;

void agg_operation_retires_bars(bool retires) {
	retires_bars = retires;
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_event);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_event(PG_FUNCTION_ARGS);

/* AFTER INSERT OR UPDATE OR DELETE ON derived_data_bars FOR EACH ROW. */
Datum reconnect_to_use_aggregation_1_1_agg_note_event(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	const event_columns *columns;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg(AGG_EVENT_TRIGGER "() must be fired after INSERT, UPDATE or DELETE for each row"),
		                errhint("agg_subscribe() and agg_set_keep_revisions() put the trigger on derived_data_bars.")));
	if (retires_bars && TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return PointerGetDatum(NULL);
	columns = columns_of(fcinfo, trigger->tg_relation);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_update(trigger->tg_trigslot, trigger->tg_newslot, columns);
	else
		note_one(trigger->tg_trigslot, columns, TRIGGER_FIRED_BY_INSERT(trigger->tg_event));
	return PointerGetDatum(NULL);
}
