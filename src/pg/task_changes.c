// clang-format off
/*
 * What changes of data_agg_state mean for bars that are there already, whoever makes them: an operation of ours, or an UPDATE by hand.
 *
 *   a new task, and there are bars       all windows before its cursor are looked at; where bars of somebody else's have no source any more,
 *                                        that source counts as retired (adopted_bars.h)
 *   another start                        the windows between the old and the new one are looked at
 *   another source or key                all windows before the cursor; of a claimed task also what its worker may have read ahead of it
 *   another calendar                     all windows before the cursor and all bars behind it, whatever windows they are of
 *   either, of a task of the index       also those ahead of it, as far as minutes of the index are stored: changes of its pairs were noted
 *                                        for tasks that were there, and reading minutes that are wrong mends nothing
 *   late_policy is not freeze any more   what was refused
 *
 * The calendar must exist, and be that of the symbol's other tasks. Its days are made when its first task names it.
 *
 * A task that is new, or has another source or calendar, is also listed in agg_recent_tasks: a session that changes bars below it at this moment,
 * or has absorbed its own changes, may not know it (src/ops/tasks/recent_tasks.hpp).
 *
 * And as long as such a change is not committed nobody else knows of it: what the transaction derives is looked at again (look_again.c).
 */
// clang-format on
#include "shim.h"

#include "ops/setup/adopted_bars.h"
#include "ops/tasks/task_columns.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* The transaction that has made or configured tasks. */
static FullTransactionId configured_in = {0};

bool agg_has_own_tasks(void) {
	return agg_is_this_transaction(configured_in);
}

static void mark(agg_table_set set, Datum symbol, Datum timeframe, TimestampTz from, TimestampTz to) {
	Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[] = {symbol, timeframe, TimestampTzGetDatum(from), TimestampTzGetDatum(to)};
	char *sql = agg_in_set(set, "INSERT INTO @agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc) VALUES ($1, $2, $3, $4)");
	agg_scope *scope;

	if (from >= to)
		return;
	scope = agg_act_as_owner(agg_find_table(set, "agg_dirty_ranges"));
	(void)agg_execute(scope, sql, lengthof(types), types, values, false);
	agg_stop_acting(scope);
}

/* Marks what a statement about a table finds: rows of symbol, timeframe, from, to, none of them NULL. */
static void mark_found(agg_table_set set, Oid table, const char *sql, int parameter_count, Oid *types, Datum *values) {
	agg_scope *scope = agg_act_as_owner(table);
	uint64 count = agg_execute(scope, sql, parameter_count, types, values, false);
	SPITupleTable *found = SPI_tuptable;

	agg_stop_acting(scope);
	for (uint64 i = 0; i < count; i++) {
		Datum column[4];
		bool is_null;

		for (size_t c = 0; c < lengthof(column); c++)
			column[c] = SPI_getbinval(found->vals[i], found->tupdesc, (int)c + 1, &is_null);
		mark(set, column[0], column[1], DatumGetTimestampTz(column[2]), DatumGetTimestampTz(column[3]));
	}
}

/* The first row of a statement about agg_indexes as its owner sees it; its columns are text or arrays of text. */
static void ask_indexes(agg_table_set set, const char *sql, Datum *column, size_t columns) {
	agg_scope *scope = agg_act_as_owner(agg_find_table(set, "agg_indexes"));
	uint64 count = agg_execute(scope, agg_in_set(set, sql), 0, NULL, NULL, true);
	bool is_null;

	agg_stop_acting(scope);
	if (count == 0)
		elog(ERROR, "agg_indexes gave no row");
	for (size_t c = 0; c < columns; c++)
		column[c] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, (int)c + 1, &is_null);
}

