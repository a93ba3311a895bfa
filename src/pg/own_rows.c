/*
 * Rows of the extension's own tables that are written without a statement: the log of changes, and events. They are inserted as the table's
 * owner, for whoever may write bars needs no right on them.
 */
#include "own_rows.h"

#include "access/table.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

AttrNumber agg_own_column(Relation table, const char *name, Oid type) {
	AttrNumber number = get_attnum(RelationGetRelid(table), name);

	if (number == InvalidAttrNumber || TupleDescAttr(RelationGetDescr(table), number - 1)->atttypid != type)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("table \"%s\" has no column \"%s\" of type %s", RelationGetRelationName(table), name, format_type_be(type)),
		                errhint("Run agg_setup() to see and mend what differs from the tables that the extension needs.")));
	return number;
}

void agg_set_column(TupleTableSlot *slot, AttrNumber number, Datum value) {
	slot->tts_values[number - 1] = value;
	slot->tts_isnull[number - 1] = false;
}

static bool next_row(agg_own_rows *rows, TupleTableSlot *slot, EState *state) {
	MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(state));
	bool more;

	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	more = rows->next(rows, slot);
	if (more)
		ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(caller);
	return more;
}

void agg_insert_own_rows(const agg_scope *scope, Oid table, agg_own_rows *rows) {
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "aggregation own rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Relation relation = table_open(table, RowExclusiveLock);
	EState *state = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);
	TupleTableSlot *slot;

	/* From here on: an index of somebody's may evaluate expressions of his as soon as it is opened. */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (relation->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
		                errhint("Rename it and run agg_setup().")));
	rows->begin(rows, relation);
	slot = table_slot_create(relation, NULL);
	InitResultRelInfo(target, relation, 1, NULL, 0);
	ExecOpenIndices(target, false);
	while (next_row(rows, slot, state)) {
		agg_insert_row(scope, target, state, slot);
		ExecClearTuple(slot);
		ResetPerTupleExprContext(state);
	}
	ExecCloseIndices(target);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(state);
	PopActiveSnapshot();
	table_close(relation, NoLock);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	CommandCounterIncrement();
}
