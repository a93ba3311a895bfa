#include "ops/bars/window_batch.hpp"

#include "core/quality.hpp"
#include "core/window_aggregator.hpp"
#include "ops/bars/derived_bars.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/bars/source_bars.hpp"
#include "ops/marks/look_again.hpp"
#include "ops/marks/windows_above.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aggregation {

namespace {

/// One read, and the segments made of it: those beside one another that want rows of the same source in ranges that overlap, as the
/// timeframes of a symbol do that are all made of its minutes.
struct SharedRead {
	SourceRead read;
	size_t first;
	size_t segments;
};

std::vector<SharedRead> shared_reads(const std::vector<Segment> &segments) {
	std::vector<SharedRead> reads;
	for (size_t i = 0; i < segments.size(); ++i) {
		const Segment &segment = segments[i];
		if (!reads.empty()) {
			SharedRead &last = reads.back();
			if (last.read.symbol == segment.symbol && *last.read.source == *segment.source && segment.from < last.read.to &&
			    segment.to > last.read.from) {
				last.read.from = std::min(last.read.from, segment.from);
				last.read.to = std::max(last.read.to, segment.to);
				++last.segments;
				continue;
			}
		}
		reads.push_back({{segment.symbol, segment.source, segment.from, segment.to}, i, 1});
	}
	return reads;
}

/// Where a row lies. One that is left out is no part of its window's bar. But the window has been read: what looks for source by the index
/// alone finds the row, and would wait for ever for the cursor to pass it.
enum class Place { inside, outside, left_out };

/// Folds the rows of one segment, which come in order, into windows.
class WindowFold {
public:
	WindowFold(Segment &segment, size_t index) : segment_(&segment), index_(index) {
	}

	/// False if no more rows are wanted.
	bool take(const SourceBar &bar, Place place, std::vector<ComputedWindow> &windows) {
		if (stopped_ || bar.start >= segment_->to)
			return false;
		if (!open_ || bar.start >= window_end_) {
			if (bar.start < segment_->from)
				return true;
			if (!start_window(bar.start, windows))
				return false;
		}
		if (place != Place::left_out && aggregator_.add(bar) && place == Place::inside)
			++inside_;
		return true;
	}

	void close_window(std::vector<ComputedWindow> &windows) {
		if (!open_)
			return;
		open_ = false;
		const BarValues values = aggregator_.values();
		aggregator_ = WindowAggregator();
		const int64_t inside = std::exchange(inside_, 0);
		const int64_t expected = segment_->target->expected(window_start_, *segment_->source);
		windows.push_back({index_, window_start_, values, expected, session_quality(values.candles, inside, expected)});
	}

private:
	/// False if the segment's plan wants no more windows.
	bool start_window(Timestamp time, std::vector<ComputedWindow> &windows) {
		close_window(windows);
		const Grid &target = *segment_->target;
		window_start_ = target.floor(time);
		window_end_ = target.next(window_start_);
		if (segment_->plan != nullptr && !segment_->plan->window(window_start_)) {
			stopped_ = true;
			return false;
		}
		open_ = true;
		return true;
	}

	Segment *segment_;
	size_t index_;
	WindowAggregator aggregator_;
	Timestamp window_start_;
	Timestamp window_end_;
	int64_t inside_ = 0; // candles of the open window that lie in sessions
	bool open_ = false;
	bool stopped_ = false;
};

/// Hands the rows of shared reads, which come in order, to the folds of their segments.
class WindowReader : public SourceBarSink {
public:
	WindowReader(std::vector<Segment> &segments, const std::vector<SharedRead> &reads) : segments_(segments), reads_(reads) {
		windows_.reserve(segments.size()); // where a batch is of many tasks, each has one
	}

	Flow take(size_t read, const SourceBar &bar) override {
		if (read != read_)
			begin(read);
		if (bar.start < last_time_)
			refuse();
		last_time_ = bar.start;
		Place place = Place::inside;
		if (calendar_ != nullptr && !scan_.touches(bar.start, reads_[read].read.source->next(bar.start)))
			place = calendar_->rules().outside == OutsideSessions::left_out ? Place::left_out : Place::outside;
		bool wanted = false;
		for (size_t i = 0; i < folds_.size(); ++i)
			wanted = folds_[i].take(bar, place, windows_of(i)) || wanted;
		return wanted || read + 1 < reads_.size() ? Flow::more : Flow::enough;
	}

	/// By segment, and then by time.
	std::vector<ComputedWindow> finish() {
		end();
		return std::move(windows_);
	}

private:
	static constexpr size_t none = std::numeric_limits<size_t>::max();

