// agg_set_keep_revisions, agg_purge_revisions: which tasks keep the former bars of their windows, and for how long.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/kept_revisions.hpp"

namespace aggregation {

namespace {

const Statement &set_keep() {
	static const Statement statement {
	    "data_agg_state", "UPDATE @data_agg_state s SET keep_revisions = $3::bool, updated_at = now() WHERE s.canonical_symbol = $1::text "
	                      "AND s.timeframe = $2::text AND s.keep_revisions <> $3::bool"};
	return statement;
}

// What is superseded goes; so does what nobody asks for any more, and "there is none" behind which nothing is left. Of what is left nothing
// is said about the time before that in which the last of them was current.
const Statement &purge() {
	static const Statement statement {"agg_bar_revisions",
	                                  R"sql(
WITH old AS MATERIALIZED (
	SELECT r.tableoid AS part, r.ctid AS place, r.canonical_symbol, r.timeframe,
		CASE WHEN r.made_at >= k.began_at THEN COALESCE(n.made_at, r.made_at) END AS until
	FROM @agg_bar_revisions r
	LEFT JOIN @agg_kept_revisions k ON k.canonical_symbol = r.canonical_symbol AND k.timeframe = r.timeframe
	LEFT JOIN LATERAL (
		SELECT n.made_at
		FROM @agg_bar_revisions n
		WHERE n.canonical_symbol = r.canonical_symbol AND n.timeframe = r.timeframe AND n.ts_utc = r.ts_utc AND n.made_at > r.made_at
		ORDER BY n.made_at
		LIMIT 1
	) n ON true
	WHERE r.made_at < $1::timestamptz
		AND (
			(r.made_at >= k.began_at) IS NOT TRUE
				OR n.made_at < $1::timestamptz
				OR r.deleted AND n.made_at IS NULL AND NOT EXISTS (
					SELECT
					FROM @agg_bar_revisions p
					WHERE p.canonical_symbol = r.canonical_symbol AND p.timeframe = r.timeframe AND p.ts_utc = r.ts_utc AND p.made_at < r.made_at
				)
		)
	LIMIT $2::int8
), gone AS (
	DELETE FROM @agg_bar_revisions d
	USING old o
	WHERE d.tableoid = o.part AND d.ctid = o.place
	RETURNING 1
), raised AS (
	UPDATE @agg_kept_revisions k
	SET readable_since = g.until
	FROM (SELECT o.canonical_symbol, o.timeframe, max(o.until) AS until FROM old o GROUP BY o.canonical_symbol, o.timeframe) g
	WHERE k.canonical_symbol = g.canonical_symbol AND k.timeframe = g.timeframe AND g.until > k.readable_since
)
SELECT count(*) FROM gone)sql",
	                                  {AGG_INT8},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<Answer> agg_set_keep_revisions(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const bool keep = arguments.boolean("p_keep");
	timeframe_or_throw(key.symbol, key.timeframe);
	const bool there = co_await lock_task(db, key);
	if (!there)
		co_return co_await not_found(db, key);
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), Parameter(AGG_BOOL, cell(keep)));
	const uint64_t changed = co_await db.execute(set_keep(), std::move(list));
	co_await follow_keep_revisions(db);
	const std::vector<std::string> symbols {key.symbol};
	const auto kept = co_await kept_tasks(db, symbols);
	const auto found = kept.find({key.symbol, key.timeframe});
	const auto since = found == kept.end() ? std::nullopt : std::optional(found->second.readable_since);
	co_return Answer::json(
	    JsonObject().add("success", true).add("keep_revisions", keep).add("changed", changed > 0).add("readable_since", since).text());
}

Op<Answer> agg_purge_revisions(Database &db, Arguments arguments) {
	const Duration age {arguments.integer("p_older_than")};
	const int64_t most = arguments.integer("p_max_rows");
	if (age < Duration {})
		throw Error(sqlstate::invalid_parameter_value, "p_older_than must not be negative",
		            "Pass the age from which former bars are removed, such as '1 year'.");
	arguments.check_positive("p_max_rows", "Pass the maximum number of rows to remove in one call, such as 100000.");
	int64_t purged = 0;
	auto take = [&](const Row &row) {
		purged = row.integer(0);
		return Flow::more;
	};
	auto list = parameters(timestamp_parameter(db.transaction_start() - age), Parameter(AGG_INT8, cell(most)));
	co_await db.query(purge(), std::move(list), take);
	co_return Answer::json(JsonObject().add("success", true).add("rows_purged", purged).add("continue", purged == most).text());
}

} // namespace aggregation
