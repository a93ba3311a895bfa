/*
 * What a pass over the bars of a stretch of time would cost: how many rows the plan of such a query looks at, bars of other times and
 * dead ones included. The planner's own estimate is no help: the newest bars lie beyond what its statistics know. So its plan is taken, and
 * each of its scans is asked what lies there:
 *
 *   BRIN index on ts_utc       the index says which pages it would read
 *   btree that begins with it  its entries are counted, up to a limit
 *   anything else              the whole table, or the whole partition
 *
 * Partitions and chunks that hold other times are not part of the plan.
 *
 * What is compared with it is the cost of probes, and that depends on how the rows lie. Where they lie in the order of time, as a feed
 * writes them, each row of a symbol is on a page of its own. Where nothing says so, a symbol's rows may lie together: then a probe costs a
 * half, and rows of the pass count twice.
 */
#include "shim.h"

#include "access/brin.h"
#include "access/genam.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/plannodes.h"
#include "nodes/tidbitmap.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define TOO_MANY (AGG_NO_PASS - 1)
/* Where nobody has counted them. */
#define ROWS_IN_PAGE 50

typedef struct time_pass {
	const agg_request *request;
	const PlannedStmt *statement;
} time_pass;

static double rows_per_page(Relation table) {
	const FormData_pg_class *class = table->rd_rel;

	return class->relpages > 0 && class->reltuples > 0 ? class->reltuples / class->relpages : ROWS_IN_PAGE;
}

static uint64 rows_in_pages(Relation table, double pages) {
	return (uint64)(pages * rows_per_page(table)) + 1;
}

/* Whether the table's rows lie in the order of time, as far as ANALYZE knows. */
static bool lies_by_time(Relation table) {
	AttrNumber column = get_attnum(RelationGetRelid(table), "ts_utc");
	HeapTuple statistics =
	    SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(RelationGetRelid(table)), Int16GetDatum(column), BoolGetDatum(false));
	bool in_order = false;
	AttStatsSlot slot;

	if (!HeapTupleIsValid(statistics))
		return false;
	if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_CORRELATION, InvalidOid, ATTSTATSSLOT_NUMBERS)) {
		in_order = slot.nnumbers == 1 && slot.numbers[0] > 0.9F;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(statistics);
	return in_order;
}

static uint64 weighed(Relation table, uint64 rows) {
	return lies_by_time(table) || rows == TOO_MANY ? rows : 2 * rows;
}

static uint64 rows_in_table(Oid oid) {
	Relation table = table_open(oid, NoLock); /* the plan holds it */
	uint64 rows = weighed(table, rows_in_pages(table, (double)RelationGetNumberOfBlocks(table)));

	table_close(table, NoLock);
	return rows;
}

/* The slice as keys of the index, of which ts_utc is this column. False: the index cannot search for it. */
static bool slice_keys(const agg_request *request, Relation index, int column, ScanKeyData *keys) {
	Oid family = index->rd_opfamily[column - 1];

	if (!OidIsValid(get_opfamily_member(family, TIMESTAMPTZOID, TIMESTAMPTZOID, BTGreaterEqualStrategyNumber)) ||
	    !OidIsValid(get_opfamily_member(family, TIMESTAMPTZOID, TIMESTAMPTZOID, BTLessStrategyNumber)))
		return false;
	ScanKeyEntryInitialize(&keys[0], 0, (AttrNumber)column, BTGreaterEqualStrategyNumber, TIMESTAMPTZOID, InvalidOid, F_TIMESTAMPTZ_GE,
	                       TimestampTzGetDatum(request->slice_from));
	ScanKeyEntryInitialize(&keys[1], 0, (AttrNumber)column, BTLessStrategyNumber, TIMESTAMPTZOID, InvalidOid, F_TIMESTAMPTZ_LT,
	                       TimestampTzGetDatum(request->slice_to));
	return true;
}

/* The place of ts_utc among the columns of an index, from 1 on; 0: it is not there. */
static int place_of_time(Relation table, Relation index) {
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++) {
		AttrNumber column = index->rd_index->indkey.values[i];

		if (column > 0 && strcmp(NameStr(TupleDescAttr(RelationGetDescr(table), column - 1)->attname), "ts_utc") == 0)
			return i + 1;
	}
	return 0;
}

/* An entry costs some 100 ns: where there are very many, asking alone would cost more than the probes. */
static bool too_many_summaries(Relation table, Relation index, uint64 most) {
	return RelationGetNumberOfBlocks(table) / BrinGetPagesPerRange(index) > most;
}

static uint64 pages_by_brin(Relation index, ScanKey keys) {
	TIDBitmap *pages = tbm_create((long)work_mem * 1024L, NULL);
	IndexScanDesc scan = agg_begin_bitmap_scan(index, GetActiveSnapshot(), 2);
	int64 found;

	index_rescan(scan, keys, 2, NULL, 0);
	found = index_getbitmap(scan, pages);
	index_endscan(scan);
	tbm_free(pages);
	return (uint64)found / 10; /* it counts ten rows a page */
}

