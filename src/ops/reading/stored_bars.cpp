#include "ops/reading/stored_bars.hpp"

#include "ops/bars/source_bars.hpp"
#include "ops/bars/source_slice.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <unordered_map>

namespace aggregation {

namespace {

#define AGG_BARS_OF(table, columns, live)                                                                                                  \
	"SELECT " columns " FROM @" table " d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "                                 \
	"AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz" live " ORDER BY d.ts_utc"
#define AGG_READ(table, more, live) AGG_BARS_OF(table, AGG_SOURCE_COLUMNS more, live)
#define AGG_NEWEST(table, more, live) AGG_MANY_RANGES_IN(table, more, live, "DESC LIMIT 1")
#define AGG_LIVE " AND d.deleted_at IS NULL"
#define AGG_INGESTED(shape) shape("data_bars", ", NULL::int8, NULL::int8", "")
#define AGG_DERIVED(shape) shape("derived_data_bars", ", d.quality_score::int8, d.revision::int8", AGG_LIVE)
#define AGG_FINAL(columns)                                                                                                                 \
	AGG_BARS_OF("derived_data_bars",                                                                                                       \
	            columns AGG_SOURCE_COLUMNS                                                                                                 \
	            ", d.quality_score::int4, CASE WHEN d.revision > 1 THEN 'revised' ELSE 'final' END, d.revision::int4",                     \
	            AGG_LIVE)                                                                                                                  \
	" LIMIT $5::int8"
#define AGG_STORED_TYPES AGG_SOURCE_TYPES, AGG_INT8, AGG_INT8
#define AGG_FINAL_TYPES AGG_SOURCE_TYPES, AGG_INT4, AGG_TEXT, AGG_INT4
constexpr size_t quality_column = 8;
constexpr size_t revision_column = 9;
constexpr size_t range_column = 10;

struct Statements {
	Statement forwards;
	Statement backwards;
	Statement many;
	Statement newest;
};

const Statements &statements_of(const Grid &bars) {
	static const Statements ingested {{nullptr, AGG_INGESTED(AGG_READ), {AGG_STORED_TYPES}},
	                                  {nullptr, AGG_INGESTED(AGG_READ) " DESC LIMIT $5::int8", {AGG_STORED_TYPES}},
	                                  {nullptr, AGG_INGESTED(AGG_MANY_RANGES), {AGG_STORED_TYPES, AGG_INT8}},
	                                  {nullptr, AGG_INGESTED(AGG_NEWEST), {AGG_STORED_TYPES, AGG_INT8}}};
	static const Statements derived {{nullptr, AGG_DERIVED(AGG_READ), {AGG_STORED_TYPES}},
	                                 {nullptr, AGG_DERIVED(AGG_READ) " DESC LIMIT $5::int8", {AGG_STORED_TYPES}},
	                                 {nullptr, AGG_DERIVED(AGG_MANY_RANGES), {AGG_STORED_TYPES, AGG_INT8}},
	                                 {nullptr, AGG_DERIVED(AGG_NEWEST), {AGG_STORED_TYPES, AGG_INT8}}};
	return bars.ingested() ? ingested : derived;
}

const Statement &final_rows(bool with_symbol) {
	static const Statement without {nullptr, AGG_FINAL(""), {AGG_FINAL_TYPES}};
	static const Statement with {nullptr, AGG_FINAL("$1::text, "), {AGG_TEXT, AGG_FINAL_TYPES}};
	return with_symbol ? with : without;
}

std::vector<Parameter> parameters_of(const StoredRange &range) {
	return parameters(text_parameter(range.symbol), text_parameter(range.bars->name()), timestamp_parameter(range.from),
	                  timestamp_parameter(range.to));
}

Flow hand_over(const BarRow &row, const Grid &bars, BarRowSink &sink) {
	return bars.ingested() && !row.bar.is_candle() ? Flow::more : sink.take(row);
}

bool begins_before(const BarRow &row, Timestamp time) {
	return row.bar.start < time;
}

} // namespace

BarRow stored_row(const Row &row) {
	const auto revision = row.maybe_integer(revision_column);
	return {source_bar_of(row), row.maybe_integer(quality_column), revision > 1 ? BarState::revised : BarState::final, revision};
}

Op<std::optional<Timestamp>> newest_stored(Database &db, std::string_view symbol, const Grid &bars, Timestamp to) {
	std::optional<Timestamp> newest;
	auto take = [&](const Row &row) {
		newest = row.timestamp(0);
		return Flow::enough;
	};
	auto list = parameters_of({symbol, &bars, Timestamp::range_begin(), to});
	list.emplace_back(AGG_INT8, cell(int64_t {1}));
	co_await db.query(statements_of(bars).backwards, std::move(list), take);
	co_return newest;
}

Op<int64_t> put_out_stored(Database &db, const StoredRange &range, bool with_symbol, std::optional<int64_t> most) {
	auto list = parameters_of(range);
	list.emplace_back(AGG_INT8, cell(most));
	co_return static_cast<int64_t>(co_await db.emit_query(final_rows(with_symbol), std::move(list)));
}

Op<std::optional<Timestamp>> StoredBars::newest(std::string_view symbol, const Grid &bars, Timestamp to) {
	co_return co_await newest_stored(db_, symbol, bars, to);
}

Op<Flow> StoredBars::read(const StoredRange &range, BarRowSink &sink) {
	Flow flow = Flow::more;
	if (const Fetched *known = fetched(range)) {
		const auto begin = std::lower_bound(known->rows.begin(), known->rows.end(), range.from, begins_before);
		for (auto row = begin; row != known->rows.end() && row->bar.start < range.to && flow == Flow::more; ++row)
			flow = hand_over(*row, *range.bars, sink);
		co_return flow;
	}
	auto take = [&](const Row &row) {
		flow = hand_over(stored_row(row), *range.bars, sink);
		return flow;
	};
	co_await db_.query(statements_of(*range.bars).forwards, parameters_of(range), take);
	co_return flow;
}

Op<Reached> StoredBars::read_backwards(const StoredRange &range, int64_t most, BarRowSink &sink) {
	Reached reached;
	const auto take_row = [&](const BarRow &row) {
		++reached.rows;
		reached.last = row.bar.start;
		return hand_over(row, *range.bars, sink);
	};
	const auto newest = newest_.find({range.symbol, range.bars->name()});
	if (most == 1 && newest != newest_.end() && newest->second.from <= range.from && newest->second.to == range.to) {
		for (const auto &row : newest->second.rows) {
			if (row.bar.start >= range.from)
				take_row(row);
		}
		co_return reached;
	}
	auto take = [&](const Row &row) { return take_row(stored_row(row)); };
	auto list = parameters_of(range);
	list.emplace_back(AGG_INT8, cell(most));
	co_await db_.query(statements_of(*range.bars).backwards, std::move(list), take);
	co_return reached;
}

Op<void> StoredBars::fetch_of(const std::vector<StoredRange> ranges, bool newest, std::map<Key, Fetched> &into) {
	for (const bool ingested : {true, false}) {
		ManyRanges wanted;
		std::vector<Fetched *> places;
		const Grid *any = nullptr;
		for (const auto &range : ranges) {
			if (range.bars->ingested() != ingested)
				continue;
			any = range.bars;
			const std::string_view timeframe = range.bars->name();
			wanted.add(range.symbol, timeframe, range.from, range.to);
			places.push_back(&into.insert_or_assign(Key(range.symbol, timeframe), Fetched {range.from, range.to, {}}).first->second);
		}
		if (any == nullptr)
			continue;
		auto take = [&](const Row &row) {
			places.at(static_cast<size_t>(row.integer(range_column) - 1))->rows.push_back(stored_row(row));
			return Flow::more;
		};
		const Statements &statements = statements_of(*any);
		co_await db_.query(newest ? statements.newest : statements.many, std::move(wanted).parameters(), take);
	}
}

/// Puts the minutes of a slice where they are wanted.
class StoredBars::FetchedMinutes : public SliceSink {
public:
	void want(std::string_view symbol, Fetched &place) {
		wanted_.emplace(symbol, &place);
	}
	void take(std::string_view symbol, const SourceBar &bar) override {
		const auto found = wanted_.find(symbol);
		if (found == wanted_.end())
			return;
		Fetched &place = *found->second;
		if (place.from <= bar.start && bar.start < place.to)
			place.rows.push_back({.bar = bar, .quality = {}, .state = BarState::final, .revision = {}});
	}
	/// They come as they lie.
	void sort() {
		for (auto &[symbol, place] : wanted_)
			std::sort(place->rows.begin(), place->rows.end(), [](const BarRow &a, const BarRow &b) { return a.bar.start < b.bar.start; });
	}

private:
	std::unordered_map<std::string_view, Fetched *> wanted_;
};

Op<std::vector<StoredRange>> StoredBars::fetch_by_time(const std::vector<StoredRange> ranges) {
	std::vector<SourceRead> reads;
	std::vector<StoredRange> left;
	for (const auto &range : ranges) {
		if (range.bars->ingested())
			reads.push_back({range.symbol, range.bars, range.from, range.to});
		else
			left.push_back(range);
	}
	const auto slice = co_await cheaper_slice(db_, reads, Reader::caller);
	if (!slice)
		co_return ranges;
	FetchedMinutes minutes;
	for (size_t i = 0, read = 0; i < ranges.size(); ++i) {
		const StoredRange &range = ranges[i];
		if (!range.bars->ingested())
			continue;
		if (!slice->holds(reads[read++])) {
			left.push_back(range);
			continue;
		}
		Fetched &place = ranges_.insert_or_assign(Key(range.symbol, range.bars->name()), Fetched {range.from, range.to, {}}).first->second;
		minutes.want(range.symbol, place);
	}
	co_await read_slice(db_, *slice, minutes, Reader::caller);
	minutes.sort();
	co_return left;
}

Op<void> StoredBars::fetch(const std::vector<StoredRange> ranges) {
	const auto left = co_await fetch_by_time(ranges);
	co_await fetch_of(left, false, ranges_);
}

Op<void> StoredBars::fetch_newest(const std::vector<StoredRange> ranges) {
	co_await fetch_of(ranges, true, newest_);
}

const StoredBars::Fetched *StoredBars::fetched(const StoredRange &range) const {
	const auto found = ranges_.find({range.symbol, range.bars->name()});
	return found != ranges_.end() && found->second.from <= range.from && range.to <= found->second.to ? &found->second : nullptr;
}

bool StoredBars::surely_empty(const StoredRange &range) const {
	const Fetched *known = fetched(range);
	return known != nullptr && std::lower_bound(known->rows.begin(), known->rows.end(), range.from, begins_before) ==
	                               std::lower_bound(known->rows.begin(), known->rows.end(), range.to, begins_before);
}

} // namespace aggregation
