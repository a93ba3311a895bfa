/*
 * Built into the library of the suite `sanitized` alone: the sanitizers' options, and two canaries that make them speak.
 *
 * The runtime is loaded with the library, not before the server (a preloaded one and PostgreSQL's translated messages end in a deadlock of
 * the C library). So the server's own allocations are not watched; the library's C++ allocations, its stacks and its globals are. The
 * options stand here since a backend has overwritten its environment with its title by the time the library is loaded.
 */
#include "postgres.h"

#include "fmgr.h"

extern const char *__asan_default_options(void);
extern const char *__ubsan_default_options(void);

/* What the backends allocate ends with them: leaks are looked for in the unit tests. Reports go to the server's log. */
const char *__asan_default_options(void) {
	return "verify_asan_link_order=0:detect_leaks=0:abort_on_error=1:handle_segv=0:detect_stack_use_after_return=0";
}

const char *__ubsan_default_options(void) {
	return "print_stacktrace=1:abort_on_error=1";
}

PG_FUNCTION_INFO_V1(aggregation_canary_address);
PG_FUNCTION_INFO_V1(aggregation_canary_undefined);
extern Datum aggregation_canary_address(PG_FUNCTION_ARGS);
extern Datum aggregation_canary_undefined(PG_FUNCTION_ARGS);

/* Reads behind the end of an array: index 4 of 4. */
__attribute__((no_sanitize("undefined"))) Datum aggregation_canary_address(PG_FUNCTION_ARGS) {
	volatile int array[4] = {0};

	return Int32GetDatum(array[PG_GETARG_INT32(0)]);
}

/* Shifts by more than there is. */
Datum aggregation_canary_undefined(PG_FUNCTION_ARGS) {
	return Int32GetDatum(1 << (PG_GETARG_INT32(0) + 60));
}
