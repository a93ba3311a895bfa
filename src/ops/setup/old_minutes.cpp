#include "ops/setup/old_minutes.hpp"

#include "core/error.hpp"
#include "ops/bars/by_place.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/setup/adopted_bars.h"
#include "ops/tasks/indexes.hpp"

namespace aggregation {

namespace {

// clang-format off

#define AGG_OLD_MINUTES "d.timeframe = '1m' AND d.deleted_at IS NULL"
#define AGG_IN_DATA_BARS "b.canonical_symbol = d.canonical_symbol AND b.timeframe = '1m' AND b.ts_utc = d.ts_utc"

const Statement &count_minutes() {
	static const Statement statement {"derived_data_bars", R"sql(
SELECT d.canonical_symbol, min(d.ts_utc), max(d.ts_utc), count(*), count(b.ts_utc),
	count(*) FILTER (WHERE b.ts_utc IS NOT NULL AND (b.open, b.high, b.low, b.close) IS DISTINCT FROM (d.open, d.high, d.low, d.close))
FROM @derived_data_bars d LEFT JOIN @data_bars b ON )sql" AGG_IN_DATA_BARS R"sql(
WHERE )sql" AGG_OLD_MINUTES R"sql( AND isfinite(d.ts_utc)
GROUP BY d.canonical_symbol ORDER BY d.canonical_symbol)sql",
		{AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_INT8, AGG_INT8, AGG_INT8}, Planning::by_statistics};
	return statement;
}

// $1: the symbols that are indexes. What reads them is looked at afterwards, and only where somebody asks for it (agg_mend()).
const Statement &copy_minutes() {
	static const Statement statement {"data_bars", R"sql(
INSERT INTO @data_bars (canonical_symbol, provider_ticker, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, is_partial,
	source, ingested_at, raw, created_at, updated_at)
SELECT d.canonical_symbol, d.provider_ticker, '1m', d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count, d.is_partial,
	CASE WHEN d.canonical_symbol = ANY ($1::text[]) THEN 'synthetic' ELSE 'ingest' END, d.ingested_at,
	jsonb_build_object('kind', CASE WHEN d.canonical_symbol = 'DXY' THEN 'dxy' ELSE 'index' END, 'migrated_from', 'derived_data_bars'),
	COALESCE(d.created_at, d.ingested_at), now()
FROM @derived_data_bars d
WHERE )sql" AGG_OLD_MINUTES R"sql( AND isfinite(d.ts_utc)
	AND NOT EXISTS (SELECT FROM @data_bars b WHERE )sql" AGG_IN_DATA_BARS R"sql()
ORDER BY d.canonical_symbol, d.ts_utc LIMIT $2::int8
ON CONFLICT DO NOTHING)sql",
		{}, Planning::by_statistics, Tracking::off};
	return statement;
}

// $1: an index, $2: the symbols that its minutes are made of. Minutes that were copied and lack one of these, up to the next complete one.
const Statement &ranges_without_parts() {
	static const Statement statement {"data_bars", R"sql(
SELECT min(m.ts_utc), max(m.ts_utc) + interval '1 minute'
FROM (
	SELECT c.ts_utc, c.complete, count(*) FILTER (WHERE c.complete) OVER (ORDER BY c.ts_utc) AS range
	FROM (
		SELECT b.ts_utc, COALESCE(p.parts = cardinality($2::text[]), false) AS complete
		FROM @data_bars b
		LEFT JOIN (
			SELECT x.ts_utc, count(*) AS parts FROM @data_bars x
			WHERE x.canonical_symbol = ANY ($2::text[]) AND x.timeframe = '1m' GROUP BY x.ts_utc
		) p ON p.ts_utc = b.ts_utc
		WHERE b.canonical_symbol = $1::text AND b.timeframe = '1m' AND b.raw ? 'migrated_from'
	) c
) m
WHERE NOT m.complete GROUP BY m.range)sql",
		{AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

const Statement &seal() {
	static const Statement statement {"agg_sealed_ranges",
		AGG_SEAL_ADOPTED("(SELECT u.symbol, NULL::text, u.from_utc, u.to_utc FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) "
		                 "AS u(symbol, from_utc, to_utc))"), {}, Planning::by_statistics};
	return statement;
}

const Statement &retire() {
	static const Statement statement {"derived_data_bars", R"sql(
UPDATE @derived_data_bars d SET deleted_at = now(), updated_at = now(), raw = d.raw || '{"retired": "data_bars"}'
FROM (SELECT d.tableoid AS part, d.ctid AS place FROM @derived_data_bars d WHERE )sql" AGG_OLD_MINUTES R"sql( AND isfinite(d.ts_utc) LIMIT $1::int8) old
WHERE d.tableoid = old.part AND d.ctid = old.place)sql",
		{}, Planning::by_statistics};
	return statement;
}

const Statement &bring_back() {
	static const Statement statement {"derived_data_bars", R"sql(
UPDATE @derived_data_bars d SET deleted_at = NULL, updated_at = now(), raw = d.raw - 'retired'
FROM (
	SELECT d.tableoid AS part, d.ctid AS place FROM @derived_data_bars d
	WHERE d.timeframe = '1m' AND d.deleted_at IS NOT NULL AND d.raw ? 'retired' AND NOT EXISTS (
		SELECT FROM @derived_data_bars live
		WHERE live.canonical_symbol = d.canonical_symbol AND live.timeframe = '1m' AND live.ts_utc = d.ts_utc AND live.deleted_at IS NULL)
	LIMIT $1::int8
) old
WHERE d.tableoid = old.part AND d.ctid = old.place)sql",
		{}, Planning::by_statistics};
	return statement;
}

