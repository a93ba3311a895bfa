// The proof of an index's minutes: its formula once more, in SQL, over whatever minutes any component or the index has. Minutes of
// components that are indexes themselves are taken as they are stored; they have a proof of their own.
#include "ops/proof/proof.hpp"

#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/tasks/symbols_elsewhere.hpp"

#include <algorithm>

namespace aggregation {

namespace {

constexpr int64_t minutes_at_once = 8'192;

// The minutes of [$1, $2) of the index $3: components $4 with exponents $5, constant $6, decimals $7, and the last price of a component
// counts for $8 minutes. Where exp() could overflow the product goes through numeric. A stored minute may be off by the rounding to the
// index's decimals and the last digits of exp() and ln(), more is a difference. Minutes that a feed delivered are not judged.
constexpr const char *compare_sql = R"sql(
WITH components AS (
	SELECT c.symbol, c.exponent FROM unnest($4::text[], $5::float8[]) AS c(symbol, exponent)
), candles AS (
	SELECT c.symbol, c.exponent, s.ts_utc, s.close
	FROM components c
	JOIN {closes}
		AND s.ts_utc >= $1::timestamptz - make_interval(mins => $8::int4) AND s.ts_utc < $2::timestamptz
	WHERE s.close > 0 AND s.close < 'Infinity' AND s.ts_utc = date_bin('1 minute', s.ts_utc, '2000-01-01 00:00+00')
), priced AS ({priced}
), summed AS (
	SELECT p.ts_utc, sum(p.exponent * ln(p.close)) AS logs, sum(abs(p.exponent * ln(p.close))) AS spread
	FROM priced p
	GROUP BY p.ts_utc
	HAVING count(*) = (SELECT count(*) FROM components)
), computed AS (
	SELECT m.ts_utc, 1 + m.spread AS digits_lost, CASE
		WHEN ln($6::float8) + m.logs > 709.79 OR ln($6::float8) + m.logs < -80 THEN NULL
		WHEN abs(m.logs) < 300 THEN ($6::float8 * exp(m.logs))::numeric
		ELSE $6::float8::numeric * exp(m.logs::numeric) END AS value
	FROM summed m
), expected AS (
	SELECT c.ts_utc, c.value::float8 AS close, c.value, c.digits_lost
	FROM computed c
	WHERE c.value >= 0.5 * 10::numeric ^ -$7::int4 AND c.value < 1.797e308
), stored AS (
	SELECT s.ts_utc, s.open, s.high, s.low, s.close, s.vol, s.vwap, s.trade_count::float8 AS trades,
		s.source IS DISTINCT FROM 'synthetic' AS delivered, count(*) OVER (PARTITION BY s.ts_utc) AS copies
	FROM @data_bars s
	WHERE s.canonical_symbol = $3::text AND s.timeframe = '1m' AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz
)
SELECT COALESCE(s.ts_utc, e.ts_utc), CASE WHEN s.ts_utc IS NULL THEN 'missing' WHEN s.copies > 1 THEN 'duplicate' WHEN e.ts_utc IS NULL
	THEN 'surplus' ELSE 'differs' END, c.name, c.stored, c.expected
FROM stored s FULL JOIN expected e ON e.ts_utc = s.ts_utc LEFT JOIN LATERAL (
	SELECT v.name, v.stored, v.expected
	FROM (VALUES ('close', s.close, e.close, COALESCE(abs(s.close::numeric - e.value)
			> 0.6 * 10::numeric ^ -$7::int4 + e.value * 0.000000000001 * e.digits_lost::numeric, true)),
		('open', s.open, s.close, float8send(s.open) IS DISTINCT FROM float8send(s.close)),
		('high', s.high, s.close, float8send(s.high) IS DISTINCT FROM float8send(s.close)),
		('low', s.low, s.close, float8send(s.low) IS DISTINCT FROM float8send(s.close)),
		('vol', s.vol, 0, s.vol IS DISTINCT FROM 0), ('vwap', s.vwap, NULL, s.vwap IS NOT NULL),
		('trade_count', s.trades, 0, s.trades IS DISTINCT FROM 0)) AS v(name, stored, expected, differs)
	WHERE v.differs
) c ON s.ts_utc IS NOT NULL AND e.ts_utc IS NOT NULL AND s.copies = 1
WHERE NOT COALESCE(s.delivered, false) AND (s.ts_utc IS NULL OR e.ts_utc IS NULL OR s.copies > 1 OR c.name IS NOT NULL)
ORDER BY 1)sql";

// What counts at an instant: the prices of that instant; or, where they are carried, the last one of each component. (No join of candles
// with themselves: the planner cannot know how many there are, and takes the one whose time grows with their square.)
constexpr const char *of_the_instant = R"sql(
	SELECT k.ts_utc, k.exponent, k.close FROM candles k)sql";
