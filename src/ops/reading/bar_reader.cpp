#include "ops/reading/bar_reader.hpp"

#include "ops/bars/window_fold.hpp"
#include "ops/reading/stored_bars.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

constexpr int64_t most_kept = 16'384;
constexpr int64_t least_step = 16; // windows that are computed at once where the newest are looked for

/// Folds the bars of a source into windows, and hands these on as they end.
class Folding : public BarRowSink {
public:
	Folding(const Ladder &ladder, size_t rung, Timestamp from, Timestamp to, Timestamp now, BarRowSink &sink)
	    : rung_(ladder.rungs[rung]), now_(now), sink_(sink), segments_ {{.symbol = ladder.symbol,
	                                                                     .source = &ladder.rungs[rung + 1].bars,
	                                                                     .target = &rung_.bars,
	                                                                     .from = from,
	                                                                     .to = to,
	                                                                     .counts = {}}},
	      fold_(segments_, shared_reads(segments_).front()) {
	}
	Flow take(const BarRow &row) override {
		fold_.take(row.bar, windows_);
		return windows_.empty() ? Flow::more : hand_over();
	}
	Flow finish() {
		fold_.finish(windows_);
		return hand_over();
	}

private:
	Flow hand_over() {
		Flow flow = Flow::more;
		for (const auto &window : windows_) {
			if (flow == Flow::more)
				flow = hand_over(window);
		}
		windows_.clear();
		return flow;
	}
	Flow hand_over(const ComputedWindow &window) {
		const bool over = rung_.bars.next(window.start) <= now_;
		const BarValues &values = window.values;
		if (values.candles == 0 || (over && !window.quality))
			return Flow::more;
		BarRow row {.bar = {window.start, values.open, values.high, values.low, values.close, values.vol, values.vwap, values.trade_count},
		            .quality = {},
		            .state = BarState::forming,
		            .revision = {}};
		if (over) {
			row.quality = window.quality;
			const bool sure = rung_.on_the_fly && !rung_.pending.holds(window.start);
			row.state = sure ? BarState::final : BarState::provisional;
		}
		return sink_.take(row);
	}

	const Rung &rung_;
	Timestamp now_;
	BarRowSink &sink_;
	std::vector<Segment> segments_;
	SharedFold fold_;
	std::vector<ComputedWindow> windows_;
};

class Collecting : public BarRowSink {
public:
	Flow take(const BarRow &row) override {
		rows.push_back(row);
		return Flow::more;
	}
	std::vector<BarRow> rows;
};

/// Puts rows that come by time, or from the last one on, behind those that are there.
void append(NewestBars &newest, std::vector<BarRow> rows) {
	if (rows.empty())
		return;
	newest.found += static_cast<int64_t>(rows.size());
	newest.first = rows.back().bar.start;
	newest.kept = newest.found <= most_kept;
	if (newest.kept)
		newest.rows.insert(newest.rows.end(), rows.begin(), rows.end());
	else
		newest.rows.clear();
}

} // namespace

BarRow BarReader::with_state(size_t number, BarRow row) const {
	const Rung &rung = ladder_.rungs[number];
	if (rung.bars.ingested())
		row.state = row.bar.start + rung.bars.timeframe().width() > now_ ? BarState::forming : BarState::final;
	else if (!rung.pending.empty() && rung.pending.holds(row.bar.start))
		row.state = BarState::provisional;
	return row;
}

Op<Flow> BarReader::read_stored_of(size_t number, Timestamp from, Timestamp to, BarRowSink &sink) {
	class WithState : public BarRowSink {
	public:
		WithState(const BarReader &reader, size_t rung, BarRowSink &sink) : reader_(reader), rung_(rung), sink_(sink) {
		}
		Flow take(const BarRow &row) override {
			return sink_.take(reader_.with_state(rung_, row));
		}

	private:
		const BarReader &reader_;
		size_t rung_;
		BarRowSink &sink_;
	};
	WithState stated(*this, number, sink);
	const StoredRange range = stored_of(number, from, to);
	co_return co_await stored_.read(range, stated);
}

Op<Flow> BarReader::compute(size_t number, Timestamp from, Timestamp to, BarRowSink &sink) {
	Folding folding(ladder_, number, from, to, now_, sink);
	const Flow flow = co_await read_rung(number + 1, from, to, folding);
	if (flow == Flow::enough)
		co_return flow;
	co_return folding.finish();
}

std::vector<Stretch> BarReader::stretches_of(size_t number, Timestamp from, Timestamp to) const {
	std::vector<Stretch> stretches;
	const Rung &rung = ladder_.rungs[number];
	to = std::min(to, now_ + Duration {1});
	for (const auto &range : rung.computed.ranges()) {
		if (range.to <= from)
			continue;
		if (range.from >= to || from >= to)
			break;
		if (from < range.from)
			stretches.push_back({false, from, range.from});
		stretches.push_back({true, rung.bars.ceil(std::max(from, range.from)), rung.bars.ceil(std::min(to, range.to))});
		from = range.to;
	}
	if (from < to)
		stretches.push_back({false, from, to});
	return stretches;
}

