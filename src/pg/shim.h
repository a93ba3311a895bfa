/*
 * The parts of the shim: call.c makes an operation of a call of an SQL function; driver.c runs it and executes its requests, with the help
 * of values.c (cells and Datums), statement.c (on whose behalf, and under which settings), query.c (plans and rows) and bulk_write.c
 * (COPY's machinery). Beside them stand capture.c and capture_ticks.c, whose triggers note in transaction_changes.c what is changed in
 * data_bars and in tables of ticks.
 */
#ifndef AGGREGATION_SHIM_H
#define AGGREGATION_SHIM_H

#include "compat.h"

#include "access/xact.h"
#include "commands/copy.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "ops/marks/change_capture.h"
#include "ops/boundary/operation.h"
#include "table_set.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

/* call.c */
extern Datum agg_call(FunctionCallInfo fcinfo, agg_function function);
extern void agg_call_in_trigger(agg_table_set set, agg_function function, const agg_argument *arguments, size_t count);
extern Datum agg_call_committing(FunctionCallInfo fcinfo, agg_function function);
/* A transaction of our own becomes READ COMMITTED, before its first snapshot. */
extern void agg_read_committed(void);
extern TimestampTz agg_call_in_background(MemoryContext memory, Oid schema, agg_function function, const agg_argument *arguments,
                                          size_t count);

/* driver.c */
extern bool agg_is_running(void);
extern bool agg_is_reader(agg_function function);
extern bool agg_sets_up(agg_function function);
extern void agg_refuse_while_running(const char *rules);

/* Whether it is the transaction that is running. */
static inline bool agg_is_this_transaction(FullTransactionId id) {
	return FullTransactionIdIsValid(id) && FullTransactionIdEquals(id, GetTopFullTransactionIdIfAny());
}

/* release.c */
extern void agg_check_release(agg_function function);
extern Oid agg_marked_table(agg_table_set set);
extern bool agg_has_shape(agg_table_set set);
extern void agg_need_shape(agg_table_set set);

/* wake.c */
extern void agg_wake_worker_at_commit(void);

/* derivers.c */
extern void agg_begin_deriving(Oid table);
extern agg_derivers agg_other_derivers(Oid table);
extern void agg_begin_absorbing_own(Oid log);
extern agg_derivers agg_others_absorbing_own(Oid log);
extern void agg_begin_running(Oid tasks);
extern agg_runners agg_other_runners(Oid tasks);

/* next_due.c */
extern TimestampTz agg_next_due(agg_table_set set);
extern void agg_note_due(agg_table_set set, TimestampTz from);
extern bool agg_look_ahead(agg_table_set set);
extern void agg_operation_notes_due(bool notes);
extern void agg_operation_retires_bars(bool retires);

/* look_again.c */
extern void agg_look_again(agg_table_set set, const agg_cell *cells, size_t rows);

/* task_changes.c */
extern bool agg_has_own_tasks(void);

/* transaction_changes.c */
extern void agg_note_bar(agg_table_set set, const text *symbol, TimestampTz time);
extern void agg_note_tick(agg_table_set set, const char *source, const text *symbol, TimestampTz time, bool gone);
extern void agg_note_table(agg_table_set set, Relation bars);
extern bool agg_has_noted_changes(void);
extern void agg_log_changes(void);
extern void agg_take_changes(agg_table_set set, agg_operation *operation);
extern void agg_note_own_changes(void);
extern bool agg_has_own_changes(void);

/* bound_log.c */
extern void agg_bound_log(agg_table_set set);

/* rule_changes.c */
extern bool agg_is_trigger_of_rules(FunctionCallInfo fcinfo);
extern void agg_connect_with_rows(TriggerData *trigger);
extern bool agg_is_row_trigger_of_rules(FunctionCallInfo fcinfo);
extern Datum agg_check_rule_row(TriggerData *trigger, agg_table_set set, agg_function check, const char *const *columns, size_t count);
extern uint64 agg_run_on_rules(Oid table, const char *sql);
extern Datum agg_names_in_rules(Oid table, const char *sql);

/* call_sets.c */
typedef struct agg_call_sets {
	agg_table_set *list; /* on this node */
	int count;
	const agg_cell *symbol; /* the one that it is about, or NULL; where there is no set, its bars are on another node */
	bool on_others;         /* the other nodes work on theirs */
	Oid as_owner_of;        /* a table whose owner asks them; InvalidOid: the caller does */
} agg_call_sets;

extern agg_call_sets agg_sets_of_call(agg_table_set plain, agg_function function, Oid function_oid, const agg_argument *arguments,
                                      size_t count);
extern agg_call_sets agg_sets_here(Oid schema);
extern agg_call_sets agg_sets_from(agg_table_set set);
extern agg_table_set agg_set_of_node(Oid schema);
extern bool agg_hold_set(agg_table_set set);
extern bool agg_narrow_arguments(agg_table_set set, const agg_argument *arguments, size_t count, agg_argument *narrowed);