constexpr const char *carried_there = R"sql(
	SELECT g.ts_utc, g.exponent, g.close
	FROM (
		SELECT f.ts_utc, f.exponent, first_value(f.close) OVER w AS close, first_value(f.ts_utc) OVER w AS since
		FROM (
			SELECT e.ts_utc, e.symbol, e.exponent, max(e.close) AS close,
				count(max(e.close)) OVER (PARTITION BY e.symbol ORDER BY e.ts_utc) AS prices_so_far
			FROM (
				SELECT k.ts_utc, k.symbol, k.exponent, k.close FROM candles k
				UNION ALL
				SELECT t.ts_utc, c.symbol, c.exponent, NULL FROM (SELECT DISTINCT k.ts_utc FROM candles k) t CROSS JOIN components c
			) e
			GROUP BY e.ts_utc, e.symbol, e.exponent
		) f
		WINDOW w AS (PARTITION BY f.symbol, f.prices_so_far ORDER BY f.ts_utc)
	) g
	WHERE g.close IS NOT NULL AND g.ts_utc >= $1::timestamptz AND g.since >= g.ts_utc - make_interval(mins => $8::int4))sql";

// Where the components' minutes come from: the table; or what was read of them, $9 to $11, where other groups of shards hold some.
constexpr const char *in_table = "@data_bars s ON s.canonical_symbol = c.symbol AND s.timeframe = '1m'";
constexpr const char *as_read = "unnest($9::text[], $10::timestamptz[], $11::float8[]) AS s(symbol, ts_utc, close) ON s.symbol = c.symbol";

std::string compare_text(const char *closes, const char *priced) {
	const std::pair<std::string_view, std::string_view> words[] {{"{closes}", closes}, {"{priced}", priced}};
	return filled_in(compare_sql, words);
}

struct Comparison {
	std::string plain;
	std::string carried;
	Statement without_carry;
	Statement with_carry;
	Comparison(const char *closes, Planning planning)
	    : plain(compare_text(closes, of_the_instant)), carried(compare_text(closes, carried_there)),
	      without_carry {"data_bars", plain.c_str(), {AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_FLOAT8, AGG_FLOAT8}, planning},
	      with_carry {"data_bars", carried.c_str(), {AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_FLOAT8, AGG_FLOAT8}, planning} {
	}
};

const Statement &compare(const GeometricIndex &index, bool some_elsewhere) {
	static const Comparison of_table(in_table, Planning::by_index);
	static const Comparison of_read(as_read, Planning::by_statistics);
	const Comparison &comparison = some_elsewhere ? of_read : of_table;
	return index.carry.us == 0 ? comparison.without_carry : comparison.with_carry;
}

// $1: a component.
const Statement &read_closes() {
	static const Statement statement {
	    "@data_bars",
	    "SELECT s.ts_utc, s.close FROM @@data_bars s WHERE s.canonical_symbol = $1::text AND s.timeframe = '1m' "
	    "AND s.ts_utc >= $2::timestamptz AND s.ts_utc < $3::timestamptz AND s.close IS NOT NULL",
	    {AGG_TIMESTAMPTZ, AGG_FLOAT8},
	    Planning::by_statistics};
	return statement;
}

