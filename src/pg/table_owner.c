/*
 * On whose behalf a request is executed. The SQL functions are SECURITY DEFINER, and their owner may be a superuser. What hangs on the
 * tables (triggers, rules, defaults, index expressions) belongs to the tables' owner, so it must run with that owner's rights and no more.
 * As REFRESH MATERIALIZED VIEW does, a request acts as the owner of its table, in a security-restricted context in which nothing can be
 * left behind that would act with other rights later.
 */
#include "shim.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

Oid agg_find_table(Oid schema, const char *relation) {
	Oid table = get_relname_relid(relation, schema);

	if (!OidIsValid(table))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("table \"%s.%s\" does not exist", quote_identifier(get_namespace_name(schema)), quote_identifier(relation)),
		                errhint("Run agg_setup() to create the tables of the extension.")));
	return table;
}

void agg_act_as_owner(Oid table, agg_identity *saved) {
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class)GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	GetUserIdAndSecContext(&saved->user, &saved->security_context);
	SetUserIdAndSecContext(owner, saved->security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	saved->switched = true;
}

void agg_act_as_before(const agg_identity *saved) {
	if (saved->switched)
		SetUserIdAndSecContext(saved->user, saved->security_context);
}
