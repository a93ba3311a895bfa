/*
 * A table set: the tables that the engine works on. Statements name them `@data_bars`; here alone it is known what they are called.
 *
 *   the set of plain tables     @data_bars is public.data_bars
 *   a group of shards           @data_bars is public.data_bars_102008, where that is the shard of the group's symbols
 *
 * In any set @@data_bars is public.data_bars: where groups of shards are sets, that is the table of all of them, and Citus runs the
 * statement. Then the statement's relation is "@data_bars", too.
 */
#ifndef AGGREGATION_TABLE_NAMES_H
#define AGGREGATION_TABLE_NAMES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A table that is not called by its own name in a set. */
typedef struct agg_other_name {
	const char *table;
	const char *in_sql; /* what a statement says for it */
} agg_other_name;

/* What a set's tables are called. */
typedef struct agg_table_names {
	const char *schema;           /* quoted as an identifier */
	const agg_other_name *others; /* by table */
	size_t other_count;
} agg_table_names;

/* Writes the statement with the set's tables in the place of each @name to `out`, at most `size` bytes with the zero at the end. Returns
 * how long it is, or would be. */
size_t agg_name_tables(agg_table_names names, const char *sql, size_t length, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
