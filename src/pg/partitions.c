/*
 * Partitions of data_bars that come and go. What is attached brings bars with it, and they count as changed. What is detached or dropped is
 * retention: the bars that were made of it are sealed. Event triggers tell of both; no trigger of the table fires for them.
 *
 *   ddl_command_start   what will be dropped is looked at while it is there, by people whose rights PostgreSQL has not checked yet: so they
 *                       are checked here first, and the locks that the command needs anyway are taken before anything is read
 *   ddl_command_end     what has been done was allowed
 *
 * A transaction that sees the database as it was when it began must not miss what others have written since: whatever is dropped, emptied
 * or attached is read with the latest snapshot (table_spans.c), behind the lock.
 */
#include "settings.h"
#include "shard_groups.h"
#include "shim.h"

#include "ops/marks/events.h"
#include "ops/setup/own_tables.h"
#include "ops/ticks/tick_triggers.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define TRUNCATE_TRIGGER "aggregation_capture_truncate"

/* What an event is about. */
typedef struct watched {
	agg_table_set set;
	Oid data_bars;
	Oid derived_bars;
} watched;

bool agg_is_part_of(Oid table, Oid whole) {
	return table == whole || (get_rel_relispartition(table) && list_member_oid(get_partition_ancestors(table), whole));
}

static bool is_table_of_bars(Oid table) {
	char kind = get_rel_relkind(table);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE;
}

static char *qualified_name(Oid relation) {
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation));
}

static Oid find_relation(const RangeVar *name) {
	return name == NULL ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
}

/* ---- the triggers of partitions ---- */

/* Runs one command on behalf of the owner of an object. */
static void command_as(agg_scope *(*act_as_owner)(Oid object), Oid object, const char *sql) {
	agg_scope *scope;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = act_as_owner(object);
	(void)agg_execute(scope, sql, 0, NULL, NULL, false);
	agg_stop_acting(scope);
	SPI_finish();
}

/* Each partition needs its own trigger for TRUNCATE; row triggers are cloned by PostgreSQL. agg_setup() does the same. */
static void watch_truncate_of(agg_table_set set, Oid partition) {
	const char *name = qualified_name(partition);

	command_as(agg_act_as_owner, partition,
	           psprintf("CREATE TRIGGER " TRUNCATE_TRIGGER
	                    " BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s.agg_capture_changes()",
	                    name, agg_names_of(set).schema));
	command_as(agg_act_as_owner, partition, psprintf("ALTER TRIGGER " TRUNCATE_TRIGGER " ON %s DEPENDS ON EXTENSION aggregation", name));
}

static void watch_truncate(agg_table_set set, Oid partition) {
	ListCell *cell;

	/* A dump switches this off while it is restored, and brings the triggers along. */
	if (!check_function_bodies)
		return;
	foreach (cell, find_all_inheritors(partition, AccessShareLock, NULL)) {
		Oid part = lfirst_oid(cell);

		if (is_table_of_bars(part) && !OidIsValid(get_trigger_oid(part, TRUNCATE_TRIGGER, true)))
			watch_truncate_of(set, part);
	}
}

/* What is no partition any more is emptied without a word. */
static void stop_watching_truncate(Oid detached) {
	ListCell *cell;

	foreach (cell, find_all_inheritors(detached, AccessShareLock, NULL)) {
		Oid part = lfirst_oid(cell);

		if (is_table_of_bars(part) && OidIsValid(get_trigger_oid(part, TRUNCATE_TRIGGER, true)))
			command_as(agg_act_as_owner, part, psprintf("DROP TRIGGER " TRUNCATE_TRIGGER " ON %s", qualified_name(part)));
	}
}

/*
 * PostgreSQL asks whoever makes a partition, or puts a trigger on a table, for the right to execute the trigger's function. The owner of a
 * table that the function watches has it from us: what the function does depends on the table alone, and nobody can call it.
 */
static void let_owner_capture(agg_table_set set, Oid table, const char *name) {
	Oid function = LookupFuncName(list_make2(makeString(get_namespace_name(set.schema)), makeString(pstrdup(name))), 0, NULL, true);
	Oid owner = agg_owner_of(table);

	if (OidIsValid(function) && !agg_may_execute(function, owner))
		command_as(agg_act_as_owner_of_function, function,
		           psprintf("GRANT EXECUTE ON FUNCTION %s.%s() TO %s", agg_names_of(set).schema, name,
		                    quote_identifier(GetUserNameFromId(owner, false))));
}

