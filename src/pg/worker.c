/*
 * The worker of one database: runs what is due, sleeps until the next task is due or somebody wakes it, and so on. It holds no transaction
 * while it sleeps. What goes wrong is logged once, not each time it goes wrong again, and tried again after a pause that doubles from one
 * second to a minute.
 */
#include "settings.h"
#include "worker.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define SHORTEST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 60000
#define LOOK_EVERY_MS 59000 /* a little less than the sleep in between */
#define TURN_MS 10000       /* after which settings are looked at again, however much is due */

typedef enum readiness { READY, NO_EXTENSION } readiness;

/* The schema in which the extension was created, or InvalidOid. */
static Oid extension_schema(void) {
	Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("aggregation"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension)GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return schema;
}

static agg_cell integer_cell(int64 value) {
	return (agg_cell) {.as.integer = value};
}

/* Late sources are looked at once a minute, however often the worker is woken. */
static bool time_to_look(void) {
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (!TimestampDifferenceExceeds(last, now, LOOK_EVERY_MS))
		return false;
	last = now;
	return true;
}

/* One turn: the arguments of agg_run(), and whether to look at late sources. Returns when the next task is due. */
static TimestampTz run_due(MemoryContext memory, Oid schema) {
	agg_cell look = integer_cell(time_to_look());
	agg_cell environment = {.as.text = agg_setting_env_name, .length = (int32_t)strlen(agg_setting_env_name)};
	agg_cell max_tasks = integer_cell(PG_INT32_MAX);
	agg_cell max_windows = integer_cell(1000);
	agg_cell budget = integer_cell(TURN_MS * INT64CONST(1000));
	agg_cell batch = integer_cell(10000);
	agg_cell now = {.is_null = true};
	agg_cell sync = {.as.integer = agg_setting_sync_interval, .is_null = agg_setting_sync_interval == 0};
	agg_argument arguments[] = {{"p_env_name", {AGG_TEXT, false, &environment, 1}},
	                            {"p_max_tasks", {AGG_INT4, false, &max_tasks, 1}},
	                            {"p_max_windows", {AGG_INT4, false, &max_windows, 1}},
	                            {"p_time_budget", {AGG_INT8, false, &budget, 1}},
	                            {"p_batch", {AGG_INT4, false, &batch, 1}},
	                            {"p_now_utc", {AGG_TIMESTAMPTZ, false, &now, 1}},
	                            {"p_sync_minutes", {AGG_INT4, false, &sync, 1}},
	                            {"look_at_late_sources", {AGG_BOOL, false, &look, 1}}};

	return agg_call_in_background(memory, schema, AGG_FN_work, arguments, lengthof(arguments));
}

/* Returns for how many milliseconds to sleep. */
static long take_turn(MemoryContext memory, readiness *known) {
	Oid schema;
	TimestampTz next = DT_NOEND;
	TimestampTz now;
	long sleep_ms;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	agg_read_committed();
	pgstat_report_activity(STATE_RUNNING, "aggregation: running due tasks");
	schema = extension_schema();
	if (OidIsValid(schema))
		next = run_due(memory, schema);
	else if (*known == READY)
		ereport(LOG, (errmsg("aggregation: the extension does not exist in database \"%s\"", get_database_name(MyDatabaseId)),
		              errhint("Run CREATE EXTENSION aggregation there, or remove the database from aggregation.databases.")));
	*known = OidIsValid(schema) ? READY : NO_EXTENSION;
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);

	if (next == DT_NOBEGIN)
		return 0;
	now = GetCurrentTimestamp();
	sleep_ms = next == DT_NOEND ? agg_setting_longest_sleep : TimestampDifferenceMilliseconds(now, next) + 1;
	return Min(sleep_ms, agg_setting_longest_sleep);
}

/* Whether this is another error than the last one; the last one is forgotten with NULL. */
static bool is_news(const ErrorData *error) {
	static char last[256] = "";
	char text[256] = "";

	if (error != NULL)
		snprintf(text, sizeof(text), "%d %s", error->sqlerrcode, error->message ? error->message : "");
	if (strcmp(text, last) == 0)
		return false;
	strlcpy(last, text, sizeof(last));
	return true;
}

/* As take_turn; an error is logged and answered with a pause. */
static long take_guarded_turn(MemoryContext memory, readiness *known, int *pause_ms) {
	long sleep_ms = 0;

	PG_TRY();
	{
		sleep_ms = take_turn(memory, known);
		*pause_ms = SHORTEST_PAUSE_MS;
		(void)is_news(NULL);
	}
	PG_CATCH();
	{
		ErrorData *error;

		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		if (is_news(error))
			EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		pgstat_report_activity(STATE_IDLE, NULL);
		sleep_ms = *pause_ms;
		*pause_ms = Min(2 * *pause_ms, LONGEST_PAUSE_MS);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	MemoryContextReset(memory);
	return sleep_ms;
}

void aggregation_worker_main(Datum argument pg_attribute_unused()) {
	MemoryContext memory;
	readiness known = READY;
	int pause_ms = SHORTEST_PAUSE_MS;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die); /* at the next check for interrupts, in the middle of a statement, too */
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(MyBgworkerEntry->bgw_extra, NULL, 0);
	pgstat_report_appname("aggregation worker");
	memory = AllocSetContextCreate(TopMemoryContext, "aggregation worker", ALLOCSET_DEFAULT_SIZES);
	agg_wait_to_be_woken(MyDatabaseId);
	ereport(LOG, (errmsg("aggregation: worker for database \"%s\" started", MyBgworkerEntry->bgw_extra)));
	for (;;) {
		long sleep_ms;

		ResetLatch(MyLatch); /* before looking for work: who sets it from here on has us look again */
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending) {
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		sleep_ms = take_guarded_turn(memory, &known, &pause_ms);
		if (sleep_ms > 0)
			(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, sleep_ms, PG_WAIT_EXTENSION);
	}
}
