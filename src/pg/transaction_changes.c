/*
 * What this transaction has changed in data_bars, and in the tables of ticks that minutes are made of, until it is in the log of each:
 *
 *   BEGIN      INSERT ...   SAVEPOINT a   COPY ...   ROLLBACK TO a   UPDATE ...   COMMIT
 *              note           layer a     note       forget layer a  note         log what was noted
 *
 * Each subtransaction has a layer of its own, which goes with it or falls to its parent. The log is written before the commit (or the
 * prepare), in that same transaction: so a change and its log entry become visible together, whoever looks and whenever. And it is written
 * before an operation of ours looks at the log, so that it sees what its own transaction has done. A run takes what it has done itself
 * while it makes minutes, and marks what that means, instead of having it logged.
 */
#include "shard_groups.h"
#include "shim.h"

#include "utils/memutils.h"

/* The changes of data_bars, or of a tick source. */
typedef struct book {
	agg_table_set set; /* where its log is */
	char *source;      /* the tick source's name; NULL: data_bars */
	bool gone;         /* of a tick source: the minutes that ticks have left; otherwise those where they came or changed */
	agg_changes *changes;
	struct book *next;
} book;

typedef struct layer {
	SubTransactionId id;
	book *books;
	struct layer *below;
} layer;

static layer *layers = NULL; /* of the innermost subtransaction that has changed something */

/* The transaction that has entries in the log. */
static FullTransactionId logged_in = {0};

void agg_note_own_changes(void) {
	logged_in = GetTopFullTransactionId();
}

bool agg_has_own_changes(void) {
	return agg_is_this_transaction(logged_in);
}

static void refuse_out_of_memory(void) {
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
	                errdetail("No memory was left to record which bars or ticks the transaction changes."),
	                errhint("Commit more often, or load in the order of symbol and time.")));
}

static void drop_book(layer *of, book *gone) {
	book **place = &of->books;

	while (*place != gone)
		place = &(*place)->next;
	*place = gone->next;
	agg_changes_free(gone->changes);
	if (gone->source != NULL)
		pfree(gone->source);
	pfree(gone);
}

static void drop_layer(void) {
	layer *gone = layers;

	layers = gone->below;
	while (gone->books != NULL)
		drop_book(gone, gone->books);
	pfree(gone);
}

static bool is_of(const book *one, agg_table_set set, const char *source, bool gone) {
	return agg_same_set(one->set, set) && one->gone == gone &&
	       (source == NULL || one->source == NULL ? source == one->source : strcmp(source, one->source) == 0);
}

static book *find_book(const layer *in, agg_table_set set, const char *source, bool gone) {
	book *found = in->books;

	while (found != NULL && !is_of(found, set, source, gone))
		found = found->next;
	return found;
}

static agg_changes *changes_of(layer *in, agg_table_set set, const char *source, bool gone) {
	book *found = find_book(in, set, source, gone);

	if (found != NULL)
		return found->changes;
	found = MemoryContextAllocZero(TopMemoryContext, sizeof(book));
	found->set = set;
	if (source != NULL)
		found->source = MemoryContextStrdup(TopMemoryContext, source);
	found->gone = gone;
	found->changes = agg_changes_new();
	if (found->changes == NULL)
		refuse_out_of_memory();
	found->next = in->books;
	in->books = found;
	return found->changes;
}

static void end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *argument pg_attribute_unused()) {
	if (layers == NULL || layers->id != id)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB) {
		drop_layer();
	} else if (event == SUBXACT_EVENT_PRE_COMMIT_SUB) {
		if (layers->below == NULL || layers->below->id != parent) {
			layers->id = parent;
		} else {
			for (const book *one = layers->books; one != NULL; one = one->next) {
				if (!agg_changes_merge(changes_of(layers->below, one->set, one->source, one->gone), one->changes))
					refuse_out_of_memory();
			}
			drop_layer();
		}
	}
}

static void end_of_transaction(XactEvent event, void *argument pg_attribute_unused()) {
	switch (event) {
	case XACT_EVENT_PRE_COMMIT:
	case XACT_EVENT_PRE_PREPARE:
		if (layers != NULL)
			agg_check_held_groups(); /* the log of a group that has left may be gone by now */
		agg_log_changes();
		break;
	case XACT_EVENT_ABORT:
		while (layers != NULL)
			drop_layer();
		break;
	default:
		break;
	}
}

