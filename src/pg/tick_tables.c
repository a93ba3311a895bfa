/*
 * Tables of ticks, as the event trigger sees them: which ones are sources, and what must not become of them.
 */
#include "shim.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "ops/ticks/tick_triggers.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool is_noting(const Trigger *trigger, agg_table_set set) {
	const char *function;

	if (strcmp(trigger->tgname, AGG_TICK_TRIGGER) != 0 || get_func_namespace(trigger->tgfoid) != set.schema)
		return false;
	function = get_func_name(trigger->tgfoid);
	return function != NULL && strcmp(function, AGG_TICK_FUNCTION) == 0;
}

bool agg_has_tick_trigger(agg_table_set set, Oid table) {
	Relation relation = try_relation_open(table, AccessShareLock);
	const TriggerDesc *triggers = relation == NULL ? NULL : relation->trigdesc;
	bool found = false;

	for (int i = 0; triggers != NULL && !found && i < triggers->numtriggers; i++)
		found = is_noting(&triggers->triggers[i], set);
	if (relation != NULL)
		relation_close(relation, AccessShareLock);
	return found;
}

bool agg_is_tick_source(agg_table_set set, const char *name) {
	Oid sources = agg_look_for_table(set, "agg_tick_sources");
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(name)};
	agg_scope *scope;
	bool found;

	if (!OidIsValid(sources))
		return false;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(sources);
	found = agg_execute(scope, agg_in_set(set, "SELECT FROM @agg_tick_sources AS s WHERE s.tick_source = $1"), lengthof(types), types,
	                    values, false) > 0;
	agg_stop_acting(scope);
	SPI_finish();
	return found;
}

/*
 * Rows of a child that is no partition are read with its parent's, and no trigger of the parent's fires for them. (An extension that keeps
 * a table's rows in children makes them without a statement of this kind, and brings the triggers along.)
 */
void agg_refuse_heir_of_ticks(agg_table_set set, Oid child) {
	Relation inherits;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid parent = InvalidOid;

	if (!OidIsValid(child) || get_rel_relispartition(child))
		return;
	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(child));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (!OidIsValid(parent) && HeapTupleIsValid(tuple = systable_getnext(scan))) {
		Oid one = ((Form_pg_inherits)GETSTRUCT(tuple))->inhparent;

		if (agg_has_tick_trigger(set, one))
			parent = one;
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	if (OidIsValid(parent))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("table \"%s\" cannot inherit from \"%s\", which is a tick source", get_rel_name(child), get_rel_name(parent)),
		         errdetail("Changes of the ticks in it would go unnoticed."), errhint("Use partitions (PARTITION BY RANGE).")));
}
