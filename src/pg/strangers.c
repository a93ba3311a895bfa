/*
 * Code of strangers on a table that is written. We write as the table's owner, and so does every trigger, check and default that hangs
 * there. What the owner puts there himself, he does to himself. But others can put code there, too: a role with the privilege TRIGGER, and
 * whoever owns a partition. It would run with the rights of the table's owner as soon as anybody calls us. So nothing is written to a table
 * where
 *
 *   a trigger    calls a function of a stranger's that runs with the caller's rights, or asks one in its WHEN
 *   a partition  belongs to a stranger
 *
 * A stranger is who could not act as the table's owner anyway: no superuser, and no member of the owner's role.
 *
 * The answer is kept until the catalog changes: many writes are small.
 */
#include "shim.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Tables that were looked at, and whether they may be written by whom they were asked for. Partitions have an entry for their changes. */
typedef struct looked_at {
	Oid table; /* key */
	Oid owner; /* InvalidOid: not asked for itself */
} looked_at;

static HTAB *cache = NULL;
static bool stale = true;

static void catalog_changed(Datum argument pg_attribute_unused(), int cache_id pg_attribute_unused(), uint32 hash pg_attribute_unused()) {
	stale = true;
}

static void relation_changed(Datum argument pg_attribute_unused(), Oid relation) {
	stale = stale || cache == NULL || relation == InvalidOid || hash_search(cache, &relation, HASH_FIND, NULL) != NULL;
}

static void make_cache(void) {
	HASHCTL control = {.keysize = sizeof(Oid), .entrysize = sizeof(looked_at), .hcxt = TopMemoryContext};
	static bool registered = false;

	if (cache != NULL)
		hash_destroy(cache);
	cache = NULL;
	cache = hash_create("aggregation tables without strangers", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (!registered) {
		CacheRegisterRelcacheCallback(relation_changed, (Datum)0);
		CacheRegisterSyscacheCallback(PROCOID, catalog_changed, (Datum)0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, catalog_changed, (Datum)0);
		CacheRegisterSyscacheCallback(AUTHOID, catalog_changed, (Datum)0);
		registered = true;
	}
	stale = false;
}

static void remember(Oid table, Oid owner) {
	bool found;
	looked_at *entry = hash_search(cache, &table, HASH_ENTER, &found);

	if (!found || OidIsValid(owner))
		entry->owner = owner;
}

static bool is_stranger(Oid role, Oid owner) {
	return role != owner && !superuser_arg(role) && !has_privs_of_role(role, owner);
}

/* Whether a stranger decides what the function does with the rights of whoever calls it. */
static bool is_of_stranger(Oid function, void *owner) {
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc row;
	bool strange;

	if (!HeapTupleIsValid(tuple))
		return false;
	row = (Form_pg_proc)GETSTRUCT(tuple);
	strange = !row->prosecdef && is_stranger(row->proowner, *(Oid *)owner);
	ReleaseSysCache(tuple);
	return strange;
}

static bool asks_stranger(Node *condition, void *owner) {
	if (condition == NULL)
		return false;
	if (IsA(condition, CoerceToDomain)) /* its checks are functions, too */
		return true;
	return check_functions_in_node(condition, is_of_stranger, owner) || expression_tree_walker(condition, asks_stranger, owner);
}

static void check_triggers(Relation table, Oid owner) {
	const TriggerDesc *triggers = table->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++) {
		const Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (is_of_stranger(trigger->tgfoid, &owner) || (trigger->tgqual != NULL && asks_stranger(stringToNode(trigger->tgqual), &owner)))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			                errmsg("trigger \"%s\" of table \"%s\" runs a function of somebody who is not the table's owner",
			                       trigger->tgname, RelationGetRelationName(table)),
			                errdetail("It would run with the rights of \"%s\".", GetUserNameFromId(owner, false)),
			                errhint("Drop the trigger, or give its function to \"%s\", or make it SECURITY DEFINER.",
			                        GetUserNameFromId(owner, false))));
	}
}

/*
 * A trigger that somebody is just making on a partition would be there by the time at which our rows come to it. So we have its lock before
 * we look. (Children that another extension keeps may be thousands; what belongs to them is that extension's business.)
 */
static void lock_partitions(Oid table) {
	static Oid locked = InvalidOid;
	static LocalTransactionId transaction = InvalidLocalTransactionId;
	static SubTransactionId subtransaction = InvalidSubTransactionId;

	if (get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE ||
	    (locked == table && transaction == agg_local_transaction() && subtransaction == GetCurrentSubTransactionId()))
		return;
	list_free(find_all_inheritors(table, RowExclusiveLock, NULL));
	locked = table;
	transaction = agg_local_transaction();
	subtransaction = GetCurrentSubTransactionId();
}

/* The table is locked. */
void agg_check_strangers(Oid table, Oid owner) {
	const looked_at *known;
	ListCell *cell;

	lock_partitions(table);
	if (stale)
		make_cache();
	known = hash_search(cache, &table, HASH_FIND, NULL);
	if (known != NULL && known->owner == owner)
		return;
	foreach (cell, find_all_inheritors(table, NoLock, NULL)) {
		Relation part = try_relation_open(lfirst_oid(cell), AccessShareLock);

		if (part == NULL)
			continue;
		remember(RelationGetRelid(part), InvalidOid); /* first: what changes while we look makes us look again */
		if (is_stranger(part->rd_rel->relowner, owner))
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("partition \"%s\" of table \"%s\" belongs to \"%s\", who is not the table's owner",
			                RelationGetRelationName(part), get_rel_name(table), GetUserNameFromId(part->rd_rel->relowner, false)),
			         errdetail("Its triggers, checks and defaults would run with the rights of \"%s\".", GetUserNameFromId(owner, false)),
			         errhint("Check its triggers, checks and defaults, then ALTER TABLE ... OWNER TO ....")));
		check_triggers(part, owner);
		relation_close(part, AccessShareLock);
	}
	if (!stale)
		remember(table, owner);
}
