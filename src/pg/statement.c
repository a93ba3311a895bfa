/*
 * The only way to run SQL. Whoever runs a statement, from wherever (a function, a trigger, an event trigger, a commit), first opens a scope
 * here, and can have none otherwise:
 *
 *   user         the owner of the table that the statement is about, or the caller where it is about none
 *   restricted   a security-restricted operation, as in REFRESH MATERIALIZED VIEW: nothing can be left behind that acts with other rights
 *   path         search_path is "pg_catalog, pg_temp", so that no function, operator or type of anybody's is found before PostgreSQL's
 *   settings     a level of their own, rolled back at the end: what a trigger of the table sets does not hold for our next statement
 *
 * The SQL functions are SECURITY DEFINER, and their owner may be a superuser. What hangs on the tables (triggers, defaults, checks, index
 * expressions, policies) belongs to the tables' owner and runs with that owner's rights and no more.
 */
#include "shard_groups.h"
#include "shim.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "ops/setup/own_tables.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#define PINNED_PATH "pg_catalog, pg_temp"

struct agg_scope {
	Oid acting;
	Oid user; /* as it was before */
	int security_context;
	int settings; /* nest level */
	bool only_reads;
};

static void set_for_scope(const char *setting, const char *value) {
	(void)set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static agg_scope *act_as(Oid user) {
	agg_scope *scope = palloc(sizeof(agg_scope));

	scope->acting = user;
	scope->only_reads = false;
	GetUserIdAndSecContext(&scope->user, &scope->security_context);
	scope->settings = NewGUCNestLevel();
	SetUserIdAndSecContext(user, scope->security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	if (strcmp(namespace_search_path, PINNED_PATH) != 0)
		set_for_scope("search_path", PINNED_PATH);
	if (agg_has_citus())
		set_for_scope("citus.enable_manual_changes_to_shards", "on");
	return scope;
}

static Form_pg_class class_of(Oid table, HeapTuple *tuple) {
	*tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	if (!HeapTupleIsValid(*tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	return (Form_pg_class)GETSTRUCT(*tuple);
}

/* The catalog's flag says that the table has rules or once had some. */
static bool has_rules(Oid table, bool flag) {
	CatCList *rules;
	bool any;

	if (!flag)
		return false;
	rules = SearchSysCacheList1(RULERELNAME, ObjectIdGetDatum(table));
	any = rules->n_members > 0;
	ReleaseSysCacheList(rules);
	return any;
}

/* Whether a table has this name, or is a shard or a partition of one that has. */
static bool is_called(const char *name, const char *wanted) {
	size_t length = strlen(wanted);

	return strncmp(name, wanted, length) == 0 &&
	       (name[length] == '\0' || (name[length] == '_' && name[length + 1 + strspn(name + length + 1, "0123456789_")] == '\0'));
}

static bool is_own_table(const char *name) {
	static const char *const names[] = {AGG_OWN_TABLES(AGG_NAME, AGG_COMMA)};

	for (size_t i = 0; i < lengthof(names); i++) {
		if (is_called(name, names[i]))
			return true;
	}
	return false;
}

/* One of those that follow what people change of calendars and indexes. */
static bool is_own_trigger(const Trigger *trigger, Oid schema) {
	const char *function;

	if (trigger->tgqual != NULL || get_func_namespace(trigger->tgfoid) != schema)
		return false;
	function = get_func_name(trigger->tgfoid);
	return function != NULL && (strcmp(function, AGG_CALENDAR_TRIGGER) == 0 || strcmp(function, AGG_INDEX_TRIGGER) == 0);
}

/*
 * Our own tables are nobody else's business: what hangs there would run by our writes, or make them fail. The
 * catalog's flag says that the table has triggers or once had some.
 */
static void check_own_table(Oid table, Form_pg_class class) {
	Relation relation;
	const char *trigger = NULL;

	if (!is_own_table(NameStr(class->relname)))
		return;
	if (class->relhastriggers) {
		relation = RelationIdGetRelation(table);
		for (int i = 0; RelationIsValid(relation) && relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++) {
			const Trigger *one = &relation->trigdesc->triggers[i];

			if (!one->tgisinternal && !is_own_trigger(one, class->relnamespace))
				trigger = pstrdup(one->tgname);
		}
		if (RelationIsValid(relation))
			RelationClose(relation);
	}
	if (trigger != NULL || class->relrowsecurity)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                trigger != NULL
		                    ? errmsg("table \"%s\" has a trigger that is not the extension's, \"%s\"", NameStr(class->relname), trigger)
		                    : errmsg("table \"%s\" has row security", NameStr(class->relname)),
		                errdetail("The table is the extension's own, and nothing else may run when it is written."),
		                errhint("Remove it; agg_setup(true) lists everything that is in the way.")));
}

static const char *name_of(Form_pg_class class) {
	return quote_qualified_identifier(get_namespace_name(class->relnamespace), NameStr(class->relname));
}

/* Of which tables a statement must see every row. */
typedef enum wanted_rows { ROWS_THAT_ARE_SHOWN, ALL_ROWS_OF_OURS, ALL_ROWS } wanted_rows;

/* Bars that the table's owner does not see would be taken for bars that are gone, tasks and assets for some that nobody wants. */
static bool may_hide_none(Form_pg_class class, wanted_rows wanted) {
	static const char *const names[] = {"data_bars", "derived_data_bars", "data_agg_state", "core_asset_registry_all"};

	for (size_t i = 0; i < lengthof(names) && wanted == ALL_ROWS_OF_OURS; i++) {
		if (is_called(NameStr(class->relname), names[i]))
			return true;
	}
	return wanted == ALL_ROWS;
}

static void check_hidden_rows(Oid table, Form_pg_class class, wanted_rows wanted) {
	if (class->relrowsecurity && may_hide_none(class, wanted) && check_enable_rls(table, class->relowner, true) == RLS_ENABLED)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("row security is forced on the owner of table \"%s\"", name_of(class)),
		         errhint("Use ALTER TABLE ... NO FORCE ROW LEVEL SECURITY.")));
}

