#include "ops/window_batch.hpp"

#include "core/quality.hpp"
#include "core/window_aggregator.hpp"
#include "ops/derived_bars.hpp"
#include "ops/tasks.hpp"

namespace aggregation {

namespace {

const std::vector<agg_type> source_columns {AGG_INT8,   AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8,
                                            AGG_FLOAT8, AGG_FLOAT8,      AGG_FLOAT8, AGG_INT8};

// The lateral subquery keeps its own order and cannot be flattened, so the rows come by segment and then by time without a sort.
const Statement &read_ingested() {
	static const Statement statement {
	    "data_bars",
	    "SELECT t.ord, b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count "
	    "FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, from_utc, to_utc, ord) "
	    "CROSS JOIN LATERAL (SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8 AS trade_count "
	    "FROM @data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe "
	    "AND d.ts_utc >= t.from_utc AND d.ts_utc < t.to_utc ORDER BY d.ts_utc OFFSET 0) b",
	    source_columns};
	return statement;
}

const Statement &read_derived() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT t.ord, b.ts_utc, b.open, b.high, b.low, b.close, b.vol, b.vwap, b.trade_count "
	    "FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, from_utc, to_utc, ord) "
	    "CROSS JOIN LATERAL (SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8 AS trade_count "
	    "FROM @derived_data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe "
	    "AND d.ts_utc >= t.from_utc AND d.ts_utc < t.to_utc AND d.deleted_at IS NULL ORDER BY d.ts_utc OFFSET 0) b",
	    source_columns};
	return statement;
}

/// Folds the rows of a batch's segments, which come in order, into windows.
class WindowReader {
public:
	explicit WindowReader(std::vector<Segment> &segments) : segments_(segments) {
	}

	Flow take(const Row &row) {
		const auto segment = static_cast<size_t>(row.integer(0) - 1);
		const Timestamp time = row.timestamp(1);
		if (open_ && segment == segment_ && time < window_end_ && time >= last_time_) {
			last_time_ = time;
		} else {
			if (segment >= segments_.size() || segment < segment_ || (segment == segment_ && time < last_time_))
				throw Error(sqlstate::internal_error, "source bars arrived out of order", "Please report this as a bug.");
			if (!start_window(segment, time))
				return segment + 1 == segments_.size() ? Flow::enough : Flow::more;
		}
		aggregator_.add({.start = time,
		                 .open = row.maybe_real(2),
		                 .high = row.maybe_real(3),
		                 .low = row.maybe_real(4),
		                 .close = row.maybe_real(5),
		                 .vol = row.maybe_real(6),
		                 .vwap = row.maybe_real(7),
		                 .trade_count = row.maybe_integer(8)});
		return Flow::more;
	}

	std::vector<ComputedWindow> finish() {
		close_window();
		return std::move(windows_);
	}

private:
	/// False if the segment's plan wants no more windows.
	bool start_window(size_t segment, Timestamp time) {
		close_window();
		if (segment != segment_)
			stopped_ = false;
		segment_ = segment;
		last_time_ = time;
		if (stopped_)
			return false;
		const Timeframe &target = *segments_[segment].target;
		window_start_ = target.floor(time);
		window_end_ = window_start_ + target.width();
		CatchUp *plan = segments_[segment].plan;
		if (plan != nullptr && !plan->window(window_start_)) {
			stopped_ = true;
			return false;
		}
		open_ = true;
		return true;
	}

	void close_window() {
		if (!open_)
			return;
		open_ = false;
		const Segment &segment = segments_[segment_];
		const BarValues values = aggregator_.values();
		aggregator_ = WindowAggregator();
		windows_.push_back({segment_, window_start_, values, quality_score(values.candles, segment.target->bars_from(*segment.source))});
	}

	std::vector<Segment> &segments_;
	std::vector<ComputedWindow> windows_;
	WindowAggregator aggregator_;
	size_t segment_ = 0;
	Timestamp window_start_;
	Timestamp window_end_;
	Timestamp last_time_ = Timestamp::minus_infinity();
	bool open_ = false;
	bool stopped_ = false;
};

Op<std::vector<ComputedWindow>> compute(Database &db, std::vector<Segment> &segments) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	for (const auto &segment : segments) {
		symbols.push_back(cell(segment.symbol));
		timeframes.push_back(cell(std::string_view(segment.source->name())));
		from.push_back(cell(segment.from));
		to.push_back(cell(segment.to));
	}
	WindowReader reader(segments);
	auto take = [&](const Row &row) { return reader.take(row); };
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(from)), Parameter(AGG_TIMESTAMPTZ, std::move(to)));
	co_await db.query(segments.front().source->ingested() ? read_ingested() : read_derived(), std::move(list), take);
	co_return reader.finish();
}

/// Up to this many new bars one upsert is cheaper than a subtransaction and the start of a COPY.
constexpr size_t few_inserts = 16;

/// What has to be done if nothing is stored; nullopt where that is not to be expected.
std::optional<BarChanges> all_new(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	BarChanges changes;
	changes.inserts.reserve(windows.size());
	for (size_t i = 0; i < windows.size(); ++i) {
		// Where a window comes to no bar, one may have to be deleted.
		if (!windows[i].quality || !segments[windows[i].segment].expected_new)
			return std::nullopt;
		changes.inserts.push_back(i);
	}
	if (changes.inserts.size() <= few_inserts)
		return std::nullopt;
	return changes;
}

/// Writes what differs. Another session may store the same bars at the same time (two old workers on one task): then the bulk insert hits
/// its key, is rolled back, and the windows are compared with what is stored now.
Op<BarChanges> write(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	if (auto changes = all_new(segments, windows)) {
		if (co_await bulk_insert_bars(db, segments, windows, changes->inserts))
			co_return std::move(*changes);
	}
	auto changes = co_await compare_with_stored(db, segments, windows);
	const bool in_bulk = changes.inserts.size() > few_inserts;
	if (!in_bulk || !co_await bulk_insert_bars(db, segments, windows, changes.inserts)) {
		if (in_bulk)
			changes = co_await compare_with_stored(db, segments, windows);
		co_await upsert_bars(db, segments, windows, changes.inserts);
	}
	co_await upsert_bars(db, segments, windows, changes.updates);
	co_await soft_delete_bars(db, segments, windows, changes.deletes);
	co_return changes;
}

} // namespace

WindowCounts &WindowCounts::operator+=(const WindowCounts &other) {
	inserted += other.inserted;
	updated += other.updated;
	unchanged += other.unchanged;
	deleted += other.deleted;
	quality_poor += other.quality_poor;
	skipped += other.skipped;
	refused += other.refused;
	return *this;
}

Op<std::vector<ComputedWindow>> process_windows(Database &db, std::vector<Segment> &segments) {
	auto windows = co_await compute(db, segments);
	if (windows.empty())
		co_return windows;
	const auto changes = co_await write(db, segments, windows);

	const auto count = [&](const std::vector<size_t> &which, int64_t WindowCounts::*member) {
		for (const size_t i : which)
			++(segments[windows[i].segment].counts.*member);
	};
	count(changes.inserts, &WindowCounts::inserted);
	count(changes.updates, &WindowCounts::updated);
	count(changes.unchanged, &WindowCounts::unchanged);
	count(changes.deletes, &WindowCounts::deleted);
	for (const auto &window : windows) {
		auto &counts = segments[window.segment].counts;
		counts.refused += window.values.refused;
		if (!window.quality)
			++counts.skipped;
		else if (*window.quality <= 0)
			++counts.quality_poor;
	}
	co_return windows;
}

} // namespace aggregation