/* other_nodes.c */
extern NullableDatum agg_ask_node_of(agg_table_set plain, const agg_cell *symbol, FunctionCallInfo fcinfo);
extern void agg_refuse_elsewhere(const agg_cell *symbol) pg_attribute_noreturn();
extern Datum *agg_ask_nodes_for(FunctionCallInfo fcinfo, Oid owner_of, int *count);
extern Datum *agg_run_on_nodes(FunctionCallInfo fcinfo, int *count);

/* other_groups.c */
extern void agg_reach_other_groups(void);

/* answers.c */
extern Datum agg_join_answers(Datum answers);
extern char *agg_text_of_answer(Datum answer);

/* trigger_table.c */
extern agg_table_set agg_set_of_trigger(FunctionCallInfo fcinfo, Relation relation, const char *function, const char *watched);

/* partitions.c */
extern bool agg_is_part_of(Oid table, Oid whole);

/* tick_tables.c */
extern bool agg_has_tick_trigger(agg_table_set set, Oid table);
extern bool agg_is_tick_source(agg_table_set set, const char *name);
extern void agg_refuse_heir_of_ticks(agg_table_set set, Oid child);

/* table_spans.c */
extern bool agg_has_key_of_bars(Relation bars);

typedef struct agg_bar_span {
	char *symbol;
	char *timeframe;
	TimestampTz from; /* the first bar's start */
	TimestampTz to;   /* a minute after the last one's: no bar is narrower */
} agg_bar_span;

/* Of the 1m bars of each symbol; of the live bars of each symbol and timeframe. */
extern agg_bar_span *agg_spans_of_minutes(Relation bars, size_t *count);
extern agg_bar_span *agg_spans_of_derived_bars(Relation bars, size_t *count);
extern void agg_log_spans_of_shards(agg_table_set set, Relation bars);

/* values.c */
extern Oid agg_type_oid(agg_type type);
extern const char *agg_type_name(agg_type type);
extern Datum agg_cell_to_datum(const agg_cell *cell, agg_type type);
extern Datum agg_cell_to_column(const agg_cell *cell, Oid type);
extern Datum agg_parameter_to_datum(const agg_parameter *parameter, bool *is_null);
extern void agg_datum_to_cell(Datum value, bool is_null, agg_type type, agg_cell *cell);
extern void agg_argument_to_parameter(NullableDatum argument, Oid type, agg_parameter *parameter);
extern agg_argument agg_make_argument(const char *name, Datum value, Oid type);

/* statement.c: the only way to run SQL */
typedef struct agg_scope agg_scope;

extern Oid agg_owner_of(Oid table);
extern agg_scope *agg_act_as_owner(Oid table);
extern agg_scope *agg_act_as_owner_of_all_rows(Oid table);
extern agg_scope *agg_act_as_owner_of_ticks(Oid table);
extern agg_scope *agg_act_as_owner_of_log(Oid log);
extern agg_scope *agg_act_as_owner_of_function(Oid function);
extern agg_scope *agg_act_as_owner_for_caller(Oid table);
extern agg_scope *agg_act_as_caller(void);
extern agg_scope *agg_act_as_distributor(void);
extern void agg_stop_tracking(const agg_scope *scope);
extern void agg_scan_from_start(const agg_scope *scope);
extern void agg_avoid_loops(const agg_scope *scope);
extern void agg_only_read(agg_scope *scope);
extern void agg_keep_connections(const agg_scope *scope);
extern void agg_let_citus_nest(const agg_scope *scope);
extern void agg_begin_writing(const agg_scope *scope, Oid table);
extern void agg_bound_waits(const agg_scope *scope);
extern void agg_limit_waits(bool limit);
extern void agg_stop_acting(agg_scope *scope);
extern SPIPlanPtr agg_prepare(const agg_scope *scope, const char *sql, int parameter_count, Oid *types, int cursor_options);
extern uint64 agg_execute_plan(const agg_scope *scope, SPIPlanPtr plan, ParamListInfo parameters, DestReceiver *receiver, bool latest);
extern uint64 agg_execute(const agg_scope *scope, const char *sql, int parameter_count, Oid *types, Datum *values, bool read_only);
extern CopyFromState agg_begin_copy(const agg_scope *scope, ParseState *parse_state, Relation table, copy_data_source_cb source,
                                    List *columns, List *options);
extern void agg_insert_row(const agg_scope *scope, ResultRelInfo *table, EState *state, TupleTableSlot *row);

/* log_rows.c */
extern void agg_insert_log_rows(const agg_scope *scope, Oid table, const char *source, bool gone, const agg_changes *changes, size_t count);

/* time_pass.c */
extern uint64 agg_rows_of_pass(const agg_scope *scope, const agg_request *request);

/* strangers.c */
extern void agg_check_strangers(Oid table, Oid owner);

/* query.c */
extern SPIPlanPtr agg_plan_of(const agg_scope *scope, const agg_request *request);
extern ParamListInfo agg_parameters_of(const agg_request *request);
extern uint64 agg_run_query(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table);
extern uint64 agg_emit_query(const agg_scope *scope, const agg_request *request, const ReturnSetInfo *result);

/* bulk_write.c */
extern uint64 agg_run_bulk_write(const agg_scope *scope, agg_operation *operation, const agg_request *request, Oid table);

#endif
