/*
 * Which groups of shards there are is read from Citus's catalogs, which each of its nodes has:
 *
 *   pg_dist_partition    the tables that are distributed, by hash or with a copy on each node
 *   pg_dist_shard        their shards, and the hash values that each of them holds
 *   pg_dist_placement    on which nodes these are
 *
 * Shards of two tables belong together where they hold the same values. They are moved and split together, under Citus's lock on a shard's
 * metadata: whoever holds it knows that what it writes is not left behind.
 */
#include "shard_groups.h"

#include "shim.h"

#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* What statements of a group say for tables that are kept from others, which a group has few of. */
#define TIMEFRAMES_OF_TASKS "(SELECT DISTINCT s.timeframe, COALESCE(s.source_timeframe, '') AS source_timeframe FROM %s AS s)"

/* And for the assets: those of the group's symbols, of which each node knows all. */
#define ASSETS_OF_GROUP "(SELECT a.* FROM %s AS a WHERE hashtext(a.canonical_symbol) BETWEEN %d AND %d)"

/* What hash values its symbols have: a row. */
#define HASH_VALUES "(SELECT %d AS first_hash, %d AS last_hash)"

static Oid known_schema = InvalidOid; /* InvalidOid: nothing is known */
static uint64 changes = 0;            /* that were told of */
static Oid known_bars = InvalidOid;
static const agg_group **known = NULL;
static const agg_group *known_copies = NULL;
static int known_count = 0;
static bool known_coordinator = false;

static void forget(Datum argument pg_attribute_unused(), Oid relation) {
	if (relation != known_bars && relation != InvalidOid)
		return;
	known_schema = InvalidOid;
	changes++;
}

uint64 agg_group_changes(void) {
	return changes;
}

bool agg_has_citus(void) {
	return OidIsValid(get_relname_relid("pg_dist_shard", PG_CATALOG_NAMESPACE));
}

/* ---- what Citus says ---- */

/* Each shard of each table: the hash values that it holds (NULL: a copy of the whole table), and whether it is here. */
static const char shards[] =
    "SELECT c.relname::text, s.shardid, s.shardminvalue::int, s.shardmaxvalue::int, "
    "EXISTS (SELECT FROM pg_dist_placement AS p WHERE p.shardid = s.shardid AND p.groupid = l.groupid), l.groupid "
    "FROM pg_dist_local_group AS l CROSS JOIN pg_dist_shard AS s JOIN pg_class AS c ON c.oid = s.logicalrelid WHERE c.relnamespace = $1 "
    "ORDER BY c.relname::text COLLATE \"C\", s.shardminvalue::int";

typedef struct shard {
	char *table;
	int64 id;
	bool is_copy;
	int32 first_hash;
	int32 last_hash;
	bool here;
} shard;

static shard *read_shards(Oid schema, int *count, bool *coordinator) {
	MemoryContext caller = CurrentMemoryContext;
	Oid types[] = {OIDOID};
	Datum values[] = {ObjectIdGetDatum(schema)};
	agg_scope *scope;
	shard *found;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_caller();
	PushActiveSnapshot(GetLatestSnapshot());
	*count = (int)agg_execute(scope, shards, 1, types, values, true);
	PopActiveSnapshot();
	agg_stop_acting(scope);
	*coordinator = false;
	found = MemoryContextAllocZero(caller, sizeof(shard) * (size_t)(*count + 1));
	for (int i = 0; i < *count; i++) {
		HeapTuple row = SPI_tuptable->vals[i];
		TupleDesc columns = SPI_tuptable->tupdesc;
		bool is_null;

		found[i].table = MemoryContextStrdup(caller, SPI_getvalue(row, columns, 1));
		found[i].id = DatumGetInt64(SPI_getbinval(row, columns, 2, &is_null));
		found[i].first_hash = DatumGetInt32(SPI_getbinval(row, columns, 3, &found[i].is_copy));
		found[i].last_hash = DatumGetInt32(SPI_getbinval(row, columns, 4, &is_null));
		found[i].here = DatumGetBool(SPI_getbinval(row, columns, 5, &is_null));
		*coordinator = DatumGetInt32(SPI_getbinval(row, columns, 6, &is_null)) == 0;
	}
	SPI_finish();
	return found;
}

