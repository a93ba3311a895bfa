/*
 * The module: its magic block and one entry point for each SQL function. All of them are the same: the driver converts the arguments,
 * runs the operation of that name and converts its answer.
 */
#include "shim.h"

PG_MODULE_MAGIC;

#define AGG_ENTRY(caller, name)                                                                                                            \
	PG_FUNCTION_INFO_V1(aggregation_##name);                                                                                               \
	extern Datum aggregation_##name(PG_FUNCTION_ARGS);                                                                                     \
	Datum aggregation_##name(PG_FUNCTION_ARGS) {                                                                                           \
		return caller(fcinfo, AGG_FN_##name);                                                                                              \
	}
#define AGG_FUNCTION(name) AGG_ENTRY(agg_call, name)
#define AGG_PROCEDURE(name) AGG_ENTRY(agg_call_committing, name)

AGG_SQL_FUNCTIONS(AGG_FUNCTION)
AGG_SQL_PROCEDURES(AGG_PROCEDURE)
