#include "ops/tasks/stale_claims.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/task_columns.h"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &stale_claims() {
	static const Statement statement {
	    "data_agg_state", "SELECT 1 FROM @data_agg_state s WHERE " AGG_STALE_CLAIM("s.", "$1") " LIMIT 1", {AGG_INT4}};
	return statement;
}

// Rows that are locked belong to someone who is at work on them right now, whatever the clock says.
const Statement &release_them() {
	static const Statement statement {"data_agg_state",
	                                  R"sql(
UPDATE @data_agg_state s
SET status = 'idle', running_started_at_utc = NULL, claim_token = NULL, updated_at = now(),
	last_error = 'claim of ' || COALESCE(to_char(s.running_started_at_utc AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC',
	'unknown time') || ' was stale and has been released'
FROM (
	SELECT c.canonical_symbol, c.timeframe
	FROM @data_agg_state c
	WHERE )sql" AGG_STALE_CLAIM("c.", "$1") R"sql(
	FOR NO KEY UPDATE SKIP LOCKED
) stale
WHERE s.canonical_symbol = stale.canonical_symbol
	AND s.timeframe = stale.timeframe)sql"};
	return statement;
}

} // namespace

Timestamp claims_stale_before(const Database &db, Timestamp now, Duration age) {
	return std::min(now, db.clock()) - age;
}

Op<bool> release_stale_claims(Database &db, Timestamp now, Duration age) {
	const Timestamp stale_before = claims_stale_before(db, now, age);
	bool any_stale = false;
	auto note = [&](const Row &) {
		any_stale = true;
		return Flow::enough;
	};
	co_await db.query(stale_claims(), parameters(timestamp_parameter(stale_before)), note);
	if (any_stale)
		co_await db.execute(release_them(), parameters(timestamp_parameter(stale_before)));
	co_return any_stale;
}

} // namespace aggregation
