// When a task runs next.
#pragma once

#include "core/timestamp.hpp"

namespace aggregation {

/// After a success: the earlier of now + run interval and `confirmable`, the moment at which the next window can be confirmed (its end +
/// the task's delay), so that a bar is there seconds after its window closes. A run that found nothing to do although that moment has
/// passed (its source is late) waits half of the time that it is overdue, at least 5 seconds, at most the run interval: a late feed is
/// picked up soon, a dead one costs little.
Timestamp next_run_after_success(Timestamp now, Timestamp confirmable, Duration run_interval, bool found_work);

/// After a failure: a transient one (a lock, a lost connection) is tried again within a minute, any other after the run interval.
Timestamp next_run_after_failure(Timestamp now, Duration run_interval, bool transient);

} // namespace aggregation
