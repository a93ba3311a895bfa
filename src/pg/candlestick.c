/*
 * The type candlestick and its aggregates. What a candlestick is, and its two forms, is C++ without memory of its own
 * (src/core/candlestick.h); here are Datums and memory contexts. None of these functions touches a table.
 *
 * A column holds the binary form. An aggregate's state has little room for its sums at first, so that a hash table of minutes stays small,
 * and is moved once if it needs more.
 */
#include "compat.h"

#include "core/candlestick.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define CANDLESTICK_FUNCTION(name)                                                                                                         \
	PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_##name);                                                                          \
	extern Datum reconnect_to_use_aggregation_1_1_##name(PG_FUNCTION_ARGS);                                                                \
	Datum reconnect_to_use_aggregation_1_1_##name(PG_FUNCTION_ARGS)

/* Memory for one with full room, on the stack. */
typedef union candlestick_memory {
	uint64 aligned;
	char bytes[1400];
} candlestick_memory;

static agg_candlestick *begin_in(candlestick_memory *memory) {
	Assert(agg_candlestick_size(AGG_CANDLESTICK_FULL_ROOM) <= sizeof memory->bytes);
	return (agg_candlestick *)memory->bytes;
}

/* ---- values ---- */

static Datum value_of(const agg_candlestick *candlestick) {
	bytea *value = palloc(VARHDRSZ + AGG_CANDLESTICK_MOST_BYTES);

	SET_VARSIZE(value, VARHDRSZ + agg_candlestick_encode(candlestick, (uint8 *)VARDATA(value)));
	return PointerGetDatum(value);
}

/* What a column or an aggregate holds, which was checked when it came in. */
static agg_candlestick *read_value(const bytea *value, candlestick_memory *memory) {
	agg_candlestick *candlestick = begin_in(memory);
	agg_misread why;

	if (!agg_candlestick_decode((const uint8 *)VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), candlestick, &why))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a candlestick cannot be read: %s", why.message), errhint("%s", why.hint)));
	return candlestick;
}

#define READ_ARGUMENT(n, memory) read_value(PG_GETARG_BYTEA_PP(n), memory)

CANDLESTICK_FUNCTION(candlestick_in) {
	char *text = PG_GETARG_CSTRING(0);
	candlestick_memory memory;
	agg_candlestick *candlestick = begin_in(&memory);
	agg_misread why;

	if (!agg_candlestick_parse(text, candlestick, &why))
		agg_soft_error(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
		                        errmsg("invalid input syntax for type %s: \"%s\"", "candlestick", text), errdetail("%s", why.message),
		                        errhint("%s", why.hint)));
	return value_of(candlestick);
}

CANDLESTICK_FUNCTION(candlestick_out) {
	candlestick_memory memory;
	char *text = palloc(AGG_CANDLESTICK_MOST_TEXT);

	if (agg_candlestick_print(READ_ARGUMENT(0, &memory), text) == 0)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	PG_RETURN_CSTRING(text);
}

CANDLESTICK_FUNCTION(candlestick_recv) {
	StringInfo message = (StringInfo)PG_GETARG_POINTER(0);
	int length = message->len - message->cursor;
	candlestick_memory memory;
	agg_candlestick *candlestick = begin_in(&memory);
	agg_misread why;

	if (!agg_candlestick_decode((const uint8 *)pq_getmsgbytes(message, length), length, candlestick, &why) ||
	    !agg_candlestick_check(candlestick, &why))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid binary form of a candlestick: %s", why.message),
		                errhint("%s", why.hint)));
	return value_of(candlestick);
}

