/*
 * What becomes of the tables of calendars when people write them: a trigger function for each statement, with its rows. It says whose the
 * rows are from then on, and has days and marks brought up to the rules (calendar_changes.hpp).
 *
 *   a row or sessions of a shipped calendar    the calendar is not shipped any more: releases leave it alone
 *   a shipped exception that is changed        that date is not shipped any more
 *   a shipped exception that is deleted        refused: the next release would bring it back
 *   what is inserted                           is not shipped, whatever it says
 *   a shipped closed date that opens           loses its note with its reason, unless the same UPDATE writes another
 *
 * Setting shipped back to true asks for the release's rules again. What the extension writes itself, and what is written while
 * aggregation.tracking is off, is left as it is, but for a note to agg_refresh_calendars().
 */
#include "shim.h"

#include "ops/setup/own_tables.h"
#include "settings.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Names that are longer than any task's calendar were written while nobody looked; they may go. */
#define AGG_GONE "SELECT g.calendar FROM gone AS g WHERE octet_length(g.calendar::text) <= 256"
#define AGG_OTHER_WINDOWS "f.week_start <> g.week_start OR f.outside_sessions <> g.outside_sessions"

typedef enum rule_table { RULE_CALENDARS, RULE_SESSIONS, RULE_EXCEPTIONS, RULE_TABLES } rule_table;

static const char *const rule_table_names[RULE_TABLES] = {"agg_calendars", "agg_calendar_sessions", "agg_calendar_exceptions"};

static const char *const instead_of_truncate[RULE_TABLES] = {
    "Use DELETE, which refuses calendars that tasks have.", "Use DELETE, which makes the days of each calendar anew.",
    "Use DELETE ... WHERE NOT shipped. A shipped exception can only be changed: UPDATE ... SET closed = false, opens = NULL, closes = NULL."};

static rule_table table_of(const TriggerData *trigger, agg_table_set set) {
	for (int i = 0; i < RULE_TABLES; i++) {
		if (RelationGetRelid(trigger->tg_relation) == agg_look_for_table(set, rule_table_names[i]))
			return (rule_table)i;
	}
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg(AGG_CALENDAR_TRIGGER "() is a trigger of the tables of calendars, not of \"%s\"",
	                       RelationGetRelationName(trigger->tg_relation)),
	                errhint("Drop the trigger; agg_setup() puts it where it belongs.")));
}

static void refuse_removed_exceptions(Oid table) {
	if (agg_run_on_rules(table, "SELECT g.calendar::text, to_char(g.trading_date, 'YYYY-MM-DD') FROM gone AS g JOIN @agg_calendars AS c "
	                            "ON c.calendar = g.calendar WHERE g.shipped ORDER BY 1, 2 LIMIT 1") > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("the exception of calendar \"%s\" on %s is shipped with the extension and cannot be deleted",
		                       SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
		                       SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2)),
		                errhint("UPDATE ... SET closed = false, opens = NULL, closes = NULL gives the date the weekday's hours, and the "
		                        "next release leaves it alone.")));
}

static void set_shipped(Oid table, rule_table which, TriggerEvent event) {
	bool update = TRIGGER_FIRED_BY_UPDATE(event);

	switch (which) {
	case RULE_CALENDARS:
		if (update)
			(void)agg_run_on_rules(
			    table, "UPDATE @agg_calendars AS c SET shipped = false FROM fresh AS f WHERE c.calendar = f.calendar AND c.shipped "
			           "AND NOT EXISTS (SELECT FROM gone AS g WHERE g.calendar = f.calendar AND NOT g.shipped)");
		else if (TRIGGER_FIRED_BY_INSERT(event))
			(void)agg_run_on_rules(
			    table, "UPDATE @agg_calendars AS c SET shipped = false FROM fresh AS f WHERE c.calendar = f.calendar AND c.shipped");
		break;
	case RULE_SESSIONS:
		(void)agg_run_on_rules(
		    agg_find_table(agg_set_of_node(get_rel_namespace(table)), "agg_calendars"),
		    update ? "UPDATE @agg_calendars AS c SET shipped = false WHERE c.shipped AND c.calendar IN (SELECT f.calendar FROM fresh "
		             "AS f UNION SELECT g.calendar FROM gone AS g)"
		    : TRIGGER_FIRED_BY_INSERT(event)
		        ? "UPDATE @agg_calendars AS c SET shipped = false FROM fresh AS f WHERE c.calendar = f.calendar AND c.shipped"
		        : "UPDATE @agg_calendars AS c SET shipped = false FROM gone AS g WHERE c.calendar = g.calendar AND c.shipped");
		break;
	default:
		if (update)
			(void)agg_run_on_rules(
			    table,
			    "UPDATE @agg_calendar_exceptions AS e SET shipped = false, note = CASE WHEN e.closed OR NOT EXISTS (SELECT FROM gone "
			    "AS g WHERE g.calendar = f.calendar AND g.trading_date = f.trading_date AND g.closed AND g.note = f.note) THEN "
			    "e.note END FROM fresh AS f WHERE e.calendar = f.calendar "
			    "AND e.trading_date = f.trading_date AND e.opens IS NOT DISTINCT FROM f.opens AND e.shipped AND NOT EXISTS (SELECT "
			    "FROM gone AS g WHERE g.calendar = f.calendar AND g.trading_date = f.trading_date AND NOT g.shipped)");
		else if (TRIGGER_FIRED_BY_INSERT(event))
			(void)agg_run_on_rules(table,
			                       "UPDATE @agg_calendar_exceptions AS e SET shipped = false FROM fresh AS f WHERE e.calendar = f.calendar "
			                       "AND e.trading_date = f.trading_date AND e.opens IS NOT DISTINCT FROM f.opens AND e.shipped");
		else
			refuse_removed_exceptions(table);
	}
}

