#include "ops/runner/policy_rows.hpp"

namespace aggregation {

namespace {

const Statement &own_name() {
	static const Statement statement {"agg_retention", "SELECT h.first_hash::text FROM @agg_hash_values h", {AGG_TEXT}};
	return statement;
}

// A policy that was changed has lost the rows of its groups.
const Statement &provide() {
	static const Statement statement {
	    "agg_retention",
	    "INSERT INTO @agg_retention (canonical_symbol, timeframe, keep, set_at, shards) "
	    "SELECT r.canonical_symbol, r.timeframe, r.keep, r.set_at, h.first_hash::text "
	    "FROM @agg_retention r CROSS JOIN @agg_hash_values h WHERE r.shards = '' "
	    "AND (r.canonical_symbol IS NULL OR hashtext(r.canonical_symbol) BETWEEN h.first_hash AND h.last_hash) "
	    "AND NOT EXISTS (SELECT FROM @agg_retention o WHERE o.canonical_symbol IS NOT DISTINCT FROM "
	    "r.canonical_symbol AND o.timeframe = r.timeframe AND o.shards = h.first_hash::text) "
	    "ON CONFLICT DO NOTHING",
	    {}};
	return statement;
}

} // namespace

Op<std::string> provide_policies(Database &db) {
	std::string name;
	if (!db.is_group())
		co_return name;
	auto take = [&](const Row &row) {
		name = row.text(0);
		return Flow::enough;
	};
	co_await db.query(own_name(), {}, take);
	co_await db.execute(provide(), {});
	co_return name;
}

} // namespace aggregation