/* Marks those of `tasks`, a FROM item with the columns of data_agg_state, that read minutes of an index, as far as these were made. */
static void mark_index_minutes(agg_table_set set, const char *tasks, int parameter_count, Oid *types, Datum *values) {
	Oid minutes = agg_look_for_table(set, "data_bars");
	Oid *all_types = palloc(sizeof(Oid) * (size_t)(parameter_count + 1));
	Datum *all_values = palloc(sizeof(Datum) * (size_t)(parameter_count + 1));
	char *sql;

	if (!OidIsValid(minutes))
		return;
	for (int i = 0; i < parameter_count; i++) {
		all_types[i] = types[i];
		all_values[i] = values[i];
	}
	all_types[parameter_count] = TEXTARRAYOID;
	ask_indexes(set, "SELECT COALESCE(array_agg(i.canonical_symbol), ARRAY[]::text[]) FROM @agg_indexes AS i", &all_values[parameter_count],
	            1);
	sql = psprintf("SELECT f.canonical_symbol::text, f.timeframe::text, '-infinity'::timestamptz, b.ts_utc + interval '1 minute' "
	               "FROM %s CROSS JOIN LATERAL (SELECT d.ts_utc FROM @data_bars AS d WHERE d.canonical_symbol = f.canonical_symbol "
	               "AND d.timeframe = '1m' AND d.source = 'synthetic' ORDER BY d.ts_utc DESC LIMIT 1) AS b "
	               "WHERE f.canonical_symbol = ANY ($%d) AND %s = '1m'",
	               tasks, parameter_count + 1, AGG_SOURCE_TIMEFRAME("f."));
	mark_found(set, minutes, agg_in_set(set, sql), parameter_count + 1, all_types, all_values);
}

/* What late_policy has refused of a task is looked at again. */
static void mark_refused(agg_table_set set, Datum symbol, Datum timeframe) {
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {symbol, timeframe};
	char *sql = agg_in_set(set, "DELETE FROM @agg_refused_ranges AS r WHERE r.canonical_symbol = $1 AND r.timeframe = $2 "
	                            "RETURNING r.canonical_symbol, r.timeframe, r.from_utc, r.to_utc");

	mark_found(set, agg_find_table(set, "agg_refused_ranges"), sql, lengthof(types), types, values);
}

/* Lists `tasks`, a FROM item with the columns of data_agg_state. */
static void list_recent(agg_table_set set, const char *tasks, int parameter_count, Oid *types, Datum *values) {
	char *sql = psprintf("INSERT INTO @agg_recent_tasks (canonical_symbol, timeframe) SELECT f.canonical_symbol::text, f.timeframe::text "
	                     "FROM %s ON CONFLICT (canonical_symbol, timeframe) DO UPDATE SET known_since = 'infinity'",
	                     tasks);
	agg_scope *scope = agg_act_as_owner(agg_find_table(set, "agg_recent_tasks"));

	(void)agg_execute(scope, agg_in_set(set, sql), parameter_count, types, values, false);
	agg_stop_acting(scope);
}

static void seal(agg_table_set set, Datum symbol, Datum source, bool of_minutes, Datum from, Datum to) {
	Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum values[] = {symbol, of_minutes ? CStringGetTextDatum("") : source, from, to};
	char *sql = agg_in_set(set, AGG_SEAL_ADOPTED("(SELECT $1, NULLIF($2, ''), $3, $4)"));
	agg_scope *scope = agg_act_as_owner(agg_find_table(set, "agg_sealed_ranges"));

	(void)agg_execute(scope, sql, lengthof(types), types, values, false);
	agg_stop_acting(scope);
}

/* The table whose owner may read both tables of bars. InvalidOid: neither owner may. */
static Oid table_of_reader(Oid bars, Oid minutes) {
	if (pg_class_aclcheck(minutes, agg_owner_of(bars), ACL_SELECT) == ACLCHECK_OK)
		return bars;
	return pg_class_aclcheck(bars, agg_owner_of(minutes), ACL_SELECT) == ACLCHECK_OK ? minutes : InvalidOid;
}

