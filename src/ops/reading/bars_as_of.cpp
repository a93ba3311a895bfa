#include "ops/reading/bars_as_of.hpp"

#include "ops/bars/source_bars.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/reading/visible_bars.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

constexpr int64_t most_at_once = 8'192;

#define AGG_VERSIONS(order)                                                                                                                \
	"SELECT " AGG_SOURCE_COLUMNS ", d.quality_score, d.revision::int8, d.deleted, d.made_at <= $6::timestamptz FROM @agg_bar_revisions d " \
	"WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz "       \
	"AND d.made_at >= $5::timestamptz ORDER BY d.ts_utc" order ", d.made_at" order
#define AGG_VERSION_TYPES AGG_SOURCE_TYPES, AGG_INT8, AGG_INT8, AGG_BOOL, AGG_BOOL
constexpr size_t deleted_column = 10;
constexpr size_t by_then_column = 11;

const Statement &versions_forwards() {
	static const Statement statement {"agg_bar_revisions", AGG_VERSIONS(""), {AGG_VERSION_TYPES}};
	return statement;
}

const Statement &versions_backwards() {
	static const Statement statement {"agg_bar_revisions", AGG_VERSIONS(" DESC"), {AGG_VERSION_TYPES}};
	return statement;
}

class Collecting : public BarRowSink {
public:
	Flow take(const BarRow &row) override {
		rows.push_back(row);
		return Flow::more;
	}
	std::vector<BarRow> rows;
};

} // namespace

/// Puts live bars between those that have changed, by time; the live one of a window that has is another one now.
class BarsAsOf::WithLive : public BarRowSink {
public:
	WithLive(const std::vector<Version> &changed, BarRowSink &sink) : next_(changed.begin()), end_(changed.end()), sink_(sink) {
	}
	Flow take(const BarRow &row) override {
		put_out_before(row.bar.start);
		if (flow_ == Flow::more && next_ != end_ && next_->row.bar.start == row.bar.start)
			put_out_next();
		else if (flow_ == Flow::more)
			flow_ = sink_.take(row);
		return flow_;
	}
	Flow finish() {
		put_out_before(Timestamp::infinity());
		return flow_;
	}

private:
	void put_out_before(Timestamp time) {
		while (flow_ == Flow::more && next_ != end_ && next_->row.bar.start < time)
			put_out_next();
	}
	void put_out_next() {
		if (next_->there)
			flow_ = sink_.take(next_->row);
		++next_;
	}

	std::vector<Version>::const_iterator next_;
	std::vector<Version>::const_iterator end_;
	BarRowSink &sink_;
	Flow flow_ = Flow::more;
};

Op<BarsAsOf::Versions> BarsAsOf::versions_of(const StoredRange range, Direction direction, int64_t most) {
	const bool forwards = direction == Direction::forwards;
	Versions versions {.bars = {}, .reached = forwards ? range.to : range.from};
	auto take = [&](const Row &row) {
		const Timestamp start = row.timestamp(0);
		if (versions.bars.empty() || versions.bars.back().row.bar.start != start) {
			if (static_cast<int64_t>(versions.bars.size()) == most) {
				versions.reached = forwards ? start : versions.bars.back().row.bar.start;
				return Flow::enough;
			}
			versions.bars.emplace_back();
			versions.bars.back().row.bar.start = start;
		}
		// The last one that was made by then: it comes last forwards, and first backwards.
		Version &version = versions.bars.back();
		if (row.boolean(by_then_column) && (forwards || !version.found)) {
			version.row = stored_row(row);
			version.there = !row.boolean(deleted_column);
			version.found = true;
		}
		return Flow::more;
	};
	const std::string timeframe = range.bars->name();
	const auto &kept = as_of_.kept.at({std::string(range.symbol), timeframe});
	auto list = parameters(text_parameter(range.symbol), text_parameter(timeframe), timestamp_parameter(range.from),
	                       timestamp_parameter(range.to), timestamp_parameter(kept.began), timestamp_parameter(as_of_.time));
	co_await db_.query(forwards ? versions_forwards() : versions_backwards(), std::move(list), take);
	if (!some_rows_only_ || versions.bars.empty())
		co_return versions;
	BarKeys keys;
	for (const auto &version : versions.bars)
		keys.add(range.symbol, timeframe, version.row.bar.start);
	const auto places = co_await visible_bars(db_, std::move(keys));
	std::vector<Version> visible;
	for (const size_t place : places)
		visible.push_back(versions.bars.at(place));
	versions.bars = std::move(visible);
	co_return versions;
}

Op<Flow> BarsAsOf::read(const StoredRange &range, BarRowSink &sink) {
	Timestamp from = range.from;
	while (from < range.to) {
		const StoredRange rest {range.symbol, range.bars, from, range.to};
		const auto versions = co_await versions_of(rest, Direction::forwards, most_at_once);
		const StoredRange piece {range.symbol, range.bars, from, versions.reached};
		WithLive merged(versions.bars, sink);
		co_await StoredBars::read(piece, merged);
		if (merged.finish() == Flow::enough)
			co_return Flow::enough;
		from = versions.reached;
	}
	co_return Flow::more;
}

Op<Reached> BarsAsOf::read_backwards(const StoredRange &range, int64_t most, BarRowSink &sink) {
	Reached reached;
	Timestamp to = range.to;
	while (range.from < to) {
		const int64_t wanted = most - reached.rows;
		const StoredRange rest {range.symbol, range.bars, range.from, to};
		const auto versions = co_await versions_of(rest, Direction::backwards, std::min(wanted, most_at_once));
		const StoredRange piece {range.symbol, range.bars, versions.reached, to};
		Collecting live;
		const auto live_reached = co_await StoredBars::read_backwards(piece, wanted, live);
		// Behind this both are known.
		const Timestamp begin = live_reached.rows == wanted ? std::max(versions.reached, live_reached.last) : versions.reached;
		auto version = versions.bars.begin();
		auto row = live.rows.begin();
		for (;;) {
			const bool any_version = version != versions.bars.end() && version->row.bar.start >= begin;
			const bool any_row = row != live.rows.end() && row->bar.start >= begin;
			if (!any_version && !any_row)
				break;
			const BarRow *next = nullptr;
			if (any_version && (!any_row || version->row.bar.start >= row->bar.start)) {
				if (any_row && version->row.bar.start == row->bar.start)
					++row;
				next = version->there ? &version->row : nullptr;
				++version;
			} else {
				next = &*row++;
			}
			if (next == nullptr)
				continue;
			++reached.rows;
			reached.last = next->bar.start;
			if (sink.take(*next) == Flow::enough || reached.rows == most)
				co_return reached;
		}
		to = begin;
	}
	co_return reached;
}

Op<std::optional<Timestamp>> BarsAsOf::newest(std::string_view symbol, const Grid &bars, Timestamp to) {
	Collecting found;
	const StoredRange range {symbol, &bars, Timestamp::range_begin(), to};
	co_await read_backwards(range, 1, found);
	if (found.rows.empty())
		co_return std::nullopt;
	co_return found.rows.front().bar.start;
}

Op<void> BarsAsOf::find_unfinished(Ladder &ladder) {
	if (ladder.rungs.size() == 1)
		co_return;
	const Grid &source = ladder.rungs[1].bars;
	const auto last = co_await newest(ladder.symbol, source, Timestamp::range_end());
	if (last)
		ladder.rungs.front().pending.add({ladder.bars().floor(source.next(source.floor(*last))), Timestamp::infinity()});
}

} // namespace aggregation
