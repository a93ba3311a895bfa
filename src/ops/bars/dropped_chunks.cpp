#include "ops/bars/dropped_chunks.hpp"

#include "core/range_set.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/holds.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/source_symbols.hpp"
#include "ops/tasks/tasks.hpp"

#include <map>
#include <string>
#include <vector>

namespace aggregation {

namespace {

// clang-format off

#define AGG_HOME "(SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation')"

#define AGG_PRESENT \
	"SELECT format('%I.%I', n.nspname, c.relname) AS chunk FROM pg_catalog.pg_class p " \
	"JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid " \
	"JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND NOT c.relispartition " \
	"JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " \
	"WHERE p.relname IN ('data_bars', 'derived_data_bars') AND p.relnamespace = " AGG_HOME

/// Whether chunks have come or gone; only TimescaleDB's view is believed about their times.
const Statement &ask_changed() {
	static const Statement statement {"agg_chunks", R"sql(
WITH present AS ()sql" AGG_PRESENT R"sql()
SELECT (
	EXISTS (SELECT FROM present p WHERE NOT EXISTS (SELECT FROM @agg_chunks k WHERE k.chunk = p.chunk))
	OR EXISTS (SELECT FROM @agg_chunks k WHERE NOT EXISTS (SELECT FROM present p WHERE p.chunk = k.chunk))
) AND EXISTS (
	SELECT FROM pg_catalog.pg_class v
	JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace AND n.nspname = 'timescaledb_information'
	JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = v.oid AND d.deptype = 'e'
	JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'timescaledb'
	WHERE v.relname = 'chunks'
))sql",
		{AGG_BOOL}, Planning::once_by_statistics};
	return statement;
}

const Statement &present_chunks() {
	static const Statement statement {"agg_chunks", R"sql(
SELECT c.hypertable_name::text, format('%I.%I', c.chunk_schema, c.chunk_name), c.range_start, c.range_end, k.chunk IS NOT NULL
FROM timescaledb_information.chunks c
LEFT JOIN @agg_chunks k ON k.chunk = format('%I.%I', c.chunk_schema, c.chunk_name)
WHERE c.hypertable_name IN ('data_bars', 'derived_data_bars') AND c.range_start IS NOT NULL
	AND c.hypertable_schema = (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = )sql" AGG_HOME ")",
		{AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

const Statement &forget_gone() {
	static const Statement statement {"agg_chunks", R"sql(
DELETE FROM @agg_chunks k
WHERE k.chunk NOT IN ()sql" AGG_PRESENT R"sql()
RETURNING k.table_name, k.from_utc, k.to_utc)sql",
		{AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

const Statement &list_chunks() {
	static const Statement statement {"agg_chunks", R"sql(
INSERT INTO @agg_chunks AS k (table_name, chunk, from_utc, to_utc)
SELECT c.table_name, c.chunk, c.from_utc, c.to_utc
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS c(table_name, chunk, from_utc, to_utc)
ON CONFLICT (chunk) DO UPDATE SET from_utc = excluded.from_utc, to_utc = excluded.to_utc
WHERE k.from_utc <> excluded.from_utc OR k.to_utc <> excluded.to_utc)sql",
		{}, Planning::by_statistics};
	return statement;
}

// clang-format on

/// What has become of the chunks of a table.
struct Chunks {
	RangeSet kept; // of those that were known
	RangeSet gone;
};

/// Brings the list up to date.
Op<std::map<std::string, Chunks>> follow_chunks(Database &db) {
	std::map<std::string, Chunks> tables;
	std::vector<std::string> names;
	std::vector<std::string> chunks;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	auto take = [&](const Row &row) {
		names.emplace_back(row.text(0));
		chunks.emplace_back(row.text(1));
		from.push_back(cell(row.timestamp(2)));
		to.push_back(cell(row.timestamp(3)));
		if (row.boolean(4))
			tables[names.back()].kept.add({row.timestamp(2), row.timestamp(3)});
		return Flow::more;
	};
	co_await db.query(present_chunks(), {}, take);
	auto take_gone = [&](const Row &row) {
		tables[std::string(row.text(0))].gone.add({row.timestamp(1), row.timestamp(2)});
		return Flow::more;
	};
	co_await db.query(forget_gone(), {}, take_gone);
	auto list = parameters(text_array(names), text_array(chunks), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)));
	co_await db.execute(list_chunks(), std::move(list));
	co_return std::move(tables);
}

Op<void> seal_for(Database &db, const std::vector<std::string> symbols, const std::string timeframe, const RangeSet gone) {
	std::vector<Seal> seals;
	for (const auto &symbol : symbols) {
		for (const auto &range : gone.ranges())
			seals.push_back({symbol, range.from, range.to});
	}
	co_await put_seals(db, seals, timeframe, "chunk dropped");
}

} // namespace

Op<void> seal_dropped_chunks(Database &db) {
	const uint64_t any = co_await db.rows_in_chunks();
	if (any == 0)
		co_return;
	const bool changed = co_await holds(db, ask_changed());
	if (!changed)
		co_return;
	auto tables = co_await follow_chunks(db);
	for (auto &[table, chunks] : tables) {
		chunks.gone.subtract(chunks.kept);
		if (chunks.kept.empty() || chunks.gone.empty())
			continue;
		if (table == "data_bars") {
			const auto symbols = co_await source_symbols(db);
			co_await seal_for(db, symbols, minutes().name(), chunks.gone);
			continue;
		}
		const auto keys = co_await matching_tasks(db, std::nullopt, std::nullopt);
		std::map<std::string, std::vector<std::string>> symbols; // by timeframe
		for (const auto &key : keys)
			symbols[key.timeframe].push_back(key.symbol);
		for (const auto &[timeframe, of_it] : symbols)
			co_await seal_for(db, of_it, timeframe, chunks.gone);
	}
}

} // namespace aggregation