	[[noreturn]] static void refuse() {
		throw Error(sqlstate::internal_error, "source bars arrived out of order", "Please report this as a bug.");
	}
	void begin(size_t read) {
		if (read >= reads_.size() || (read_ != none && read < read_))
			refuse();
		end();
		read_ = read;
		last_time_ = Timestamp::minus_infinity();
		const SharedRead &shared = reads_[read];
		for (size_t i = shared.first; i < shared.first + shared.segments; ++i)
			folds_.emplace_back(segments_[i], i);
		beside_.resize(std::max(beside_.size(), folds_.size() - 1));
		calendar_ = shared.read.source->calendar();
		scan_ = SessionScan(calendar_);
	}
	void end() {
		for (size_t i = 0; i < folds_.size(); ++i) {
			auto &windows = windows_of(i);
			folds_[i].close_window(windows);
			if (i > 0) {
				windows_.insert(windows_.end(), windows.begin(), windows.end());
				windows.clear();
			}
		}
		folds_.clear();
	}
	/// What the first segment of a read comes to goes where it belongs at once.
	std::vector<ComputedWindow> &windows_of(size_t fold) {
		return fold == 0 ? windows_ : beside_[fold - 1];
	}

	std::vector<Segment> &segments_;
	const std::vector<SharedRead> &reads_;
	std::vector<ComputedWindow> windows_;
	std::vector<std::vector<ComputedWindow>> beside_; // of the other segments of the read
	std::vector<WindowFold> folds_;                   // of the read
	size_t read_ = none;
	Timestamp last_time_;
	const Calendar *calendar_ = nullptr;
	SessionScan scan_ {nullptr};
};

/// Up to this many new bars one upsert is cheaper than a subtransaction and the start of a COPY.
constexpr size_t few_inserts = 16;

/// What has to be done if nothing is stored; nullopt where that is not to be expected.
std::optional<BarChanges> all_new(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	BarChanges changes;
	changes.inserts.reserve(windows.size());
	for (size_t i = 0; i < windows.size(); ++i) {
		const Segment &segment = segments[windows[i].segment];
		// Where a window comes to no bar, or to none that may be written, one may have to be looked at.
		if (!windows[i].quality || !segment.expected_new || !segment.sealed.empty())
			return std::nullopt;
		changes.inserts.push_back(i);
	}
	if (changes.inserts.size() <= few_inserts)
		return std::nullopt;
	return changes;
}

/// Bars that are made anew: the old ones go first, whatever they are.
Op<BarChanges> replace(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	BarChanges changes;
	changes.without_source = co_await soft_delete_all(db, segments.front(), *segments.front().replace_reason);
	for (size_t i = 0; i < windows.size(); ++i) {
		if (windows[i].quality && !segments.front().sealed.holds(windows[i].start))
			changes.inserts.push_back(i);
	}
	bool inserted = false;
	if (changes.inserts.size() > few_inserts)
		inserted = co_await bulk_insert_bars(db, segments, windows, changes.inserts);
	if (!inserted)
		co_await upsert_bars(db, segments, windows, changes.inserts);
	co_return changes;
}

/// Writes what differs. Another session may store the same bars at the same time (of windows without a task): then the bulk insert hits its
/// key, is rolled back, and the windows are compared with what is stored now.
Op<BarChanges> write(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	if (segments.front().replace_reason != nullptr)
		co_return co_await replace(db, segments, windows);
	if (auto changes = all_new(segments, windows)) {
		bool inserted = co_await nothing_stored_in_holes(db, segments, windows);
		if (inserted)
			inserted = co_await bulk_insert_bars(db, segments, windows, changes->inserts);
		if (inserted)
			co_return std::move(*changes);
	}
	auto changes = co_await compare_with_stored(db, segments, windows);
	bool inserted = false;
	if (changes.inserts.size() > few_inserts) {
		inserted = co_await bulk_insert_bars(db, segments, windows, changes.inserts);
		if (!inserted)
			changes = co_await compare_with_stored(db, segments, windows);
	}
	if (!inserted)
		co_await upsert_bars(db, segments, windows, changes.inserts);
	co_await upsert_bars(db, segments, windows, changes.updates);
	co_await soft_delete_bars(db, segments, changes.insufficient, "insufficient_source_bars");
	co_await soft_delete_bars(db, segments, changes.without_source, "source_removed");
	co_return changes;
}

/// Reads and folds. What of it is sealed is asked afterwards: source that was retired before the read is known to be by now.
Op<std::vector<ComputedWindow>> compute(Database &db, std::vector<Segment> &segments) {
	const auto shared = shared_reads(segments);
	std::vector<SourceRead> reads;
	reads.reserve(shared.size());
	for (const auto &one : shared)
		reads.push_back(one.read);
	WindowReader reader(segments, shared);
	co_await read_source_bars(db, std::move(reads), reader);
	auto windows = reader.finish();
	co_await find_sealed(db, segments);
	co_return windows;
}

/// Whether there can be anything to compare or write.
bool nothing_to_do(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	return windows.empty() && std::none_of(segments.begin(), segments.end(), [](const Segment &one) {
		       return one.empty_windows == EmptyWindows::all || one.replace_reason != nullptr;
	       });
}

/// Of each segment.
Op<std::vector<CertainUntil>> certain_until(Database &db, const std::vector<Segment> &segments) {
	std::vector<Reading> readings;
	for (const auto &segment : segments)
		readings.push_back({segment.symbol, segment.source, segment.target});
	co_return co_await certain_until(db, readings);
}

/// Notes those of the windows that were looked at which may be made of bars that change at this moment.
Op<void> look_again(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                    const std::vector<CertainUntil> &certain) {
	LookAgain again;
	size_t next = 0;
	for (size_t i = 0; i < segments.size(); ++i) {
		const Segment &segment = segments[i];
		Timestamp to = segment.from;
		for (; next < windows.size() && windows[next].segment == i; ++next)
			to = segment.target->next(windows[next].start);
		if (segment.empty_windows == EmptyWindows::all)
			to = segment.to;
		again.add_uncertain(segment.symbol, *segment.target, {segment.from, to}, certain[i],
		                    segment.plan != nullptr ? Look::as_soon_as_possible : Look::with_next_run);
	}
	co_await again.note(db);
}

/// What the plans knew before a read that is to be repeated.
class SavedPlans {
public:
	explicit SavedPlans(const std::vector<Segment> &segments) {
		for (const auto &segment : segments)
			plans_.push_back(segment.plan == nullptr ? std::nullopt : std::optional(*segment.plan));
	}
	void restore(std::vector<Segment> &segments) const {
		for (size_t i = 0; i < segments.size(); ++i) {
			if (plans_[i])
				*segments[i].plan = *plans_[i];
		}
	}

private:
	std::vector<std::optional<CatchUp>> plans_;
};

void count_changes(std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows, const BarChanges &changes) {
	const auto count = [&](const std::vector<size_t> &which, int64_t WindowCounts::*member) {
		for (const size_t i : which)
			++(segments[windows[i].segment].counts.*member);
	};
	count(changes.inserts, &WindowCounts::inserted);
	count(changes.updates, &WindowCounts::updated);
	count(changes.unchanged, &WindowCounts::unchanged);
	for (const auto *deleted : {&changes.insufficient, &changes.without_source}) {
		for (const auto &bar : *deleted)
			++segments[bar.segment].counts.deleted;
	}
	for (const auto &window : windows) {
		auto &counts = segments[window.segment].counts;
		counts.unusable += window.values.unusable;
		if (segments[window.segment].sealed.holds(window.start))
			++counts.sealed;
		else if (!window.quality)
			++counts.skipped;
		else if (*window.quality <= 0)
			++counts.quality_poor;
	}
}

Op<void> mark_above(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                    const BarChanges &changes) {
	if (!changes.any())
		co_return;
	std::vector<ChangedBars> changed;
	changed.reserve(segments.size());
	for (const auto &segment : segments)
		changed.push_back({std::string(segment.symbol), segment.target, {}});
	const auto add = [&](size_t segment, Timestamp start) {
		changed[segment].windows.add({start, segments[segment].target->next(start), 1});
	};
	for (const auto *which : {&changes.inserts, &changes.updates}) {
		for (const size_t i : *which)
			add(windows[i].segment, windows[i].start);
	}
	for (const auto *deleted : {&changes.insufficient, &changes.without_source}) {
		for (const auto &bar : *deleted)
			add(bar.segment, bar.start);
	}
	co_await mark_windows_above(db, changed);
}

} // namespace