// clang-format on

std::string minutes_of(const OldMinutes &old) {
	return "minutes of " + old.symbol;
}

std::string counted(const OldMinutes &old) {
	std::string text = "derived_data_bars has " + std::to_string(old.count) + " from " + to_iso8601(old.first) + " to " +
	                   to_iso8601(old.last) + ", data_bars " + std::to_string(old.copied) + " of them";
	if (old.differ > 0)
		text += ", " + std::to_string(old.differ) + " with other prices, which stay as they are in data_bars";
	return text;
}

/// Seals copied minutes of an index that cannot be computed again; how many ranges these are.
Op<int64_t> seal_those_without_parts(Database &db, const std::string symbol, const std::vector<std::string> parts) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	auto take = [&](const Row &row) {
		symbols.push_back(cell(std::string_view(symbol)));
		from.push_back(cell(row.timestamp(0)));
		to.push_back(cell(row.timestamp(1)));
		return Flow::more;
	};
	co_await db.query(ranges_without_parts(), parameters(text_parameter(symbol), text_array(parts)), take);
	if (symbols.empty())
		co_return 0;
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)));
	co_return static_cast<int64_t>(co_await db.execute(seal(), std::move(list)));
}

} // namespace

Op<std::vector<OldMinutes>> find_old_minutes(Database &db) {
	std::vector<OldMinutes> found;
	auto take = [&](const Row &row) {
		found.push_back({std::string(row.text(0)), row.timestamp(1), row.timestamp(2), row.integer(3), row.integer(4), row.integer(5)});
		return Flow::more;
	};
	co_await db.query(count_minutes(), {}, take);
	co_return found;
}

Op<std::vector<Done>> copy_old_minutes(Database &db, const bool dry_run, const int64_t most) {
	std::vector<Done> told;
	const auto before = co_await find_old_minutes(db);
	bool any = false;
	for (const auto &old : before) {
		any = any || old.copied < old.count;
		if (dry_run && old.copied < old.count)
			told.push_back({minutes_of(old), "would copy", counted(old), true, false});
	}
	if (!any || dry_run)
		co_return told;
	const auto indexes = co_await read_indexes(db);
	std::vector<std::string> synthetic;
	for (const auto &[symbol, index] : indexes.all())
		synthetic.push_back(symbol);
	co_await db.execute(copy_minutes(), parameters(text_array(synthetic), Parameter(AGG_INT8, cell(most))));
	const auto after = co_await find_old_minutes(db);
	for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
		if (after[i].copied == before[i].copied && after[i].copied == after[i].count)
			continue;
		if (after[i].copied > before[i].copied)
			told.push_back({minutes_of(after[i]), "copied", counted(after[i]), true, false});
		if (after[i].copied < after[i].count)
			told.push_back({minutes_of(after[i]), "left",
			                std::to_string(after[i].count - after[i].copied) + " are to be copied: call agg_adopt() again", true, false});
		auto parts = indexes.ingested_parts_of(after[i].symbol);
		if (parts.empty())
			continue;
		const int64_t sealed = co_await seal_those_without_parts(db, after[i].symbol, std::move(parts));
		if (sealed > 0)
			told.push_back(
			    {minutes_of(after[i]), "sealed",
			     std::to_string(sealed) +
			         " ranges whose components have no minutes any more: they stay as they are (agg_sealed_ranges, reason " AGG_ADOPTED ")",
			     true, false});
	}
	co_return told;
}

Op<int64_t> retire_old_minutes(Database &db, const int64_t most) {
	const auto found = co_await find_old_minutes(db);
	for (const auto &old : found) {
		if (old.copied < old.count)
			throw Error(sqlstate::object_not_in_prerequisite_state,
			            "data_bars lacks " + std::to_string(old.count - old.copied) + " minutes of " + old.symbol +
			                " that derived_data_bars has",
			            "Call agg_adopt(), which copies them.");
	}
	co_return static_cast<int64_t>(co_await execute_by_place(db, retire(), parameters(Parameter(AGG_INT8, cell(most)))));
}

Op<int64_t> bring_old_minutes_back(Database &db, const int64_t most) {
	co_return static_cast<int64_t>(co_await execute_by_place(db, bring_back(), parameters(Parameter(AGG_INT8, cell(most)))));
}

} // namespace aggregation
