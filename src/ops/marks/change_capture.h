/*
 * The C++ side of change capture: collects what a (sub)transaction changes in data_bars, or in a table of ticks. The C side
 * (src/pg/transaction_changes.c) is told of each row by the table's trigger, and logs the whole when the transaction ends. No function of
 * this header throws.
 */
#ifndef AGGREGATION_CHANGE_CAPTURE_H
#define AGGREGATION_CHANGE_CAPTURE_H

#include "ops/boundary/operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agg_changes agg_changes;

typedef struct agg_changed_range {
	const char *symbol; /* lives until the changes are touched again */
	size_t symbol_length;
	int64_t from; /* microseconds since 2000-01-01 UTC; half-open */
	int64_t to;
	int64_t rows;
} agg_changed_range;

agg_changes *agg_changes_new(void) AGG_NOEXCEPT;          /* NULL: out of memory */
void agg_changes_free(agg_changes *changes) AGG_NOEXCEPT; /* its memory may be used for the next new one */

/* Each returns false when out of memory. */
bool agg_changes_add_bar(agg_changes *changes, const char *symbol, size_t symbol_length, int64_t time) AGG_NOEXCEPT;
/* The minute of a tick. */
bool agg_changes_add_tick(agg_changes *changes, const char *symbol, size_t symbol_length, int64_t time) AGG_NOEXCEPT;
bool agg_changes_add_range(agg_changes *changes, const agg_changed_range *range) AGG_NOEXCEPT;
bool agg_changes_merge(agg_changes *into, const agg_changes *from) AGG_NOEXCEPT;

/* Begins to list all changes: adjacent and overlapping ranges of a symbol are one. Bars: of many scattered ranges some are widened. */
bool agg_changes_begin_list(agg_changes *changes, size_t *count) AGG_NOEXCEPT;
bool agg_changes_begin_exact_list(agg_changes *changes, size_t *count) AGG_NOEXCEPT;
agg_changed_range agg_changes_listed(const agg_changes *changes, size_t i) AGG_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
