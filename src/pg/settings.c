/* The extension's settings, and what happens when the library is loaded. */
#include "settings.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "worker.h"

char *agg_setting_databases = NULL;
char *agg_setting_env_name = NULL;
int agg_setting_longest_sleep = 60000;
int agg_setting_sync_interval = 0;
bool agg_setting_tracking = true;
int agg_setting_change_log_size = 65536;

static void define_settings(void) {
	DefineCustomStringVariable("aggregation.databases", "Databases in which a background worker runs due tasks.",
	                           "A comma-separated list; empty: none. Needs aggregation in shared_preload_libraries.",
	                           &agg_setting_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomStringVariable("aggregation.env_name", "Environment whose assets the background worker serves.",
	                           "DEV and TEST mean assets with test_active, every other name those with active.", &agg_setting_env_name,
	                           "prod", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.longest_sleep", "How long the background worker sleeps at most when nothing is due.",
	                        "It wakes by itself when the next task is due; this bounds the delay after changes that were made by hand.",
	                        &agg_setting_longest_sleep, 60000, 100, 3600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.sync_interval", "How often the background worker brings the tasks in line with the registry.",
	                        "0: never; sync_agg_state_from_registry() has to be called.", &agg_setting_sync_interval, 0, 0, 10080,
	                        PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("aggregation.tracking",
	                         "Whether changes of data_bars are noted, so that the bars made of them are made again.",
	                         "Off for a bulk load; afterwards agg_mark_changed() must be told what was loaded.", &agg_setting_tracking,
	                         true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.change_log_size", "Size of agg_change_log from which those who write bars drain it themselves.",
	                        "It comes to that only where no runner, worker or catch-up has done it for long.", &agg_setting_change_log_size,
	                        65536, 64, INT_MAX, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("aggregation");
}

extern PGDLLEXPORT void _PG_init(void);

void _PG_init(void) {
	define_settings();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	agg_request_wake_memory();
	agg_register_launcher();
}
