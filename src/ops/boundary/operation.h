/*
 * The boundary between PostgreSQL (C, leaves by longjmp) and the operations (C++, leave by throw).
 *
 * PostgreSQL calls C++, never the other way round. An operation runs until it needs the database; then it hands a request to its caller
 * and is suspended. The caller executes the request with no C++ frame on the stack and resumes the operation with the outcome. While a
 * query runs, its rows are handed over in batches through agg_operation_rows(); while a bulk write runs, rows are fetched through
 * agg_operation_fill(). No function of this header throws or calls back into its caller.
 *
 * Memory that a request points to belongs to the operation and lives until it is resumed; memory that the caller passes in is read during
 * the call only, except the arguments and the context of agg_operation_new, which must outlive the operation.
 */
#ifndef AGGREGATION_OPERATION_H
#define AGGREGATION_OPERATION_H

#include "ops/boundary/function_list.h"
#include "ops/boundary/table_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define AGG_NOEXCEPT noexcept
#else
#define AGG_NOEXCEPT
#endif

typedef enum agg_type {
	AGG_BOOL,
	AGG_INT4,
	AGG_INT8,
	AGG_FLOAT8,
	AGG_TEXT,
	AGG_TID,        /* the place of a row, ctid: block << 16 | offset */
	AGG_TIMESTAMPTZ /* microseconds since 2000-01-01 UTC, as PostgreSQL's TimestampTz */
} agg_type;

typedef struct agg_cell {
	union {
		int64_t integer;  /* AGG_BOOL, AGG_INT4, AGG_INT8, AGG_TID, AGG_TIMESTAMPTZ */
		double real;      /* AGG_FLOAT8 */
		const char *text; /* AGG_TEXT, in the server's encoding, not terminated */
	} as;
	int32_t length; /* of text, in bytes */
	bool is_null;
} agg_cell;

typedef struct agg_parameter {
	agg_type type;
	bool is_array; /* else exactly one cell */
	const agg_cell *cells;
	size_t count;
} agg_parameter;

typedef struct agg_error {
	const char *sqlstate; /* five characters */
	const char *message;
	const char *detail;     /* NULL or a sentence */
	const char *hint;       /* NULL or a sentence */
	const char *table;      /* the one that refused a row, or NULL */
	const char *constraint; /* by which constraint, or NULL */
} agg_error;

/* Columns of the rows of AGG_LOOK_AGAIN: symbol, timeframe, from, to, due. */
#define AGG_LOOK_AGAIN_COLUMNS 5

/* Columns of the rows that AGG_TAKE_CHANGES hands over: symbol, from, to, row count. */
#define AGG_CHANGE_COLUMNS 4