WindowCounts &WindowCounts::operator+=(const WindowCounts &other) {
	inserted += other.inserted;
	updated += other.updated;
	unchanged += other.unchanged;
	deleted += other.deleted;
	quality_poor += other.quality_poor;
	skipped += other.skipped;
	sealed += other.sealed;
	unusable += other.unusable;
	return *this;
}

Op<std::vector<ComputedWindow>> process_windows(Database &db, std::vector<Segment> &segments, TaskGuard *guard) {
	const bool unguarded = guard != nullptr && !guard->held();
	const SavedPlans plans(unguarded ? segments : std::vector<Segment>());
	auto certain = co_await certain_until(db, segments);
	auto windows = co_await compute(db, segments);
	if (nothing_to_do(segments, windows))
		co_return windows;
	if (unguarded) {
		const auto changes = co_await compare_with_stored(db, segments, windows);
		if (!changes.any()) {
			count_changes(segments, windows, changes);
			co_await look_again(db, segments, windows, certain);
			co_return windows;
		}
		co_await guard->acquire_late(*segments.front().source);
		plans.restore(segments);
		certain = co_await certain_until(db, segments);
		windows = co_await compute(db, segments);
	}
	if (guard != nullptr && guard->has_other_source())
		certain.assign(segments.size(), {Timestamp::minus_infinity()});
	const auto changes = co_await write(db, segments, windows);
	count_changes(segments, windows, changes);
	co_await mark_above(db, segments, windows, changes);
	co_await look_again(db, segments, windows, certain);
	co_return windows;
}

} // namespace aggregation
