// Claims of workers that are gone: tasks that are running for too long go back to idle, so that somebody else runs them.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// How old a claim may be, unless the caller says otherwise.
inline constexpr Duration claim_lasts = Duration::seconds(900);

/// Claims from before that time are older than `age`. `now` is the caller's clock, but an age never counts beyond the real one: whoever
/// tries out a later time takes no task away from a worker.
Timestamp claims_stale_before(const Database &db, Timestamp now, Duration age);

/// Returns claims that are older than `age` to idle, with a note in last_error; true if there was one.
Op<bool> release_stale_claims(Database &db, Timestamp now, Duration age);

} // namespace aggregation