/* Seals what adopted_bars.h says of the transition table "fresh". */
static void adopt_bars(agg_table_set set, Oid bars) {
	Oid minutes = agg_look_for_table(set, "data_bars");
	char *any = agg_in_set(set, AGG_TASKS_WITH_ADOPTED_BARS("fresh AS f"));
	Oid types[] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum parts[lengthof(types)];
	SPITupleTable *found;
	agg_scope *scope;
	uint64 count;
	int64 sealed = 0;
	Oid reader;

	if (!OidIsValid(minutes) || get_atttype(bars, get_attnum(bars, "raw")) != JSONBOID)
		return;
	scope = agg_act_as_owner(bars);
	count = agg_execute(scope, any, 0, NULL, NULL, true);
	agg_stop_acting(scope);
	if (count == 0)
		return;
	reader = table_of_reader(bars, minutes);
	if (!OidIsValid(reader)) {
		ereport(WARNING, (errmsg("bars that existed before their tasks are not checked, because neither owner of the two tables of "
		                         "bars may read the other table"),
		                  errhint("If the source of such bars is gone, call agg_seal_range() before agg_run(), or they are deleted.")));
		return;
	}
	ask_indexes(set, AGG_INDEX_PARTS, parts, lengthof(parts));
	scope = agg_act_as_owner(reader);
	count = agg_execute(scope, agg_in_set(set, AGG_ADOPTED_RANGES("fresh AS f")), lengthof(types), types, parts, false);
	found = SPI_tuptable;
	agg_stop_acting(scope);
	for (uint64 i = 0; i < count; i++) {
		Datum column[6];
		bool is_null[6];

		for (size_t c = 0; c < lengthof(column); c++)
			column[c] = SPI_getbinval(found->vals[i], found->tupdesc, (int)c + 1, &is_null[c]);
		seal(set, column[0], column[1], is_null[1], column[2], column[3]);
		sealed += DatumGetInt64(column[5]);
	}
	if (sealed > 0)
		ereport(NOTICE, (errmsg(INT64_FORMAT " bars that existed before their tasks have no source any more and stay as they are", sealed),
		                 errdetail("agg_sealed_ranges lists them as '" AGG_ADOPTED "', " UINT64_FORMAT " ranges.", count),
		                 errhint("When their source comes back, call agg_unseal_range() to have them recomputed from it.")));
}

/* ---- an UPDATE, row by row ---- */

static bool find_column(const TriggerData *trigger, const char *name, Oid type, AttrNumber *number) {
	TupleDesc columns = RelationGetDescr(trigger->tg_relation);
	int found = SPI_fnumber(columns, name);

	if (found <= 0)
		return false;
	*number = (AttrNumber)found;
	return TupleDescAttr(columns, found - 1)->atttypid == type ||
	       (type == TEXTOID && TupleDescAttr(columns, found - 1)->atttypid == VARCHAROID);
}

static TimestampTz time_of(const TriggerData *trigger, HeapTuple row, const char *name, TimestampTz otherwise) {
	AttrNumber number;
	bool is_null;
	Datum value;

	if (!find_column(trigger, name, TIMESTAMPTZOID, &number))
		return otherwise;
	value = SPI_getbinval(row, RelationGetDescr(trigger->tg_relation), number, &is_null);
	return is_null ? otherwise : DatumGetTimestampTz(value);
}

static char *text_of(const TriggerData *trigger, HeapTuple row, const char *name) {
	AttrNumber number;

	return find_column(trigger, name, TEXTOID, &number) ? SPI_getvalue(row, RelationGetDescr(trigger->tg_relation), number) : NULL;
}

static bool same_in_both(const TriggerData *trigger, const char *name) {
	const char *old = text_of(trigger, trigger->tg_trigtuple, name);
	const char *fresh = text_of(trigger, trigger->tg_newtuple, name);

	return old == NULL || fresh == NULL ? old == fresh : strcmp(old, fresh) == 0;
}

static bool is_frozen(const TriggerData *trigger) {
	const char *policy = text_of(trigger, trigger->tg_newtuple, "late_policy");

	return policy != NULL && strcmp(policy, "freeze") == 0;
}

/* A worker outside the database may have made bars of it, and is going to move the cursor past them. */
static bool is_claimed(const TriggerData *trigger) {
	const char *status = text_of(trigger, trigger->tg_trigtuple, "status");

	return status != NULL && strcmp(status, "running") == 0;
}

/* ---- calendars ---- */

#define AGG_CALENDAR_OF(s) "COALESCE(" s "calendar::text, 'utc')"

/* Has the days made of those in the array that `sql` gives (NULL: nothing is to be done), and has the sources and cursors of the tasks of a
 * symbol (NULL: of none) fit them. */
static void provide_calendars(agg_table_set set, Oid tasks, const char *symbol, const char *sql, int parameter_count, Oid *types,
                              Datum *values) {
	agg_scope *scope = agg_act_as_owner(tasks);
	uint64 count = agg_execute(scope, sql, parameter_count, types, values, true);
	bool is_null = true;
	Datum names = count == 0 ? (Datum)0 : SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	Datum symbols[1];
	agg_argument arguments[2];

	agg_stop_acting(scope);
	if (is_null)
		return;
	if (symbol != NULL)
		symbols[0] = CStringGetTextDatum(symbol);
	arguments[0] = agg_make_argument("calendar", names, TEXTARRAYOID);
	arguments[1] = agg_make_argument(
	    "p_symbols", PointerGetDatum(construct_array(symbols, symbol == NULL ? 0 : 1, TEXTOID, -1, false, TYPALIGN_INT)), TEXTARRAYOID);
	agg_call_in_trigger(set, AGG_FN_provide_calendars, arguments, lengthof(arguments));
}

