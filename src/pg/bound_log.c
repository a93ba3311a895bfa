/*
 * The logs of changes stay small where nobody works on them: those who write drain them now and then.
 */
#include "settings.h"
#include "shim.h"

#include "access/table.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#define LOOK_AT_LOG_EVERY 64 /* transactions of a session */

/* What goes wrong here is not the writer's fault: his bars are written all the same. */
static void absorb_guarded(agg_table_set set) {
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		agg_call_in_trigger(set, AGG_FN_drain_log, NULL, 0);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(LOG, (errmsg("aggregation: the change log could not be drained: %s", error->message),
		              errhint("agg_run() drains it, and says what is wrong.")));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
}

static bool is_large(Oid table) {
	Relation log = table_open(table, AccessShareLock);
	double kilobytes = (double)RelationGetNumberOfBlocks(log) * (BLCKSZ / 1024.0);

	table_close(log, AccessShareLock);
	return kilobytes > agg_setting_change_log_size;
}

/*
 * Where nobody absorbs the log for long, those who write do it now and then: what is merged in agg_dirty_ranges stays small, however long
 * nobody looks; the log of ticks is folded. An operation of ours that writes bars has absorbed it itself.
 */
void agg_bound_log(agg_table_set set) {
	static uint32 transactions = 0;

	if (agg_is_running() || ++transactions % LOOK_AT_LOG_EVERY != 0 || !agg_has_shape(set))
		return;
	if (is_large(agg_find_table(set, "agg_change_log")) || is_large(agg_find_table(set, "agg_tick_log")))
		absorb_guarded(set);
}
