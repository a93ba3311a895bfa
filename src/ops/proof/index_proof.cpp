// The proof of the index's minutes: its formula once more, in SQL with constants of its own, over whatever minutes any pair or the index
// has.
#include "ops/proof/proof.hpp"

#include "core/geometric_index.hpp"
#include "ops/bars/dxy_minutes.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>

namespace aggregation {

namespace {

constexpr int64_t minutes_at_once = 8'192;

#define AGG_PROVEN_SYMBOLS "('EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF', 'DXY')"

// The minutes of [$1, $2). Prices of which SQL's power() could overflow go through numeric. A stored minute may be off by the rounding to
// eight decimals and the last digits of power(), more is a difference. Minutes that a feed delivered are not judged.
constexpr const char *compare_sql = R"sql(
WITH pairs AS (
	SELECT s.ts_utc, s.canonical_symbol AS symbol, s.close, s.close BETWEEN 1e-30 AND 1e30 AS tame
	FROM @data_bars s
	WHERE s.canonical_symbol IN ('EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF') AND s.timeframe = '1m'
		AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz AND s.close > 0 AND s.close < 'Infinity'
), minutes AS (
	SELECT p.ts_utc, bool_and(p.tame) AS tame, max(p.close) FILTER (WHERE p.symbol = 'EURUSD') AS eurusd,
		max(p.close) FILTER (WHERE p.symbol = 'USDJPY') AS usdjpy, max(p.close) FILTER (WHERE p.symbol = 'GBPUSD') AS gbpusd,
		max(p.close) FILTER (WHERE p.symbol = 'USDCAD') AS usdcad, max(p.close) FILTER (WHERE p.symbol = 'USDSEK') AS usdsek,
		max(p.close) FILTER (WHERE p.symbol = 'USDCHF') AS usdchf
	FROM pairs p GROUP BY p.ts_utc
), computed AS (
	SELECT m.ts_utc, CASE WHEN m.tame
		THEN (50.14348112::float8 * power(m.eurusd, -0.576) * power(m.usdjpy, 0.136) * power(m.gbpusd, -0.119) * power(m.usdcad, 0.091)
			* power(m.usdsek, 0.042) * power(m.usdchf, 0.036))::numeric
		ELSE 50.14348112 * exp(-0.576 * ln(m.eurusd::numeric) + 0.136 * ln(m.usdjpy::numeric) - 0.119 * ln(m.gbpusd::numeric)
			+ 0.091 * ln(m.usdcad::numeric) + 0.042 * ln(m.usdsek::numeric) + 0.036 * ln(m.usdchf::numeric)) END AS value
	FROM minutes m
	WHERE m.eurusd IS NOT NULL AND m.usdjpy IS NOT NULL AND m.gbpusd IS NOT NULL AND m.usdcad IS NOT NULL AND m.usdsek IS NOT NULL
		AND m.usdchf IS NOT NULL
), expected AS (
	SELECT c.ts_utc, c.value::float8 AS close, c.value FROM computed c WHERE c.value >= 0.000000005 AND c.value < 1.797e308
), stored AS (
	SELECT s.ts_utc, s.open, s.high, s.low, s.close, s.vol, s.vwap, s.trade_count::float8 AS trades,
		s.source IS DISTINCT FROM 'synthetic' AS delivered, count(*) OVER (PARTITION BY s.ts_utc) AS copies
	FROM @data_bars s
	WHERE s.canonical_symbol = 'DXY' AND s.timeframe = '1m' AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz
)
SELECT COALESCE(s.ts_utc, e.ts_utc), CASE WHEN s.ts_utc IS NULL THEN 'missing' WHEN s.copies > 1 THEN 'duplicate' WHEN e.ts_utc IS NULL
	THEN 'surplus' ELSE 'differs' END, c.name, c.stored, c.expected
FROM stored s FULL JOIN expected e ON e.ts_utc = s.ts_utc LEFT JOIN LATERAL (
	SELECT v.name, v.stored, v.expected
	FROM (VALUES ('close', s.close, e.close, COALESCE(abs(s.close::numeric - e.value) > 0.000000006 + e.value * 0.000000000001, true)),
		('open', s.open, s.close, float8send(s.open) IS DISTINCT FROM float8send(s.close)),
		('high', s.high, s.close, float8send(s.high) IS DISTINCT FROM float8send(s.close)),
		('low', s.low, s.close, float8send(s.low) IS DISTINCT FROM float8send(s.close)),
		('vol', s.vol, 0, s.vol IS DISTINCT FROM 0), ('vwap', s.vwap, NULL, s.vwap IS NOT NULL),
		('trade_count', s.trades, 0, s.trades IS DISTINCT FROM 0)) AS v(name, stored, expected, differs)
	WHERE v.differs
) c ON s.ts_utc IS NOT NULL AND e.ts_utc IS NOT NULL AND s.copies = 1
WHERE NOT COALESCE(s.delivered, false) AND (s.ts_utc IS NULL OR e.ts_utc IS NULL OR s.copies > 1 OR c.name IS NOT NULL)
ORDER BY 1)sql";

const Statement &compare() {
	static const Statement statement {"data_bars", compare_sql, {AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_FLOAT8, AGG_FLOAT8}};
	return statement;
}

const Statement &first_minute() {
	static const Statement statement {
	    "data_bars",
	    "SELECT b.ts_utc FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF', 'DXY']) AS k(symbol) "
	    "CROSS JOIN LATERAL (SELECT s.ts_utc FROM @data_bars s WHERE s.canonical_symbol = k.symbol AND s.timeframe = '1m' "
	    "AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz ORDER BY s.ts_utc LIMIT 1) b",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

// A minute that has lost a part to retention stays as it is.
const Statement &sealed_ranges() {
	static const Statement statement {
	    "agg_sealed_ranges",
	    "SELECT r.from_utc, r.to_utc FROM @agg_sealed_ranges r WHERE (r.canonical_symbol IS NULL OR r.canonical_symbol IN " AGG_PROVEN_SYMBOLS
	    ") AND COALESCE(r.timeframe, '1m') = '1m' AND r.to_utc > $1::timestamptz AND r.from_utc < $2::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

class IndexProof : public Proof {
public:
	IndexProof(Database &db, std::vector<Task> readers) : db_(db), readers_(std::move(readers)) {
		for (const auto &task : readers_) {
			from_ = std::min(from_, minutes().ceil(task.target.ceil(task.start)));
			to_ = std::max(to_, minutes().floor(task.effective_cursor()));
		}
	}
	const TaskKey &key() const override {
		return key_;
	}
	const Grid &grid() const override {
		return minutes();
	}
	int64_t most_windows() const override {
		return minutes_at_once;
	}

	Op<std::optional<Stretch>> next(Timestamp from, Timestamp to, int64_t windows) override {
		from = std::max(from, from_);
		to = std::min(to, to_);
		if (from >= to)
			co_return std::nullopt;
		Timestamp first = Timestamp::infinity();
		auto receive = [&](const Row &row) {
			first = std::min(first, row.timestamp(0));
			return Flow::more;
		};
		co_await db_.query(first_minute(), parameters(timestamp_parameter(from), timestamp_parameter(to)), receive);
		if (first == Timestamp::infinity())
			co_return std::nullopt;
		first = minutes().floor(first);
		co_return Stretch {first, std::min(first + Duration::minutes(windows), to), true};
	}

	/// Minutes are judged between the start and the cursor of tasks.
	Op<std::vector<Difference>> outside_of_time() override {
		co_return std::vector<Difference>();
	}

	Op<std::vector<Difference>> differences(Stretch stretch) override {
		std::vector<Difference> list;
		auto receive = [&](const Row &row) {
			list.push_back({key_, row.timestamp(0), std::string(row.text(1)), row.maybe_text(2).value_or(""),
			                double_text(row.maybe_real(3)), double_text(row.maybe_real(4)), ""});
			return Flow::more;
		};
		const auto range = parameters(timestamp_parameter(stretch.from), timestamp_parameter(stretch.to));
		co_await db_.query(compare(), range, receive);
		if (list.empty())
			co_return list;
		const auto sealed = co_await windows_in(db_, sealed_ranges(), range, minutes());
		std::erase_if(list, [&](const Difference &one) { return holds(sealed, one.window); });
		if (list.empty())
			co_return list;
		const auto pending = co_await read_pending(stretch);
		for (auto &one : list) {
			if (holds(pending, one.window))
				one.explanation = "pending";
		}
		co_return list;
	}

private:
	/// Minutes that will be computed again: what was logged of a pair, and what is marked of a task that reads the index.
	Op<RangeSet> read_pending(Stretch stretch) {
		std::vector<agg_cell> symbols {cell(std::string_view(key_.symbol))};
		for (const auto &component : dollar_index.components)
			symbols.push_back(cell(std::string_view(component.symbol)));
		auto values = parameters(Parameter(AGG_TEXT, symbols), timestamp_parameter(stretch.from), timestamp_parameter(stretch.to));
		auto pending = co_await windows_in(db_, logged_ranges(), std::move(values), minutes());
		for (const auto &task : readers_) {
			auto of_task = parameters(text_parameter(task.key.symbol), text_parameter(task.key.timeframe),
			                          timestamp_parameter(stretch.from), timestamp_parameter(stretch.to));
			const auto marked = co_await windows_in(db_, marked_ranges(), std::move(of_task), minutes());
			pending.add(marked);
		}
		co_return pending;
	}

	Database &db_;
	TaskKey key_ {"DXY", "1m"};
	std::vector<Task> readers_;
	Timestamp from_ = Timestamp::infinity();
	Timestamp to_ = Timestamp::minus_infinity();
};

} // namespace

std::unique_ptr<Proof> proof_of_index(Database &db, const std::vector<Task> &tasks) {
	std::vector<Task> readers;
	for (const auto &task : tasks) {
		if (reads_index(task))
			readers.push_back(task);
	}
	if (readers.empty())
		return nullptr;
	return std::make_unique<IndexProof>(db, std::move(readers));
}

} // namespace aggregation