typedef enum agg_request_kind {
	AGG_QUERY,                /* run `sql`, hand over its rows */
	AGG_EMIT_QUERY,           /* run `sql`, and add its rows to the result of a set-returning function; the operation does not see them */
	AGG_BULK_WRITE,           /* insert rows into `relation` */
	AGG_CHECK_STRANGERS,      /* an error if somebody else than the owner of `relation` has put code there that writing it would run */
	AGG_BEGIN_SUBTRANSACTION, /* from here errors come back as outcomes */
	AGG_RELEASE_SUBTRANSACTION,
	AGG_ROLLBACK_SUBTRANSACTION,
	AGG_EMIT_ROWS,       /* add rows to the result of a set-returning function */
	AGG_COMMIT,          /* commit and begin the next transaction; only where the caller allows it, as CALL does */
	AGG_COMMIT_LAZILY,   /* the same, and the disk may be written later: a crash undoes it as a whole */
	AGG_PROGRESS,        /* show `text` to other sessions as what this one is doing */
	AGG_NOTICE,          /* tell the caller `text` */
	AGG_BEGIN_DERIVING,  /* until the transaction ends others can see that it may be computing bars */
	AGG_ASK_DERIVING,    /* `others` of the outcome: which other transactions may be computing bars at this moment */
	AGG_BEGIN_ABSORBING, /* until the transaction ends others can see that it may have taken its own entries out of the log of changes */
	AGG_ASK_ABSORBING,   /* `others` of the outcome: which other transactions may have done so */
	AGG_BEGIN_RUNNING,   /* until the transaction ends other runners can see that this one works on tasks */
	AGG_ASK_RUNNING,     /* `runners` of the outcome: which others do, at this moment */
	AGG_ASK_DUE,         /* `due` of the outcome: before when no task is due, as far as that is known (src/pg/next_due.c) */
	AGG_NOTE_DUE,        /* this transaction has made tasks due at `due` or later */
	AGG_LOOK_AHEAD,      /* find out and keep what AGG_ASK_DUE tells; to be committed at once where `processed` of the outcome is 1 */
	AGG_ASK_PAGES,       /* `processed` of the outcome: how many pages `relation` has, a table of ours; without any it has no row */
	AGG_ASK_CHUNKS, /* `processed` of the outcome: 1 where another extension keeps, or has kept, rows of data_bars or derived_data_bars in
	                   tables below */
	AGG_ASK_PASS, /* `processed` of the outcome: how many rows the query looks at, which passes over a slice of time; or more than `most` */
	AGG_LOOK_AGAIN,   /* mark windows when the transaction commits: rows of symbol, timeframe, from, to, due */
	AGG_NEXT_SET,     /* go on to the next of the sets that the operation works on; 0 in `processed` of the outcome: there is none */
	AGG_OWN_CHANGES,  /* the log of changes holds entries of this transaction */
	AGG_TAKE_CHANGES, /* hand over what the innermost subtransaction has changed in data_bars and not logged; it is not logged any more */
	AGG_WAKE_WORKER,  /* when this transaction has committed, a task may be due sooner than the database's worker thinks */
	AGG_DONE,         /* the result is in `result`; the operation is over */
	AGG_FAILED,       /* raise `error`; the operation is over */
	AGG_FAILED_BY_DATABASE /* raise the database's own last error again, whole; the operation is over */
} agg_request_kind;

typedef struct agg_request {
	agg_request_kind kind;
	/* AGG_QUERY, AGG_EMIT_QUERY, AGG_ASK_PASS, AGG_BULK_WRITE: the table, in the extension's schema, whose owner acts; NULL: that of
	 * relation_oid, any table; neither: the caller acts. */
	const char *relation;
	uint32_t relation_oid;
	/* AGG_QUERY, AGG_EMIT_QUERY, AGG_ASK_PASS */
	const char *sql;
	bool keep_plan;     /* it is made once a session, not for each call */
	bool plan_by_index; /* as nested loops over index scans, whatever the statistics say */
	bool untracked;     /* what it does to data_bars is not noted as a change */
	bool from_start;    /* a scan of a whole table begins with its first page, wherever others are */
	bool notes_due;     /* it writes tasks, and AGG_NOTE_DUE follows where that makes them due */
	bool latest;        /* it only reads, and sees what is committed by now, even if the transaction has one snapshot */
	const agg_parameter *parameters;
	size_t parameter_count;
	/* AGG_QUERY, AGG_EMIT_QUERY: what the result's columns must be. AGG_BULK_WRITE: the columns to write; the rows hold the first of them,
	 * the next constant_count ones are the same in every row and stand in `constants`, the last stamped_count ones get now(). */
	const agg_type *column_types;
	const char *const *column_names; /* AGG_BULK_WRITE only */
	size_t column_count;
	const agg_cell *constants;
	size_t constant_count;
	size_t stamped_count;
	const char *conflict; /* what is done about a row that is there already, as behind INSERT (the table is "d" in it); NULL: an error */
	/* AGG_EMIT_ROWS, AGG_LOOK_AGAIN: row after row. */
	const agg_cell *cells;
	size_t row_count;
	/* AGG_ASK_PASS: which times the query selects, as AGG_TIMESTAMPTZ, and up to how many rows matter */
	int64_t slice_from;
	int64_t slice_to;
	uint64_t most;
	int64_t due; /* AGG_NOTE_DUE: as AGG_TIMESTAMPTZ */
	/* AGG_PROGRESS, AGG_NOTICE */
	const char *text;
	const char *hint; /* AGG_NOTICE only; NULL: none */
	/* AGG_DONE: AGG_TEXT is text, or jsonb where that is declared. NULL for a set-returning function or a procedure. */
	agg_type result_type;
	agg_cell result;
	/* AGG_FAILED */
	agg_error error;
} agg_request;

