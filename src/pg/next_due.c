/*
 * When the next task is due, as far as that is known: a call that finds nothing due must not look at all tasks to find that out.
 *
 *   agg_next_due      no row: nobody knows. Else no task is due before the earliest of its times.
 *
 *   a runner          looks at all tasks, finds none due:      their earliest time instead of what is there     agg_look_ahead()
 *   who makes a task  due sooner, or a new one:                one more row with that time, or with -infinity   agg_note_due()
 *   a list of tasks   while its time has not come:             does not look at them                            agg_next_due()
 *
 * Whoever writes tasks shares a lock from before he looks here until he ends; who looks ahead needs it alone, does without if he cannot
 * have it at once, and commits what he has found right away. So he sees all tasks, and who comes after him sees his time. It is believed
 * for a minute: tasks that are restored or changed without triggers are found after that.
 */
#include "own_rows.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "ops/tasks/task_columns.h"
#include "storage/lock.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define BELIEVED_FOR (60 * USECS_PER_SEC)

/* The statement that is running writes tasks, and the operation says itself when they are due. */
static bool operation_notes = false;

/* What nobody else locks: a part of the table that does not exist. */
static LOCKTAG schedule_of(agg_table_set set) {
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, agg_find_table(set, "data_agg_state"), 2);
	return tag;
}

/* Of the plain tables. A group of shards has few tasks, all of which are looked at each time. */
static TimestampTz noted_due(agg_table_set set) {
	Relation table = table_open(agg_find_table(set, "agg_next_due"), AccessShareLock);
	AttrNumber due = agg_own_column(table, "due_at", TIMESTAMPTZOID);
	AttrNumber looked = agg_own_column(table, "looked_at", TIMESTAMPTZOID);
	TimestampTz now = GetCurrentTimestamp();
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	TimestampTz earliest = DT_NOEND;
	bool known = false;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
		bool no_due;
		bool no_look;
		TimestampTz due_at = DatumGetTimestampTz(slot_getattr(slot, due, &no_due));
		TimestampTz looked_at = DatumGetTimestampTz(slot_getattr(slot, looked, &no_look));
		bool believed = !no_due && !no_look && looked_at <= now && looked_at > now - BELIEVED_FOR;

		earliest = Min(earliest, believed ? due_at : DT_NOBEGIN);
		known = true;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(table, NoLock);
	return known ? earliest : DT_NOBEGIN;
}

TimestampTz agg_next_due(agg_table_set set) {
	return set.group == NULL ? noted_due(set) : DT_NOBEGIN;
}

static void store(agg_table_set set, const char *sql, TimestampTz time) {
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(time)};
	agg_scope *scope = agg_act_as_owner(agg_find_table(set, "agg_next_due"));

	(void)agg_execute(scope, agg_in_set(set, sql), lengthof(types), types, values, false);
	agg_stop_acting(scope);
}

void agg_note_due(agg_table_set set, TimestampTz from) {
	LOCKTAG tag = schedule_of(set);

	if (set.group != NULL)
		return;
	(void)LockAcquire(&tag, RowExclusiveLock, false, false);
	if (noted_due(set) <= from)
		return;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	store(set, "INSERT INTO @agg_next_due (due_at) VALUES ($1)", from);
	SPI_finish();
}

/* The earliest time of a task that can be due. */
static TimestampTz earliest_task(agg_table_set set) {
	agg_scope *scope = agg_act_as_owner_of_all_rows(agg_find_table(set, "data_agg_state"));
	bool is_null;
	Datum time;

	(void)agg_execute(scope, agg_in_set(set, "SELECT min(" AGG_DUE_AT("s.") ") FROM @data_agg_state AS s WHERE " AGG_CLAIMABLE("s.")), 0,
	                  NULL, NULL, false);
	agg_stop_acting(scope);
	time = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	return is_null ? DT_NOEND : DatumGetTimestampTz(time);
}

/* False: others are writing tasks at this moment, or this transaction does not see them. */
bool agg_look_ahead(agg_table_set set) {
	LOCKTAG tag = schedule_of(set);
	TimestampTz next;

	if (set.group != NULL || IsolationUsesXactSnapshot() || LockAcquire(&tag, ShareRowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	next = earliest_task(set);
	store(set, "WITH gone AS (DELETE FROM @agg_next_due) INSERT INTO @agg_next_due (due_at) VALUES ($1)", next);
	SPI_finish();
	return true;
}

void agg_operation_notes_due(bool notes) {
	operation_notes = notes;
}

/* A trigger of somebody's may have written tasks inside of such a statement. */
static bool is_noted_by_operation(void) {
	return operation_notes && DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH)) == 1;
}

PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_due);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_due(PG_FUNCTION_ARGS);

/* AFTER INSERT OR UPDATE OF next_run_at, status, enabled ON data_agg_state FOR EACH STATEMENT. */
Datum reconnect_to_use_aggregation_1_1_agg_note_due(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	agg_table_set set;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("agg_note_due() must be fired after INSERT or UPDATE for each statement"),
		                errhint("agg_setup() puts the trigger on data_agg_state.")));
	set = agg_set_of_trigger(fcinfo, trigger->tg_relation, "agg_note_due", "data_agg_state");
	if (!is_noted_by_operation())
		agg_note_due(set, DT_NOBEGIN);
	return PointerGetDatum(NULL);
}
