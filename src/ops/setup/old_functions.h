/*
 * Functions of an older system that made way for the extension's (src/sql/05_old_functions.sql): what SQL can say of them.
 */
#pragma once

#define AGG_OLD_SCHEMA "aggregation_legacy"

/* The functions, as p; not the one that brings them back. */
#define AGG_OLD_FUNCTIONS "pg_catalog.pg_proc p WHERE p.pronamespace = to_regnamespace('" AGG_OLD_SCHEMA "') AND p.proname <> 'restore'"
#define AGG_SIGNATURE(p) "quote_ident(" p ".proname) || '(' || oidvectortypes(" p ".proargtypes) || ')'"
/* The extension's own of the same name, as n. */
#define AGG_NEW_FUNCTION_OF(p)                                                                                                             \
	"pg_catalog.pg_proc n JOIN pg_catalog.pg_depend own ON own.classid = 'pg_catalog.pg_proc'::regclass AND own.objid = n.oid "            \
	"AND own.deptype = 'e' JOIN pg_catalog.pg_extension e ON e.oid = own.refobjid AND e.extname = 'aggregation' "                          \
	"WHERE n.proname = " p ".proname"
/* What an entry d of pg_depend is about; a view rather than its rule. */
#define AGG_DEPENDENT(d)                                                                                                                   \
	"CASE WHEN " d ".classid = 'pg_catalog.pg_rewrite'::regclass THEN (SELECT pg_describe_object('pg_catalog.pg_class'::regclass, "        \
	"r.ev_class, 0) FROM pg_catalog.pg_rewrite r WHERE r.oid = " d ".objid) ELSE pg_describe_object(" d ".classid, " d ".objid, " d        \
	".objsubid) END"