/* All windows of a symbol lie in one calendar: each task's source is another one's bars. `tasks`: a FROM item with the columns of
 * data_agg_state. */
static void check_one_calendar(agg_table_set set, Oid table, const char *tasks, int parameter_count, Oid *types, Datum *values) {
	const char *sql = psprintf(
	    "SELECT f.canonical_symbol::text, f.timeframe::text, " AGG_CALENDAR_OF("f.") ", s.timeframe::text, " AGG_CALENDAR_OF(
	        "s.") " FROM %s JOIN @data_agg_state AS s ON s.canonical_symbol = f.canonical_symbol AND " AGG_CALENDAR_OF("s.") " <> " AGG_CALENDAR_OF("f.") " LIMIT 1",
	    tasks);
	agg_scope *scope = agg_act_as_owner(table);
	uint64 count = agg_execute(scope, agg_in_set(set, sql), parameter_count, types, values, false);

	agg_stop_acting(scope);
	if (count > 0) {
		char *found[5];

		for (size_t i = 0; i < lengthof(found); i++)
			found[i] = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, (int)i + 1);
		ereport(ERROR,
		        (errcode(ERRCODE_CHECK_VIOLATION),
		         errmsg("task %s/%s has calendar \"%s\", but %s/%s has \"%s\"", found[0], found[1], found[2], found[0], found[3], found[4]),
		         errdetail("All tasks of a symbol have one calendar."),
		         errhint("Give a new task the calendar of the others; agg_set_calendar() changes it for all of them.")));
	}
}

/* Behind the cursor nothing is made before it is there; but what is there is of windows that may be no more. */
static void mark_bars_ahead(agg_table_set set, const char *symbol, const char *timeframe, TimestampTz from) {
	Oid bars = agg_look_for_table(set, "derived_data_bars");
	char *sql =
	    agg_in_set(set, "SELECT $1, $2, $3, b.ts_utc + interval '1 minute' FROM (SELECT d.ts_utc FROM @derived_data_bars AS d WHERE "
	                    "d.canonical_symbol = $1 AND d.timeframe = $2 AND d.deleted_at IS NULL ORDER BY d.ts_utc DESC LIMIT 1) AS b "
	                    "WHERE b.ts_utc >= $3");
	Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum values[] = {CStringGetTextDatum(symbol), CStringGetTextDatum(timeframe), TimestampTzGetDatum(from)};

	if (OidIsValid(bars))
		mark_found(set, bars, sql, lengthof(types), types, values);
}

static void calendar_changed(agg_table_set set, const TriggerData *trigger, const char *symbol, const char *timeframe) {
	const char *calendar = text_of(trigger, trigger->tg_newtuple, "calendar");
	Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
	Datum values[] = {CStringGetTextDatum(symbol), CStringGetTextDatum(timeframe), CStringGetTextDatum(calendar == NULL ? "" : calendar)};
	Oid table = RelationGetRelid(trigger->tg_relation);

	/* What changes calendars for us chooses sources and cursors itself. */
	provide_calendars(set, table, agg_is_running() ? NULL : symbol,
	                  "SELECT CASE WHEN $3 NOT IN ('', 'utc') THEN ARRAY[$3] ELSE ARRAY[]::text[] END", lengthof(types), types, values);
	check_one_calendar(set, table, "(SELECT $1, $2, NULLIF($3, '')) AS f(canonical_symbol, timeframe, calendar)", lengthof(types), types,
	                   values);
}