CANDLESTICK_FUNCTION(candlestick_send) {
	bytea *value = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

static agg_number number_argument(FunctionCallInfo fcinfo, int n) {
	agg_number number = {!PG_ARGISNULL(n), 0};

	if (number.known)
		number.value = PG_GETARG_FLOAT8(n);
	return number;
}

/* The arguments from the first one on: ts, open, high, low, close, vol, vwap, trade_count. False without a time. */
static bool bar_arguments(FunctionCallInfo fcinfo, int first, agg_bar_row *bar) {
	agg_number *numbers[] = {&bar->open, &bar->high, &bar->low, &bar->close, &bar->vol, &bar->vwap};

	if (PG_ARGISNULL(first))
		return false;
	bar->time = PG_GETARG_TIMESTAMPTZ(first);
	for (int i = 0; i < (int)lengthof(numbers); i++)
		*numbers[i] = number_argument(fcinfo, first + 1 + i);
	bar->has_trades = !PG_ARGISNULL(first + 7);
	bar->trades = bar->has_trades ? PG_GETARG_INT64(first + 7) : 0;
	return true;
}

CANDLESTICK_FUNCTION(candlestick) {
	candlestick_memory memory;
	agg_candlestick *candlestick = begin_in(&memory);
	agg_bar_row bar;

	agg_candlestick_begin(candlestick, AGG_CANDLESTICK_FULL_ROOM);
	if (bar_arguments(fcinfo, 0, &bar))
		(void)agg_candlestick_add_bar(candlestick, &bar);
	if (agg_candlestick_is_empty(candlestick))
		PG_RETURN_NULL();
	return value_of(candlestick);
}

/* ---- what is in it ---- */

#define PRICE_FUNCTIONS(name, which)                                                                                                       \
	CANDLESTICK_FUNCTION(name) {                                                                                                           \
		candlestick_memory memory;                                                                                                         \
                                                                                                                                           \
		PG_RETURN_FLOAT8(agg_candlestick_price(READ_ARGUMENT(0, &memory), which));                                                         \
	}                                                                                                                                      \
	CANDLESTICK_FUNCTION(name##_time) {                                                                                                    \
		candlestick_memory memory;                                                                                                         \
                                                                                                                                           \
		PG_RETURN_TIMESTAMPTZ(agg_candlestick_time(READ_ARGUMENT(0, &memory), which));                                                     \
	}

PRICE_FUNCTIONS(open, AGG_OPEN)
PRICE_FUNCTIONS(high, AGG_HIGH)
PRICE_FUNCTIONS(low, AGG_LOW)
PRICE_FUNCTIONS(close, AGG_CLOSE)

static Datum number_or_null(FunctionCallInfo fcinfo, agg_number number) {
	if (!number.known)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(number.value);
}

CANDLESTICK_FUNCTION(volume) {
	candlestick_memory memory;

	return number_or_null(fcinfo, agg_candlestick_volume(READ_ARGUMENT(0, &memory)));
}

CANDLESTICK_FUNCTION(vwap) {
	candlestick_memory memory;

	return number_or_null(fcinfo, agg_candlestick_vwap(READ_ARGUMENT(0, &memory)));
}

CANDLESTICK_FUNCTION(trade_count) {
	candlestick_memory memory;
	int64 trades;

	if (!agg_candlestick_trades(READ_ARGUMENT(0, &memory), &trades))
		PG_RETURN_NULL();
	PG_RETURN_INT64(trades);
}

/* ---- aggregates ---- */

static MemoryContext aggregate_memory(FunctionCallInfo fcinfo) {
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "a function of the candlestick aggregates is called outside of one");
	return memory;
}

static agg_candlestick *new_state(FunctionCallInfo fcinfo, size_t room) {
	agg_candlestick *state = MemoryContextAlloc(aggregate_memory(fcinfo), agg_candlestick_size(room));

	agg_candlestick_begin(state, room);
	return state;
}

static agg_candlestick *state_argument(FunctionCallInfo fcinfo, int n) {
	return PG_ARGISNULL(n) ? NULL : (agg_candlestick *)PG_GETARG_POINTER(n);
}

static agg_candlestick *with_full_room(FunctionCallInfo fcinfo, agg_candlestick *state) {
	agg_candlestick *roomy = new_state(fcinfo, AGG_CANDLESTICK_FULL_ROOM);

	agg_candlestick_copy(roomy, AGG_CANDLESTICK_FULL_ROOM, state);
	pfree(state);
	return roomy;
}

static agg_candlestick *merged(FunctionCallInfo fcinfo, agg_candlestick *state, const agg_candlestick *added) {
	if (state == NULL)
		state = new_state(fcinfo, AGG_CANDLESTICK_ROOM);
	if (!agg_candlestick_merge(state, added)) {
		state = with_full_room(fcinfo, state);
		(void)agg_candlestick_merge(state, added);
	}
	return state;
}

