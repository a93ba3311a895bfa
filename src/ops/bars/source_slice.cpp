#include "ops/bars/source_slice.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>

namespace aggregation {

namespace {

// Fewer reads are not worth asking.
constexpr size_t fewest_reads = 64;
// What things cost where a feed has spread a symbol's rows, relative to a row of a pass (src/pg/time_pass.c: and where it has not).
constexpr double cost_of_probe = 12;
constexpr double cost_of_probed_row = 4;

#define AGG_SLICE(table, live)                                                                                                             \
	"SELECT " AGG_SOURCE_COLUMNS ", d.canonical_symbol FROM @" table                                                                       \
	" d WHERE d.timeframe = $1::text AND d.ts_utc >= $2::timestamptz AND d.ts_utc < $3::timestamptz" live
constexpr size_t symbol_column = 8;

Statement slice_statement(const Grid &source, Reader reader) {
	static const Statement ingested {.relation = "data_bars",
	                                 .sql = AGG_SLICE("data_bars", ""),
	                                 .columns = {AGG_SOURCE_TYPES, AGG_TEXT},
	                                 .planning = Planning::by_statistics,
	                                 .scans = Scans::from_start};
	static const Statement derived {.relation = "derived_data_bars",
	                                .sql = AGG_SLICE("derived_data_bars", " AND d.deleted_at IS NULL"),
	                                .columns = {AGG_SOURCE_TYPES, AGG_TEXT},
	                                .planning = Planning::by_statistics,
	                                .scans = Scans::from_start};
	Statement statement = source.ingested() ? ingested : derived;
	if (reader == Reader::caller)
		statement.relation = nullptr;
	return statement;
}

std::vector<Parameter> parameters_of(const SourceSlice &slice) {
	return parameters(text_parameter(slice.source->name()), timestamp_parameter(slice.from), timestamp_parameter(slice.to));
}

/// Leaves out the few that reach further than the others, such as tasks that are behind.
SourceSlice common_slice(const std::vector<SourceRead> &reads) {
	std::vector<Timestamp> starts;
	std::vector<Timestamp> ends;
	for (const auto &read : reads) {
		starts.push_back(read.from);
		ends.push_back(read.to);
	}
	const auto few = static_cast<ptrdiff_t>(reads.size() / 20);
	std::nth_element(starts.begin(), starts.begin() + few, starts.end());
	std::nth_element(ends.begin(), ends.end() - 1 - few, ends.end());
	return {reads.front().source, starts[static_cast<size_t>(few)], ends[ends.size() - 1 - static_cast<size_t>(few)]};
}

bool of_one_source(const std::vector<SourceRead> &reads) {
	return std::all_of(reads.begin(), reads.end(),
	                   [&](const SourceRead &read) { return read.source->timeframe() == reads.front().source->timeframe(); });
}

double source_rows(const SourceRead &read) {
	return static_cast<double>(read.to.us - read.from.us) / static_cast<double>(read.source->timeframe().width().us);
}

} // namespace

Op<std::optional<SourceSlice>> cheaper_slice(Database &db, const std::vector<SourceRead> &reads, Reader reader) {
	const ReadSource wanted = db.read_source();
	const size_t fewest = wanted == ReadSource::by_time ? 2 : fewest_reads;
	if (wanted == ReadSource::by_key || reads.size() < fewest || !of_one_source(reads))
		co_return std::nullopt;
	const SourceSlice slice = common_slice(reads);
	if (!(slice.from < slice.to) || !slice.from.finite() || !slice.to.finite())
		co_return std::nullopt;
	double cost_by_key = 0;
	double rows = 0;
	size_t held = 0;
	for (const auto &read : reads) {
		if (!slice.holds(read))
			continue;
		++held;
		rows += source_rows(read);
		cost_by_key += cost_of_probe + cost_of_probed_row * source_rows(read);
	}
	// They must share their time: what lies between reads would be read for nobody.
	const double rows_of_one = source_rows({{}, slice.source, slice.from, slice.to});
	if (rows * 2 < rows_of_one * static_cast<double>(held) && wanted != ReadSource::by_time)
		co_return std::nullopt;
	const auto most = static_cast<uint64_t>(cost_by_key);
	const Statement statement = slice_statement(*slice.source, reader);
	const uint64_t rows_of_pass = co_await db.rows_of_pass(statement, parameters_of(slice), slice.from, slice.to, most);
	if (rows_of_pass == AGG_NO_PASS || (rows_of_pass >= most && wanted != ReadSource::by_time))
		co_return std::nullopt;
	co_return slice;
}

Op<void> read_slice(Database &db, const SourceSlice slice, SliceSink &sink, Reader reader) {
	auto take = [&](const Row &row) {
		sink.take(row.text(symbol_column), source_bar_of(row));
		return Flow::more;
	};
	const Statement statement = slice_statement(*slice.source, reader);
	co_await db.query(statement, parameters_of(slice), take);
}

} // namespace aggregation
