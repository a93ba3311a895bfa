#include "ops/bars/bar_columns.hpp"

#include <string_view>
#include <vector>

namespace aggregation {

namespace {

/// What readers see of a bar, as a row. Rows are compared by their images, bit by bit, as the engine compares bars.
std::string seen_of(const std::string &row) {
	std::string seen;
	for (const char *name : {"open", "high", "low", "close", "vol", "vwap", "trade_count", "quality_score"})
		seen += (seen.empty() ? "ROW(" : ", ") + row + "." + name;
	return seen + ")::record";
}

std::string assignment(const BarColumn &column) {
	const std::string name = column.name;
	if (column.filled == Filled::now)
		return name + " = now()";
	if (column.on_rewrite == OnRewrite::never_lowered)
		return name + " = GREATEST(d." + name + ", EXCLUDED." + name + ")";
	if (column.on_rewrite == OnRewrite::counted)
		return name + " = d." + name + " + (" + seen_of("d") + " *<> " + seen_of("EXCLUDED") + ")::int4";
	return name + " = EXCLUDED." + name;
}

/// What becomes of the bar that has the key already.
std::string rewrite(const std::string &live, const std::vector<BarColumn> &columns) {
	std::string assignments;
	for (const auto &column : columns) {
		if (column.on_rewrite != OnRewrite::kept)
			assignments += (assignments.empty() ? "" : ", ") + assignment(column);
	}
	return "ON CONFLICT (canonical_symbol, timeframe, ts_utc) " + live + "DO UPDATE SET " + assignments;
}

size_t place_of(const std::vector<BarColumn> &columns, std::string_view name) {
	size_t place = 0;
	while (name != columns[place].name)
		++place;
	return place;
}

} // namespace

BarTable::BarTable(const char *table, const std::string &live, const std::vector<BarColumn> &list)
    : relation(table), symbol(place_of(list, "canonical_symbol")), timeframe(place_of(list, "timeframe")), start(place_of(list, "ts_utc")),
      count_stored("SELECT count(*) FROM unnest($1::text[], $2::timestamptz[]) AS k(symbol, start) CROSS JOIN LATERAL (SELECT FROM @" +
                   std::string(table) + " d WHERE d.canonical_symbol = k.symbol AND d.timeframe = $3::text AND d.ts_utc = k.start" +
                   (live.empty() ? "" : " AND d.deleted_at IS NULL") + " OFFSET 0) b") {
	columns.rewrite = rewrite(live, list);
	for (const auto &column : list) {
		columns.names.push_back(column.name);
		columns.types.push_back(column.type);
		columns.shared += column.filled == Filled::alike;
		columns.stamped += column.filled == Filled::now;
	}
}

const BarTable &derived_bar_table() {
	static const BarTable table("derived_data_bars", "WHERE deleted_at IS NULL ",
	                            {{"canonical_symbol", AGG_TEXT, Filled::per_bar, OnRewrite::kept},
	                             {"ts_utc", AGG_TIMESTAMPTZ, Filled::per_bar, OnRewrite::kept},
	                             {"open", AGG_FLOAT8, Filled::per_bar},
	                             {"high", AGG_FLOAT8, Filled::per_bar},
	                             {"low", AGG_FLOAT8, Filled::per_bar},
	                             {"close", AGG_FLOAT8, Filled::per_bar},
	                             {"vol", AGG_FLOAT8, Filled::per_bar},
	                             {"vwap", AGG_FLOAT8, Filled::per_bar},
	                             {"trade_count", AGG_INT8, Filled::per_bar},
	                             {"source_candles", AGG_INT4, Filled::per_bar},
	                             {"expected_candles", AGG_INT4, Filled::per_bar},
	                             {"quality_score", AGG_INT4, Filled::per_bar},
	                             {"timeframe", AGG_TEXT, Filled::alike, OnRewrite::kept},
	                             {"source", AGG_TEXT, Filled::alike},
	                             {"raw", AGG_TEXT, Filled::alike},
	                             {"source_timeframe", AGG_TEXT, Filled::alike},
	                             {"derivation_version", AGG_INT4, Filled::alike, OnRewrite::never_lowered},
	                             {"revision", AGG_INT4, Filled::alike, OnRewrite::counted},
	                             {"is_partial", AGG_BOOL, Filled::alike},
	                             {"deleted_at", AGG_TIMESTAMPTZ, Filled::alike, OnRewrite::kept},
	                             {"provider_ticker", AGG_TEXT, Filled::alike},
	                             {"ingested_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"created_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"updated_at", AGG_TIMESTAMPTZ, Filled::now}});
	return table;
}

const BarTable &index_bar_table() {
	static const BarTable table("data_bars", "",
	                            {{"ts_utc", AGG_TIMESTAMPTZ, Filled::per_bar, OnRewrite::kept},
	                             {"open", AGG_FLOAT8, Filled::per_bar},
	                             {"high", AGG_FLOAT8, Filled::per_bar},
	                             {"low", AGG_FLOAT8, Filled::per_bar},
	                             {"close", AGG_FLOAT8, Filled::per_bar},
	                             {"canonical_symbol", AGG_TEXT, Filled::alike, OnRewrite::kept},
	                             {"timeframe", AGG_TEXT, Filled::alike, OnRewrite::kept},
	                             {"vol", AGG_FLOAT8, Filled::alike},
	                             {"vwap", AGG_FLOAT8, Filled::alike},
	                             {"trade_count", AGG_INT8, Filled::alike},
	                             {"is_partial", AGG_BOOL, Filled::alike},
	                             {"source", AGG_TEXT, Filled::alike},
	                             {"raw", AGG_TEXT, Filled::alike},
	                             {"provider_ticker", AGG_TEXT, Filled::alike},
	                             {"ingested_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"created_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"updated_at", AGG_TIMESTAMPTZ, Filled::now}});
	return table;
}

const BarTable &tick_bar_table() {
	static const BarTable table("data_bars", "",
	                            {{"canonical_symbol", AGG_TEXT, Filled::per_bar, OnRewrite::kept},
	                             {"ts_utc", AGG_TIMESTAMPTZ, Filled::per_bar, OnRewrite::kept},
	                             {"open", AGG_FLOAT8, Filled::per_bar},
	                             {"high", AGG_FLOAT8, Filled::per_bar},
	                             {"low", AGG_FLOAT8, Filled::per_bar},
	                             {"close", AGG_FLOAT8, Filled::per_bar},
	                             {"vol", AGG_FLOAT8, Filled::per_bar},
	                             {"vwap", AGG_FLOAT8, Filled::per_bar},
	                             {"trade_count", AGG_INT8, Filled::per_bar},
	                             {"timeframe", AGG_TEXT, Filled::alike, OnRewrite::kept},
	                             {"is_partial", AGG_BOOL, Filled::alike},
	                             {"source", AGG_TEXT, Filled::alike},
	                             {"raw", AGG_TEXT, Filled::alike},
	                             {"provider_ticker", AGG_TEXT, Filled::alike},
	                             {"ingested_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"created_at", AGG_TIMESTAMPTZ, Filled::now, OnRewrite::kept},
	                             {"updated_at", AGG_TIMESTAMPTZ, Filled::now}});
	return table;
}

} // namespace aggregation
