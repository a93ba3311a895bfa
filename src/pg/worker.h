/*
 * The background worker: a launcher (launcher.c) keeps one worker (worker.c) for each database that aggregation.databases names; the worker
 * runs due tasks and sleeps until the next one is due, or until somebody wakes it (wake.c).
 */
#ifndef AGGREGATION_WORKER_H
#define AGGREGATION_WORKER_H

#include "shim.h"

#include "storage/latch.h"

/* launcher.c */
extern void agg_register_launcher(void);
extern PGDLLEXPORT void aggregation_launcher_main(Datum argument);

/* worker.c */
extern PGDLLEXPORT void aggregation_worker_main(Datum argument);

/* wake.c */
extern void agg_request_wake_memory(void);
extern void agg_wait_to_be_woken(Oid database);

#endif