/* Whoever owns the table of a registered source may have its triggers, in a dump that he restores, too. */
static void let_owner_capture_ticks(agg_table_set set, Oid table, const CreateTrigStmt *statement) {
	if (strcmp(strVal(llast(statement->funcname)), AGG_TICK_FUNCTION) == 0 && list_length(statement->args) == 1 &&
	    agg_is_tick_source(set, strVal(linitial(statement->args))))
		let_owner_capture(set, table, AGG_TICK_FUNCTION);
}

/* ---- what the bars of a table become ---- */

/* Whether somebody is to be told here what becomes of the table's bars: a command about one that has shards comes to all nodes. */
static bool is_told_of(const watched *on, Oid table) {
	return agg_setting_tracking && is_table_of_bars(table) && (!agg_is_distributed(on->set.schema) || agg_is_coordinator(on->set.schema));
}

static void note_table(const watched *on, Oid table) {
	Relation bars;

	if (!is_told_of(on, table))
		return;
	bars = table_open(table, AccessShareLock);
	if (agg_has_key_of_bars(bars)) /* else no bar can have been made of it */
		agg_note_table(on->set, bars);
	table_close(bars, NoLock);
}

/* Seals what the table holds, symbol by symbol, and of derived bars timeframe by timeframe. */
static void seal_table(const watched *on, Oid table, bool derived, const char *reason) {
	Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID};
	char *sql = agg_in_set(on->set, "INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) "
	                                "VALUES ($1, NULLIF($2, '1m'), $3, $4, $5)");
	Oid sealed;
	Relation bars;
	const agg_bar_span *spans;
	size_t count;
	agg_scope *scope;

	if (!is_told_of(on, table))
		return;
	sealed = agg_find_table(on->set, "agg_sealed_ranges");
	if (get_attnum(sealed, "timeframe") == InvalidAttrNumber) {
		/* The table is still 1.0's, which knew seals of minutes only. Nobody's retention fails for that. */
		if (derived)
			return;
		sql = agg_in_set(on->set, "INSERT INTO @agg_sealed_ranges (canonical_symbol, from_utc, to_utc, reason) "
		                          "SELECT $1, $3, $4, $5 WHERE $2 = '1m'");
	}
	bars = table_open(table, AccessShareLock);
	spans = derived ? agg_spans_of_derived_bars(bars, &count) : agg_spans_of_minutes(bars, &count);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(sealed);
	for (size_t i = 0; i < count; i++) {
		Datum values[] = {CStringGetTextDatum(spans[i].symbol), CStringGetTextDatum(spans[i].timeframe), TimestampTzGetDatum(spans[i].from),
		                  TimestampTzGetDatum(spans[i].to), CStringGetTextDatum(psprintf("%s %s", get_rel_name(table), reason))};

		(void)agg_execute(scope, sql, lengthof(types), types, values, false);
	}
	agg_stop_acting(scope);
	SPI_finish();
	table_close(bars, NoLock);
}

/* ---- before a command: rights, locks, then a look ---- */

typedef bool (*right_check)(Oid table, const void *argument);

/* Locks as DROP does, the parent first; false if the table is no partition of `whole` that may be dropped, or none any more. */
static bool lock_partition(Oid whole, Oid table, right_check may_drop, const void *argument) {
	if (table == whole || !is_table_of_bars(table) || !agg_is_part_of(table, whole) || !may_drop(table, argument))
		return false;
	LockRelationOid(get_partition_parent(table, true), AccessExclusiveLock);
	LockRelationOid(table, AccessExclusiveLock);
	if (!OidIsValid(get_rel_namespace(table)) || !agg_is_part_of(table, whole) || !may_drop(table, argument))
		return false;
	(void)find_all_inheritors(table, AccessExclusiveLock, NULL);
	return true;
}

static bool owner_may_drop(Oid table, const void *argument pg_attribute_unused()) {
	return agg_owns_table(table, GetUserId()) || agg_owns_schema(get_rel_namespace(table), GetUserId());
}

