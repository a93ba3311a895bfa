#include "ops/verification.hpp"

#include "core/geometric_index.hpp"
#include "ops/change_log.hpp"
#include "ops/sealed_ranges.hpp"
#include "ops/source_probe.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace aggregation {

namespace {

constexpr int64_t windows_at_once = 10'000;

// The rules of DESIGN.md section 4 once more, in SQL. A volume or vwap so large or small that SQL's arithmetic could overflow makes the
// window's vol and vwap exempt (tame = false), and so do absurd trade counts.
#define AGG_USABLE(x) "(s." x " IS NOT NULL AND s." x " NOT IN ('NaN', 'Infinity', '-Infinity'))"
#define AGG_TAME(x) "(NOT " AGG_USABLE(x) " OR s." x " = 0 OR abs(s." x ") BETWEEN 1e-100 AND 1e100)"
#define AGG_VERIFY(source, live)                                                                                                           \
	"WITH source AS (SELECT date_bin(make_interval(secs => $7::int8), s.ts_utc, $6::timestamptz) AS start, s.ts_utc, s.open, s.high, "     \
	"s.low, s.close, CASE WHEN " AGG_USABLE("vol") " THEN s.vol END AS vol, " AGG_TAME("vol") " AND " AGG_TAME(                            \
	    "vwap") " AND COALESCE(abs(s.trade_count::numeric) < 1e15, true) AS tame, "                                                        \
	            "CASE WHEN " AGG_USABLE("vol") " AND s.vol > 0 AND " AGG_USABLE(                                                           \
	                "vwap") " THEN s.vwap END AS vwap, s.trade_count "                                                                     \
	                        "FROM @" source                                                                                                \
	                        " s WHERE s.canonical_symbol = $1::text AND s.timeframe = $3::text AND s.ts_utc >= $4::timestamptz "           \
	                        "AND s.ts_utc < $5::timestamptz AND " AGG_USABLE("open") " AND " AGG_USABLE("high") " AND " AGG_USABLE(        \
	                            "low") " AND " AGG_USABLE("close") live                                                                    \
	    "), bars AS (SELECT start, bool_and(tame) AS tame, count(*) AS candles, (array_agg(open ORDER BY ts_utc))[1] AS open, "            \
	    "max(high ORDER BY ts_utc) AS high, min(low ORDER BY ts_utc) AS low, (array_agg(close ORDER BY ts_utc DESC))[1] AS close, "        \
	    "sum(CASE WHEN tame THEN vol END ORDER BY ts_utc) AS vol, sum(CASE WHEN tame THEN vwap * vol END ORDER BY ts_utc) "                \
	    "/ sum(CASE WHEN tame AND vwap IS NOT NULL THEN vol END ORDER BY ts_utc) AS vwap, sum(CASE WHEN tame THEN trade_count END) "       \
	    "AS trade_count FROM source GROUP BY start"                                                                                        \
	    "), expected AS (SELECT bars.*, CASE WHEN candles >= $8::int8 THEN 2 WHEN candles * 5 >= $8::int8 * 4 THEN 1 "                     \
	    "WHEN candles * 5 >= $8::int8 * 3 THEN 0 ELSE -1 END AS quality FROM bars WHERE candles * 2 > $8::int8"                            \
	    "), stored AS (SELECT d.* FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "               \
	    "AND d.ts_utc >= $4::timestamptz AND d.ts_utc < $5::timestamptz AND d.deleted_at IS NULL) "                                        \
	    "SELECT COALESCE(d.ts_utc, e.start), CASE WHEN d.ts_utc IS NULL THEN 'missing' WHEN e.start IS NULL THEN 'surplus' "               \
	    "ELSE c.kind END, c.name, c.stored, c.expected FROM expected e FULL JOIN stored d ON d.ts_utc = e.start "                          \
	    "LEFT JOIN LATERAL (SELECT v.* FROM (VALUES "                                                                                      \
	    "('differs', 'open', d.open::text, e.open::text, float8send(d.open) IS DISTINCT FROM float8send(e.open)), "                        \
	    "('differs', 'high', d.high::text, e.high::text, float8send(d.high) IS DISTINCT FROM float8send(e.high)), "                        \
	    "('differs', 'low', d.low::text, e.low::text, float8send(d.low) IS DISTINCT FROM float8send(e.low)), "                             \
	    "('differs', 'close', d.close::text, e.close::text, float8send(d.close) IS DISTINCT FROM float8send(e.close)), "                   \
	    "('differs', 'vol', d.vol::text, e.vol::text, e.tame AND float8send(d.vol) IS DISTINCT FROM float8send(e.vol)), "                  \
	    "('differs', 'vwap', d.vwap::text, e.vwap::text, e.tame AND float8send(d.vwap) IS DISTINCT FROM float8send(e.vwap)), "             \
	    "('differs', 'trade_count', d.trade_count::text, e.trade_count::text, e.tame AND d.trade_count IS DISTINCT FROM e.trade_count), "  \
	    "('differs', 'source_timeframe', d.source_timeframe, $3::text, d.source_timeframe IS DISTINCT FROM $3::text), "                    \
	    "('differs', 'source_candles', d.source_candles::text, e.candles::text, d.source_candles IS DISTINCT FROM e.candles), "            \
	    "('differs', 'expected_candles', d.expected_candles::text, $8::text, d.expected_candles IS DISTINCT FROM $8::int8), "              \
	    "('differs', 'quality_score', d.quality_score::text, e.quality::text, d.quality_score IS DISTINCT FROM e.quality), "               \
	    "('stale_version', 'derivation_version', d.derivation_version::text, $9::text, COALESCE(d.derivation_version, 0) < $9::int8)) "    \
	    "AS v(kind, name, stored, expected, differs) WHERE d.ts_utc IS NOT NULL AND e.start IS NOT NULL AND v.differs) c ON true "         \
	    "WHERE d.ts_utc IS NULL OR e.start IS NULL OR c.name IS NOT NULL ORDER BY 1"

const Statement &compare(const Timeframe &source) {
	static const std::vector<agg_type> columns {AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT};
	static const Statement ingested {"derived_data_bars", AGG_VERIFY("data_bars", ""), columns, Planning::by_statistics};
	static const Statement derived {"derived_data_bars", AGG_VERIFY("derived_data_bars", " AND s.deleted_at IS NULL"), columns,
	                                Planning::by_statistics};
	return source.ingested() ? ingested : derived;
}

const Statement &marked_ranges() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "SELECT d.from_utc, d.to_utc FROM @agg_dirty_ranges d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &logged_ranges() {
	static const Statement statement {"agg_change_log",
	                                  "SELECT u.from_utc, u.to_utc FROM @agg_change_log l " AGG_LOGGED_ENTRIES "WHERE u.symbol = $1::text",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &refused_ranges() {
	static const Statement statement {
	    "agg_refused_ranges",
	    "SELECT r.from_utc, r.to_utc FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text AND r.timeframe = $2::text",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

Op<RangeSet> read_ranges(Database &db, const Statement &statement, std::vector<Parameter> list, const Timeframe target) {
	RangeSet ranges;
	auto receive = [&](const Row &row) {
		ranges.add({target.floor(row.timestamp(0)), target.ceil(row.timestamp(1))});
		return Flow::more;
	};
	co_await db.query(statement, std::move(list), receive);
	co_return ranges;
}

bool holds(const RangeSet &ranges, Timestamp window) {
	const auto &list = ranges.ranges();
	const auto after =
	    std::upper_bound(list.begin(), list.end(), window, [](Timestamp t, const TimeRange &range) { return t < range.from; });
	return after != list.begin() && window < std::prev(after)->to;
}

// Windows whose bar somebody took away on purpose: what the engine deletes has one of its own reasons.
const Statement &deleted_by_hand() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.ts_utc FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz "
	    "AND d.ts_utc <= $4::timestamptz AND d.deleted_at IS NOT NULL "
	    "AND COALESCE(d.raw ->> 'deleted', '') NOT IN ('insufficient_source_bars', 'source_removed')",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

/// Says of each difference whether it is known and why.
Op<void> explain(Database &db, const Task &task, std::vector<Difference> &differences) {
	const TaskKey &key = task.key;
	auto by_key = parameters(text_parameter(key.symbol), text_parameter(key.timeframe));
	auto pending = co_await read_ranges(db, marked_ranges(), by_key, task.target);
	if (task.source.ingested()) {
		auto by_symbol = parameters(text_parameter(key.symbol));
		const auto logged = co_await read_ranges(db, logged_ranges(), std::move(by_symbol), task.target);
		pending.add(logged);
	}
	const auto refused = co_await read_ranges(db, refused_ranges(), by_key, task.target);
	RangeSet deleted;
	auto receive = [&](const Row &row) {
		deleted.add({row.timestamp(0), row.timestamp(0) + task.target.width()});
		return Flow::more;
	};
	auto span = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), timestamp_parameter(differences.front().window),
	                       timestamp_parameter(differences.back().window));
	co_await db.query(deleted_by_hand(), std::move(span), receive);
	for (auto &difference : differences) {
		if (holds(pending, difference.window))
			difference.explanation = "pending";
		else if (holds(refused, difference.window))
			difference.explanation = "refused";
		else if (difference.kind == "missing" && holds(deleted, difference.window))
			difference.explanation = "deleted";
	}
}

} // namespace

Op<Verification> verifiable(Database &db, const Task &task, Timestamp from, Timestamp to) {
	const Timeframe &target = task.target;
	from = target.ceil(std::max(from, task.start));
	to = target.floor(std::min(to, task.effective_cursor()));
	if (from >= to)
		co_return Verification {task, from, from};
	const std::vector<SourceProbe> probes {{task.key.symbol, task.source, from, to}, {task.key.symbol, target, from, to}};
	const auto first = co_await first_bars(db, probes);
	const auto last = co_await last_bars(db, probes);
	Timestamp begin = Timestamp::infinity();
	Timestamp end = Timestamp::minus_infinity();
	for (size_t i = 0; i < probes.size(); ++i) {
		if (!first[i] || !last[i] || *first[i] >= to)
			continue;
		begin = std::min(begin, target.floor(*first[i]));
		end = std::max(end, target.floor(*last[i]) + target.width());
	}
	if (begin >= end)
		co_return Verification {task, from, from};
	co_return Verification {task, begin, std::min(end, to)};
}

Op<std::vector<Difference>> verify(Database &db, const Verification &what) {
	const Task &task = what.task;
	const Timeframe &target = task.target;
	std::vector<Difference> differences;
	const auto sealed = co_await sealed_windows(db, task);
	auto receive = [&](const Row &row) {
		const Timestamp window = row.timestamp(0);
		if (!holds(sealed, window))
			differences.push_back(
			    {task.key, window, std::string(row.text(1)), row.maybe_text(2).value_or(""), row.maybe_text(3), row.maybe_text(4), ""});
		return Flow::more;
	};
	for (Timestamp from = what.from; from < what.to;) {
		const int64_t windows = std::min(windows_at_once, (what.to - from).us / target.width().us);
		const Timestamp to = from + Duration {windows * target.width().us};
		auto list = parameters(
		    text_parameter(task.key.symbol), text_parameter(target.name()), text_parameter(task.source.name()), timestamp_parameter(from),
		    timestamp_parameter(to), timestamp_parameter(from), Parameter(AGG_INT8, cell(target.width().us / Duration::seconds(1).us)),
		    Parameter(AGG_INT8, cell(target.bars_from(task.source))), Parameter(AGG_INT8, cell(task.derivation_version)));
		co_await db.query(compare(task.source), std::move(list), receive);
		from = to;
	}
	if (!differences.empty())
		co_await explain(db, task, differences);
	co_return differences;
}

namespace {

/// Every digit that a double has.
std::string digits(double value) {
	std::array<char, 32> text {};
	(void)std::snprintf(text.data(), text.size(), "%.17g", value);
	return text.data();
}

// The formula once more, over whatever minutes any pair or the index has.
std::string index_sql() {
	std::string product = digits(dollar_index.constant);
	std::string present;
	std::string list;
	for (const auto &component : dollar_index.components) {
		const std::string price = std::string("max(s.close) FILTER (WHERE s.canonical_symbol = '") + component.symbol + "')";
		product += " * power(NULLIF(" + price + ", 0), " + digits(component.weight) + ")";
		present += std::string(present.empty() ? "" : " AND ") + "COALESCE(" + price + " BETWEEN 1e-30 AND 1e30, false)";
		list += std::string("'") + component.symbol + "', ";
	}
	return "SELECT m.ts_utc, m.stored, m.expected::float8 FROM (SELECT s.ts_utc, max(s.close) FILTER (WHERE s.canonical_symbol = 'DXY') AS stored, "
	       "bool_or(s.canonical_symbol = 'DXY' AND s.source IS DISTINCT FROM 'synthetic') AS delivered, CASE WHEN " +
	       present + " THEN " + product + " END AS expected FROM @data_bars s WHERE s.canonical_symbol IN (" + list +
	       "'DXY') AND s.timeframe = '1m' AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz GROUP BY s.ts_utc) m "
	       "WHERE NOT m.delivered AND (m.stored IS NULL) IS DISTINCT FROM (m.expected IS NULL) OR abs(m.stored - m.expected) > 1e-8 ORDER BY 1";
}

} // namespace

Op<std::vector<Difference>> verify_index_minutes(Database &db, Timestamp from, Timestamp to) {
	static const std::string sql = index_sql();
	static const Statement statement {"data_bars", sql.c_str(), {AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8}, Planning::by_statistics};
	std::vector<Difference> differences;
	const TaskKey key {dollar_index.symbol, "1m"};
	const auto text = [](std::optional<double> value) { return value ? std::optional(digits(*value)) : std::nullopt; };
	auto receive = [&](const Row &row) {
		const auto stored = row.maybe_real(1);
		const auto expected = row.maybe_real(2);
		const char *kind = !stored ? "missing" : !expected ? "surplus" : "differs";
		differences.push_back({key, row.timestamp(0), kind, stored && expected ? "close" : "", text(stored), text(expected), ""});
		return Flow::more;
	};
	co_await db.query(statement, parameters(timestamp_parameter(from), timestamp_parameter(to)), receive);
	co_return differences;
}

} // namespace aggregation
