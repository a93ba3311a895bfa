#include "ops/bars/source_bars.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

namespace aggregation {

namespace {

// A plain range of one symbol needs no join.
#define AGG_ONE_RANGE(table, live)                                                                                                          \
	"SELECT " AGG_SOURCE_COLUMNS " FROM @" table                                                                                            \
	" d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz" live \
	" ORDER BY d.ts_utc"
constexpr size_t read_column = 8;

struct ReadStatements {
	Statement one;
	Statement many;
};

const ReadStatements &ingested() {
	static const ReadStatements statements {{"data_bars", AGG_ONE_RANGE("data_bars", ""), {AGG_SOURCE_TYPES}},
	                                        {"data_bars", AGG_MANY_RANGES("data_bars", "", ""), {AGG_SOURCE_TYPES, AGG_INT8}}};
	return statements;
}

const ReadStatements &derived() {
	static const ReadStatements statements {
	    {"derived_data_bars", AGG_ONE_RANGE("derived_data_bars", " AND d.deleted_at IS NULL"), {AGG_SOURCE_TYPES}},
	    {"derived_data_bars", AGG_MANY_RANGES("derived_data_bars", "", " AND d.deleted_at IS NULL"), {AGG_SOURCE_TYPES, AGG_INT8}}};
	return statements;
}

} // namespace

SourceBar source_bar_of(const Row &row) {
	return {.start = row.timestamp(0),
	        .open = row.maybe_real(1),
	        .high = row.maybe_real(2),
	        .low = row.maybe_real(3),
	        .close = row.maybe_real(4),
	        .vol = row.maybe_real(5),
	        .vwap = row.maybe_real(6),
	        .trade_count = row.maybe_integer(7)};
}

std::vector<Parameter> ManyRanges::parameters() && {
	return aggregation::parameters(Parameter(AGG_TEXT, std::move(symbols_)), Parameter(AGG_TEXT, std::move(timeframes_)),
	                               Parameter(AGG_TIMESTAMPTZ, std::move(from_)), Parameter(AGG_TIMESTAMPTZ, std::move(to_)));
}

Op<void> read_source_bars(Database &db, const std::vector<SourceRead> reads, SourceBarSink &sink) {
	const auto &statements = reads.front().source->ingested() ? ingested() : derived();
	if (reads.size() == 1) {
		const SourceRead &only = reads.front();
		auto take = [&](const Row &row) { return sink.take(0, source_bar_of(row)); };
		auto list = parameters(text_parameter(only.symbol), text_parameter(only.source->name()), timestamp_parameter(only.from),
		                       timestamp_parameter(only.to));
		co_await db.query(statements.one, std::move(list), take);
		co_return;
	}
	ManyRanges ranges;
	for (const auto &read : reads)
		ranges.add(read.symbol, read.source->name(), read.from, read.to);
	auto take = [&](const Row &row) { return sink.take(static_cast<size_t>(row.integer(read_column) - 1), source_bar_of(row)); };
	co_await db.query(statements.many, std::move(ranges).parameters(), take);
}

} // namespace aggregation