/* ---- groups ---- */

static void name_table(agg_group *group, const char *table, const char *relation, const char *schema) {
	agg_other_name *names = (agg_other_name *)group->tables;
	size_t place = group->table_count++;

	while (place > 0 && strcmp(names[place - 1].table, table) > 0) {
		names[place] = names[place - 1];
		group->relations[place] = group->relations[place - 1];
		place--;
	}
	names[place].table = pstrdup(table);
	names[place].in_sql = psprintf("%s.%s", schema, quote_identifier(relation));
	group->relations[place] = relation;
}

/* The number of the table's names in the group; table_count: it is called by its own name. */
static size_t place_of(const agg_group *group, const char *table) {
	size_t place = 0;

	while (place < group->table_count && strcmp(group->tables[place].table, table) != 0)
		place++;
	return place;
}

static agg_other_name *name_of(const agg_group *group, const char *table) {
	size_t place = place_of(group, table);

	if (place == group->table_count)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("table \"%s\" is not distributed with data_bars", table),
		                errhint("Call agg_distribute() on the coordinator.")));
	return (agg_other_name *)&group->tables[place];
}

static const char *in_sql(const agg_group *group, const char *table) {
	return name_of(group, table)->in_sql;
}

static void say_instead(const agg_group *group, const char *table, const char *in_sql) {
	name_of(group, table)->in_sql = in_sql;
}

/* In memory that stays. `bars`: its shard; NULL: the node's copies. */
static const agg_group *make_group(Oid schema, const shard *bars, const shard *all, int count) {
	agg_group *group = palloc0(sizeof(agg_group));
	const char *in_schema = quote_identifier(get_namespace_name(schema));

	*group = bars == NULL ? (agg_group) {.here = true}
	                      : (agg_group) {.id = bars->id, .first_hash = bars->first_hash, .last_hash = bars->last_hash, .here = bars->here};
	group->tables = palloc0(sizeof(agg_other_name) * (size_t)(count + 3));
	group->relations = palloc0(sizeof(char *) * (size_t)(count + 3));
	for (int i = 0; i < count; i++) {
		const shard *one = &all[i];

		if (one->is_copy || (bars != NULL && one->first_hash == bars->first_hash && one->last_hash == bars->last_hash))
			name_table(group, one->table, psprintf("%s_" INT64_FORMAT, one->table, one->id), in_schema);
	}
	if (bars == NULL)
		return group;
	say_instead(group, "core_asset_registry_all",
	            psprintf(ASSETS_OF_GROUP, in_sql(group, "core_asset_registry_all"), group->first_hash, group->last_hash));
	name_table(group, "agg_timeframes", agg_name_in_group(group, "data_agg_state"), in_schema);
	say_instead(group, "agg_timeframes", psprintf(TIMEFRAMES_OF_TASKS, in_sql(group, "data_agg_state")));
	name_table(group, "agg_hash_values", "agg_hash_values", in_schema);
	say_instead(group, "agg_hash_values", psprintf(HASH_VALUES, group->first_hash, group->last_hash));
	return group;
}

static bool same_group(const agg_group *a, const agg_group *b) {
	if (a->id != b->id || a->first_hash != b->first_hash || a->last_hash != b->last_hash || a->here != b->here ||
	    a->table_count != b->table_count)
		return false;
	for (size_t i = 0; i < a->table_count; i++) {
		if (strcmp(a->tables[i].table, b->tables[i].table) != 0 || strcmp(a->tables[i].in_sql, b->tables[i].in_sql) != 0)
			return false;
	}
	return true;
}

/* The one that is known already, where nothing has changed. Else a new one, which stays: it may be in use for as long as the session lives.
 */
