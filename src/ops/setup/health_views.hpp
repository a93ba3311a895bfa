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

} // namespace aggregation
