/*
 * A group's call may read what other groups hold, and note something there: by statements that Citus runs (table_set.h). Citus ends what
 * such a statement has begun on other nodes when the transaction ends. It does so for a COMMIT alone, not where the transaction is itself a
 * part of one on another node, and is prepared: then what it has noted would be lost.
 */
#include "shim.h"

#include "access/xact.h"

static bool reached = false; /* by this transaction */

static void at_end(XactEvent event, void *argument pg_attribute_unused()) {
	if (event == XACT_EVENT_PRE_PREPARE && reached)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a transaction that changes several nodes cannot also work on an index"),
		         errdetail("Parts of the index are on other nodes than the index."),
		         errhint("Call the function in a transaction of its own.")));
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		reached = false;
}

void agg_reach_other_groups(void) {
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(at_end, NULL);
	registered = true;
	reached = true;
}
