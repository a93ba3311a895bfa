/*
 * A stand-in for an extension that manages a table: as TimescaleDB and Citus do, it keeps the rows in another relation than the one that
 * people name, and brings them there when a statement is planned. What is written past the planner ends in the named table itself.
 *
 *   table_manager.tables   "public.derived_data_bars>public.chunk, …": whoever inserts into the first inserts into the second, which is a
 *                          child of the first by inheritance and has the same columns in the same places
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/varlena.h"

#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
/* 16 reports a bad name softly where it is told to (commit 858e776c84), and keeps permissions beside the range table (commit a61b1f7). */
#define names_in(text) stringToQualifiedNameList((text), NULL)
#define check_rights_on(query, target, table) (getRTEPermissionInfo((query)->rteperminfos, (target))->relid = (table))
#else
#define names_in(text) stringToQualifiedNameList(text)
#define check_rights_on(query, target, table) ((void)0)
#endif

PG_MODULE_MAGIC;

static char *managed_tables = NULL;
static planner_hook_type previous_planner = NULL;

static Oid relation_of(const char *name) {
	return RangeVarGetRelid(makeRangeVarFromNameList(names_in(name)), NoLock, true);
}

/* Where the rows of a table are kept, or InvalidOid. */
static Oid keeper_of(Oid table) {
	char *rest = pstrdup(managed_tables);
	char *pair;

	while ((pair = strsep(&rest, ", ")) != NULL) {
		char *to = strchr(pair, '>');

		if (to == NULL)
			continue;
		*to++ = '\0';
		if (relation_of(pair) == table)
			return relation_of(to);
	}
	return InvalidOid;
}

static PlannedStmt *plan(Query *query, const char *text, int options, ParamListInfo parameters) {
	if (query->commandType == CMD_INSERT && managed_tables != NULL && managed_tables[0] != '\0') {
		RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
		Oid keeper = keeper_of(target->relid);

		if (OidIsValid(keeper)) {
			LockRelationOid(keeper, RowExclusiveLock);
			check_rights_on(query, target, keeper); /* which knows the target by its relid */
			target->relid = keeper;
		}
	}
	return previous_planner ? previous_planner(query, text, options, parameters) : standard_planner(query, text, options, parameters);
}

/* As the change of a catalog would: plans that were made before are not valid any more. */
static void forget_plans(const char *tables pg_attribute_unused(), void *extra pg_attribute_unused()) {
	ResetPlanCache();
}

extern PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
	DefineCustomStringVariable("table_manager.tables", "Tables whose rows are kept elsewhere.", NULL, &managed_tables, "", PGC_SUSET, 0,
	                           NULL, forget_plans, NULL);
	previous_planner = planner_hook;
	planner_hook = plan;
}
