#include "table_set.h"

#include "shard_groups.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

agg_table_set agg_set_of_call(FunctionCallInfo fcinfo) {
	return agg_set_in(get_func_namespace(fcinfo->flinfo->fn_oid));
}

agg_table_names agg_names_of(agg_table_set set) {
	agg_table_names names = {.schema = quote_identifier(get_namespace_name(set.schema))};

	if (set.group != NULL) {
		names.others = set.group->tables;
		names.other_count = set.group->table_count;
	}
	return names;
}

Oid agg_look_for_table(agg_table_set set, const char *name) {
	return get_relname_relid(set.group == NULL ? name : agg_name_in_group(set.group, name), set.schema);
}

Oid agg_find_table(agg_table_set set, const char *name) {
	Oid table = agg_look_for_table(set, name);

	if (!OidIsValid(table))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("table \"%s.%s\" does not exist", agg_names_of(set).schema, quote_identifier(name)),
		                errhint("Run agg_setup() to create the tables of the extension.")));
	return table;
}

char *agg_in_set(agg_table_set set, const char *statement) {
	agg_table_names names = agg_names_of(set);
	size_t length = strlen(statement);
	size_t size = agg_name_tables(names, statement, length, NULL, 0) + 1;
	char *sql = palloc(size);

	(void)agg_name_tables(names, statement, length, sql, size);
	return sql;
}
