// The minutes of a tick source, made from its ticks and stored in data_bars as 1m bars.
//
//   ticks     .. . .   ...|  .   |      |   . ..      read once, in any order
//   minutes   EURUSD 10:00 EURUSD 10:01  EURUSD 10:03
//   stored    =            ~             x            compared: equal, other values, no ticks any more
//
// A bar that this source has not made is left as it is, whoever wrote it; so are sealed minutes, which are named, and minutes whose ticks
// went without being noticed (tick_log.hpp). What cannot be written is halved until it is a minute of a symbol alone, so that it keeps
// nothing else from being made.
#pragma once

#include "core/error.hpp"
#include "core/tick_minutes.hpp"
#include "ops/bars/bar_columns.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/ticks/tick_log.hpp"
#include "ops/ticks/tick_sources.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

struct MinuteCounts {
	int64_t ticks = 0;
	int64_t inserted = 0;
	int64_t updated = 0;
	int64_t unchanged = 0;
	int64_t deleted = 0;
	int64_t kept = 0; // somebody else's bar is there

	/// Minutes that have a bar of the source's.
	int64_t stored() const {
		return inserted + updated + unchanged;
	}
	int64_t changed() const {
		return inserted + updated + deleted;
	}
	int64_t looked_at() const {
		return stored() + deleted + kept;
	}
	MinuteCounts &operator+=(const MinuteCounts &other);
};

struct MinuteFailure {
	TickRange minute; // of one symbol
	Error error;
};

class MinuteMaker {
public:
	MinuteMaker(Database &db, const TickSource &source, TickReading reading);

	/// Reads the ticks of the ranges, each of a symbol, until `enough()` says so. What it did not get to stays in `ranges`.
	template <class Enough>
	Op<void> read(std::vector<TickRange> &ranges, Enough enough);
	/// Reads the ticks that all symbols have in a range. False, with nothing read: they come to more than `most` minutes.
	Op<bool> read_all(const TickRange range, size_t most);
	/// Writes what was read, as far as it differs.
	Op<void> write();

	const MinuteCounts &counts() const {
		return counts_;
	}
	const std::string &last_kept() const {
		return last_kept_;
	}
	const std::vector<MinuteFailure> &failures() const {
		return failures_;
	}
	/// Minutes that have lost their bars.
	const std::vector<TickRange> &left_empty() const {
		return left_empty_;
	}
	/// Minutes that would have changed, were they not sealed.
	const std::vector<TickRange> &refused() const {
		return refused_;
	}

private:
	/// A range of minutes of a symbol that is compared with what is stored.
	struct Target {
		uint32_t symbol;
		Timestamp from;
		Timestamp to;
		bool gone; // ticks are known to have left
	};
	/// A minute that has ticks; no bar: none of them counts.
	struct Made {
		TickMinute minute;
		std::optional<TickBar> bar;
	};
	class MadeRows;

	Op<void> read_slice(const TimeRange slice, const std::vector<uint32_t> &symbols);
	Op<void> find_seals();
	bool is_sealed(const TickMinute &minute) const;
	TickRange range_of(const TickMinute &minute) const;
	void compute_bars();
	std::span<const Made> made_in(uint32_t symbol, Timestamp from, Timestamp to) const;
	Op<void> write_or_halve(std::span<const Target> targets);
	Op<MinuteCounts> write_these(std::span<const Target> targets);
	Op<void> compare(std::span<const Target> targets, MinuteCounts &counts);
	Op<bool> insert(const std::vector<const Made *> &bars);
	Op<uint64_t> update(const std::vector<const Made *> &bars);
	Op<uint64_t> remove(const std::vector<TickMinute> &bars);

	Database &db_;
	const TickSource &source_;
	TickReading reading_;
	std::string raw_;
	std::vector<agg_cell> shared_;
	TickMinutes ticks_;
	std::vector<Target> targets_;
	std::map<uint32_t, RangeSet> sealed_;
	std::vector<Made> made_; // by symbol and time
	// Of the comparison at hand:
	std::vector<const Made *> inserts_;
	std::vector<const Made *> updates_;
	std::vector<TickMinute> deletes_;
	std::vector<TickMinute> sealed_changes_;
	std::string kept_; // the last one
	std::vector<TickMinute> removed_;

	MinuteCounts counts_;
	std::string last_kept_;
	std::vector<MinuteFailure> failures_;
	std::vector<TickRange> left_empty_;
	std::vector<TickRange> refused_;
};

template <class Enough>
Op<void> MinuteMaker::read(std::vector<TickRange> &ranges, Enough enough) {
	// The minutes in order, each with the symbols that are wanted; neighbours with the same symbols are read at once, up to a day of few.
	std::map<Timestamp, std::vector<uint32_t>> minutes;
	for (const auto &range : ranges) {
		for (Timestamp minute = range.from; minute < range.to; minute = minute + Duration::minutes(1))
			minutes[minute].push_back(ticks_.number_of(*range.symbol));
	}
	constexpr int64_t most_at_once = 4096;
	auto next = minutes.begin();
	Timestamp until = Timestamp::minus_infinity();
	while (next != minutes.end() && !enough()) {
		const auto first = next;
		TimeRange slice {first->first, first->first + Duration::minutes(1)};
		const Duration longest = std::min(one_day, Duration::minutes(most_at_once / static_cast<int64_t>(first->second.size())));
		for (++next; next != minutes.end() && next->first == slice.to && slice.to - slice.from < longest && next->second == first->second;
		     ++next)
			slice.to = slice.to + Duration::minutes(1);
		co_await read_slice(slice, first->second);
		until = slice.to;
	}
	// What is left begins at `until`.
	std::vector<TickRange> left;
	for (auto &range : ranges) {
		const Timestamp to = std::min(range.to, until);
		if (range.from < to)
			targets_.push_back({ticks_.number_of(*range.symbol), range.from, to, range.gone});
		if (next != minutes.end() && std::max(range.from, until) < range.to)
			left.push_back({range.symbol, std::max(range.from, until), range.to, range.gone});
	}
	ranges = std::move(left);
}

} // namespace aggregation
