// Feeds that come back. A task whose source is late is looked at ever more rarely, up to its run interval; between two looks one index
// probe a minute tells whether its source has gone on, and if so it is due at once.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/runner/seen_tasks.hpp"

namespace aggregation {

/// How often a runner looks.
inline constexpr Duration between_looks_at_late_sources = Duration::minutes(1);

/// What keeps a runner from resting.
struct Restless {
	bool tasks_waiting = false; // for a late source
	bool woken = false;         // some of them are due now
	bool stale_claims = false;  // see stale_claims.hpp; asked for in the same statement
};

/// Makes the waiting tasks due whose source has a bar at or after their cursor, and not ahead of the clock. The cost is a probe for each
/// waiting task, and nothing for the others.
Op<Restless> wake_tasks_of_returned_feeds(Database &db, Timestamp now);

/// The same for those whose source is made by tasks that ran in this call: a feed that comes back is made into bars of all timeframes at
/// once, however many of them wait for one another. Says whether any became due.
Op<bool> wake_tasks_above(Database &db, SeenTasks &ran, Timestamp now);

} // namespace aggregation
