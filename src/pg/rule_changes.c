/*
 * What the trigger functions of rules have in common, calendars (calendar_changes.c) and indexes (index_changes.c): each is called once a
 * statement, with the statement's rows: in "fresh" as they are, in "gone" as they were.
 */
#include "shim.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

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
	count = agg_execute(scope, agg_in_schema(get_rel_namespace(table), sql), 0, NULL, NULL, false);
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