static Datum check_row(TriggerData *trigger, agg_table_set set, rule_table which) {
	static const char *const of_calendar[] = {"calendar", "week_start", "outside_sessions"};
	static const char *const of_session[] = {"calendar", "weekday"};

	return which == RULE_CALENDARS ? agg_check_rule_row(trigger, set, AGG_FN_check_calendar_row, of_calendar, lengthof(of_calendar))
	                               : agg_check_rule_row(trigger, set, AGG_FN_check_session_row, of_session, lengthof(of_session));
}

/* Days tell whether they are those of their rules; of these two columns nothing else would tell agg_refresh_calendars(). */
static void note_unfollowed(Oid table) {
	if (agg_run_on_rules(table, "SELECT FROM fresh AS f JOIN gone AS g ON g.calendar = f.calendar WHERE " AGG_OTHER_WINDOWS " LIMIT 1") > 0)
		(void)agg_run_on_rules(
		    table, "UPDATE @agg_calendars AS c SET changed_at = '-infinity' FROM fresh AS f JOIN gone AS g ON g.calendar = f.calendar "
		           "WHERE c.calendar = f.calendar AND (" AGG_OTHER_WINDOWS ")");
}

/* The dates whose days may be others now: an exception is about its own. */
static void add_dates(agg_argument *arguments, Oid table, rule_table which, TriggerEvent event) {
	Datum dates[] = {DateADTGetDatum(DATEVAL_NOBEGIN), DateADTGetDatum(DATEVAL_NOEND)};
	bool is_null;

	if (which == RULE_EXCEPTIONS) {
		const char *sql = TRIGGER_FIRED_BY_INSERT(event)   ? "SELECT min(f.trading_date), max(f.trading_date) FROM fresh AS f"
		                  : TRIGGER_FIRED_BY_DELETE(event) ? "SELECT min(g.trading_date), max(g.trading_date) FROM gone AS g"
		                                                   : "SELECT min(t.trading_date), max(t.trading_date) FROM (SELECT "
		                                                     "f.trading_date FROM fresh AS f UNION ALL SELECT g.trading_date FROM gone "
		                                                     "AS g) AS t";

		(void)agg_run_on_rules(table, sql);
		for (int i = 0; i < (int)lengthof(dates); i++)
			dates[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null);
	}
	arguments[0] = agg_make_argument("p_first", dates[0], DATEOID);
	arguments[1] = agg_make_argument("p_last", dates[1], DATEOID);
}

static void follow(TriggerData *trigger, agg_table_set set, rule_table which) {
	Oid table = RelationGetRelid(trigger->tg_relation);
	bool update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	const char *touched = update                                       ? "SELECT calendar FROM fresh UNION " AGG_GONE
	                      : TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? "SELECT calendar FROM fresh"
	                                                                   : AGG_GONE;
	agg_argument arguments[5];

	arguments[0] = agg_make_argument(
	    "calendar", agg_names_in_rules(table, psprintf("SELECT array_agg(DISTINCT t.calendar::text) FROM (%s) AS t", touched)),
	    TEXTARRAYOID);
	if (arguments[0].value.count == 0)
		return;
	arguments[1] = agg_make_argument(
	    "p_all_windows",
	    which == RULE_CALENDARS && update
	        ? agg_names_in_rules(table, "SELECT array_agg(f.calendar::text) FROM fresh AS f JOIN gone AS g ON g.calendar = f.calendar "
	                                    "WHERE " AGG_OTHER_WINDOWS)
	        : PointerGetDatum(construct_empty_array(TEXTOID)),
	    TEXTARRAYOID);
	arguments[2] = agg_make_argument("p_row", BoolGetDatum(which == RULE_CALENDARS), BOOLOID);
	add_dates(&arguments[3], table, which, trigger->tg_event);
	set_shipped(table, which, trigger->tg_event);
	agg_call_in_trigger(set, AGG_FN_follow_calendar_change, arguments, lengthof(arguments));
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_calendar_change);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_calendar_change(PG_FUNCTION_ARGS);

Datum reconnect_to_use_aggregation_1_1_agg_note_calendar_change(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	Oid schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	agg_table_set set;
	rule_table which;

	if (!agg_is_trigger_of_rules(fcinfo) && !agg_is_row_trigger_of_rules(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg(AGG_CALENDAR_TRIGGER "() is a trigger function of the tables of calendars"),
		                errhint("agg_setup() puts its triggers there.")));
	/* Rows are a copy's, where each node has one; TRUNCATE is asked of the table that has the copies. */
	set = TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ? agg_set_in(schema) : agg_set_of_node(schema);
	which = table_of(trigger, set);
	if (agg_is_row_trigger_of_rules(fcinfo))
		return check_row(trigger, set, which);
	if (!agg_setting_tracking && (agg_is_running() || which != RULE_CALENDARS || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		return PointerGetDatum(NULL);
	agg_refuse_while_running("calendars");
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("\"%s\" cannot be truncated", RelationGetRelationName(trigger->tg_relation)),
		                errhint("%s", instead_of_truncate[which])));
	agg_connect_with_rows(trigger);
	if (agg_setting_tracking)
		follow(trigger, set, which);
	else
		note_unfollowed(RelationGetRelid(trigger->tg_relation));
	SPI_finish();
	return PointerGetDatum(NULL);
}
