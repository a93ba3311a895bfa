#include "ops/bars/time_partitions.hpp"

#include "ops/bars/partition_bounds.h"
#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

// clang-format off

const Statement &partitions_and_chunks() {
	static const Statement statement {"agg_chunks", R"sql(
SELECT t.id::int8, t.name, t.from_utc, t.to_utc, t.has_index
FROM (
	SELECT c.oid AS id, format('%I.%I', n.nspname, c.relname) AS name,
		)sql" AGG_PARTITION_FROM("b.bound") R"sql( AS from_utc, )sql" AGG_PARTITION_TO("b.bound") R"sql( AS to_utc,
		c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_am a WHERE a.oid = c.relam AND a.amname = 'heap') AS has_index
	FROM pg_catalog.pg_class p
	JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid AND NOT i.inhdetachpending
	JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p')
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	CROSS JOIN LATERAL )sql" AGG_PARTITION_BOUNDS("c") R"sql( AS b(bound)
	WHERE p.relname = $1::text AND p.relkind = 'p' AND pg_get_partkeydef(p.oid) = 'RANGE (ts_utc)' AND b.bound IS NOT NULL
		AND p.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation')
	UNION ALL
	SELECT to_regclass(k.chunk), k.chunk, k.from_utc, k.to_utc, false
	FROM @agg_chunks k
	WHERE k.table_name = $1::text AND to_regclass(k.chunk) IS NOT NULL
) t
ORDER BY t.from_utc, t.name)sql",
		{AGG_INT8, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL}, Planning::once_by_statistics};
	return statement;
}

constexpr std::string_view walk = R"sql(
WITH RECURSIVE s(symbol, timeframe) AS (
	(SELECT b.canonical_symbol::text, b.timeframe::text FROM {part} b{live} ORDER BY b.canonical_symbol, b.timeframe LIMIT 1)
	UNION ALL
	SELECT n.symbol, n.timeframe
	FROM s
	CROSS JOIN LATERAL (
		SELECT b.canonical_symbol::text AS symbol, b.timeframe::text AS timeframe FROM {part} b
		WHERE (b.canonical_symbol, b.timeframe) > (s.symbol, s.timeframe){and_live}
		ORDER BY b.canonical_symbol, b.timeframe LIMIT 1
	) n
)
SELECT s.symbol, s.timeframe FROM s)sql";

constexpr std::string_view read_whole = "SELECT DISTINCT b.canonical_symbol::text, b.timeframe::text FROM {part} b{live}";

constexpr std::string_view who_has_later = R"sql(
SELECT t.symbol FROM unnest($1::text[], $2::timestamptz[]) AS t(symbol, from_utc)
WHERE EXISTS (SELECT FROM {part} b WHERE b.canonical_symbol = t.symbol AND b.timeframe = $3::text AND b.ts_utc >= t.from_utc{and_live}))sql";

/// The longest wait: whoever comes to the table after us waits as long, too.
constexpr std::string_view for_a_moment = R"sql(
DO $do$
BEGIN
	PERFORM set_config('lock_timeout', '200ms', true);
	EXECUTE format('{command}', {id}::oid::regclass);
END
$do$)sql";

// clang-format on

std::string about(std::string_view query, const std::string &table, const TimePartition &partition) {
	const bool derived = table == "derived_data_bars";
	const std::pair<std::string_view, std::string_view> words[] {{"{live}", derived ? " WHERE b.deleted_at IS NULL" : ""},
	                                                             {"{and_live}", derived ? " AND b.deleted_at IS NULL" : ""},
	                                                             {"{part}", partition.name}};
	return filled_in(std::string(query), words);
}

Op<void> command(Database &db, const std::string table, const TimePartition partition, const std::string text) {
	const std::string id = std::to_string(partition.id);
	const std::pair<std::string_view, std::string_view> words[] {{"{command}", text}, {"{id}", id}};
	const std::string sql = filled_in(std::string(for_a_moment), words);
	const Statement statement {table.c_str(), sql.c_str(), {}, Planning::by_statistics, Tracking::off};
	co_await db.execute(statement, {});
}

const Statement &forget_chunk() {
	static const Statement statement {"agg_chunks", "DELETE FROM @agg_chunks k WHERE k.chunk = $1::text", {}, Planning::once_by_statistics};
	return statement;
}

} // namespace

Op<std::vector<TimePartition>> time_partitions(Database &db, const std::string table) {
	std::vector<TimePartition> found;
	auto take = [&](const Row &row) {
		found.push_back(
		    {static_cast<uint32_t>(row.integer(0)), std::string(row.text(1)), row.timestamp(2), row.timestamp(3), row.boolean(4)});
		return Flow::more;
	};
	co_await db.query(partitions_and_chunks(), parameters(text_parameter(table)), take);
	co_return std::move(found);
}

Op<void> series_in(Database &db, const std::string table, const TimePartition partition, TakeSeries take) {
	const std::string sql = about(partition.has_index ? walk : read_whole, table, partition);
	const Statement statement {table.c_str(), sql.c_str(), {AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	auto take_row = [&](const Row &row) { return take(row.text(0), row.text(1)); };
	co_await db.query(statement, {}, take_row);
}

Op<std::vector<std::string>> symbols_from(Database &db, const std::string table, const TimePartition partition, const std::string timeframe,
                                          const std::vector<std::string> symbols, const std::vector<Timestamp> from) {
	std::vector<std::string> found;
	auto take = [&](const Row &row) {
		found.emplace_back(row.text(0));
		return Flow::more;
	};
	std::vector<agg_cell> times;
	for (const Timestamp time : from)
		times.push_back(cell(time));
	const std::string sql = about(who_has_later, table, partition);
	const Statement statement {table.c_str(), sql.c_str(), {AGG_TEXT}, Planning::by_statistics};
	co_await db.query(statement, parameters(text_array(symbols), Parameter(AGG_TIMESTAMPTZ, std::move(times)), text_parameter(timeframe)),
	                  take);
	co_return std::move(found);
}

Op<void> keep_writers_out(Database &db, const std::string table, const TimePartition partition) {
	co_await command(db, table, partition, "LOCK TABLE %s IN SHARE MODE");
}

Op<void> drop_partition(Database &db, const std::string table, const TimePartition partition) {
	co_await command(db, table, partition, "DROP TABLE %s");
	co_await db.execute(forget_chunk(), parameters(text_parameter(partition.name)));
}

} // namespace aggregation