static void before_drop_table(const watched *on, const DropStmt *statement) {
	ListCell *cell;

	foreach (cell, statement->objects) {
		Oid table = find_relation(makeRangeVarFromNameList((List *)lfirst(cell)));

		if (!OidIsValid(table))
			continue;
		if (lock_partition(on->data_bars, table, owner_may_drop, NULL))
			seal_table(on, table, false, "dropped");
		else if (OidIsValid(on->derived_bars) && lock_partition(on->derived_bars, table, owner_may_drop, NULL))
			seal_table(on, table, true, "dropped");
	}
}

/* What goes with a schema or with an owner: all partitions that `goes` says of, each with those below it, unless the whole table goes. */
static void before_drop_of_many(const watched *on, right_check goes, const void *argument) {
	const Oid wholes[] = {on->data_bars, on->derived_bars};

	for (size_t i = 0; i < lengthof(wholes); i++) {
		ListCell *cell;

		if (!OidIsValid(wholes[i]) || goes(wholes[i], argument))
			continue;
		foreach (cell, find_all_inheritors(wholes[i], NoLock, NULL)) {
			Oid table = lfirst_oid(cell);

			if (table != wholes[i] && OidIsValid(get_rel_namespace(table)) && goes(table, argument) && get_rel_relispartition(table) &&
			    !goes(get_partition_parent(table, true), argument) && lock_partition(wholes[i], table, goes, argument))
				seal_table(on, table, wholes[i] == on->derived_bars, "dropped");
		}
	}
}

static bool lies_in(Oid table, const void *schemas) {
	return list_member_oid(schemas, get_rel_namespace(table));
}

static void before_drop_schema(const watched *on, const DropStmt *statement) {
	List *schemas = NIL;
	ListCell *cell;

	foreach (cell, statement->objects) {
		Oid schema = get_namespace_oid(strVal(lfirst(cell)), true);

		if (!OidIsValid(schema))
			continue;
		if (!agg_owns_schema(schema, GetUserId()))
			return; /* the command will be refused */
		schemas = lappend_oid(schemas, schema);
	}
	if (statement->behavior == DROP_CASCADE && schemas != NIL)
		before_drop_of_many(on, lies_in, schemas);
}

static bool belongs_to_one_of(Oid table, const void *roles) {
	return list_member_oid(roles, agg_owner_of(table));
}

static void before_drop_owned(const watched *on, const DropOwnedStmt *statement) {
	List *roles = NIL;
	ListCell *cell;

	foreach (cell, statement->roles) {
		Oid role = get_rolespec_oid(lfirst_node(RoleSpec, cell), true);

		if (!OidIsValid(role) || !has_privs_of_role(GetUserId(), role))
			return; /* the command will be refused */
		roles = lappend_oid(roles, role);
	}
	before_drop_of_many(on, belongs_to_one_of, roles);
}

static bool is_of_bars(const char *column) {
	static const char *const columns[] = {"canonical_symbol", "timeframe", "ts_utc", "open", "high", "low", "close", "vol",
	                                      "trade_count",      "vwap"};

	for (size_t i = 0; i < lengthof(columns); i++) {
		if (column != NULL && strcmp(column, columns[i]) == 0)
			return true;
	}
	return false;
}

/* Whether bars may be others afterwards, although no row of them is written. */
static bool changes_bars(const AlterTableStmt *statement) {
	ListCell *cell;

	foreach (cell, statement->cmds) {
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AlterColumnType || (command->subtype == AT_DropColumn && is_of_bars(command->name)) ||
		    (command->subtype == AT_AddColumn && is_of_bars(castNode(ColumnDef, command->def)->colname)))
			return true;
	}
	return false;
}

/* PostgreSQL clones the triggers of a table for its new partition. */
static void let_owner_have_triggers(const watched *on, Oid table) {
	if (agg_is_part_of(table, on->data_bars))
		let_owner_capture(on->set, table, "agg_capture_changes");
	if (agg_has_tick_trigger(on->set, table))
		let_owner_capture(on->set, table, AGG_TICK_FUNCTION);
}

/* A column that comes or goes, or its new type, may make other bars of the old ones: those that were there count as changed, and those that
 * will be (below). */
