#include "ops/bars/window_batch.hpp"

#include "ops/bars/compute_windows.hpp"
#include "ops/bars/derived_bars.hpp"
#include "ops/bars/dropped_chunks.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/marks/look_again.hpp"
#include "ops/bars/window_fold.hpp"
#include "ops/marks/windows_above.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aggregation {

namespace {

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
Op<BarChanges> replace(Database &db, const std::vector<Segment> &segments, std::vector<ComputedWindow> &windows) {
	BarChanges changes;
	changes.without_source = co_await soft_delete_all(db, segments.front(), *segments.front().replace_reason);
	for (size_t i = 0; i < windows.size(); ++i) {
		if (windows[i].quality && !segments.front().sealed.holds(windows[i].start))
			changes.inserts.push_back(i);
	}
	co_await number_new_bars(db, segments, windows, changes.inserts);
	bool inserted = false;
	if (changes.inserts.size() > few_inserts)
		inserted = co_await bulk_insert_bars(db, segments, windows, changes.inserts);
	if (!inserted)
		co_await upsert_bars(db, segments, windows, changes.inserts);
	co_return changes;
}

/// Takes out of the changes what is frozen.
void refuse_frozen(std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows, BarChanges &changes) {
	const auto refused = [&](size_t place, Timestamp start) {
		Segment &segment = segments[place];
		if (start >= segment.frozen_before)
			return false;
		segment.refused.add({start, segment.target->next(start)});
		return true;
	};
	for (auto *which : {&changes.inserts, &changes.updates})
		std::erase_if(*which, [&](size_t i) { return refused(windows[i].segment, windows[i].start); });
	for (auto *deleted : {&changes.insufficient, &changes.without_source})
		std::erase_if(*deleted, [&](const BarPlace &bar) { return refused(bar.segment, bar.start); });
}

/// Writes what differs. Another session may store the same bars at the same time (of windows without a task): then the bulk insert hits its
/// key, is rolled back, and the windows are compared with what is stored now.
Op<BarChanges> write(Database &db, std::vector<Segment> &segments, std::vector<ComputedWindow> &windows) {
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
	refuse_frozen(segments, windows, changes);
	co_await number_new_bars(db, segments, windows, changes.inserts);
	bool inserted = false;
	if (changes.inserts.size() > few_inserts) {
		inserted = co_await bulk_insert_bars(db, segments, windows, changes.inserts);
		if (!inserted) {
			changes = co_await compare_with_stored(db, segments, windows);
			refuse_frozen(segments, windows, changes);
		}
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
	auto windows = co_await compute_windows(db, segments);
	co_await seal_dropped_chunks(db);
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
	ChangedBars changed;
	const auto add = [&](size_t segment, Timestamp start) { changed.add(segments[segment].symbol, *segments[segment].target, start); };
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
		plans.restore(segments, 0, segments.size());
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
