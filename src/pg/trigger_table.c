/*
 * Which table a trigger function believes: the one that it is for, a shard of it, or a partition of either. The set that this is a table of
 * is what it works on.
 */
#include "shard_groups.h"
#include "shim.h"

#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/*
 * The partition that was last found to be one: asking the catalog for its ancestors in each statement would cost a feed of single bars more
 * than noting them.
 */
static Oid known_partition = InvalidOid;
static Oid known_whole = InvalidOid;

static void forget_partition(Datum argument pg_attribute_unused(), Oid relation) {
	if (relation == known_partition || relation == known_whole || relation == InvalidOid)
		known_partition = InvalidOid;
}

static bool is_part_of(Oid table, Oid whole) {
	static bool registered = false;

	if (table == whole || (table == known_partition && whole == known_whole))
		return true;
	if (!registered) {
		CacheRegisterRelcacheCallback(forget_partition, (Datum)0);
		registered = true;
	}
	/* A child by inheritance is a chunk that another extension keeps; nobody but the table's owner could make one, and a statement cannot.
	 */
	if (!agg_is_part_of(table, whole) && !typeInheritsFrom(get_rel_type_id(table), get_rel_type_id(whole)))
		return false;
	known_partition = table;
	known_whole = whole;
	return true;
}

/* The table of which the relation is a partition, or is it itself. */
static Oid whole_of(Relation relation) {
	List *ancestors = relation->rd_rel->relispartition ? get_partition_ancestors(RelationGetRelid(relation)) : NIL;

	return ancestors == NIL ? RelationGetRelid(relation) : llast_oid(ancestors);
}

agg_table_set agg_set_of_trigger(FunctionCallInfo fcinfo, Relation relation, const char *function, const char *watched) {
	agg_table_set set = agg_set_of_call(fcinfo);
	Oid table = agg_look_for_table(set, watched);

	if (OidIsValid(table) && is_part_of(RelationGetRelid(relation), table))
		return set;
	if (RelationGetNamespace(relation) == set.schema && agg_is_distributed(set.schema))
		set.group = agg_group_of_shard(set.schema, get_rel_name(whole_of(relation)), watched);
	if (set.group == NULL)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("%s() is a trigger of \"%s.%s\" and its partitions, not of \"%s\"", function, agg_names_of(set).schema,
		                       quote_identifier(watched), RelationGetRelationName(relation)),
		                errhint("Drop the trigger; agg_setup() puts it where it belongs.")));
	return set;
}