static Datum state_or_null(FunctionCallInfo fcinfo, agg_candlestick *state) {
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* state, ts, price, volume */
CANDLESTICK_FUNCTION(candlestick_add) {
	agg_candlestick *state = state_argument(fcinfo, 0);
	agg_number volume;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return state_or_null(fcinfo, state);
	if (state == NULL)
		state = new_state(fcinfo, AGG_CANDLESTICK_ROOM);
	volume = number_argument(fcinfo, 3);
	if (!agg_candlestick_add_trade(state, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_FLOAT8(2), volume)) {
		state = with_full_room(fcinfo, state);
		(void)agg_candlestick_add_trade(state, PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_FLOAT8(2), volume);
	}
	PG_RETURN_POINTER(state);
}

/* state, candlestick */
CANDLESTICK_FUNCTION(candlestick_roll_up) {
	candlestick_memory memory;

	if (PG_ARGISNULL(1))
		return state_or_null(fcinfo, state_argument(fcinfo, 0));
	PG_RETURN_POINTER(merged(fcinfo, state_argument(fcinfo, 0), READ_ARGUMENT(1, &memory)));
}

CANDLESTICK_FUNCTION(candlestick_combine) {
	if (PG_ARGISNULL(1))
		return state_or_null(fcinfo, state_argument(fcinfo, 0));
	PG_RETURN_POINTER(merged(fcinfo, state_argument(fcinfo, 0), state_argument(fcinfo, 1)));
}

/* The state may be empty, which no value of the type is: it has no bytes then. */
CANDLESTICK_FUNCTION(candlestick_serialize) {
	agg_candlestick *state = (agg_candlestick *)PG_GETARG_POINTER(0);

	if (agg_candlestick_is_empty(state)) {
		bytea *nothing = palloc(VARHDRSZ);

		SET_VARSIZE(nothing, VARHDRSZ);
		PG_RETURN_BYTEA_P(nothing);
	}
	return value_of(state);
}

CANDLESTICK_FUNCTION(candlestick_deserialize) {
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	candlestick_memory memory;
	agg_candlestick *state;

	(void)aggregate_memory(fcinfo);
	/* As pg_catalog's deserialization functions do: in the memory of the row, the combine function copies it. */
	state = palloc(agg_candlestick_size(AGG_CANDLESTICK_FULL_ROOM));
	agg_candlestick_begin(state, AGG_CANDLESTICK_FULL_ROOM);
	if (VARSIZE_ANY_EXHDR(bytes) > 0)
		agg_candlestick_copy(state, AGG_CANDLESTICK_FULL_ROOM, read_value(bytes, &memory));
	PG_RETURN_POINTER(state);
}

/* Leaves the state as it is: the aggregates may run over frames of a window. */
CANDLESTICK_FUNCTION(candlestick_value) {
	agg_candlestick *state = state_argument(fcinfo, 0);

	if (state == NULL || agg_candlestick_is_empty(state))
		PG_RETURN_NULL();
	return value_of(state);
}

/* state, ts, open, high, low, close, vol, vwap, trade_count */
CANDLESTICK_FUNCTION(bar_rollup_add) {
	agg_bar_rollup *state = PG_ARGISNULL(0) ? NULL : (agg_bar_rollup *)PG_GETARG_POINTER(0);
	agg_bar_row bar;

	if (state == NULL) {
		state = (agg_bar_rollup *)TYPEALIGN(AGG_BAR_ROLLUP_ALIGNMENT,
		                                    MemoryContextAlloc(aggregate_memory(fcinfo), agg_bar_rollup_size() + AGG_BAR_ROLLUP_ALIGNMENT));
		agg_bar_rollup_begin(state);
	}
	if (bar_arguments(fcinfo, 1, &bar))
		agg_bar_rollup_add(state, &bar);
	PG_RETURN_POINTER(state);
}

CANDLESTICK_FUNCTION(bar_rollup_value) {
	candlestick_memory memory;
	agg_candlestick *candlestick = begin_in(&memory);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	agg_bar_rollup_value((agg_bar_rollup *)PG_GETARG_POINTER(0), candlestick);
	if (agg_candlestick_is_empty(candlestick))
		PG_RETURN_NULL();
	return value_of(candlestick);
}