static void task_changed(agg_table_set set, const TriggerData *trigger) {
	HeapTuple old = trigger->tg_trigtuple;
	HeapTuple fresh = trigger->tg_newtuple;
	const char *symbol = text_of(trigger, fresh, "canonical_symbol");
	const char *timeframe = text_of(trigger, fresh, "timeframe");
	TimestampTz old_start = time_of(trigger, old, "agg_start_utc", DT_NOBEGIN);
	TimestampTz start = time_of(trigger, fresh, "agg_start_utc", DT_NOBEGIN);
	TimestampTz cursor = time_of(trigger, fresh, "last_agg_bar_ts_utc", start);
	TimestampTz from = DT_NOBEGIN;
	TimestampTz to = Max(cursor, start);

	if (symbol == NULL || timeframe == NULL)
		return;
	if (!same_in_both(trigger, "late_policy") && !is_frozen(trigger))
		mark_refused(set, CStringGetTextDatum(symbol), CStringGetTextDatum(timeframe));
	if (!same_in_both(trigger, "calendar") || !same_in_both(trigger, "canonical_symbol"))
		calendar_changed(set, trigger, symbol, timeframe);
	if (!same_in_both(trigger, "calendar"))
		mark_bars_ahead(set, symbol, timeframe, to);
	if (same_in_both(trigger, "canonical_symbol") && same_in_both(trigger, "timeframe") && same_in_both(trigger, "source_timeframe") &&
	    same_in_both(trigger, "calendar")) {
		if (old_start == start)
			return;
		from = Min(Min(old_start, start), cursor);
		to = Max(old_start, start);
	} else {
		const char *source = text_of(trigger, fresh, "source_timeframe");
		const char *task = "(SELECT $1, $2, NULLIF($3, '')) AS f(canonical_symbol, timeframe, source_timeframe)";
		Oid types[] = {TEXTOID, TEXTOID, TEXTOID};
		Datum values[] = {CStringGetTextDatum(symbol), CStringGetTextDatum(timeframe), CStringGetTextDatum(source == NULL ? "" : source)};

		if (is_claimed(trigger))
			to = Max(to, GetCurrentTimestamp()); /* no cursor gets further */
		list_recent(set, task, lengthof(types), types, values);
		mark_index_minutes(set, task, lengthof(types), types, values);
	}
	mark(set, CStringGetTextDatum(symbol), CStringGetTextDatum(timeframe), from, to);
}

/* ---- an INSERT, all of its rows at once ---- */

static void tasks_made(agg_table_set set, TriggerData *trigger) {
	Oid bars = agg_look_for_table(set, "derived_data_bars");
	char *sql = agg_in_set(set, "SELECT f.canonical_symbol::text, f.timeframe::text, '-infinity'::timestamptz, "
	                            "COALESCE(f.last_agg_bar_ts_utc, f.agg_start_utc, 'infinity') "
	                            "FROM fresh AS f CROSS JOIN LATERAL (SELECT 1 FROM @derived_data_bars AS d "
	                            "WHERE d.canonical_symbol = f.canonical_symbol AND d.timeframe = f.timeframe "
	                            "AND d.deleted_at IS NULL ORDER BY d.ts_utc LIMIT 1) AS b");

	if (!OidIsValid(bars))
		return;
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed");
	provide_calendars(set, RelationGetRelid(trigger->tg_relation), NULL,
	                  "SELECT array_agg(DISTINCT f.calendar::text) FROM fresh AS f WHERE f.calendar <> 'utc'", 0, NULL, NULL);
	check_one_calendar(set, RelationGetRelid(trigger->tg_relation), "fresh AS f", 0, NULL, NULL);
	adopt_bars(set, bars);
	list_recent(set, "fresh AS f", 0, NULL, NULL);
	mark_index_minutes(set, "fresh AS f", 0, NULL, NULL);
	mark_found(set, bars, sql, 0, NULL, NULL);
}

/* AFTER INSERT FOR EACH STATEMENT with its rows, or AFTER UPDATE FOR EACH ROW. */
static bool is_ours(FunctionCallInfo fcinfo) {
	const TriggerData *trigger = (const TriggerData *)fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		return false;
	return TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ? TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)
	                                                : TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && trigger->tg_newtable != NULL;
}

/* Named so for sessions that still have 1.0's library: see aggregation.c. */
PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_agg_note_task_change);
extern Datum reconnect_to_use_aggregation_1_1_agg_note_task_change(PG_FUNCTION_ARGS);

Datum reconnect_to_use_aggregation_1_1_agg_note_task_change(PG_FUNCTION_ARGS) {
	TriggerData *trigger = (TriggerData *)fcinfo->context;
	agg_table_set set;
	bool made;

	if (!is_ours(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("agg_note_task_change() is a trigger function of data_agg_state"),
		                errhint("agg_setup() puts its triggers on data_agg_state.")));
	set = agg_set_of_trigger(fcinfo, trigger->tg_relation, "agg_note_task_change", "data_agg_state");
	made = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	configured_in = GetTopFullTransactionId();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (made)
		tasks_made(set, trigger);
	else
		task_changed(set, trigger);
	SPI_finish();
	return PointerGetDatum(NULL);
}
