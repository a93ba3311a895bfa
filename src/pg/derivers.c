/*
 * The transactions that compute bars at this moment. Each holds a lock on agg_dirty_ranges from before it first reads source until it
 * ends; nobody ever waits for that lock. Its holders are read from the lock table, and when they began from the list of
 * backends. The same with locks of their own for those who take entries of their own out of the log of changes, and for runners, which
 * share their tasks.
 */
#include "shim.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#define DERIVING_LOCK RowExclusiveLock
#define CONFLICTING_LOCK ShareRowExclusiveLock /* what it conflicts with; it is never taken */

void agg_begin_deriving(Oid table) {
	LockRelationOid(table, DERIVING_LOCK);
}

/* When the backend's transaction began; 0 where that cannot be told (a backend that is gone, track_activities off). */
static TimestampTz transaction_start_of(int pid) {
	int count = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= count; i++) {
		const LocalPgBackendStatus *status = agg_local_backend_status(i);

		if (status != NULL && status->backendStatus.st_procpid == pid)
			return status->backendStatus.st_xact_start_timestamp;
	}
	return 0;
}

/* A prepared transaction has no process any more. */
static int pid_of(VirtualTransactionId holder) {
	PGPROC *process = agg_process_of(holder);

	return process == NULL ? 0 : process->pid;
}

static agg_derivers other_holders(const LOCKTAG *tag) {
	agg_derivers others = {.any = false, .oldest = DT_NOEND, .newest = DT_NOBEGIN};
	VirtualTransactionId *holders;
	int count;

	holders = GetLockConflicts(tag, CONFLICTING_LOCK, &count); /* all but ourselves */
	others.any = count > 0;
	if (count > 0)
		pgstat_clear_backend_activity_snapshot();
	for (int i = 0; i < count; i++) {
		int pid = pid_of(holders[i]);
		TimestampTz start = pid == 0 ? 0 : transaction_start_of(pid);

		others.oldest = Min(others.oldest, start == 0 ? DT_NOBEGIN : start);
		others.newest = Max(others.newest, start == 0 ? DT_NOEND : start);
	}
	return others;
}

agg_derivers agg_other_derivers(Oid table) {
	LOCKTAG tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, table);
	return other_holders(&tag);
}

/* What nobody else locks: a part of the table that does not exist. */
static LOCKTAG no_part_of(Oid table) {
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, table, 1);
	return tag;
}

static void hold_no_part_of(Oid table) {
	LOCKTAG tag = no_part_of(table);

	(void)LockAcquire(&tag, DERIVING_LOCK, false, false);
}

void agg_begin_absorbing_own(Oid log) {
	hold_no_part_of(log);
}

agg_derivers agg_others_absorbing_own(Oid log) {
	LOCKTAG tag = no_part_of(log);

	return other_holders(&tag);
}

void agg_begin_running(Oid tasks) {
	hold_no_part_of(tasks);
}

agg_runners agg_other_runners(Oid tasks) {
	LOCKTAG tag = no_part_of(tasks);
	agg_runners others = {0};
	int count;
	VirtualTransactionId *holders = GetLockConflicts(&tag, CONFLICTING_LOCK, &count);

	others.count = (size_t)count;
	for (int i = 0; i < count; i++)
		others.before += agg_number_of(holders[i]) < agg_own_number() ? 1 : 0;
	return others;
}