/*
 * What reads or writes something else in the place of a table is refused before any statement runs on it, and, where its rows are what the
 * work is about, what hides some of them. The table's owner.
 */
static Oid check_table(Oid table, wanted_rows wanted) {
	HeapTuple tuple;
	Form_pg_class class = class_of(table, &tuple);
	Oid owner = class->relowner;

	if (class->relkind != RELKIND_RELATION && class->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", name_of(class)),
		                errdetail("The extension works on plain and on partitioned tables."), errhint("Rename it and run agg_setup().")));
	if (has_rules(table, class->relhasrules))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("table \"%s\" has rules", name_of(class)),
		                errdetail("A rule rewrites the statements that run on the table."), errhint("Drop the rules, and use triggers.")));
	check_own_table(table, class);
	check_hidden_rows(table, class, wanted);
	ReleaseSysCache(tuple);
	return owner;
}

Oid agg_owner_of(Oid table) {
	HeapTuple tuple;
	Oid owner = class_of(table, &tuple)->relowner;

	ReleaseSysCache(tuple);
	return owner;
}

/* The owner acts, whoever the caller is. */
agg_scope *agg_act_as_owner(Oid table) {
	return act_as(check_table(table, ROWS_THAT_ARE_SHOWN));
}

/* The same for work that must see every row of the extension's tables. */
agg_scope *agg_act_as_owner_of_all_rows(Oid table) {
	return act_as(check_table(table, ALL_ROWS_OF_OURS));
}

/* The same for a table of somebody's. */
agg_scope *agg_act_as_owner_of_ticks(Oid table) {
	return act_as(check_table(table, ALL_ROWS));
}

/* For rows that are inserted without a statement: rules and triggers play no part, and must not keep anybody from writing bars. */
agg_scope *agg_act_as_owner_of_log(Oid log) {
	return act_as(agg_owner_of(log));
}

/* For commands about a function of ours. */
agg_scope *agg_act_as_owner_of_function(Oid function) {
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc)GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return act_as(owner);
}

/* As agg_act_as_owner() for a caller who could do it himself; anybody else is refused. */
agg_scope *agg_act_as_owner_for_caller(Oid table) {
	if (!has_privs_of_role(GetUserId(), agg_owner_of(table)))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
	return agg_act_as_owner(table);
}

agg_scope *agg_act_as_caller(void) {
	return act_as(GetUserId());
}

/* The caller, who has Citus put our triggers on shards. */
agg_scope *agg_act_as_distributor(void) {
	agg_scope *scope = agg_act_as_caller();

	set_for_scope("client_min_messages", "warning"); /* its notices say to do what is done here */
	set_for_scope("citus.enable_unsafe_triggers", "on");
	agg_keep_connections(scope); /* what many tables are about cannot be done side by side */
	return scope;
}

/* Statements about many shards use one connection for each node. */
void agg_keep_connections(const agg_scope *scope pg_attribute_unused()) {
	set_for_scope("citus.multi_shard_modify_mode", "sequential");
}

/* Citus runs statements of a call that it has been asked to make itself: a group's call reads what another group holds. */
void agg_let_citus_nest(const agg_scope *scope pg_attribute_unused()) {
	set_for_scope("citus.allow_nested_distributed_execution", "on");
}

/* The scope's statements see what the query sees that they are a part of, all of them the same, and may write nothing. */
void agg_only_read(agg_scope *scope) {
	scope->only_reads = true;
}

