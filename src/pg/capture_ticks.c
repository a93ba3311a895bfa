/*
 * Ticks: the triggers of a table that is a tick source (ops/ticks/tick_triggers.h). They note the minutes of the ticks that a statement
 * inserts, changes or deletes, in memory (transaction_changes.c). Whatever a row holds, nobody's insert fails here: what has no symbol or
 * no time is in no minute.
 */
#include "settings.h"
#include "shim.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "ops/ticks/tick_triggers.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

typedef struct tick_columns {
	const char *source; /* lives as long as the trigger's description; NULL: the columns are not known any more */
	agg_table_set set;  /* of the extension */
	AttrNumber time;
	AttrNumber symbol;
	int count; /* of all that ticks have */
	AttrNumber all[FLEXIBLE_ARRAY_MEMBER];
} tick_columns;

static const Trigger *columns_trigger(Relation ticks, const Trigger *noting) {
	const TriggerDesc *triggers = ticks->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++) {
		const Trigger *one = &triggers->triggers[i];

		if (one->tgfoid == noting->tgfoid && one->tgnattr >= AGG_FEWEST_TICK_COLUMNS && one->tgnargs == 1 &&
		    strcmp(one->tgargs[0], noting->tgargs[0]) == 0)
			return one;
	}
	return NULL;
}

static bool is_of_type(Relation ticks, AttrNumber column, Oid type, Oid or_type) {
	Oid present = getBaseType(TupleDescAttr(RelationGetDescr(ticks), column - 1)->atttypid);

	return present == type || present == or_type;
}

/* Once for each trigger and statement. */
static const tick_columns *columns_of(FunctionCallInfo fcinfo, Relation ticks, const Trigger *noting) {
	tick_columns *columns = fcinfo->flinfo->fn_extra;
	const Trigger *named;
	int count;

	if (columns != NULL)
		return columns;
	named = columns_trigger(ticks, noting);
	count = named == NULL ? 0 : named->tgnattr;
	columns = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, offsetof(tick_columns, all) + sizeof(AttrNumber) * count);
	if (named != NULL && is_of_type(ticks, named->tgattr[0], TIMESTAMPTZOID, TIMESTAMPTZOID) &&
	    is_of_type(ticks, named->tgattr[1], TEXTOID, VARCHAROID)) {
		columns->source = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, noting->tgargs[0]);
		columns->set = agg_set_of_call(fcinfo);
		columns->time = named->tgattr[0];
		columns->symbol = named->tgattr[1];
		columns->count = count;
		memcpy(columns->all, named->tgattr, sizeof(AttrNumber) * count);
	}
	fcinfo->flinfo->fn_extra = columns;
	return columns;
}

static void note_tick(TupleTableSlot *row, const tick_columns *columns, bool gone) {
	bool time_is_null;
	bool symbol_is_null;
	Datum time = slot_getattr(row, columns->time, &time_is_null);
	Datum symbol = slot_getattr(row, columns->symbol, &symbol_is_null);

	if (time_is_null || symbol_is_null)
		return;
	if (!agg_has_noted_changes())
		agg_bound_log(columns->set);
	agg_note_tick(columns->set, columns->source, DatumGetTextPP(symbol), DatumGetTimestampTz(time), gone);
}

static bool same_value(TupleTableSlot *a, TupleTableSlot *b, AttrNumber column) {
	Form_pg_attribute attribute = TupleDescAttr(a->tts_tupleDescriptor, column - 1);
	bool a_is_null;
	bool b_is_null;
	Datum a_datum = slot_getattr(a, column, &a_is_null);
	Datum b_datum = slot_getattr(b, column, &b_is_null);

	if (a_is_null || b_is_null)
		return a_is_null == b_is_null;
	return datum_image_eq(a_datum, b_datum, attribute->attbyval, attribute->attlen);
}

static int64 minute_of(TimestampTz time) {
	return time / USECS_PER_MINUTE - (time % USECS_PER_MINUTE < 0 ? 1 : 0);
}

static bool same_minute(TupleTableSlot *a, TupleTableSlot *b, AttrNumber column) {
	bool a_is_null;
	bool b_is_null;
	Datum a_datum = slot_getattr(a, column, &a_is_null);
	Datum b_datum = slot_getattr(b, column, &b_is_null);

	if (a_is_null || b_is_null)
		return a_is_null == b_is_null;
	return minute_of(DatumGetTimestampTz(a_datum)) == minute_of(DatumGetTimestampTz(b_datum));
}

/* An update that leaves everything that minutes are made of as it was is no change. A tick that moves to another minute leaves its own. */
static void note_update(TupleTableSlot *old, TupleTableSlot *fresh, const tick_columns *columns) {
	bool same = true;

	for (int i = 0; same && i < columns->count; i++)
		same = same_value(old, fresh, columns->all[i]);
	if (same)
		return;
	note_tick(fresh, columns, false);
	if (!same_minute(old, fresh, columns->time) || !same_value(old, fresh, columns->symbol))
		note_tick(old, columns, true);
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_capture_ticks);
extern Datum reconnect_to_use_aggregation_1_1_agg_capture_ticks(PG_FUNCTION_ARGS);

Datum reconnect_to_use_aggregation_1_1_agg_capture_ticks(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	const tick_columns *columns;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
	    trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg(AGG_TICK_FUNCTION "() must be fired after INSERT, UPDATE or DELETE for each row, with the name of a tick source"),
		         errhint("agg_add_tick_source() puts the triggers on a table of ticks.")));
	if (!agg_setting_tracking || trigger->tg_trigger->tgnattr > 0)
		return PointerGetDatum(NULL);
	columns = columns_of(fcinfo, trigger->tg_relation, trigger->tg_trigger);
	if (columns->source == NULL)
		return PointerGetDatum(NULL);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_update(trigger->tg_trigslot, trigger->tg_newslot, columns);
	else
		note_tick(trigger->tg_trigslot, columns, TRIGGER_FIRED_BY_DELETE(trigger->tg_event));
	return PointerGetDatum(NULL);
}
