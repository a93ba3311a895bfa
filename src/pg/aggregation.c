/*
 * The module: its magic block and one entry point for each SQL function. All of them are the same: the driver converts the arguments,
 * runs the operation of that name and converts its answer.
 *
 * Each has two names. The first one is 1.0's: where ALTER EXTENSION aggregation UPDATE has not been run yet, it says so. The second one is
 * what the catalog calls since 1.1. A session that has loaded 1.0's library and keeps it does not find it there, and the name is what its
 * error message says. From 1.1 on the library itself knows when it is too old (release.c).
 */
#include "shim.h"

PG_MODULE_MAGIC;

#define AGG_SYMBOL(symbol, caller, function)                                                                                               \
	PG_FUNCTION_INFO_V1(symbol);                                                                                                           \
	extern Datum symbol(PG_FUNCTION_ARGS);                                                                                                 \
	Datum symbol(PG_FUNCTION_ARGS) {                                                                                                       \
		return caller(fcinfo, function);                                                                                                   \
	}
#define AGG_ENTRY(caller, name)                                                                                                            \
	AGG_SYMBOL(aggregation_##name, caller, AGG_FN_##name)                                                                                  \
	AGG_SYMBOL(reconnect_to_use_aggregation_1_1_##name, caller, AGG_FN_##name)
#define AGG_FUNCTION(name) AGG_ENTRY(agg_call, name)
#define AGG_PROCEDURE(name) AGG_ENTRY(agg_call_committing, name)

AGG_SQL_FUNCTIONS(AGG_FUNCTION)
AGG_SQL_PROCEDURES(AGG_PROCEDURE)
