/*
 * A table set: the tables that the engine works on. Statements name them `@data_bars`; here alone it is known what they are called.
 */
#ifndef AGGREGATION_TABLE_NAMES_H
#define AGGREGATION_TABLE_NAMES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a set's tables are called. */
typedef struct agg_table_names {
	const char *schema; /* quoted as an identifier */
} agg_table_names;

/* Writes the statement with the set's tables in the place of each @name to `out`, at most `size` bytes with the zero at the end. Returns
 * how long it is, or would be. */
size_t agg_name_tables(agg_table_names names, const char *sql, size_t length, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
