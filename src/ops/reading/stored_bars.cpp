#include "ops/reading/stored_bars.hpp"

#include "ops/bars/source_bars.hpp"
#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

#define AGG_READ(table, quality, live)                                                                                                     \
	"SELECT " AGG_SOURCE_COLUMNS ", " quality " FROM @" table " d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "         \
	"AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz" live " ORDER BY d.ts_utc"
#define AGG_INGESTED AGG_READ("data_bars", "NULL::int8", "")
#define AGG_DERIVED AGG_READ("derived_data_bars", "d.quality_score::int8", " AND d.deleted_at IS NULL")
constexpr size_t quality_column = 8;

struct Statements {
	Statement forwards;
	Statement backwards;
};

const Statements &statements_of(const Grid &bars) {
	static const Statements ingested {{nullptr, AGG_INGESTED, {AGG_SOURCE_TYPES, AGG_INT8}},
	                                  {nullptr, AGG_INGESTED " DESC LIMIT $5::int8", {AGG_SOURCE_TYPES, AGG_INT8}}};
	static const Statements derived {{nullptr, AGG_DERIVED, {AGG_SOURCE_TYPES, AGG_INT8}},
	                                 {nullptr, AGG_DERIVED " DESC LIMIT $5::int8", {AGG_SOURCE_TYPES, AGG_INT8}}};
	return bars.ingested() ? ingested : derived;
}

std::vector<Parameter> range(const std::string &symbol, const Grid &bars, Timestamp from, Timestamp to) {
	return parameters(text_parameter(symbol), text_parameter(bars.name()), timestamp_parameter(from), timestamp_parameter(to));
}

Flow hand_over(const Row &row, const Grid &bars, BarRowSink &sink) {
	const BarRow read {source_bar_of(row), row.maybe_integer(quality_column), BarState::final};
	return bars.ingested() && !read.bar.is_candle() ? Flow::more : sink.take(read);
}

} // namespace

Op<Flow> read_stored(Database &db, const std::string &symbol, const Grid &bars, Timestamp from, Timestamp to, BarRowSink &sink) {
	Flow flow = Flow::more;
	auto take = [&](const Row &row) {
		flow = hand_over(row, bars, sink);
		return flow;
	};
	co_await db.query(statements_of(bars).forwards, range(symbol, bars, from, to), take);
	co_return flow;
}

Op<Reached> read_stored_backwards(Database &db, const std::string &symbol, const Grid &bars, Timestamp from, Timestamp to, int64_t most,
                                  BarRowSink &sink) {
	Reached reached;
	auto take = [&](const Row &row) {
		++reached.rows;
		reached.last = row.timestamp(0);
		return hand_over(row, bars, sink);
	};
	auto list = range(symbol, bars, from, to);
	list.emplace_back(AGG_INT8, cell(most));
	co_await db.query(statements_of(bars).backwards, std::move(list), take);
	co_return reached;
}

Op<std::optional<Timestamp>> newest_stored(Database &db, const std::string &symbol, const Grid &bars, Timestamp to) {
	std::optional<Timestamp> newest;
	auto take = [&](const Row &row) {
		newest = row.timestamp(0);
		return Flow::enough;
	};
	auto list = range(symbol, bars, Timestamp::range_begin(), to);
	list.emplace_back(AGG_INT8, cell(int64_t {1}));
	co_await db.query(statements_of(bars).backwards, std::move(list), take);
	co_return newest;
}

} // namespace aggregation
