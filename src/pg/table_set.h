/* Table sets (ops/boundary/table_set.h): how C finds their tables, and names them in statements. */
#ifndef AGGREGATION_TABLE_SET_H
#define AGGREGATION_TABLE_SET_H

#include "postgres.h"

#include "fmgr.h"
#include "ops/boundary/table_set.h"

typedef struct agg_table_set {
	Oid schema;                    /* of the extension; InvalidOid: no set */
	const struct agg_group *group; /* of shards; NULL: the plain tables */
} agg_table_set;

/* The plain tables of the extension in a schema. */
static inline agg_table_set agg_set_in(Oid schema) {
	return (agg_table_set) {.schema = schema, .group = NULL};
}

static inline bool agg_same_set(agg_table_set a, agg_table_set b) {
	return a.schema == b.schema && a.group == b.group;
}

/* The plain tables that a function of the extension is at home with. */
extern agg_table_set agg_set_of_call(FunctionCallInfo fcinfo);
extern agg_table_names agg_names_of(agg_table_set set);
/* InvalidOid: it is not there. */
extern Oid agg_look_for_table(agg_table_set set, const char *name);
/* Raises (42P01) if it is not there. */
extern Oid agg_find_table(agg_table_set set, const char *name);
/* The statement with the set's tables in the place of each @name. */
extern char *agg_in_set(agg_table_set set, const char *statement);

#endif
