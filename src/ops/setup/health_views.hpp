// The definitions of the views that say how tasks are doing.
#pragma once

#include <string>

/// Of alarms, by their severity: whether all is well.
#define AGG_HEALTH_STATUS(severity) "CASE WHEN bool_or(" severity " = 'red') THEN 'red' WHEN count(*) > 0 THEN 'yellow' ELSE 'green' END"

/// How many seconds ago a column's time was: a number for any time, an infinite one for the infinities. An interval would fail there.
#define AGG_SECONDS_SINCE(column) "(EXTRACT(epoch FROM now()) - EXTRACT(epoch FROM " column "))"

namespace aggregation {

/// v_aggregation_lag: one row per task.
std::string lag_view();
/// v_aggregation_quality: one row per task, of the last 24 hours.
const char *quality_view();
/// v_aggregation_alerts: one row per alarm.
std::string alerts_view();
/// v_aggregation_metrics: one row per figure, out of the above and of what these other views say.
std::string metrics_view(const std::string &truth, const std::string &consumers, const std::string &tick_sources);

// What they are made of, each a query of the tables, or of these common table expressions: lag (of tasks), index_age (of indexes), alarm.

/// WITH lag.
std::string with_tasks();
/// Of lag.
const char *alarms();
/// Of each index: its own newest minute, and that of each of its components.
const char *minutes_of_indexes();
/// What index_age is, of these.
std::string index_age(const std::string &minutes);
/// Of index_age.
const char *index_alarms();
/// Of ticks, consumers of events and partitions by month, which only a single node has, and of its policies of retention.
std::string alarms_of_one_node();
/// Alarms as people see them.
std::string told(const std::string &alarms);
/// Of alarm.
const char *figures_of_alarms();
/// Of lag and the tasks.
const char *figures_of_tasks();
/// Of what v_aggregation_truth says.
std::string figures_of_truth(const std::string &truth);
/// Of index_age.
const char *figures_of_indexes();

} // namespace aggregation
