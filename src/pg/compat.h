/*
 * What differs between the PostgreSQL versions that are supported, 15 to 18. One entry for each difference, with the reason.
 */
#ifndef AGGREGATION_COMPAT_H
#define AGGREGATION_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "aggregation supports PostgreSQL 15 to 18"
#endif

/* 16 moved permission checks out of the range table entry into RTEPermissionInfo (commit a61b1f7). */
#if PG_VERSION_NUM >= 160000
#define agg_require_insert(nsitem) ((nsitem)->p_perminfo->requiredPerms = ACL_INSERT)
#else
#define agg_require_insert(nsitem) ((nsitem)->p_rte->requiredPerms = ACL_INSERT)
#endif

/* 16 can insert into summarizing indexes alone (commit 19d8e2308b). */
#if PG_VERSION_NUM >= 160000
#define agg_insert_index_tuples(table, slot, state) ExecInsertIndexTuples((table), (slot), (state), false, false, NULL, NIL, false)
#else
#define agg_insert_index_tuples(table, slot, state) ExecInsertIndexTuples((table), (slot), (state), false, false, NULL, NIL)
#endif

/* 18 counts an index scan's searches for EXPLAIN (commit 0fbceae841). */
#if PG_VERSION_NUM >= 180000
#define agg_begin_index_scan(table, index, snapshot, keys) index_beginscan((table), (index), (snapshot), NULL, (keys), 0)
#define agg_begin_bitmap_scan(index, snapshot, keys) index_beginscan_bitmap((index), (snapshot), NULL, (keys))
#else
#define agg_begin_index_scan(table, index, snapshot, keys) index_beginscan((table), (index), (snapshot), (keys), 0)
#define agg_begin_bitmap_scan(index, snapshot, keys) index_beginscan_bitmap((index), (snapshot), (keys))
#endif

/* 16 has one function for the owners of all kinds of objects, and for rights on them (commits afbfc0298, c727f511bd). */
#if PG_VERSION_NUM >= 160000
#define agg_owns_table(table, role) object_ownercheck(RelationRelationId, (table), (role))
#define agg_owns_schema(schema, role) object_ownercheck(NamespaceRelationId, (schema), (role))
#define agg_may_execute(function, role) (object_aclcheck(ProcedureRelationId, (function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#else
#define agg_owns_table(table, role) pg_class_ownercheck((table), (role))
#define agg_owns_schema(schema, role) pg_namespace_ownercheck((schema), (role))
#define agg_may_execute(function, role) (pg_proc_aclcheck((function), (role), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* 16 indexes COPY's default expressions by column instead of by the order of defmap (commit 9f8377f). */
#if PG_VERSION_NUM >= 160000
#define agg_default_index(position, column) ((column)-1)
#else
#define agg_default_index(position, column) (position)
#endif

/* 16 gave the copies of backends' states a name of their own (commit 8018ffbf58). */
#if PG_VERSION_NUM >= 160000
#define agg_local_backend_status(index) pgstat_get_local_beentry_by_index(index)
#else
#define agg_local_backend_status(index) pgstat_fetch_stat_local_beentry(index)
#endif

/* 17 keeps a transaction's local number with the process's (commit ab355e3a88). */
#if PG_VERSION_NUM >= 170000
#define agg_local_transaction() (MyProc->vxid.lxid)
#else
#define agg_local_transaction() (MyProc->lxid)
#endif

/* 17 numbers processes instead of backends (commit 024c521117). A prepared transaction has no such number. */
#if PG_VERSION_NUM >= 170000
#include "storage/procarray.h"
#define agg_process_of(holder) ((holder).procNumber == INVALID_PROC_NUMBER ? NULL : ProcNumberGetProc((holder).procNumber))
#define agg_number_of(holder) ((holder).procNumber)
#define agg_own_number() (MyProcNumber)
#else
#include "storage/sinvaladt.h"
#define agg_process_of(holder) ((holder).backendId == InvalidBackendId ? NULL : BackendIdGetProc((holder).backendId))
#define agg_number_of(holder) ((holder).backendId)
#define agg_own_number() (MyBackendId)
#endif

/* 16 lets input functions report errors without raising them (commit d9f7f5d32f), and has a header for varlena (commit d952373a98). */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#define agg_soft_error(fcinfo, rest) ereturn((fcinfo)->context, (Datum)0, rest)
#else
#define agg_soft_error(fcinfo, rest) ereport(ERROR, rest)
#endif

#endif