static void before_alter_table(const watched *on, const AlterTableStmt *statement) {
	Oid table = find_relation(statement->relation);
	bool of_bars;
	ListCell *cell;

	if (!OidIsValid(table) || !agg_owns_table(table, GetUserId()))
		return;
	of_bars = agg_is_part_of(table, on->data_bars);
	foreach (cell, statement->cmds) {
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_AttachPartition)
			let_owner_have_triggers(on, table);
	}
	if (of_bars && changes_bars(statement)) {
		(void)find_all_inheritors(table, AccessExclusiveLock, NULL);
		note_table(on, table);
	}
}

static void before_create_table(const watched *on, const CreateStmt *statement) {
	Oid parent = statement->inhRelations == NIL ? InvalidOid : find_relation(linitial_node(RangeVar, statement->inhRelations));

	if (statement->partbound != NULL && OidIsValid(parent) && agg_owns_table(parent, GetUserId()))
		let_owner_have_triggers(on, parent);
}

static void before_create_trigger(const watched *on, const CreateTrigStmt *statement) {
	static const char *const functions[] = {"agg_capture_changes", "agg_note_timeframe", "agg_note_task_change",
	                                        AGG_CALENDAR_TRIGGER,  AGG_CALENDAR_TRIGGER, AGG_CALENDAR_TRIGGER,
	                                        AGG_INDEX_TRIGGER,     AGG_EVENT_TRIGGER,    "agg_note_due"};
	static const char *const tables[] = {"data_bars",     "data_agg_state",        "data_agg_state",
	                                     "agg_calendars", "agg_calendar_sessions", "agg_calendar_exceptions",
	                                     "agg_indexes",   "derived_data_bars",     "data_agg_state"};
	Oid table = find_relation(statement->relation);

	if (!OidIsValid(table) || !agg_owns_table(table, GetUserId()))
		return;
	for (size_t i = 0; i < lengthof(functions); i++) {
		Oid whole = agg_look_for_table(on->set, tables[i]);

		if (strcmp(strVal(llast(statement->funcname)), functions[i]) == 0 && OidIsValid(whole) && agg_is_part_of(table, whole))
			let_owner_capture(on->set, table, functions[i]);
	}
	let_owner_capture_ticks(on->set, table, statement);
}

static void before_command(const watched *on, Node *command) {
	if (IsA(command, DropStmt) && ((DropStmt *)command)->removeType == OBJECT_TABLE)
		before_drop_table(on, (DropStmt *)command);
	else if (IsA(command, DropStmt) && ((DropStmt *)command)->removeType == OBJECT_SCHEMA)
		before_drop_schema(on, (DropStmt *)command);
	else if (IsA(command, DropOwnedStmt))
		before_drop_owned(on, (DropOwnedStmt *)command);
	else if (IsA(command, AlterTableStmt))
		before_alter_table(on, (AlterTableStmt *)command);
	else if (IsA(command, CreateStmt))
		before_create_table(on, (CreateStmt *)command);
	else if (IsA(command, CreateTrigStmt))
		before_create_trigger(on, (CreateTrigStmt *)command);
}

/* ---- after a command ---- */

/*
 * Rows of a child that is no partition are read with its parent's, and no trigger of the parent's fires for them. (An extension that keeps
 * a table's rows in children makes them without a statement of this kind, and brings the triggers along.)
 */
static void refuse_inheritance(const watched *on, Oid child) {
	const Oid parents[] = {on->data_bars, on->derived_bars};

	agg_refuse_heir_of_ticks(on->set, child);

	for (size_t i = 0; i < lengthof(parents); i++) {
		if (OidIsValid(parents[i]) && OidIsValid(child) && !get_rel_relispartition(child) && child != parents[i] &&
		    has_subclass(parents[i]) && list_member_oid(find_inheritance_children(parents[i], NoLock), child))
			ereport(ERROR,
			        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			         errmsg("table \"%s\" cannot inherit from \"%s\"", get_rel_name(child), get_rel_name(parents[i])),
			         errdetail("Changes of the bars in it would go unnoticed."), errhint("Use partitions (PARTITION BY RANGE (ts_utc)).")));
	}
}

static void after_partition(const watched *on, Oid partition, AlterTableType what) {
	if (what == AT_AttachPartition) {
		note_table(on, partition);
		watch_truncate(on->set, partition);
	} else if (!agg_is_part_of(partition, on->data_bars)) {
		seal_table(on, partition, false, "detached");
		stop_watching_truncate(partition);
	}
}

