/* One call of an operation, from its arguments to its answer. */
#ifndef AGGREGATION_DRIVER_H
#define AGGREGATION_DRIVER_H

#include "shim.h"

#include "utils/resowner.h"

#define DEEPEST_SUBTRANSACTION 4

typedef struct agg_call_state {
	agg_operation *operation;
	MemoryContext memory;  /* owns the operation */
	MemoryContext request; /* reset after each request */
	agg_table_set set;
	agg_call_sets sets; /* that it works on, one after the other; none before it asks for the first one */
	int next_set;
	agg_table_names tables; /* of the set */
	agg_function function;
	ReturnSetInfo *rows; /* of a set-returning function, or NULL */
	bool commits;        /* called so that it may end transactions */
	bool for_citus;      /* the plain tables are distributed: Citus plans its statements */
	bool own_snapshot;   /* there is no portal whose snapshot SPI could use between two commits */
	bool progress_shown;
	bool left; /* the group of shards is not here any more: the operation ends where it is */
	int depth; /* of subtransactions */
	ResourceOwner owners[DEEPEST_SUBTRANSACTION];
	ErrorData *error;      /* the last one caught */
	bool broken;           /* a request failed in the innermost subtransaction, which waits to be rolled back */
	char sqlstate[6];      /* of `error` */
	agg_error description; /* of `error` */
} agg_call_state;

/* And begin another transaction. */
extern void agg_commit(void);
/* What outlives a commit cannot belong to the transaction: then `parent` is a context that does. */
extern agg_call_state *agg_begin_call(MemoryContext parent, agg_table_set set, bool commits);
extern void agg_create_operation(agg_call_state *state, agg_function function, const agg_argument *arguments, size_t count);
/* Needs SPI to be connected. `request` is the operation's answer in the end. */
extern void agg_run_operation(agg_call_state *state, agg_request *request);

#endif
