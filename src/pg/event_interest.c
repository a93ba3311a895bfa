/*
 * Who wants to know what became of bars: consumers (agg_consumers), and tasks that keep their revisions (agg_kept_revisions). Consumers are
 * few, and known for a transaction; tasks may be many, and are looked for where there is something to tell.
 */
#include "event_log.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* What a consumer wants; NULL: all. */
typedef struct wanted {
	Datum *symbols;
	int symbol_count;
	Datum *timeframes;
	int timeframe_count;
} wanted;

/* To this transaction; all of it is in its memory. */
static struct {
	agg_table_set set; /* InvalidOid: no bar was looked at yet */
	wanted *wanted;    /* of all consumers */
	int wanted_count;
	bool any_kept; /* some task keeps its revisions */
} known;

static void forget(XactEvent event, void *argument pg_attribute_unused()) {
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		memset(&known, 0, sizeof(known));
}

static int compare_texts(const void *a, const void *b) {
	const text *x = (const text *)DatumGetPointer(*(const Datum *)a);
	const text *y = (const text *)DatumGetPointer(*(const Datum *)b);
	size_t length = VARSIZE_ANY_EXHDR(x);

	if (length != VARSIZE_ANY_EXHDR(y))
		return length < VARSIZE_ANY_EXHDR(y) ? -1 : 1;
	return memcmp(VARDATA_ANY(x), VARDATA_ANY(y), length);
}

static Datum *sorted_texts(Datum array, bool is_null, int *count) {
	Datum *texts;
	bool *nulls;

	*count = 0;
	if (is_null)
		return NULL;
	deconstruct_array(DatumGetArrayTypePCopy(array), TEXTOID, -1, false, TYPALIGN_INT, &texts, &nulls, count);
	qsort(texts, *count, sizeof(Datum), compare_texts);
	return texts;
}

static bool is_among(const text *one, Datum *texts, int count) {
	Datum key = PointerGetDatum(one);

	return texts == NULL || bsearch(&key, texts, count, sizeof(Datum), compare_texts) != NULL;
}

/* Consumers as of now, whatever the transaction's snapshot: none comes or changes its mind while somebody writes bars (agg_subscribe()). */
static void find_wanted(agg_table_set set) {
	Oid table = agg_find_table(set, "agg_consumers");
	agg_scope *scope;
	uint64 count;

	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope = agg_act_as_owner(table);
	count = agg_execute(scope, agg_in_set(set, "SELECT c.symbols, c.timeframes FROM @agg_consumers AS c"), 0, NULL, NULL, true);
	agg_stop_acting(scope);
	known.wanted = MemoryContextAlloc(TopTransactionContext, sizeof(wanted) * (count + 1));
	for (uint64 i = 0; i < count; i++) {
		wanted *one = &known.wanted[i];
		MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
		bool is_null;
		Datum symbols = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null);

		one->symbols = sorted_texts(symbols, is_null, &one->symbol_count);
		symbols = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &is_null);
		one->timeframes = sorted_texts(symbols, is_null, &one->timeframe_count);
		MemoryContextSwitchTo(caller);
	}
	known.wanted_count = (int)count;
	scope = agg_act_as_owner(agg_find_table(set, "agg_kept_revisions"));
	known.any_kept = agg_execute(scope, agg_in_set(set, "SELECT 1 FROM @agg_kept_revisions LIMIT 1"), 0, NULL, NULL, true) > 0;
	agg_stop_acting(scope);
	known.set = set;
	SPI_finish();
	PopActiveSnapshot();
}

/* Which of the events are of tasks that keep their revisions: as of now, as above. What stands side by side is mostly of one task. */
void agg_find_kept(agg_table_set set, agg_noted_event *events, int event_count) {
	Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum values[2];
	Datum *symbols;
	Datum *timeframes;
	int *tasks; /* of the events, counted from 1 */
	int count = 0;
	agg_scope *scope;
	uint64 found;

	if (!known.any_kept || event_count == 0)
		return;
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	symbols = palloc(sizeof(Datum) * event_count);
	timeframes = palloc(sizeof(Datum) * event_count);
	tasks = palloc(sizeof(int) * event_count);
	for (int i = 0; i < event_count; i++) {
		const agg_noted_event *event = &events[i];

		if (i == 0 || event->symbol != events[i - 1].symbol || event->timeframe != events[i - 1].timeframe) {
			symbols[count] = PointerGetDatum(event->symbol);
			timeframes[count++] = PointerGetDatum(event->timeframe);
		}
		tasks[i] = count;
	}
	values[0] = PointerGetDatum(construct_array(symbols, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = PointerGetDatum(construct_array(timeframes, count, TEXTOID, -1, false, TYPALIGN_INT));
	scope = agg_act_as_owner(agg_find_table(set, "agg_kept_revisions"));
	found = agg_execute(scope,
	                    agg_in_set(set, "SELECT t.ord, k.began_at FROM unnest($1, $2) WITH ORDINALITY AS t(symbol, timeframe, ord) "
	                                    "JOIN @agg_kept_revisions AS k ON k.canonical_symbol = t.symbol AND k.timeframe = t.timeframe "
	                                    "ORDER BY t.ord"),
	                    lengthof(types), types, values, true);
	agg_stop_acting(scope);
	for (uint64 row = 0, i = 0; row < found; row++) {
		bool is_null;
		int64 task = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null));
		TimestampTz began = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &is_null));

		while (i < (uint64)event_count && tasks[i] < task)
			i++;
		while (i < (uint64)event_count && tasks[i] == task)
			events[i++].kept_since = began;
	}
	SPI_finish();
	PopActiveSnapshot();
}

bool agg_event_is_wanted(agg_table_set set, const text *symbol, const text *timeframe, bool *by_consumer) {
	static bool registered = false;

	if (!registered) {
		RegisterXactCallback(forget, NULL);
		registered = true;
	}
	if (!OidIsValid(known.set.schema))
		find_wanted(set);
	*by_consumer = false;
	for (int i = 0; i < known.wanted_count && !*by_consumer; i++) {
		const wanted *one = &known.wanted[i];

		*by_consumer = is_among(timeframe, one->timeframes, one->timeframe_count) && is_among(symbol, one->symbols, one->symbol_count);
	}
	return *by_consumer || known.any_kept;
}
