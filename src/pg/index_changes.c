/*
 * What becomes of agg_indexes when people write it: a trigger function for each row, which has the rules checked and everything that is
 * made of the index's minutes marked (src/ops/indexes/index_changes.hpp). What is written while aggregation.tracking is off is left as it
 * is.
 */
#include "shim.h"

#include "ops/setup/own_tables.h"
#include "settings.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool is_ours(FunctionCallInfo fcinfo) {
	const TriggerData *trigger = (const TriggerData *)fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		return false;
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		return TRIGGER_FIRED_BEFORE(trigger->tg_event);
	return TRIGGER_FIRED_AFTER(trigger->tg_event) && TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
}

static void add_symbol(ArrayBuildState **symbols, const TriggerData *trigger, HeapTuple row) {
	TupleDesc columns = RelationGetDescr(trigger->tg_relation);
	bool is_null = true;
	Datum symbol = SPI_getbinval(row, columns, SPI_fnumber(columns, "canonical_symbol"), &is_null);

	if (!is_null)
		*symbols = accumArrayResult(*symbols, symbol, false, TEXTOID, CurrentMemoryContext);
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_index_change);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_index_change(PG_FUNCTION_ARGS);

Datum reconnect_to_use_aggregation_1_1_agg_note_index_change(PG_FUNCTION_ARGS) {
	const TriggerData *trigger = (const TriggerData *)fcinfo->context;
	Oid schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	ArrayBuildState *symbols = NULL;
	agg_argument argument;

	if (!is_ours(fcinfo))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg(AGG_INDEX_TRIGGER "() is a trigger function of agg_indexes"),
		         errhint("agg_setup() puts its triggers there.")));
	agg_check_trigger_table(trigger->tg_relation, schema, AGG_INDEX_TRIGGER, "agg_indexes");
	if (!agg_setting_tracking)
		return PointerGetDatum(NULL);
	agg_refuse_while_running("indexes");
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("\"agg_indexes\" cannot be truncated"), errhint("Use DELETE.")));
	add_symbol(&symbols, trigger, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		add_symbol(&symbols, trigger, trigger->tg_newtuple);
	if (symbols != NULL) {
		argument = agg_make_argument("p_symbols", makeArrayResult(symbols, CurrentMemoryContext), TEXTARRAYOID);
		agg_call_in_trigger(schema, AGG_FN_follow_index_change, &argument, 1);
	}
	return PointerGetDatum(NULL);
}
