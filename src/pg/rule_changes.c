/*
 * What the trigger functions of rules have in common, calendars (calendar_changes.c) and indexes (index_changes.c): each is called for a
 * row before it is written, to look at what it says by itself; and once a statement, with the statement's rows: in "fresh" as they are, in
 * "gone" as they were.
 */
#include "shim.h"

#include "settings.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* AFTER, FOR EACH STATEMENT, with the rows; or BEFORE TRUNCATE. */
bool agg_is_trigger_of_rules(FunctionCallInfo fcinfo) {
	const TriggerData *trigger = (const TriggerData *)fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		return false;
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		return TRIGGER_FIRED_BEFORE(trigger->tg_event);
	return TRIGGER_FIRED_AFTER(trigger->tg_event) && (TRIGGER_FIRED_BY_DELETE(trigger->tg_event) || trigger->tg_newtable != NULL) &&
	       (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || trigger->tg_oldtable != NULL);
}

/* BEFORE INSERT or UPDATE, FOR EACH ROW. */
bool agg_is_row_trigger_of_rules(FunctionCallInfo fcinfo) {
	const TriggerData *trigger = (const TriggerData *)fcinfo->context;

	return CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_FOR_ROW(trigger->tg_event) && TRIGGER_FIRED_BEFORE(trigger->tg_event) &&
	       (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event));
}

/*
 * Gives an operation columns of a row that is about to be written, for it to refuse them in words of ours, where a CHECK or an index would
 * use PostgreSQL's. A NULL is left to NOT NULL. Returns the row.
 */
Datum agg_check_rule_row(TriggerData *trigger, agg_table_set set, agg_function check, const char *const *columns, size_t count) {
	HeapTuple row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	TupleDesc description = RelationGetDescr(trigger->tg_relation);
	agg_argument *arguments = palloc(sizeof(agg_argument) * count);

	if (!agg_setting_tracking)
		return PointerGetDatum(row);
	for (size_t i = 0; i < count; i++) {
		int number = SPI_fnumber(description, columns[i]);
		bool is_null = true;
		Datum value = (Datum)0;
		Oid type;

		if (number > 0)
			value = heap_getattr(row, number, description, &is_null);
		if (is_null)
			return PointerGetDatum(row);
		type = TupleDescAttr(description, number - 1)->atttypid;
		if (type == INT2OID) {
			value = Int32GetDatum(DatumGetInt16(value));
			type = INT4OID;
		}
		arguments[i] = agg_make_argument(columns[i], value, type);
	}
	agg_call_in_trigger(set, check, arguments, count);
	return PointerGetDatum(row);
}

void agg_connect_with_rows(TriggerData *trigger) {
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed");
}

/* A statement about the table and its changed rows. What it writes is not followed again. */
uint64 agg_run_on_rules(Oid table, const char *sql) {
	agg_scope *scope = agg_act_as_owner(table);
	uint64 count;

	agg_stop_tracking(scope);
	count = agg_execute(scope, agg_in_set(agg_set_of_node(get_rel_namespace(table)), sql), 0, NULL, NULL, false);
	agg_stop_acting(scope);
	return count;
}

/* The text[] that a statement gives, in the caller's memory. */
Datum agg_names_in_rules(Oid table, const char *sql) {
	bool is_null = true;
	Datum list = (Datum)0;

	if (agg_run_on_rules(table, sql) == 1)
		list = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	return is_null ? PointerGetDatum(construct_empty_array(TEXTOID)) : list;
}
