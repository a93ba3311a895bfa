#include "ops/setup/retention_views.hpp"

namespace aggregation {

// clang-format off

/// What a policy waits for the runner has noted when it looked.
std::string retention_view(const std::string &policies) {
	return R"sql(
SELECT r.canonical_symbol, r.timeframe, r.keep, now() - r.keep AS keeps_since, r.rows_removed, r.waiting_symbols, r.waits_for, r.looked_at,
	NULLIF(r.next_look_at, '-infinity') AS next_look_at, r.last_error, r.failing_since
FROM )sql" + policies;
}

std::string retention_on_nodes(const std::string &rows) {
	return R"sql(
SELECT r.canonical_symbol, r.timeframe, r.keep, now() - r.keep AS keeps_since, sum(r.rows_removed)::bigint AS rows_removed,
	sum(r.waiting_symbols)::bigint AS waiting_symbols, min(r.waits_for) AS waits_for, min(r.looked_at) AS looked_at,
	min(r.next_look_at) AS next_look_at, min(r.last_error) AS last_error, min(r.failing_since) AS failing_since
FROM )sql" + rows + R"sql(
GROUP BY r.canonical_symbol, r.timeframe, r.keep)sql";
}

std::string retention_alarms(const std::string &policies) {
	return R"sql(
SELECT 'retention'::text, 'yellow'::text, r.canonical_symbol, r.timeframe, r.failing_since, NULL::bigint,
	'bars of ' || r.timeframe || ' stay although they are old: ' || r.last_error, 'SELECT * FROM v_aggregation_retention WHERE last_error IS NOT NULL'::text
FROM )sql" + policies + R"sql( WHERE r.last_error IS NOT NULL AND r.failing_since < now() - '00:10:00'::interval)sql";
}

std::string figures_of_retention(const std::string &policies) {
	return R"sql(
SELECT 'retention', m.metric, jsonb_build_object('timeframe', g.timeframe), m.value
FROM (
	SELECT r.timeframe, count(r.last_error) AS failing, sum(r.waiting_symbols) AS waiting FROM )sql" + policies + R"sql( GROUP BY r.timeframe
) g
CROSS JOIN LATERAL (VALUES
	('aggregation_retention_failing_policies', g.failing::float8),
	('aggregation_retention_waiting_symbols', g.waiting::float8)
) m(metric, value))sql";
}

// clang-format on

} // namespace aggregation
