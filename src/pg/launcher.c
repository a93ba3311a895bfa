/*
 * The launcher keeps a worker running for each database that aggregation.databases names. It is connected to no database, so that none is
 * kept from being dropped by it. A worker that ends is started again: at once if it had worked for a while, else after a pause that doubles
 * from one second to a minute. The log gets a line when a worker is started, ends in an error, or its database is found missing, not when
 * that is found again.
 */
#include "settings.h"
#include "worker.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#define SHORTEST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 60000
#define CHECK_EVERY_MS 60000

typedef struct kept_worker {
	char database[NAMEDATALEN];
	BackgroundWorkerHandle *handle; /* NULL: not running */
	TimestampTz started;
	TimestampTz start_again;
	int pause_ms;
	bool missing; /* that the database does not exist was said */
	bool wanted;
} kept_worker;

static List *kept_workers = NIL;

static kept_worker *worker_of(const char *database) {
	ListCell *lc;
	kept_worker *worker;

	foreach (lc, kept_workers) {
		worker = lfirst(lc);
		if (strcmp(worker->database, database) == 0)
			return worker;
	}
	worker = MemoryContextAllocZero(TopMemoryContext, sizeof(kept_worker));
	strlcpy(worker->database, database, NAMEDATALEN);
	worker->pause_ms = SHORTEST_PAUSE_MS;
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		kept_workers = lappend(kept_workers, worker);
		MemoryContextSwitchTo(caller);
	}
	return worker;
}

static void read_databases(void) {
	char *list = pstrdup(agg_setting_databases);
	List *names;
	ListCell *lc;

	foreach (lc, kept_workers) {
		kept_worker *worker = lfirst(lc);

		worker->wanted = false;
		worker->start_again = 0; /* who reloads wants to see something happen */
	}
	if (!SplitIdentifierString(list, ',', &names)) {
		ereport(LOG, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		              errmsg("aggregation.databases is not a list of names: \"%s\"", agg_setting_databases)));
		return;
	}
	foreach (lc, names)
		worker_of(lfirst(lc))->wanted = true;
}

/* Without a database only shared catalogs can be read, and those only from end to end. */
static bool database_exists(const char *name) {
	Relation databases;
	TableScanDesc scan;
	HeapTuple tuple;
	bool exists = false;

	StartTransactionCommand();
	(void)GetTransactionSnapshot();
	databases = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(databases, 0, NULL);
	while (!exists && HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
		exists = strcmp(NameStr(((Form_pg_database)GETSTRUCT(tuple))->datname), name) == 0;
	table_endscan(scan);
	table_close(databases, AccessShareLock);
	CommitTransactionCommand();
	return exists;
}

static void start_worker(kept_worker *worker) {
	BackgroundWorker registration = {.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
	                                 .bgw_start_time = BgWorkerStart_RecoveryFinished,
	                                 .bgw_restart_time = BGW_NEVER_RESTART,
	                                 .bgw_notify_pid = MyProcPid};
	MemoryContext caller;

	if (!database_exists(worker->database)) {
		if (!worker->missing)
			ereport(LOG, (errcode(ERRCODE_UNDEFINED_DATABASE), errmsg("aggregation: database \"%s\" does not exist", worker->database),
			              errhint("Create it, or remove it from aggregation.databases.")));
		worker->missing = true;
		worker->start_again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LONGEST_PAUSE_MS);
		return;
	}
	worker->missing = false;
	strlcpy(registration.bgw_library_name, "aggregation", sizeof(registration.bgw_library_name));
	strlcpy(registration.bgw_function_name, "aggregation_worker_main", sizeof(registration.bgw_function_name));
	snprintf(registration.bgw_name, BGW_MAXLEN, "aggregation worker for database %s", worker->database);
	strlcpy(registration.bgw_type, "aggregation worker", BGW_MAXLEN);
	strlcpy(registration.bgw_extra, worker->database, BGW_EXTRALEN);
	worker->started = GetCurrentTimestamp();
	caller = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&registration, &worker->handle)) {
		worker->handle = NULL;
		worker->start_again = TimestampTzPlusMilliseconds(worker->started, LONGEST_PAUSE_MS);
		ereport(LOG, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
		              errmsg("aggregation: there is no free slot for the worker of database \"%s\"", worker->database),
		              errhint("Raise max_worker_processes.")));
	}
	MemoryContextSwitchTo(caller);
}

static void note_end(kept_worker *worker) {
	TimestampTz now = GetCurrentTimestamp();

	pfree(worker->handle);
	worker->handle = NULL;
	if (TimestampDifferenceExceeds(worker->started, now, LONGEST_PAUSE_MS))
		worker->pause_ms = SHORTEST_PAUSE_MS;
	worker->start_again = TimestampTzPlusMilliseconds(now, worker->pause_ms);
	worker->pause_ms = Min(2 * worker->pause_ms, LONGEST_PAUSE_MS);
}

/* Starts and stops what has to be; returns for how long there is nothing more to do. */
static long keep_workers(void) {
	long sleep_ms = CHECK_EVERY_MS;
	ListCell *lc;

	foreach (lc, kept_workers) {
		kept_worker *worker = lfirst(lc);
		TimestampTz now = GetCurrentTimestamp();
		pid_t pid;

		if (worker->handle != NULL && GetBackgroundWorkerPid(worker->handle, &pid) == BGWH_STOPPED)
			note_end(worker);
		if (worker->handle != NULL && !worker->wanted)
			TerminateBackgroundWorker(worker->handle);
		if (worker->handle == NULL && worker->wanted && worker->start_again <= now)
			start_worker(worker);
		if (worker->handle == NULL && worker->wanted)
			sleep_ms = Min(sleep_ms, Max(TimestampDifferenceMilliseconds(now, worker->start_again), 10));
	}
	return sleep_ms;
}

/* A launcher that is gone could not keep its workers any more, and the next one would start others. */
static void stop_workers(int code pg_attribute_unused(), Datum argument pg_attribute_unused()) {
	ListCell *lc;

	foreach (lc, kept_workers) {
		kept_worker *worker = lfirst(lc);

		if (worker->handle != NULL)
			TerminateBackgroundWorker(worker->handle);
	}
}

void aggregation_launcher_main(Datum argument pg_attribute_unused()) {
	MemoryContext turn;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(stop_workers, (Datum)0);
	turn = AllocSetContextCreate(TopMemoryContext, "aggregation launcher", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn);
	read_databases();
	while (!ShutdownRequestPending) {
		long sleep_ms = keep_workers();

		MemoryContextSwitchTo(turn);
		MemoryContextReset(turn);
		(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep_ms, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending) {
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			read_databases();
		}
	}
	proc_exit(0);
}

void agg_register_launcher(void) {
	BackgroundWorker launcher = {.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
	                             .bgw_start_time = BgWorkerStart_RecoveryFinished,
	                             .bgw_restart_time = 5};

	strlcpy(launcher.bgw_library_name, "aggregation", sizeof(launcher.bgw_library_name));
	strlcpy(launcher.bgw_function_name, "aggregation_launcher_main", sizeof(launcher.bgw_function_name));
	strlcpy(launcher.bgw_name, "aggregation launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "aggregation launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}
