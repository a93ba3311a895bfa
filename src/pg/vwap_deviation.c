/*
 * The aggregate vwap_deviation(). What it computes is in src/core/vwap_deviation.h; here are Datums and memory contexts.
 */
#include "compat.h"

#include "core/vwap_deviation.h"

#include "fmgr.h"
#include "utils/builtins.h"

#define DEVIATION_FUNCTION(name)                                                                                                           \
	PG_FUNCTION_INFO_V1(reconnect_to_use_aggregation_1_1_##name);                                                                          \
	extern Datum reconnect_to_use_aggregation_1_1_##name(PG_FUNCTION_ARGS);                                                                \
	Datum reconnect_to_use_aggregation_1_1_##name(PG_FUNCTION_ARGS)

/* The first argument, or a new one. */
static agg_vwap_deviation *state_of(FunctionCallInfo fcinfo) {
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "a function of the aggregate vwap_deviation() is called outside of it");
	if (!PG_ARGISNULL(0))
		return (agg_vwap_deviation *)PG_GETARG_POINTER(0);
	return MemoryContextAllocZero(memory, sizeof(agg_vwap_deviation));
}

/* state, price, volume */
DEVIATION_FUNCTION(vwap_deviation_add) {
	agg_vwap_deviation *state = state_of(fcinfo);

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2)) {
		agg_number price = {true, PG_GETARG_FLOAT8(1)};
		agg_number volume = {true, PG_GETARG_FLOAT8(2)};

		agg_vwap_deviation_add(state, price, volume);
	}
	PG_RETURN_POINTER(state);
}

DEVIATION_FUNCTION(vwap_deviation_combine) {
	agg_vwap_deviation *state = state_of(fcinfo);

	if (!PG_ARGISNULL(1))
		agg_vwap_deviation_merge(state, (agg_vwap_deviation *)PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(state);
}

/* Goes from one process of a server to another, so it goes as it is. */
DEVIATION_FUNCTION(vwap_deviation_serialize) {
	bytea *bytes = palloc(VARHDRSZ + sizeof(agg_vwap_deviation));

	SET_VARSIZE(bytes, VARHDRSZ + sizeof(agg_vwap_deviation));
	memcpy(VARDATA(bytes), PG_GETARG_POINTER(0), sizeof(agg_vwap_deviation));
	PG_RETURN_BYTEA_P(bytes);
}

DEVIATION_FUNCTION(vwap_deviation_deserialize) {
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	agg_vwap_deviation *state;

	if (!AggCheckCallContext(fcinfo, NULL) || VARSIZE_ANY_EXHDR(bytes) != sizeof(agg_vwap_deviation))
		elog(ERROR, "a function of the aggregate vwap_deviation() is called outside of it");
	state = palloc(sizeof(agg_vwap_deviation));
	memcpy(state, VARDATA_ANY(bytes), sizeof(agg_vwap_deviation));
	PG_RETURN_POINTER(state);
}

DEVIATION_FUNCTION(vwap_deviation_value) {
	agg_number value = {false, 0};

	if (!PG_ARGISNULL(0))
		value = agg_vwap_deviation_value((agg_vwap_deviation *)PG_GETARG_POINTER(0));
	if (!value.known)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value.value);
}