/* The layer of the current subtransaction. */
static layer *current_layer(void) {
	static bool registered = false;
	SubTransactionId id = GetCurrentSubTransactionId();
	layer *fresh;

	if (layers != NULL && layers->id == id)
		return layers;
	if (!registered) {
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
		registered = true;
	}
	fresh = MemoryContextAllocZero(TopMemoryContext, sizeof(layer));
	fresh->id = id;
	fresh->below = layers;
	layers = fresh;
	return fresh;
}

bool agg_has_noted_changes(void) {
	return layers != NULL;
}

void agg_note_bar(agg_table_set set, const text *symbol, TimestampTz time) {
	if (set.group != NULL)
		agg_hold_written_group(set.schema, set.group);
	if (!agg_changes_add_bar(changes_of(current_layer(), set, NULL, false), VARDATA_ANY(symbol), VARSIZE_ANY_EXHDR(symbol), time))
		refuse_out_of_memory();
}

void agg_note_tick(agg_table_set set, const char *source, const text *symbol, TimestampTz time, bool gone) {
	if (!agg_changes_add_tick(changes_of(current_layer(), set, source, gone), VARDATA_ANY(symbol), VARSIZE_ANY_EXHDR(symbol), time))
		refuse_out_of_memory();
}

/* All bars of a table, which is about to be emptied or has just become a partition. */
void agg_note_table(agg_table_set set, Relation bars) {
	size_t count;
	const agg_bar_span *spans;
	agg_changes *noted;

	if (set.group == NULL && agg_is_distributed(set.schema)) {
		agg_log_spans_of_shards(set, bars);
		return;
	}
	spans = agg_spans_of_minutes(bars, &count);
	noted = changes_of(current_layer(), set, NULL, false);
	for (size_t i = 0; i < count; i++) {
		agg_changed_range range = {
		    .symbol = spans[i].symbol, .symbol_length = strlen(spans[i].symbol), .from = spans[i].from, .to = spans[i].to};

		if (!agg_changes_add_range(noted, &range))
			refuse_out_of_memory();
	}
}

/* Whether the current subtransaction has changed something that is not logged yet. */
static bool has_layer_of_its_own(void) {
	return layers != NULL && layers->id == GetCurrentSubTransactionId();
}

static void log_book(const book *noted) {
	Oid table = agg_find_table(noted->set, noted->source == NULL ? "agg_change_log" : "agg_tick_log");
	agg_scope *scope;
	size_t count;

	if (!(noted->source == NULL ? agg_changes_begin_list : agg_changes_begin_exact_list)(noted->changes, &count))
		refuse_out_of_memory();
	scope = agg_act_as_owner_of_log(table);
	agg_insert_log_rows(scope, table, noted->source, noted->gone, noted->changes, count);
	if (noted->source == NULL)
		agg_note_own_changes();
	agg_stop_acting(scope);
}

/*
 * Logs what the current subtransaction has changed. What its parents have changed is left to them: logged here, it would be lost with a
 * rollback that their rows survive.
 */
void agg_log_changes(void) {
	if (!has_layer_of_its_own())
		return;
	while (layers->books != NULL) {
		log_book(layers->books);
		drop_book(layers, layers->books);
	}
	drop_layer();
}

/*
 * Hands what the current subtransaction has changed in data_bars to the operation, which sees to it that nobody misses it. Whoever rolls
 * back does both together.
 */
void agg_take_changes(agg_table_set set, agg_operation *operation) {
	book *noted = has_layer_of_its_own() ? find_book(layers, set, NULL, false) : NULL;
	size_t count;
	bool wanted = true;

	if (noted == NULL)
		return;
	if (!agg_changes_begin_list(noted->changes, &count))
		refuse_out_of_memory();
	for (size_t i = 0; i < count && wanted; i++) {
		agg_changed_range range = agg_changes_listed(noted->changes, i);
		agg_cell row[AGG_CHANGE_COLUMNS] = {{.as.text = range.symbol, .length = (int32_t)range.symbol_length},
		                                    {.as.integer = range.from},
		                                    {.as.integer = range.to},
		                                    {.as.integer = range.rows}};

		wanted = agg_operation_rows(operation, row, 1);
	}
	if (wanted)
		drop_book(layers, noted);
}
