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
int agg_setting_events_kept = 1000000;
int agg_setting_read_source = AGG_READ_AS_CHEAPER;
static bool move_old_functions = false; /* read by the script of CREATE EXTENSION */

static const struct config_enum_entry ways_to_read[] = {
    {"auto", AGG_READ_AS_CHEAPER, false}, {"by_key", AGG_READ_BY_KEY, false}, {"by_time", AGG_READ_BY_TIME, false}, {NULL, 0, false}};

static void define_settings(void) {
	DefineCustomStringVariable("aggregation.databases", "Databases in which a background worker runs due tasks.",
	                           "A comma-separated list; empty: none. Needs aggregation in shared_preload_libraries.",
	                           &agg_setting_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomStringVariable("aggregation.env_name", "Environment whose assets the background worker serves.",
	                           "DEV and TEST mean assets with test_active, every other name those with active.", &agg_setting_env_name,
	                           "prod", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.longest_sleep", "Maximum sleep of the background worker when nothing is due.",
	                        "It wakes by itself when the next task is due; this limits the delay after manual edits.",
	                        &agg_setting_longest_sleep, 60000, 100, 3600000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.sync_interval", "Interval at which the background worker syncs the tasks from the registry.",
	                        "0: never; call sync_agg_state_from_registry() instead.", &agg_setting_sync_interval, 0, 0, 10080, PGC_SIGHUP,
	                        GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomBoolVariable("aggregation.tracking", "Records changes of data_bars, so that affected bars are recomputed.",
	                         "Switch it off for a bulk load, then report what was loaded with agg_mark_changed().", &agg_setting_tracking,
	                         true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.change_log_size", "Size of agg_change_log above which the sessions that write bars drain it.",
	                        "This happens only if no runner, worker or catch-up has drained it for a long time.",
	                        &agg_setting_change_log_size, 65536, 64, INT_MAX, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("aggregation.events_kept", "Number of events of bars that are kept for consumers who do not acknowledge them.",
	                        "A consumer that is further behind has to subscribe anew.", &agg_setting_events_kept, 1000000, 1, INT_MAX,
	                        PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable(
	    "aggregation.read_source", "How source bars that many tasks share in time are read.",
	    "auto: by whichever costs less; by_key: a probe of the key for each task; by_time: one pass over the time that "
	    "they share. The bars are the same.",
	    &agg_setting_read_source, AGG_READ_AS_CHEAPER, ways_to_read, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("aggregation.move_old_functions",
	                         "Has CREATE EXTENSION move functions of the names that it uses to the schema aggregation_legacy.",
	                         "aggregation_legacy.restore() brings them back. Off: such functions are an error.", &move_old_functions, false,
	                         PGC_USERSET, 0, NULL, NULL, NULL);
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
