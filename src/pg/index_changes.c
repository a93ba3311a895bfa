/*
 * What becomes of agg_indexes when people write it: a trigger function for each statement, with its rows, which has the rules checked and
 * everything that is made of the minutes of the indexes that are others now marked (src/ops/indexes/index_changes.hpp). What is written
 * while aggregation.tracking is off is left as it is.
 */
#include "shim.h"

#include "ops/setup/own_tables.h"
#include "settings.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define AGG_RULES_OF_INDEX "canonical_symbol, constant, components, exponents, decimals, carry_minutes"
/* Rows whose symbol is longer than any task's were written while nobody looked; they may go. */
#define AGG_GONE "SELECT g.canonical_symbol::text FROM gone AS g WHERE octet_length(g.canonical_symbol::text) <= 256"

/* The indexes that are there or gone since the statement, or have other rules. */
static const char *symbols_of(TriggerEvent event) {
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "SELECT array_agg(DISTINCT f.canonical_symbol::text) FROM fresh AS f";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "SELECT array_agg(DISTINCT g.symbol) FROM (" AGG_GONE ") AS g(symbol)";
	return "SELECT array_agg(DISTINCT c.symbol) FROM ("
	       "SELECT f.canonical_symbol::text FROM (SELECT " AGG_RULES_OF_INDEX " FROM fresh EXCEPT SELECT " AGG_RULES_OF_INDEX
	       " FROM gone) AS f "
	       "UNION " AGG_GONE " AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.canonical_symbol = g.canonical_symbol)) AS c(symbol)";
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_index_change);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_index_change(PG_FUNCTION_ARGS);

Datum reconnect_to_use_aggregation_1_1_agg_note_index_change(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	agg_table_set set;
	agg_argument argument;

	if (!agg_is_trigger_of_rules(fcinfo) && !agg_is_row_trigger_of_rules(fcinfo))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg(AGG_INDEX_TRIGGER "() is a trigger function of agg_indexes"),
		         errhint("agg_setup() puts its triggers there.")));
	set = agg_set_of_trigger(fcinfo, trigger->tg_relation, AGG_INDEX_TRIGGER, "agg_indexes");
	if (agg_is_row_trigger_of_rules(fcinfo)) {
		static const char *const columns[] = {"canonical_symbol"};

		return agg_check_rule_row(trigger, set, AGG_FN_check_index_row, columns, lengthof(columns));
	}
	if (!agg_setting_tracking)
		return PointerGetDatum(NULL);
	agg_refuse_while_running("indexes");
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("\"agg_indexes\" cannot be truncated"), errhint("Use DELETE.")));
	agg_connect_with_rows(trigger);
	argument = agg_make_argument("canonical_symbol",
	                             agg_names_in_rules(RelationGetRelid(trigger->tg_relation), symbols_of(trigger->tg_event)), TEXTARRAYOID);
	if (argument.value.count > 0)
		agg_call_in_trigger(set, AGG_FN_follow_index_change, &argument, 1);
	SPI_finish();
	return PointerGetDatum(NULL);
}