// $3: the index and its components.
const Statement &first_minute() {
	static const Statement statement {
	    "data_bars",
	    "SELECT b.ts_utc FROM unnest($3::text[]) AS k(symbol) "
	    "CROSS JOIN LATERAL (SELECT s.ts_utc FROM @data_bars s WHERE s.canonical_symbol = k.symbol AND s.timeframe = '1m' "
	    "AND s.ts_utc >= $1::timestamptz AND s.ts_utc < $2::timestamptz ORDER BY s.ts_utc LIMIT 1) b",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

// Of what is elsewhere, $1.
const Statement &first_minute_elsewhere() {
	static const Statement statement {"@data_bars",
	                                  "SELECT s.ts_utc FROM @@data_bars s WHERE s.canonical_symbol = $1::text AND s.timeframe = '1m' "
	                                  "AND s.ts_utc >= $2::timestamptz AND s.ts_utc < $3::timestamptz ORDER BY s.ts_utc LIMIT 1",
	                                  {AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &seals_elsewhere() {
	static const Statement statement {
	    "@agg_sealed_ranges",
	    "SELECT r.from_utc, CASE WHEN isfinite(r.to_utc) THEN r.to_utc + make_interval(mins => $4::int4) ELSE r.to_utc END "
	    "FROM @@agg_sealed_ranges r WHERE r.canonical_symbol = $1::text AND COALESCE(r.timeframe, '1m') = '1m' "
	    "AND r.to_utc > $2::timestamptz - make_interval(mins => $4::int4) AND r.from_utc < $3::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

// What is logged of $1 in its own group.
const Statement &logged_elsewhere() {
	static const Statement statement {
	    "@agg_change_log",
	    "SELECT u.from_utc, u.to_utc FROM @@agg_change_log l " AGG_LOGGED_ENTRIES
	    "WHERE l.canonical_symbol = $1::text AND u.symbol = $1::text AND u.to_utc > $2::timestamptz AND u.from_utc < $3::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

// A minute that has lost a component to retention stays as it is, and so do those to which its price was carried ($5 minutes).
const Statement &sealed_ranges() {
	static const Statement statement {
	    "agg_sealed_ranges",
	    "SELECT r.from_utc, CASE WHEN r.canonical_symbol = $3::text OR NOT isfinite(r.to_utc) THEN r.to_utc "
	    "ELSE r.to_utc + make_interval(mins => $5::int4) END "
	    "FROM @agg_sealed_ranges r WHERE (r.canonical_symbol IS NULL OR r.canonical_symbol = $3::text OR r.canonical_symbol = ANY ($4::text[])) "
	    "AND COALESCE(r.timeframe, '1m') = '1m' AND r.to_utc > $1::timestamptz - make_interval(mins => $5::int4) "
	    "AND r.from_utc < $2::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

class IndexProof : public Proof {
public:
	IndexProof(Database &db, GeometricIndex index, std::vector<Dependent> parts, std::vector<Task> readers)
	    : db_(db), index_(std::move(index)), key_ {index_.symbol, "1m"}, parts_(std::move(parts)), readers_(std::move(readers)) {
		for (const auto &component : index_.components)
			components_.push_back(cell(std::string_view(component.symbol)));
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
		if (!elsewhere_)
			elsewhere_ = co_await parts_elsewhere();
		Timestamp first = Timestamp::infinity();
		auto receive = [&](const Row &row) {
			first = std::min(first, row.timestamp(0));
			return Flow::more;
		};
		auto symbols = components_;
		symbols.push_back(cell(std::string_view(key_.symbol)));
		auto values = parameters(timestamp_parameter(from), timestamp_parameter(to), Parameter(AGG_TEXT, std::move(symbols)));
		co_await db_.query(first_minute(), std::move(values), receive);
		for (const auto &symbol : *elsewhere_)
			co_await db_.query(first_minute_elsewhere(), of_symbol(symbol, from, to), receive);
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
		constexpr int attempts = 3;
		std::vector<Difference> list;
		for (int attempt = 0; attempt < attempts; ++attempt) {
			list = co_await look(stretch);
			// What other nodes hold is read at another moment: something may have changed in between.
			const bool certain = elsewhere_->empty() ||
			                     std::all_of(list.begin(), list.end(), [](const Difference &one) { return !one.explanation.empty(); });
			if (certain)
				break;
		}
		co_return list;
	}

private:
	Op<SymbolSet> parts_elsewhere() {
		std::vector<std::string> symbols;
		for (const auto &part : parts_)
			symbols.push_back(part.symbol);
		co_return co_await symbols_elsewhere(db_, std::move(symbols));
	}

	static std::vector<Parameter> of_symbol(const std::string &symbol, Timestamp from, Timestamp to) {
		return parameters(text_parameter(symbol), timestamp_parameter(from), timestamp_parameter(to));
	}

	/// The components' minutes, as parameters.
	Op<void> add_closes(Stretch stretch, std::vector<Parameter> &list) {
		std::vector<agg_cell> symbols;
		std::vector<agg_cell> times;
		std::vector<agg_cell> closes;
		for (const auto &component : index_.components) {
			auto take = [&](const Row &row) {
				symbols.push_back(cell(std::string_view(component.symbol)));
				times.push_back(cell(row.timestamp(0)));
				closes.push_back(cell(row.real(1)));
				return Flow::more;
			};
			co_await db_.query(read_closes(), of_symbol(component.symbol, stretch.from - index_.carry, stretch.to), take);
		}
		list.emplace_back(AGG_TEXT, std::move(symbols));
		list.emplace_back(AGG_TIMESTAMPTZ, std::move(times));
		list.emplace_back(AGG_FLOAT8, std::move(closes));
	}

	Op<std::vector<Difference>> look(Stretch stretch) {
		std::vector<Difference> list;
		auto receive = [&](const Row &row) {
			list.push_back({key_, row.timestamp(0), std::string(row.text(1)), row.maybe_text(2).value_or(""),
			                double_text(row.maybe_real(3)), double_text(row.maybe_real(4)), ""});
			return Flow::more;
		};
		std::vector<agg_cell> exponents;
		for (const auto &component : index_.components)
			exponents.push_back(cell(component.exponent));
		const Parameter carry(AGG_INT4, cell(index_.carry.us / Duration::minutes(1).us));
		auto formula = parameters(timestamp_parameter(stretch.from), timestamp_parameter(stretch.to), text_parameter(key_.symbol),
		                          Parameter(AGG_TEXT, components_), Parameter(AGG_FLOAT8, std::move(exponents)),
		                          Parameter(AGG_FLOAT8, cell(index_.constant)), Parameter(AGG_INT4, cell(index_.decimals)), carry);
		const bool some_elsewhere = !elsewhere_->empty();
		if (some_elsewhere)
			co_await add_closes(stretch, formula);
		co_await db_.query(compare(index_, some_elsewhere), std::move(formula), receive);
		if (list.empty())
			co_return list;
		auto range = parameters(timestamp_parameter(stretch.from), timestamp_parameter(stretch.to), text_parameter(key_.symbol),
		                        Parameter(AGG_TEXT, components_), carry);
		auto sealed = co_await windows_in(db_, sealed_ranges(), std::move(range), minutes());
		for (const auto &symbol : *elsewhere_) {
			auto of_part = of_symbol(symbol, stretch.from, stretch.to);
			of_part.push_back(carry);
			const auto seals = co_await windows_in(db_, seals_elsewhere(), std::move(of_part), minutes());
			sealed.add(seals);
		}
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

	/// Minutes that will be computed again: what was logged of a part, and what is marked of a task that reads the index.
	Op<RangeSet> read_pending(Stretch stretch) {
		RangeSet pending;
		for (const auto &part : parts_) { // before it comes to the log here
			if (!elsewhere_->contains(part.symbol))
				continue;
			const auto logged =
			    co_await windows_in(db_, logged_elsewhere(), of_symbol(part.symbol, stretch.from - part.reach, stretch.to), minutes());
			pending.add(reached(logged, part.reach));
		}
		const auto own = co_await logged_of(key_.symbol, Duration {}, stretch);
		pending.add(own);
		for (const auto &part : parts_) {
			const auto logged = co_await logged_of(part.symbol, part.reach, stretch);
			pending.add(logged);
		}
		for (const auto &task : readers_) {
			auto of_task = parameters(text_parameter(task.key.symbol), text_parameter(task.key.timeframe),
			                          timestamp_parameter(stretch.from), timestamp_parameter(stretch.to));
			const auto marked = co_await windows_in(db_, marked_ranges(), std::move(of_task), minutes());
			pending.add(marked);
		}
		co_return pending;
	}

	Op<RangeSet> logged_of(const std::string_view symbol, Duration reach, Stretch stretch) {
		std::vector<agg_cell> symbols {cell(symbol)};
		auto values =
		    parameters(Parameter(AGG_TEXT, std::move(symbols)), timestamp_parameter(stretch.from - reach), timestamp_parameter(stretch.to));
		const auto logged = co_await windows_in(db_, logged_ranges(), std::move(values), minutes());
		co_return reached(logged, reach);
	}

	static RangeSet reached(const RangeSet &logged, Duration reach) {
		RangeSet ranges;
		for (const auto &range : logged.ranges())
			ranges.add({range.from, range.to + reach, range.rows});
		return ranges;
	}

	Database &db_;
	GeometricIndex index_;
	TaskKey key_;
	std::vector<agg_cell> components_;
	std::vector<Dependent> parts_;
	std::optional<SymbolSet> elsewhere_; // of these
	std::vector<Task> readers_;
	Timestamp from_ = Timestamp::infinity();
	Timestamp to_ = Timestamp::minus_infinity();
};

} // namespace

std::unique_ptr<Proof> proof_of_index(Database &db, const Indexes &indexes, const GeometricIndex &index, const std::vector<Task> &tasks) {
	std::vector<Task> readers;
	for (const auto &task : tasks) {
		if (index_read_by(task, indexes) == &index)
			readers.push_back(task);
	}
	if (readers.empty())
		return nullptr;
	return std::make_unique<IndexProof>(db, index, indexes.parts_of(index.symbol), std::move(readers));
}

} // namespace aggregation
