/*
 * Answers of the same call about several sets of tables, as one: numbers are added up, lists are joined, what they share once, `success`
 * holds where all say so, any other boolean where one does, and of texts the last one counts, which is the latest of timestamps.
 */
#include "shim.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

static const char join[] =
    "SELECT jsonb_object_agg(k.key, COALESCE(k.sum, k.list, k.yes, k.other)) FROM (SELECT e.key, "
    "to_jsonb(sum((e.value #>> '{}')::numeric) FILTER (WHERE jsonb_typeof(e.value) = 'number')) AS sum, "
    "(SELECT jsonb_agg(DISTINCT l.value) FROM unnest($1) AS b(answer) CROSS JOIN LATERAL jsonb_array_elements(b.answer -> e.key) AS l(value) "
    "WHERE jsonb_typeof(b.answer -> e.key) = 'array') AS list, "
    "to_jsonb(CASE WHEN e.key = 'success' THEN bool_and((e.value #>> '{}')::boolean) FILTER (WHERE jsonb_typeof(e.value) = 'boolean') "
    "ELSE bool_or((e.value #>> '{}')::boolean) FILTER (WHERE jsonb_typeof(e.value) = 'boolean') END) AS yes, "
    "COALESCE(to_jsonb(max(e.value #>> '{}') FILTER (WHERE jsonb_typeof(e.value) = 'string')), "
    "(array_agg(e.value ORDER BY jsonb_typeof(e.value) = 'null'))[1]) AS other "
    "FROM unnest($1) AS a(answer) CROSS JOIN LATERAL jsonb_each(a.answer) AS e GROUP BY e.key) AS k";

Datum agg_join_answers(Datum answers) {
	MemoryContext caller = CurrentMemoryContext;
	Oid types[] = {JSONBARRAYOID};
	Datum values[] = {answers};
	agg_scope *scope;
	Datum joined;
	bool is_null;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_caller();
	(void)agg_execute(scope, join, lengthof(types), types, values, false);
	agg_stop_acting(scope);
	joined = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	if (is_null)
		elog(ERROR, "there is no answer to join");
	MemoryContextSwitchTo(caller);
	joined = datumCopy(joined, false, -1);
	SPI_finish();
	return joined;
}

char *agg_text_of_answer(Datum answer) {
	return DatumGetCString(DirectFunctionCall1(jsonb_out, answer));
}