static void after_alter_table(const watched *on, const AlterTableStmt *statement) {
	Oid table = find_relation(statement->relation);
	bool source = OidIsValid(table) && agg_is_part_of(table, on->data_bars);
	bool derived = OidIsValid(table) && OidIsValid(on->derived_bars) && agg_is_part_of(table, on->derived_bars);
	ListCell *cell;

	foreach (cell, statement->cmds) {
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);
		Oid partition;

		if (command->subtype == AT_AddInherit)
			refuse_inheritance(on, table);
		if ((!source && !derived) || (command->subtype != AT_AttachPartition && command->subtype != AT_DetachPartition &&
		                              command->subtype != AT_DetachPartitionFinalize))
			continue;
		partition = find_relation(castNode(PartitionCmd, command->def)->name);
		if (!OidIsValid(partition) || !is_table_of_bars(partition))
			continue;
		if (source)
			after_partition(on, partition, command->subtype);
		else if (command->subtype != AT_AttachPartition && !agg_is_part_of(partition, on->derived_bars))
			seal_table(on, partition, true, "detached");
	}
	if (source && changes_bars(statement))
		note_table(on, table);
}

static void after_create_table(const watched *on, const CreateStmt *statement) {
	Oid table = find_relation(statement->relation);

	if (!OidIsValid(table))
		return;
	if (statement->partbound != NULL && agg_is_part_of(table, on->data_bars))
		watch_truncate(on->set, table);
	else if (statement->inhRelations != NIL)
		refuse_inheritance(on, table);
}

/* A column of another name is another column. */
static void after_rename(const watched *on, const RenameStmt *statement) {
	Oid table = find_relation(statement->relation);

	if (statement->renameType == OBJECT_COLUMN && OidIsValid(table) && agg_is_part_of(table, on->data_bars) &&
	    (is_of_bars(statement->subname) || is_of_bars(statement->newname)))
		note_table(on, table);
}

static void after_command(const watched *on, Node *command) {
	if (IsA(command, RenameStmt))
		after_rename(on, (RenameStmt *)command);
	else if (IsA(command, AlterTableStmt))
		after_alter_table(on, (AlterTableStmt *)command);
	else if (IsA(command, CreateStmt))
		after_create_table(on, (CreateStmt *)command);
	else if (IsA(command, CreateForeignTableStmt))
		after_create_table(on, &((CreateForeignTableStmt *)command)->base);
	else if (IsA(command, CreateSchemaStmt)) {
		const CreateSchemaStmt *schema = (CreateSchemaStmt *)command;
		ListCell *cell;

		foreach (cell, schema->schemaElts) {
			if (IsA(lfirst(cell), CreateStmt)) {
				CreateStmt table = *(CreateStmt *)lfirst(cell);

				table.relation = copyObject(table.relation);
				if (table.relation->schemaname == NULL)
					table.relation->schemaname = schema->schemaname;
				if (table.relation->schemaname != NULL)
					after_create_table(on, &table);
			}
		}
	}
}

PG_FUNCTION_INFO_V1(aggregation_agg_watch_partitions);
extern Datum aggregation_agg_watch_partitions(PG_FUNCTION_ARGS);

Datum aggregation_agg_watch_partitions(PG_FUNCTION_ARGS) {
	EventTriggerData *event = (EventTriggerData *)fcinfo->context;
	watched on = {.set = agg_set_of_call(fcinfo)};

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED), errmsg("agg_watch_partitions() is an event trigger function"),
		         errhint("CREATE EXTENSION makes the event trigger.")));
	on.data_bars = agg_look_for_table(on.set, "data_bars");
	on.derived_bars = agg_look_for_table(on.set, "derived_data_bars");
	if (OidIsValid(on.data_bars) && OidIsValid(agg_look_for_table(on.set, "agg_sealed_ranges"))) {
		if (strcmp(event->event, "ddl_command_start") == 0)
			before_command(&on, event->parsetree);
		else if (strcmp(event->event, "ddl_command_end") == 0)
			after_command(&on, event->parsetree);
	} else if (IsA(event->parsetree, CreateTrigStmt) && strcmp(event->event, "ddl_command_start") == 0) {
		before_create_trigger(&on, (CreateTrigStmt *)event->parsetree);
	}
	PG_RETURN_VOID();
}
