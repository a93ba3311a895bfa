#include "ops/ticks/tick_runner.hpp"

#include "core/failure.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/marks/dirty_ranges.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace aggregation {

namespace {

/// Bounds a batch: its memory, and the length of its transaction.
constexpr int64_t most_minutes = 65'536;
constexpr int64_t most_ticks = 500'000; // of a stretch that becomes longer
constexpr int64_t rows_at_once = 20'000;
constexpr Duration longest_reading = Duration::seconds(1);
/// Of whole ranges, whose minutes nobody has counted.
constexpr int64_t first_slice = 60;
constexpr int64_t longest_slice = 7 * 24 * 60;
constexpr size_t most_failures_told = 20;

int64_t minutes_in(Timestamp from, Timestamp to) {
	return (to - from).us / Duration::minutes(1).us;
}

/// Splits what was taken: up to so many minutes that are over, the oldest first, and the rest.
struct Share {
	std::vector<TickRange> work;
	std::vector<TickRange> rest;
};

Share share_of(std::vector<TickRange> all, Timestamp until) {
	std::stable_sort(all.begin(), all.end(), [](const TickRange &a, const TickRange &b) { return a.from < b.from; });
	Share share;
	int64_t room = most_minutes;
	for (const auto &range : all) {
		const Timestamp over = std::clamp(until, range.from, range.to);
		const Timestamp to = std::min(over, steps(range.from, room, Duration::minutes(1)));
		if (range.from < to) {
			share.work.push_back({range.symbol, range.from, to, range.gone});
			room -= minutes_in(range.from, to);
		}
		if (to < range.to)
			share.rest.push_back({range.symbol, to, range.to, range.gone});
	}
	return share;
}

} // namespace

/// A batch of a source.
struct TickRunner::Work {
	const TickSource &source;
	const TickReading &reading;
	Timestamp started;
	std::vector<TickRange> left; // to be put back
	MinuteCounts counts {};
	std::string last_kept {};
	std::vector<MinuteFailure> failures {};
	std::map<std::string, RangeSet> refused {}; // by symbol
	TickChanges left_empty {};

	void add(const MinuteMaker &maker) {
		counts += maker.counts();
		if (!maker.last_kept().empty())
			last_kept = maker.last_kept();
		failures.insert(failures.end(), maker.failures().begin(), maker.failures().end());
		for (const auto &minute : maker.refused())
			refused[*minute.symbol].add({minute.from, minute.to, 1});
		for (const auto &minute : maker.left_empty())
			left_empty.add(*minute.symbol, {minute.from, minute.to}, false);
	}
};

Timestamp TickRunner::next_minute(Timestamp now) const {
	Timestamp next = Timestamp::infinity();
	for (const Duration delay : delays_)
		next = std::min(next, minute_of(now - delay) + Duration::minutes(1) + delay);
	return next;
}

Op<TickRunner::Batch> TickRunner::run(Timestamp now) {
	Batch batch;
	delays_.clear();
	// With one snapshot it could not know what others have made meanwhile.
	if (db_.snapshot() == Database::Snapshot::of_transaction)
		co_return batch;
	const auto sources = co_await read_tick_sources(db_, now);
	for (const auto &source : sources)
		delays_.push_back(source.delay);
	for (const auto &source : sources) {
		if (failed_.contains(source.name))
			continue;
		if (batch.worked && time_is_up_ && time_is_up_()) {
			batch.more = batch.more || source.due;
			continue;
		}
		if (source.problem) {
			co_await fail(source, *source.problem);
			batch.worked = true;
		} else if (source.dropped) {
			const bool locked = co_await lock_tick_source(db_, source.name);
			if (locked)
				co_await forget_tick_source(db_, source.name);
			batch.worked = true;
		} else if (source.due) {
			const bool worked = co_await make(source, now);
			batch.worked = batch.worked || worked;
			batch.more = batch.more || (worked && left_ && !failed_.contains(source.name));
		}
	}
	co_return batch;
}

/// False: somebody else is at it.
Op<bool> TickRunner::make(const TickSource source, Timestamp now) {
	bool worked = false;
	const auto fault = co_await in_subtransaction(db_, IfDone::keep, [&]() -> Op<void> { worked = co_await take_and_make(source, now); });
	if (!fault)
		co_return worked;
	if (failure_kind(fault->error()) == FailureKind::everything)
		fault->raise();
	co_await fail(source, fault->error());
	co_return true;
}