/* Transactions that may be computing bars, or have absorbed their own changes: when they began. Where that cannot be told, as early and as
 * late as can be. */
typedef struct agg_derivers {
	bool any;
	int64_t oldest; /* as AGG_TIMESTAMPTZ */
	int64_t newest;
} agg_derivers;

/* Other transactions that work on due tasks: how many, and how many of them count as before this one. */
typedef struct agg_runners {
	size_t count;
	size_t before;
} agg_runners;

typedef struct agg_outcome {
	const agg_error *error;        /* NULL if the request succeeded; set only inside a subtransaction */
	uint64_t processed;            /* rows that a statement or a bulk write touched */
	agg_derivers others;           /* AGG_ASK_DERIVING, AGG_ASK_ABSORBING */
	agg_runners runners;           /* AGG_ASK_RUNNING */
	int64_t due;                   /* AGG_ASK_DUE: as AGG_TIMESTAMPTZ; -infinity where nothing is known */
	const agg_table_names *tables; /* AGG_NEXT_SET: what its tables are called; else NULL */
	int64_t clock;                 /* the time at which the operation is resumed, as AGG_TIMESTAMPTZ */
	/* What this transaction has done so far: */
	bool own_changes; /* it has changed source, and the log holds entries of it that nobody else can see yet */
	bool own_tasks;   /* it has made or configured tasks, which nobody else can see yet */
} agg_outcome;

/* AGG_FN_agg_run and so on. */
typedef enum agg_function {
#define AGG_CONSTANT(name) AGG_FN_##name,
	AGG_FUNCTIONS(AGG_CONSTANT)
#undef AGG_CONSTANT
} agg_function;

typedef struct agg_argument {
	const char *name; /* as CREATE FUNCTION has it */
	agg_parameter value;
} agg_argument;

/* What operations remember from call to call: calendars that they have read. */
typedef struct agg_calendar_cache agg_calendar_cache;

/* What AGG_ASK_PASS answers where a pass could not tell the symbols apart as the key does. */
#define AGG_NO_PASS UINT64_MAX

/* How source that many tasks share in time is read: as is cheaper, or always in one of the two ways. */
typedef enum agg_read_source { AGG_READ_AS_CHEAPER, AGG_READ_BY_KEY, AGG_READ_BY_TIME } agg_read_source;

typedef struct agg_context {
	agg_table_names tables;    /* the set that the operation works on */
	int64_t transaction_start; /* now() */
	bool fixed_snapshot;       /* the transaction sees the database as it was when it began (REPEATABLE READ and above) */
	const char *release;       /* the library's version; NULL: unknown */
	agg_calendar_cache *calendars;
	agg_read_source read_source;
} agg_context;

typedef struct agg_operation agg_operation;

/* NULL when out of memory. It lives as long as the session. */
agg_calendar_cache *agg_calendar_cache_new(void) AGG_NOEXCEPT;
void agg_calendar_cache_free(agg_calendar_cache *cache) AGG_NOEXCEPT;

/* A NULL array has count 0 and cells NULL. NULL when out of memory. */
agg_operation *agg_operation_new(agg_function function, const agg_context *context, const agg_argument *arguments,
                                 size_t count) AGG_NOEXCEPT;
void agg_operation_free(agg_operation *operation) AGG_NOEXCEPT;

/* Runs to the next request. The first call starts the operation; of its outcome only the clock counts. */
void agg_operation_resume(agg_operation *operation, const agg_outcome *outcome, agg_request *next) AGG_NOEXCEPT;

/* A batch of the rows of a query, or of changes. False: no more rows are wanted. */
bool agg_operation_rows(agg_operation *operation, const agg_cell *cells, size_t row_count) AGG_NOEXCEPT;

/* Fills in up to most_rows rows of a bulk write; 0 when there are no more. */
size_t agg_operation_fill(agg_operation *operation, agg_cell *cells, size_t most_rows) AGG_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
