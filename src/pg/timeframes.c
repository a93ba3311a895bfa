/*
 * agg_timeframes: which timeframes the tasks have and what they are built from. Whoever writes bars looks there whether any wider timeframe
 * is made of them. A trigger keeps it, so that a new timeframe is listed in the transaction that makes its first task.
 */
#include "shim.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define RECENT 16
#define LONGEST 16

/* What this subtransaction has listed: thousands of tasks have a handful of timeframes. */
typedef struct listed {
	char timeframe[LONGEST];
	char source[LONGEST];
} listed;

static bool is_listed(const char *timeframe, const char *source) {
	static listed recent[RECENT];
	static int count = 0;
	static int oldest = 0;
	static TransactionId transaction = InvalidTransactionId;
	static SubTransactionId subtransaction = InvalidSubTransactionId;

	if (transaction != GetTopTransactionId() || subtransaction != GetCurrentSubTransactionId()) {
		count = 0;
		transaction = GetTopTransactionId();
		subtransaction = GetCurrentSubTransactionId();
	}
	for (int i = 0; i < count; i++) {
		if (strcmp(recent[i].timeframe, timeframe) == 0 && strcmp(recent[i].source, source) == 0)
			return true;
	}
	oldest = count < RECENT ? count++ : (oldest + 1) % RECENT;
	strlcpy(recent[oldest].timeframe, timeframe, LONGEST);
	strlcpy(recent[oldest].source, source, LONGEST);
	return false;
}

static void list(agg_table_set set, const char *timeframe, const char *source) {
	agg_scope *scope;
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(timeframe), CStringGetTextDatum(source)};
	char *sql = agg_in_set(set, "INSERT INTO @agg_timeframes (timeframe, source_timeframe) VALUES ($1, $2) ON CONFLICT DO NOTHING");

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(agg_find_table(set, "agg_timeframes"));
	(void)agg_execute(scope, sql, 2, types, values, false);
	agg_stop_acting(scope);
	SPI_finish();
}

static char *text_of(HeapTuple task, Relation tasks, const char *name) {
	int number = SPI_fnumber(RelationGetDescr(tasks), name);
	Oid type = number > 0 ? SPI_gettypeid(RelationGetDescr(tasks), number) : InvalidOid;

	if (type != TEXTOID && type != VARCHAROID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("table \"%s\" has no column \"%s\" of type text", RelationGetRelationName(tasks), name),
		                errhint("Change the column's type; agg_setup() lists all differences.")));
	return SPI_getvalue(task, RelationGetDescr(tasks), number);
}

PG_FUNCTION_INFO_V1(aggregation_agg_note_timeframe);
extern Datum aggregation_agg_note_timeframe(PG_FUNCTION_ARGS);

Datum aggregation_agg_note_timeframe(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	agg_table_set set;
	HeapTuple task;
	char *timeframe;
	char *source;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("agg_note_timeframe() is a trigger function"),
		                errhint("agg_setup() puts the trigger on data_agg_state.")));
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
	    !(TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("agg_note_timeframe() must be fired after INSERT or UPDATE for each row"),
		         errhint("Drop the trigger \"%s\"; agg_setup() puts the right one on data_agg_state.", trigger->tg_trigger->tgname)));
	set = agg_set_of_trigger(fcinfo, trigger->tg_relation, "agg_note_timeframe", "data_agg_state");
	if (set.group != NULL)
		return PointerGetDatum(NULL); /* it asks its tasks */
	task = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	timeframe = text_of(task, trigger->tg_relation, "timeframe");
	source = text_of(task, trigger->tg_relation, "source_timeframe");
	/* What is that long is no timeframe: nothing is made of it, and it would not fit into the index. */
	if (timeframe == NULL || strlen(timeframe) >= LONGEST || (source != NULL && strlen(source) >= LONGEST))
		return PointerGetDatum(NULL);
	if (!is_listed(timeframe, source ? source : ""))
		list(set, timeframe, source ? source : "");
	return PointerGetDatum(NULL);
}
