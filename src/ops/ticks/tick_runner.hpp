// Makes minutes of tick sources, a batch of each source at a time: what belongs to a batch (entries of the log, bars, what is noted) is of
// one transaction, and the source's row is locked for as long. Nobody waits for it: a runner leaves a source that another one is at.
//
//   recent minutes   of the last day, the oldest first: the live feed, and what an outage has left
//   older ones       late ticks, the oldest first
//   whole ranges     a backfill, as far as there is nothing else
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/ticks/minute_maker.hpp"
#include "ops/ticks/tick_sources.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

class TickRunner {
public:
	/// `time_is_up`: asked between two sources.
	explicit TickRunner(Database &db, std::function<bool()> time_is_up = {}) : db_(db), time_is_up_(std::move(time_is_up)) {
	}
	struct Batch {
		bool worked = false; // something was written, or failed
		bool more = false;   // minutes are left that are over
	};
	/// A batch of each source that has minutes before `now`, as far as there is time; of one at least. Where there is no source it costs a
	/// fraction of a statement.
	Op<Batch> run(Timestamp now);

	/// Whether there are sources, as of the last call.
	bool any() const {
		return !delays_.empty();
	}
	/// When the next minute of a source can be made; infinity without a source.
	Timestamp next_minute(Timestamp now) const;
	const MinuteCounts &counts() const {
		return counts_;
	}
	/// The first ones, each a JSON object; and how many there were.
	const std::vector<std::string> &failures() const {
		return failures_;
	}
	int64_t failure_count() const {
		return failure_count_;
	}

private:
	struct Work;
	Op<bool> make(const TickSource source, Timestamp now);
	Op<bool> take_and_make(const TickSource &source, Timestamp now);
	Op<void> take(const TickSource &source, Timestamp until, TickChanges &changes);
	Op<void> make_ranges(Work &work, std::vector<TickRange> ranges);
	Op<void> make_slices(Work &work, const std::vector<TickRange> ranges, Timestamp until);
	bool is_long(const Work &work) const;
	Op<void> fail(const TickSource &source, const Error error);
	void tell(const TickSource &source, const TickRange *minute, const Error &error);

	Database &db_;
	std::function<bool()> time_is_up_;
	std::vector<Duration> delays_; // of all sources
	bool left_ = false;            // minutes that are over, by the batch at hand
	MinuteCounts counts_;
	std::vector<std::string> failures_;
	int64_t failure_count_ = 0;
	std::set<std::string> failed_;                // sources that are not tried again
	std::map<std::string, int64_t> slice_length_; // of whole ranges, in minutes
};

} // namespace aggregation
