/* The extension's settings; what each means is said where it is defined (settings.c). */
#ifndef AGGREGATION_SETTINGS_H
#define AGGREGATION_SETTINGS_H

#include "postgres.h"

#include "ops/boundary/operation.h"

extern char *agg_setting_databases;
extern char *agg_setting_env_name;
extern int agg_setting_longest_sleep; /* milliseconds */
extern int agg_setting_sync_interval; /* minutes; 0: never */
extern bool agg_setting_tracking;
extern int agg_setting_change_log_size; /* kB */
extern int agg_setting_events_kept;
extern int agg_setting_read_source;     /* an agg_read_source */

#endif