Op<Flow> BarReader::read_rung(size_t number, Timestamp from, Timestamp to, BarRowSink &sink) {
	Flow flow = Flow::more;
	for (const auto &stretch : stretches_of(number, from, to)) {
		if (stretch.computed)
			flow = co_await compute(number, stretch.from, stretch.to, sink);
		else
			flow = co_await read_stored_of(number, stretch.from, stretch.to, sink);
		if (flow == Flow::enough)
			break;
	}
	co_return flow;
}

Op<Flow> BarReader::read(Timestamp from, Timestamp to, BarRowSink &sink) {
	co_return co_await read_rung(0, from, to, sink);
}

Op<void> BarReader::newest_stored_of(Timestamp from, Timestamp to, int64_t most, NewestBars &newest) {
	while (newest.found < most && from < to) {
		const int64_t asked = std::min(most - newest.found, most_kept);
		Collecting collected;
		const StoredRange range = stored_of(0, from, to);
		const auto reached = co_await stored_.read_backwards(range, asked, collected);
		for (auto &row : collected.rows)
			row = with_state(0, row);
		append(newest, std::move(collected.rows));
		if (reached.rows < asked)
			co_return;
		to = reached.last;
	}
}

Op<std::optional<Timestamp>> BarReader::last_with_source(Timestamp to) {
	std::optional<Timestamp> last;
	for (size_t i = 1; i < ladder_.rungs.size(); ++i) {
		const auto stored = co_await stored_.newest(ladder_.symbol, ladder_.rungs[i].bars, to);
		if (stored && (!last || *stored > *last))
			last = stored;
	}
	if (last)
		last = ladder_.bars().floor(*last);
	co_return last;
}

Op<void> BarReader::newest_computed(Timestamp from, Timestamp to, int64_t most, NewestBars &newest) {
	const Grid &bars = ladder_.bars();
	from = bars.ceil(from);
	int64_t step = least_step;
	while (newest.found < most && from < to) {
		step = std::min(std::max(step, most - newest.found), most_kept);
		const Timestamp begin = std::max(from, bars.after(bars.ceil(to), -step));
		Collecting collected;
		co_await read_rung(0, begin, to, collected);
		std::vector<BarRow> rows(collected.rows.rbegin(), collected.rows.rend());
		const auto wanted = static_cast<size_t>(most - newest.found);
		if (rows.size() > wanted)
			rows.resize(wanted);
		to = begin;
		if (rows.empty()) {
			const auto last = co_await last_with_source(begin);
			if (!last)
				co_return;
			to = std::min(to, bars.next(*last));
			step *= 2;
		}
		append(newest, std::move(rows));
	}
}

Op<NewestBars> BarReader::newest(Timestamp from, Timestamp to, int64_t most) {
	NewestBars newest;
	to = std::min(to, now_ + Duration {1});
	const auto &computed = ladder_.rungs.front().computed.ranges();
	for (auto range = computed.rbegin(); range != computed.rend(); ++range) {
		if (newest.found >= most || to <= from)
			co_return newest;
		if (range->from >= to)
			continue;
		if (range->to < to)
			co_await newest_stored_of(std::max(from, range->to), to, most, newest);
		co_await newest_computed(std::max(from, range->from), std::min(to, range->to), most, newest);
		to = range->from;
	}
	co_await newest_stored_of(from, to, most, newest);
	co_return newest;
}

const TimeRange *BarReader::newest_computed_range(Timestamp to) const {
	const auto &computed = ladder_.rungs.front().computed.ranges();
	for (auto range = computed.rbegin(); range != computed.rend(); ++range) {
		if (range->from < to)
			return range->to < to ? nullptr : &*range;
	}
	return nullptr;
}

bool BarReader::foresee(size_t number, Timestamp from, Timestamp to, std::vector<StoredRange> &ranges) const {
	constexpr int64_t a_lot = 256; // bars
	for (const auto &stretch : stretches_of(number, from, to)) {
		if (stretch.computed) {
			if (!foresee(number + 1, stretch.from, stretch.to, ranges))
				return false;
			continue;
		}
		const Grid &bars = ladder_.rungs[number].bars;
		const bool twice = std::any_of(ranges.begin(), ranges.end(), [&](const StoredRange &range) { return range.bars == &bars; });
		if (twice || bars.count(bars.floor(stretch.from), bars.ceil(stretch.to)) > a_lot)
			return false;
		ranges.push_back(stored_of(number, stretch.from, stretch.to));
	}
	return true;
}

std::vector<StoredRange> BarReader::foreseen(Timestamp to) const {
	std::vector<StoredRange> ranges;
	to = std::min(to, now_ + Duration {1});
	const Grid &bars = ladder_.bars();
	const TimeRange *range = newest_computed_range(to);
	if (range == nullptr)
		return ranges;
	const Timestamp begin = std::max(bars.ceil(range->from), bars.after(bars.ceil(to), -least_step));
	if (!foresee(0, begin, to, ranges))
		ranges.clear();
	return ranges;
}

std::optional<StoredRange> BarReader::foreseen_below(Timestamp to) const {
	to = std::min(to, now_ + Duration {1});
	if (const TimeRange *range = newest_computed_range(to))
		to = range->from;
	return to.finite() ? std::optional(stored_of(0, Timestamp::range_begin(), to)) : std::nullopt;
}

} // namespace aggregation
