/*
 * Partitions of data_bars that come and go. What is attached brings bars with it, and they count as changed. What is detached or dropped is
 * retention: the bars that were made of it are sealed. An event trigger tells of both; no trigger of the table fires for them.
 */
#include "shim.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "catalog/pg_inherits.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "worker.h"

#define TRUNCATE_TRIGGER "aggregation_capture_truncate"

/* Whether bars of `table` are bars of data_bars. */
static bool belongs_to(Oid table, Oid data_bars) {
	return table == data_bars || (get_rel_relispartition(table) && list_member_oid(get_partition_ancestors(table), data_bars));
}

static bool is_table_of_bars(Oid table) {
	char kind = get_rel_relkind(table);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

static char *qualified_name(Oid relation) {
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

/* Each partition needs its own trigger for TRUNCATE; row triggers are cloned by PostgreSQL. agg_setup() does the same. */
static void watch_truncate_of(Oid schema, Oid partition) {
	char *name = qualified_name(partition);
	agg_scope *scope;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(partition);
	(void)agg_execute(scope,
	                  psprintf("CREATE TRIGGER " TRUNCATE_TRIGGER " BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION "
	                           "%s.agg_capture_changes()",
	                           name, quote_identifier(get_namespace_name(schema))),
	                  0, NULL, NULL, false);
	(void)agg_execute(scope, psprintf("ALTER TRIGGER " TRUNCATE_TRIGGER " ON %s DEPENDS ON EXTENSION aggregation", name), 0, NULL, NULL,
	                  false);
	agg_stop_acting(scope);
	SPI_finish();
}

static void watch_truncate(Oid schema, Oid partition) {
	ListCell *cell;

	foreach (cell, find_all_inheritors(partition, AccessShareLock, NULL)) {
		Oid part = lfirst_oid(cell);

		if (is_table_of_bars(part) && !OidIsValid(get_trigger_oid(part, TRUNCATE_TRIGGER, true)))
			watch_truncate_of(schema, part);
	}
}

/* Seals what the table holds, symbol by symbol. */
static void seal_table(Oid schema, Oid table, const char *reason) {
	Relation bars = table_open(table, AccessShareLock);
	size_t count;
	const agg_changed_range *spans = agg_spans_of_table(bars, &count);
	agg_scope *scope;
	char *sql = psprintf("INSERT INTO %s.agg_sealed_ranges (canonical_symbol, from_utc, to_utc, reason) VALUES ($1, $2, $3, $4)",
	                     quote_identifier(get_namespace_name(schema)));
	Oid types[] = {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(agg_find_table(schema, "agg_sealed_ranges"));
	for (size_t i = 0; i < count; i++) {
		Datum values[] = {CStringGetTextDatum(spans[i].symbol), TimestampTzGetDatum(spans[i].from), TimestampTzGetDatum(spans[i].to),
		                  CStringGetTextDatum(psprintf("%s %s", get_rel_name(table), reason))};

		(void)agg_execute(scope, sql, 4, types, values, false);
	}
	agg_stop_acting(scope);
	SPI_finish();
	table_close(bars, NoLock);
}

static void attached(Oid schema, Oid partition) {
	Relation bars = table_open(partition, AccessShareLock);

	agg_note_table(schema, bars);
	table_close(bars, NoLock);
	watch_truncate(schema, partition);
}

static void after_alter_table(Oid schema, Oid data_bars, const AlterTableStmt *statement) {
	Oid table = RangeVarGetRelid(statement->relation, NoLock, true);
	ListCell *cell;

	if (!OidIsValid(table) || !belongs_to(table, data_bars))
		return;
	foreach (cell, statement->cmds) {
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);
		Oid partition;

		if (command->subtype != AT_AttachPartition && command->subtype != AT_DetachPartition &&
		    command->subtype != AT_DetachPartitionFinalize)
			continue;
		partition = RangeVarGetRelid(castNode(PartitionCmd, command->def)->name, NoLock, true);
		if (!OidIsValid(partition) || !is_table_of_bars(partition))
			continue;
		if (command->subtype == AT_AttachPartition)
			attached(schema, partition);
		else if (!belongs_to(partition, data_bars))
			seal_table(schema, partition, "detached");
	}
}

static void after_create_table(Oid schema, Oid data_bars, const CreateStmt *statement) {
	Oid table;

	if (statement->partbound == NULL)
		return;
	table = RangeVarGetRelid(statement->relation, NoLock, true);
	if (OidIsValid(table) && belongs_to(table, data_bars))
		watch_truncate(schema, table);
}

static void before_drop_table(Oid schema, Oid data_bars, const DropStmt *statement) {
	ListCell *cell;

	if (statement->removeType != OBJECT_TABLE)
		return;
	foreach (cell, statement->objects) {
		Oid table = RangeVarGetRelid(makeRangeVarFromNameList((List *)lfirst(cell)), NoLock, true);

		if (OidIsValid(table) && table != data_bars && belongs_to(table, data_bars))
			seal_table(schema, table, "dropped");
	}
}

PG_FUNCTION_INFO_V1(aggregation_agg_watch_partitions);
extern Datum aggregation_agg_watch_partitions(PG_FUNCTION_ARGS);

Datum aggregation_agg_watch_partitions(PG_FUNCTION_ARGS) {
	EventTriggerData *event = (EventTriggerData *)fcinfo->context;
	Oid schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	Oid data_bars = get_relname_relid("data_bars", schema);

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED), errmsg("agg_watch_partitions() is an event trigger function"),
		         errhint("CREATE EXTENSION makes the event trigger.")));
	if (agg_setting_tracking && OidIsValid(data_bars) && OidIsValid(get_relname_relid("agg_sealed_ranges", schema))) {
		if (IsA(event->parsetree, AlterTableStmt))
			after_alter_table(schema, data_bars, (AlterTableStmt *)event->parsetree);
		else if (IsA(event->parsetree, CreateStmt))
			after_create_table(schema, data_bars, (CreateStmt *)event->parsetree);
		else if (IsA(event->parsetree, DropStmt))
			before_drop_table(schema, data_bars, (DropStmt *)event->parsetree);
	}
	PG_RETURN_VOID();
}
