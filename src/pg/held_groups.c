/*
 * Groups of shards that a transaction works on, or writes, stay where they are until it ends.
 *
 * Citus's writers hold ShareLock on a shard's metadata, and a move or a split takes ExclusiveLock from the moment at which it lets the last
 * writes through. But the lock's name is the shard's number among those of its table, and a split gives all that come behind it another
 * one: then a move in the mode block_writes waits for nobody who began before the split, and what he commits stays behind on the old node.
 * A statement that waits for the split of its own shard holds no lock of the new one at all.
 *
 * So who writes takes the lock himself, and who ends a transaction after Citus told of a change takes it again, by the name that it has by
 * then, and looks whether the group is still here. If not, the transaction fails, where it would have been lost.
 */
#include "shard_groups.h"
#include "shim.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

typedef struct held_groups {
	struct held_groups *next;
	Oid schema;
	const agg_group **list;
	int count;
	bool all;     /* that there are, wherever they are; else one, here */
	uint64 since; /* which change of groups */
} held_groups;

static held_groups *held = NULL; /* by this transaction */

/* ---- the lock ---- */

static void lock(Oid schema, const agg_group *const *groups, int count) {
	Oid types[] = {INT4OID, INT8ARRAYOID};
	Oid function = LookupFuncName(list_make2(makeString("pg_catalog"), makeString("lock_shard_metadata")), lengthof(types), types, false);
	Datum *ids = palloc(sizeof(Datum) * (size_t)count);
	agg_scope *scope = agg_act_as_owner(get_relname_relid("data_bars", schema));

	for (int i = 0; i < count; i++)
		ids[i] = Int64GetDatum(groups[i]->id);
	(void)OidFunctionCall2(function, Int32GetDatum(ShareLock),
	                       PointerGetDatum(construct_array(ids, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	agg_stop_acting(scope);
}

static bool is_here(Oid schema, const agg_group *group) {
	static const char sql[] = "SELECT FROM pg_dist_placement AS p JOIN pg_dist_shard AS s USING (shardid) WHERE p.shardid = $1 "
	                          "AND p.groupid = (SELECT l.groupid FROM pg_dist_local_group AS l) "
	                          "AND s.shardminvalue::int = $2 AND s.shardmaxvalue::int = $3";
	Oid types[] = {INT8OID, INT4OID, INT4OID};
	Datum values[] = {Int64GetDatum(group->id), Int32GetDatum(group->first_hash), Int32GetDatum(group->last_hash)};
	agg_scope *scope;
	bool here;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(get_relname_relid("data_bars", schema));
	PushActiveSnapshot(GetLatestSnapshot()); /* a background worker has none yet, and what counts is how things are now */
	here = agg_execute(scope, sql, lengthof(types), types, values, true) > 0;
	PopActiveSnapshot();
	agg_stop_acting(scope);
	SPI_finish();
	return here;
}

/* ---- until the transaction ends ---- */

static bool are_all(Oid schema, const held_groups *one) {
	agg_groups groups = agg_groups_of(schema);

	return groups.count == one->count && memcmp(groups.list, one->list, sizeof(agg_group *) * (size_t)one->count) == 0;
}

static bool have_stayed(const held_groups *one) {
	bool stayed;

	if (agg_group_changes() == one->since)
		return true;
	PushActiveSnapshot(GetLatestSnapshot()); /* at a transaction's end there is none any more */
	lock(one->schema, one->list, one->count);
	AcceptInvalidationMessages();
	stayed = one->all ? are_all(one->schema, one) : is_here(one->schema, one->list[0]);
	PopActiveSnapshot();
	return stayed;
}

void agg_check_held_groups(void) {
	if (held == NULL || !TransactionIdIsValid(GetTopTransactionIdIfAny())) /* who has only read loses nothing */
		return;
	AcceptInvalidationMessages();
	for (const held_groups *one = held; one != NULL; one = one->next) {
		if (!have_stayed(one))
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			                errmsg("shards that this transaction has written were moved or split after it began"),
			                errdetail("Nothing of it is stored."), errhint("Try again.")));
	}
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		agg_check_held_groups();
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		held = NULL;
}

static bool holds(const agg_group *group) {
	for (const held_groups *one = held; one != NULL; one = one->next) {
		if (!one->all && one->list[0] == group)
			return true;
	}
	return false;
}

static void keep(Oid schema, const agg_group *const *list, int count, bool all, uint64 since) {
	static bool registered = false;
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	held_groups *one = palloc(sizeof(held_groups));

	*one = (held_groups) {.next = held, .schema = schema, .count = count, .all = all, .since = since};
	one->list = palloc(sizeof(agg_group *) * (size_t)count);
	memcpy(one->list, list, sizeof(agg_group *) * (size_t)count);
	MemoryContextSwitchTo(caller);
	if (!registered)
		RegisterXactCallback(end_of_transaction, NULL);
	registered = true;
	held = one;
}

bool agg_hold_group(Oid schema, const agg_group *group) {
	uint64 since = agg_group_changes();

	lock(schema, &group, 1);
	if (!is_here(schema, group))
		return false;
	if (!holds(group)) /* else it is looked at since then */
		keep(schema, &group, 1, false, since);
	return true;
}

void agg_hold_all_groups(Oid schema) {
	agg_groups groups = agg_groups_of(schema);
	uint64 since;

	do {
		since = agg_group_changes();
		lock(schema, groups.list, groups.count);
		AcceptInvalidationMessages();
		groups = agg_groups_of(schema);
	} while (agg_group_changes() != since);
	keep(schema, groups.list, groups.count, true, since);
}

void agg_hold_written_group(Oid schema, const agg_group *group) {
	uint64 since = agg_group_changes();

	if (holds(group))
		return;
	lock(schema, &group, 1);
	keep(schema, &group, 1, false, since);
}
