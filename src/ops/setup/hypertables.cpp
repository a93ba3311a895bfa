#include "ops/setup/hypertables.hpp"

#include "ops/boundary/parameters.hpp"

#include <string>
#include <vector>

namespace aggregation {

namespace {

// clang-format off

/// TimescaleDB's views are asked only where they are its own.
const Statement &is_installed() {
	static const Statement statement {nullptr, R"sql(
SELECT e.extversion::text FROM pg_catalog.pg_extension e
WHERE e.extname = 'timescaledb' AND (
	SELECT count(*) FROM pg_catalog.pg_class v
	JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace AND n.nspname = 'timescaledb_information'
	JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = v.oid AND d.deptype = 'e' AND d.refobjid = e.oid
	WHERE v.relname IN ('hypertables', 'chunks', 'compression_settings')
) = 3)sql",
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &hypertables() {
	static const Statement statement {nullptr, R"sql(
SELECT h.hypertable_name::text, c.chunks, c.compressed, COALESCE(s.segmented, ''), COALESCE(s.ordered, '')
FROM timescaledb_information.hypertables h
CROSS JOIN LATERAL (
	SELECT count(*) AS chunks, count(*) FILTER (WHERE k.is_compressed) AS compressed
	FROM timescaledb_information.chunks k
	WHERE k.hypertable_schema = h.hypertable_schema AND k.hypertable_name = h.hypertable_name
) c
CROSS JOIN LATERAL (
	SELECT string_agg(k.attname, ', ' ORDER BY k.segmentby_column_index) FILTER (WHERE k.segmentby_column_index IS NOT NULL) AS segmented,
		string_agg(k.attname, ', ' ORDER BY k.orderby_column_index) FILTER (WHERE k.orderby_column_index IS NOT NULL) AS ordered
	FROM timescaledb_information.compression_settings k
	WHERE k.hypertable_schema = h.hypertable_schema AND k.hypertable_name = h.hypertable_name
) s
WHERE h.hypertable_name IN ('data_bars', 'derived_data_bars') AND h.hypertable_schema = (
	SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'aggregation')
ORDER BY 1)sql",
		{AGG_TEXT, AGG_INT8, AGG_INT8, AGG_TEXT, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// clang-format on

struct Hypertable {
	std::string name;
	int64_t chunks;
	int64_t compressed;
	std::string segmented;
	std::string ordered;
};

std::string hint_for(const Hypertable &table) {
	if (table.segmented == "canonical_symbol, timeframe" && table.ordered == "ts_utc")
		return "";
	return "To compress old chunks: ALTER TABLE " + table.name +
	       " SET (timescaledb.compress, timescaledb.compress_segmentby = 'canonical_symbol, timeframe', timescaledb.compress_orderby = "
	       "'ts_utc'), so that a symbol is read, and a late bar written, without the others.";
}

} // namespace

Op<void> tell_hypertables(Database &db) {
	std::string version;
	auto take_version = [&](const Row &row) {
		version = row.text(0);
		return Flow::enough;
	};
	co_await db.query(is_installed(), {}, take_version);
	if (version.empty())
		co_return;
	std::vector<Hypertable> found;
	auto take = [&](const Row &row) {
		found.push_back({std::string(row.text(0)), row.integer(1), row.integer(2), std::string(row.text(3)), std::string(row.text(4))});
		return Flow::more;
	};
	co_await db.query(hypertables(), {}, take);
	for (const auto &table : found) {
		const std::string how =
		    table.segmented.empty() ? "" : "; it is compressed by " + table.segmented + ", in the order of " + table.ordered;
		co_await db.notice(table.name + " is a hypertable of TimescaleDB " + version + ": " + std::to_string(table.chunks) + " chunks, " +
		                       std::to_string(table.compressed) + " of them compressed" + how,
		                   hint_for(table));
	}
}

} // namespace aggregation