/* What the scope's statements do to data_bars is not noted. */
void agg_stop_tracking(const agg_scope *scope pg_attribute_unused()) {
	set_for_scope("aggregation.tracking", "off");
}

/* PostgreSQL has the scans of a large table join each other in its middle. */
void agg_scan_from_start(const agg_scope *scope pg_attribute_unused()) {
	set_for_scope("synchronize_seqscans", "off");
}

/* For statements over thousands of rows of which no statistics know. */
void agg_avoid_loops(const agg_scope *scope pg_attribute_unused()) {
	set_for_scope("enable_nestloop", "off");
}

/*
 * Where one transaction runs many tasks, none of them may keep the others waiting for somebody's transaction that stays open.
 * A limit that the session has set counts.
 */
#define LONGEST_WAIT "200ms"
static bool waits_are_limited = false;

void agg_limit_waits(bool limit) {
	waits_are_limited = limit;
}

/* For the rest of the scope. */
void agg_bound_waits(const agg_scope *scope pg_attribute_unused()) {
	if (waits_are_limited && LockTimeout == 0)
		set_for_scope("lock_timeout", LONGEST_WAIT);
}

/* Before the scope's table is written: nobody's code runs but its owner's. For the table itself we wait, as long as it takes. */
void agg_begin_writing(const agg_scope *scope, Oid table) {
	LockRelationOid(table, RowExclusiveLock);
	agg_check_strangers(table, scope->acting);
	agg_bound_waits(scope);
}

void agg_stop_acting(agg_scope *scope) {
	AtEOXact_GUC(false, scope->settings);
	SetUserIdAndSecContext(scope->user, scope->security_context);
	pfree(scope);
}

static void check_scope(const agg_scope *scope) {
	if (GetUserId() != scope->acting || !InSecurityRestrictedOperation() || strcmp(namespace_search_path, PINNED_PATH) != 0)
		elog(ERROR, "statement outside of its scope");
}

/* ---- what runs in a scope ---- */

SPIPlanPtr agg_prepare(const agg_scope *scope, const char *sql, int parameter_count, Oid *types, int cursor_options) {
	SPIPlanPtr plan;

	check_scope(scope);
	plan = SPI_prepare_cursor(sql, parameter_count, types, cursor_options);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/* What is to see the latest must only read: then SPI takes the snapshot that it finds. */
uint64 agg_execute_plan(const agg_scope *scope, SPIPlanPtr plan, ParamListInfo parameters, DestReceiver *receiver, bool latest) {
	SPIExecuteOptions options = {.params = parameters, .dest = receiver, .read_only = scope->only_reads};
	bool snapshot_of_ours = latest && IsolationUsesXactSnapshot();
	int code;

	check_scope(scope);
	if (snapshot_of_ours) {
		PushActiveSnapshot(GetLatestSnapshot());
		options.read_only = true;
	}
	code = SPI_execute_plan_extended(plan, &options);
	if (snapshot_of_ours)
		PopActiveSnapshot();
	if (code < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/* One statement of any kind; what it returns is in SPI_tuptable. No parameter is NULL. */
uint64 agg_execute(const agg_scope *scope, const char *sql, int parameter_count, Oid *types, Datum *values, bool read_only) {
	int code;

	check_scope(scope);
	code = SPI_execute_with_args(sql, parameter_count, types, values, NULL, read_only, 0);
	if (code < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

CopyFromState agg_begin_copy(const agg_scope *scope, ParseState *parse_state, Relation table, copy_data_source_cb source, List *columns,
                             List *options) {
	check_scope(scope);
	return BeginCopyFrom(parse_state, table, NULL, NULL, false, source, columns, options);
}

/* A row of the extension's own log: no trigger fires, no check, default or generated column of somebody's is evaluated. */
void agg_insert_row(const agg_scope *scope, ResultRelInfo *table, EState *state, TupleTableSlot *row) {
	TupleDesc columns = RelationGetDescr(table->ri_RelationDesc);

	check_scope(scope);
	for (int i = 0; i < columns->natts; i++) {
		if (TupleDescAttr(columns, i)->attnotnull && row->tts_isnull[i])
			ereport(ERROR, (errcode(ERRCODE_NOT_NULL_VIOLATION),
			                errmsg("column \"%s\" of table \"%s\" is NOT NULL, but is not the extension's",
			                       NameStr(TupleDescAttr(columns, i)->attname), RelationGetRelationName(table->ri_RelationDesc)),
			                errhint("Drop the column; the table is the extension's own.")));
	}
	simple_table_tuple_insert(table->ri_RelationDesc, row);
	if (table->ri_NumIndices > 0)
		list_free(agg_insert_index_tuples(table, row, state));
}