/* An index that leaves out most of the table tells, too, that its rows lie in the order of time. */
static uint64 rows_by_brin(Relation table, Relation index, ScanKey keys) {
	uint64 pages = pages_by_brin(index, keys);
	uint64 rows = rows_in_pages(table, (double)pages);

	return 2 * pages < RelationGetNumberOfBlocks(table) ? rows : weighed(table, rows);
}

static uint64 entries_of_btree(Relation table, Relation index, ScanKey keys, uint64 most) {
	IndexScanDesc scan = agg_begin_index_scan(table, index, GetActiveSnapshot(), 2);
	uint64 count = 0;

	index_rescan(scan, keys, 2, NULL, 0);
	while (count < most && index_getnext_tid(scan, ForwardScanDirection) != NULL)
		count++;
	index_endscan(scan);
	return count;
}

static uint64 rows_by_index(const time_pass *pass, Oid table_oid, Oid index_oid) {
	Relation table = table_open(table_oid, NoLock);
	Relation index = index_open(index_oid, AccessShareLock);
	int column = place_of_time(table, index);
	uint64 most = pass->request->most;
	uint64 rows = TOO_MANY;
	ScanKeyData keys[2];

	if (column > 0 && slice_keys(pass->request, index, column, keys)) {
		if (index->rd_rel->relam == BRIN_AM_OID && !too_many_summaries(table, index, most))
			rows = rows_by_brin(table, index, keys);
		else if (index->rd_rel->relam == BTREE_AM_OID && column == 1)
			rows = weighed(table, entries_of_btree(table, index, keys, most));
	}
	index_close(index, AccessShareLock);
	table_close(table, NoLock);
	return rows;
}

static Oid relation_of(const time_pass *pass, Index rtindex) {
	return rt_fetch(rtindex, pass->statement->rtable)->relid;
}

static uint64 rows_of_plan(const time_pass *pass, const Plan *plan);

static uint64 rows_of_plans(const time_pass *pass, const List *plans) {
	uint64 rows = 0;
	ListCell *cell;

	foreach (cell, plans) {
		uint64 more = rows_of_plan(pass, lfirst(cell));

		if (more >= pass->request->most)
			return TOO_MANY;
		rows += more;
	}
	return rows;
}

static uint64 rows_of_bitmap(const time_pass *pass, const BitmapHeapScan *scan) {
	const Plan *bitmap = outerPlan(&scan->scan.plan);

	if (!IsA(bitmap, BitmapIndexScan))
		return TOO_MANY;
	return rows_by_index(pass, relation_of(pass, scan->scan.scanrelid), ((const BitmapIndexScan *)bitmap)->indexid);
}

static uint64 rows_of_plan(const time_pass *pass, const Plan *plan) {
	check_stack_depth();
	switch (nodeTag(plan)) {
	case T_SeqScan:
		return rows_in_table(relation_of(pass, ((const Scan *)plan)->scanrelid));
	case T_BitmapHeapScan:
		return rows_of_bitmap(pass, (const BitmapHeapScan *)plan);
	case T_IndexScan:
		return rows_by_index(pass, relation_of(pass, ((const Scan *)plan)->scanrelid), ((const IndexScan *)plan)->indexid);
	case T_Append:
		return rows_of_plans(pass, ((const Append *)plan)->appendplans);
	case T_MergeAppend:
		return rows_of_plans(pass, ((const MergeAppend *)plan)->mergeplans);
	case T_CustomScan: /* TimescaleDB's Append; anything else of somebody's may look at who knows what */
		if (strcmp(((const CustomScan *)plan)->methods->CustomName, "ChunkAppend") == 0)
			return rows_of_plans(pass, ((const CustomScan *)plan)->custom_plans);
		return TOO_MANY;
	case T_Result:
		return outerPlan(plan) == NULL ? 0 : rows_of_plan(pass, outerPlan(plan)); /* without a plan below no partition holds the time */
	default:
		return TOO_MANY;
	}
}

/* Rows of a pass are told apart by the bytes of their symbols, so equal symbols must have equal bytes. */
static bool tells_symbols_by_bytes(Oid table) {
	AttrNumber column = get_attnum(table, "canonical_symbol");
	Oid type;
	int32 typmod;
	Oid collation;

	if (column == InvalidAttrNumber)
		return true; /* the query will say so */
	get_atttypetypmodcoll(table, column, &type, &typmod, &collation);
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

uint64 agg_rows_of_pass(const agg_scope *scope, const agg_request *request) {
	SPIPlanPtr plan = agg_plan_of(scope, request);
	CachedPlanSource *source;
	CachedPlan *cached;
	uint64 rows = TOO_MANY;

	source = linitial(SPI_plan_get_plan_sources(plan));
	PushActiveSnapshot(GetTransactionSnapshot());
	cached = GetCachedPlan(source, agg_parameters_of(request), NULL, NULL);
	if (list_length(cached->stmt_list) == 1) {
		time_pass pass = {.request = request, .statement = linitial_node(PlannedStmt, cached->stmt_list)};

		rows = tells_symbols_by_bytes(relation_of(&pass, 1)) ? rows_of_plan(&pass, pass.statement->planTree) : AGG_NO_PASS;
	}
	ReleaseCachedPlan(cached, NULL);
	PopActiveSnapshot();
	if (!request->keep_plan)
		SPI_freeplan(plan);
	return rows;
}
