/*
 * Change capture: the triggers of data_bars, which note what a statement changes, row by row, in memory (transaction_changes.c).
 */
#include "settings.h"
#include "shim.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define VALUE_COLUMNS 7

typedef struct bar_columns {
	AttrNumber symbol;
	AttrNumber timeframe;
	AttrNumber time;
	AttrNumber values[VALUE_COLUMNS];
	agg_table_set set; /* of the extension */
} bar_columns;

static AttrNumber bar_column(Relation bars, const char *name, bool is_time) {
	AttrNumber number = get_attnum(RelationGetRelid(bars), name);
	Oid type = number == InvalidAttrNumber ? InvalidOid : TupleDescAttr(RelationGetDescr(bars), number - 1)->atttypid;

	if (is_time ? type != TIMESTAMPTZOID : type != TEXTOID && type != VARCHAROID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("table \"%s\" has no column \"%s\" of type %s", RelationGetRelationName(bars), name,
		                       is_time ? "timestamp with time zone" : "text"),
		                errhint("Change the column's type; agg_setup() lists all differences.")));
	return number;
}

/* A trigger function believes the table that it is for, and no other. */
static agg_table_set set_of(FunctionCallInfo fcinfo, Relation bars) {
	return agg_set_of_trigger(fcinfo, bars, "agg_capture_changes", "data_bars");
}

/* Once for each trigger and statement. */
static const bar_columns *columns_of(FunctionCallInfo fcinfo, Relation bars) {
	static const char *const values[VALUE_COLUMNS] = {"open", "high", "low", "close", "vol", "vwap", "trade_count"};
	bar_columns *columns = fcinfo->flinfo->fn_extra;
	agg_table_set set;

	if (columns != NULL)
		return columns;
	set = set_of(fcinfo, bars);
	columns = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(bar_columns));
	columns->symbol = bar_column(bars, "canonical_symbol", false);
	columns->timeframe = bar_column(bars, "timeframe", false);
	columns->time = bar_column(bars, "ts_utc", true);
	for (int i = 0; i < VALUE_COLUMNS; i++)
		columns->values[i] = get_attnum(RelationGetRelid(bars), values[i]);
	columns->set = set;
	fcinfo->flinfo->fn_extra = columns;
	return columns;
}

/* A bar is made of 1m bars; others in data_bars are nobody's source. */
static bool is_one_minute(const text *timeframe) {
	return VARSIZE_ANY_EXHDR(timeframe) == 2 && memcmp(VARDATA_ANY(timeframe), "1m", 2) == 0;
}

static void note_row(TupleTableSlot *row, const bar_columns *columns) {
	bool symbol_is_null;
	bool timeframe_is_null;
	bool time_is_null;
	Datum symbol_datum = slot_getattr(row, columns->symbol, &symbol_is_null);
	Datum timeframe = slot_getattr(row, columns->timeframe, &timeframe_is_null);
	Datum time = slot_getattr(row, columns->time, &time_is_null);

	if (symbol_is_null || timeframe_is_null || time_is_null || !is_one_minute(DatumGetTextPP(timeframe)))
		return;
	if (!agg_has_noted_changes())
		agg_bound_log(columns->set);
	agg_note_bar(columns->set, DatumGetTextPP(symbol_datum), DatumGetTimestampTz(time));
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
static void note_update(TupleTableSlot *old, TupleTableSlot *fresh, const bar_columns *columns) {
	bool same_key =
	    same_text(old, fresh, columns->symbol) && same_text(old, fresh, columns->timeframe) && same_value(old, fresh, columns->time);
	bool same = same_key;

	for (int i = 0; same && i < VALUE_COLUMNS; i++)
		same = same_value(old, fresh, columns->values[i]);
	if (same)
		return;
	note_row(fresh, columns);
	if (!same_key)
		note_row(old, columns);
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
		agg_table_set set = set_of(fcinfo, trigger->tg_relation);

		if (trigger->tg_relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) /* its partitions have triggers of their own */
			agg_note_table(set, trigger->tg_relation);
		return PointerGetDatum(NULL);
	}
	columns = columns_of(fcinfo, trigger->tg_relation);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		note_update(trigger->tg_trigslot, trigger->tg_newslot, columns);
	else
		note_row(trigger->tg_trigslot, columns);
	return PointerGetDatum(NULL);
}