Op<bool> TickRunner::take_and_make(const TickSource &source, Timestamp now) {
	const bool locked = co_await lock_tick_source(db_, source.name);
	if (!locked)
		co_return false;
	const Timestamp until = over_until(source, now);
	TickChanges changes;
	co_await take(source, until, changes);
	auto share = share_of(changes.of_symbols(), until);
	const auto of_all = changes.of_all();
	const auto reading = co_await tick_reading(db_, source);
	Work work {source, reading, db_.clock(), std::move(share.rest)};
	if (!share.work.empty()) {
		work.left.insert(work.left.end(), of_all.begin(), of_all.end());
		co_await make_ranges(work, std::move(share.work));
	} else {
		co_await make_slices(work, of_all, until);
	}
	for (const auto &failure : work.failures) {
		tell(source, &failure.minute, failure.error);
		work.left.push_back(failure.minute);
	}
	co_await log_ticks(db_, source.name, work.left);
	for (const auto &[symbol, minutes] : work.refused) {
		const TaskKey key {symbol, "1m"};
		co_await list_refused(db_, key, minutes);
	}
	// Another source may have ticks for a minute that this one had.
	const auto left_empty = work.left_empty.of_symbols();
	const bool noted = co_await log_ticks_of_all(db_, source.name, left_empty);
	left_ = left_ || noted || std::any_of(work.left.begin(), work.left.end(), [&](const TickRange &range) { return range.from < until; });
	counts_ += work.counts;
	TickNote note {.kept = work.counts.kept, .last_kept = work.last_kept, .error = {}};
	if (!work.failures.empty()) {
		const auto &first = work.failures.front();
		note.error =
		    first.error.sqlstate + " " + named(*first.minute.symbol) + " " + to_iso8601(first.minute.from) + ": " + first.error.message;
		failed_.insert(source.name);
	}
	if (note.kept > 0 || note.error || source.failing)
		co_await note_on_tick_source(db_, source.name, note);
	co_return true;
}

Op<void> TickRunner::take(const TickSource &source, Timestamp until, TickChanges &changes) {
	const Timestamp recent = until - one_day;
	int64_t minutes = 0;
	left_ = false;
	const std::array<TimeRange, 2> ranges {TimeRange {recent, until}, TimeRange {Timestamp::minus_infinity(), recent}};
	for (const TimeRange &range : ranges) {
		int64_t rows = rows_at_once;
		while (rows == rows_at_once && minutes < most_minutes) {
			rows = co_await take_tick_entries(db_, source.name, range, rows_at_once, changes);
			minutes = 0;
			for (const auto &change : changes.of_symbols())
				minutes += minutes_in(change.from, change.to);
			left_ = rows == rows_at_once;
		}
	}
}

bool TickRunner::is_long(const Work &work) const {
	return db_.clock() - work.started >= longest_reading;
}

Op<void> TickRunner::make_ranges(Work &work, std::vector<TickRange> ranges) {
	MinuteMaker maker(db_, work.source, work.reading);
	co_await maker.read(ranges, [&] { return is_long(work); });
	work.left.insert(work.left.end(), ranges.begin(), ranges.end());
	co_await maker.write();
	work.add(maker);
}

/// Of whole ranges nobody knows how many ticks and symbols they have: stretches become longer as far as they turn out to be small.
Op<void> TickRunner::make_slices(Work &work, const std::vector<TickRange> ranges, Timestamp until) {
	int64_t &length = slice_length_.try_emplace(work.source.name, first_slice).first->second;
	for (const auto &range : ranges) {
		Timestamp from = range.from;
		while (from < std::min(range.to, until) && !is_long(work) && work.counts.stored() < most_minutes) {
			const TickRange slice {std::nullopt, from, std::min({range.to, until, steps(from, length, Duration::minutes(1))}), range.gone};
			MinuteMaker maker(db_, work.source, work.reading);
			// A single minute is read whatever it holds.
			const size_t most = length == 1 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(2 * most_minutes);
			const bool read = co_await maker.read_all(slice, most);
			if (!read) {
				length = std::max<int64_t>(1, length / 4);
				continue;
			}
			co_await maker.write();
			work.add(maker);
			from = slice.to;
			// However long it took: without an index that serves, each stretch costs the same.
			const bool is_small = maker.counts().stored() < most_minutes / 8 && maker.counts().ticks < most_ticks;
			if (is_small)
				length = std::min(longest_slice, 2 * length);
		}
		if (from < range.to)
			work.left.push_back({std::nullopt, from, range.to, range.gone});
	}
}

/// The whole source.
Op<void> TickRunner::fail(const TickSource &source, const Error error) {
	failed_.insert(source.name);
	tell(source, nullptr, error);
	TickNote note;
	note.error = error.sqlstate + " " + error.message;
	co_await note_on_tick_source(db_, source.name, note);
}

void TickRunner::tell(const TickSource &source, const TickRange *minute, const Error &error) {
	++failure_count_;
	if (failures_.size() >= most_failures_told)
		return;
	JsonObject failure;
	failure.add("tick_source", std::string_view(source.name));
	if (minute != nullptr)
		failure.add("canonical_symbol", std::string_view(*minute->symbol)).add("ts_utc", minute->from);
	failures_.push_back(failure.add("sqlstate", std::string_view(error.sqlstate)).add("error", std::string_view(error.message)).text());
}

} // namespace aggregation
