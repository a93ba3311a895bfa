// The definitions of the views that say how tasks are doing.
#pragma once

#include <string>

/// Of alarms, by their severity: whether all is well.
#define AGG_HEALTH_STATUS(severity) "CASE WHEN bool_or(" severity " = 'red') THEN 'red' WHEN count(*) > 0 THEN 'yellow' ELSE 'green' END"

namespace aggregation {

/// v_aggregation_lag: one row per task.
std::string lag_view();
/// v_aggregation_quality: one row per task, of the last 24 hours.
const char *quality_view();
/// v_aggregation_alerts: one row per alarm.
std::string alerts_view();

} // namespace aggregation
