/*
 * Waking a database's worker from another session. The workers' latches stand in shared memory, which there is only where the library is
 * preloaded; elsewhere there is no worker to wake either.
 */
#include "worker.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#define MOST_SLEEPERS 128

typedef struct sleeper {
	Oid database; /* InvalidOid: free */
	Latch *latch;
} sleeper;

typedef struct wake_memory {
	slock_t mutex;
	sleeper sleepers[MOST_SLEEPERS];
} wake_memory;

static wake_memory *shared = NULL;
static bool wake_at_commit = false;
static shmem_request_hook_type next_request_hook = NULL;
static shmem_startup_hook_type next_startup_hook = NULL;

static void request_memory(void) {
	if (next_request_hook)
		next_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(wake_memory)));
}

static void attach_memory(void) {
	bool found;

	if (next_startup_hook)
		next_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("aggregation worker latches", sizeof(wake_memory), &found);
	if (!found) {
		memset(shared, 0, sizeof(wake_memory));
		SpinLockInit(&shared->mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void agg_request_wake_memory(void) {
	next_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

static void leave(int code pg_attribute_unused(), Datum argument pg_attribute_unused()) {
	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MOST_SLEEPERS; i++) {
		if (shared->sleepers[i].latch == MyLatch)
			shared->sleepers[i] = (sleeper) {.database = InvalidOid};
	}
	SpinLockRelease(&shared->mutex);
}

/* From now on this process' latch is set when a task of the database may have become due sooner. */
void agg_wait_to_be_woken(Oid database) {
	if (shared == NULL)
		return;
	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MOST_SLEEPERS; i++) {
		if (!OidIsValid(shared->sleepers[i].database)) {
			shared->sleepers[i] = (sleeper) {.database = database, .latch = MyLatch};
			break;
		}
	}
	SpinLockRelease(&shared->mutex);
	before_shmem_exit(leave, (Datum)0);
}

static void wake(void) {
	Latch *latches[MOST_SLEEPERS];
	int count = 0;

	SpinLockAcquire(&shared->mutex);
	for (int i = 0; i < MOST_SLEEPERS; i++) {
		if (shared->sleepers[i].database == MyDatabaseId)
			latches[count++] = shared->sleepers[i].latch;
	}
	SpinLockRelease(&shared->mutex);
	for (int i = 0; i < count; i++)
		SetLatch(latches[i]);
}

static void at_end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	if (!wake_at_commit)
		return;
	if (event == XACT_EVENT_COMMIT)
		wake();
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		wake_at_commit = false;
}

void agg_wake_worker_at_commit(void) {
	static bool registered = false;

	if (shared == NULL)
		return;
	if (!registered)
		RegisterXactCallback(at_end_of_transaction, NULL);
	registered = true;
	wake_at_commit = true;
}
