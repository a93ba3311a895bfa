/*
 * Groups of shards, where Citus has distributed the tables by symbol: a group holds the symbols of one interval of hash values, and is a
 * set of tables that the engine works on (table_set.h).
 */
#ifndef AGGREGATION_SHARD_GROUPS_H
#define AGGREGATION_SHARD_GROUPS_H

#include "postgres.h"

#include "ops/boundary/table_set.h"

/* What becomes of a group (a move, a split) makes another one of it: this one stays as it is until the session ends. */
typedef struct agg_group {
	int64 id; /* the shard of data_bars; 0: no group, but the node's copies of what all groups share */
	int32 first_hash;
	int32 last_hash;
	bool here; /* on this node */
	const agg_other_name *tables;
	const char **relations; /* the same names, not as statements say them */
	size_t table_count;
} agg_group;

typedef struct agg_groups {
	const agg_group *const *list; /* by hash values */
	int count;
	const agg_group *copies; /* NULL where nothing is distributed */
} agg_groups;

/* Whether Citus is installed in this database. */
extern bool agg_has_citus(void);
/* Whether the bars of the extension in this schema are distributed. */
extern bool agg_is_distributed(Oid schema);
/* As they are now. The list is good until they change. */
extern agg_groups agg_groups_of(Oid schema);
/* Whether this is the node that is asked for all others. */
extern bool agg_is_coordinator(Oid schema);
/* The node's copies, where it is one; NULL: it is no shard of the table. */
extern const agg_group *agg_group_of_shard(Oid schema, const char *relation, const char *table);
extern const agg_group *agg_group_of_symbol(Oid schema, const char *symbol, int length);
/* What the table is called in the group. */
extern const char *agg_name_in_group(const agg_group *group, const char *table);
/* How often this session has been told that they are others, or may be. */
extern uint64 agg_group_changes(void);

/* held_groups.c. Keeps the group on this node until the transaction ends. False: it has left, or has been split. */
extern bool agg_hold_group(Oid schema, const agg_group *group);
/* Keeps all groups on the nodes where they are until the transaction ends. */
extern void agg_hold_all_groups(Oid schema);
/* For a statement of Citus's that writes the group, which it takes to be here. */
extern void agg_hold_written_group(Oid schema, const agg_group *group);
/* At the end of the transaction: fails where one of them has not stayed. Whoever writes then asks first. */
extern void agg_check_held_groups(void);

#endif