static const agg_group *known_or_new(Oid schema, const shard *bars, const shard *all, int count) {
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "aggregation shard group", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	const agg_group *group = make_group(schema, bars, all, count);

	MemoryContextSwitchTo(caller);
	for (int i = 0; i <= known_count; i++) {
		const agg_group *one = i == known_count ? known_copies : known[i];

		if (one != NULL && same_group(one, group)) {
			MemoryContextDelete(memory);
			return one;
		}
	}
	MemoryContextSetParent(memory, TopMemoryContext);
	return group;
}

/* In the middle of agg_distribute() some tables are, and some are not yet. */
static bool all_are_distributed(const shard *all, int count) {
	static const char *const last[] = {"core_asset_registry_all", "data_agg_state", "agg_sealed_ranges"};
	size_t found = 0;

	for (size_t i = 0; i < lengthof(last); i++) {
		bool there = false;

		for (int s = 0; s < count; s++)
			there = there || strcmp(all[s].table, last[i]) == 0;
		found += there ? 1 : 0;
	}
	return found == lengthof(last);
}

static void load(Oid schema, Oid bars) {
	static bool registered = false;
	uint64 before = changes;
	bool coordinator;
	bool complete;
	int count;
	int groups = 0;
	const shard *all;
	const agg_group **fresh;

	if (!registered)
		CacheRegisterRelcacheCallback(forget, (Datum)0);
	registered = true;
	known_bars = bars;
	all = read_shards(schema, &count, &coordinator);
	complete = all_are_distributed(all, count);
	fresh = MemoryContextAllocZero(TopMemoryContext, sizeof(agg_group *) * (size_t)(count + 1));
	for (int i = 0; i < count; i++) {
		if (complete && !all[i].is_copy && strcmp(all[i].table, "data_bars") == 0)
			fresh[groups++] = known_or_new(schema, &all[i], all, count);
	}
	known_copies = complete ? known_or_new(schema, NULL, all, count) : NULL;
	if (known != NULL)
		pfree(known);
	known = fresh;
	known_count = groups;
	known_coordinator = coordinator;
	if (changes == before)
		known_schema = schema;
}

agg_groups agg_groups_of(Oid schema) {
	Oid bars = agg_has_citus() ? get_relname_relid("data_bars", schema) : InvalidOid;

	if (!OidIsValid(bars))
		return (agg_groups) {.list = NULL, .count = 0, .copies = NULL};
	if (known_schema != schema || known_bars != bars)
		load(schema, bars);
	return (agg_groups) {.list = known, .count = known_count, .copies = known_copies};
}

bool agg_is_distributed(Oid schema) {
	return agg_groups_of(schema).count > 0;
}

bool agg_is_coordinator(Oid schema) {
	return agg_is_distributed(schema) && known_coordinator;
}

const char *agg_name_in_group(const agg_group *group, const char *table) {
	size_t place = place_of(group, table);

	return place == group->table_count ? table : group->relations[place];
}

const agg_group *agg_group_of_shard(Oid schema, const char *relation, const char *table) {
	agg_groups groups = agg_groups_of(schema);

	if (groups.copies != NULL && strcmp(agg_name_in_group(groups.copies, table), relation) == 0)
		return groups.copies;
	for (int i = 0; i < groups.count; i++) {
		if (strcmp(agg_name_in_group(groups.list[i], table), relation) == 0)
			return groups.list[i];
	}
	return NULL;
}

/* As Citus does: the hash value of a text of a deterministic collation. */
const agg_group *agg_group_of_symbol(Oid schema, const char *symbol, int length) {
	int32 hash = (int32)hash_bytes((const unsigned char *)symbol, length);
	agg_groups groups = agg_groups_of(schema);

	for (int i = 0; i < groups.count; i++) {
		if (hash >= groups.list[i]->first_hash && hash <= groups.list[i]->last_hash)
			return groups.list[i];
	}
	return NULL;
}
