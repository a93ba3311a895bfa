// Planning a catch-up: which windows of one task are to be processed, what has to be read for that, where to stop and why.
//
// The plan is pure: it is told the task, the clock and what a read found, and says what to do next. Time runs from left to right:
//
//      cursor                        ready end
//   |----#----|----#----|---------|---------|- - -     # a source row
//    '--- processed ---' '- empty -'         '- not confirmed, or its source is not complete
//
// The cursor is the start of the next window and moves only past windows that were processed, that is, had a source row. An empty window
// ends the call, cursor before it: `gap` if there is later source, `frontier` if there is none. A call that starts at an empty window
// jumps to the window of the next source row, found by one index probe however wide the gap is.
#pragma once

#include "core/grid.hpp"

#include <cstdint>
#include <optional>
#include <variant>

namespace aggregation {

/// Why a catch-up ended. `max_windows` and `gap` mean: call again.
enum class StopReason {
	max_windows,
	not_confirmed,
	frontier,
	gap,
	waiting_for_source,
	cursor_beyond_source_data,
	no_source_data_anywhere,
};

/// The word for a reason in `reason` of an answer.
const char *to_string(StopReason reason);
bool worth_calling_again(StopReason reason);

/// What an empty window does to a call: end it (the SQL function's contract), or be jumped over in the same call (the engine over many
/// tasks).
enum class AtGap { stop, jump };

/// Whether a window waits for the task's delay after its end; the end itself must have passed in any case.
enum class Confirmation { required, ignored };

class CatchUp {
public:
	struct Settings {
		Grid target;
		Timestamp start_cursor; // raised to agg_start, then up to a boundary
		Timestamp agg_start;
		Timestamp now;
		Duration delay; // a window is confirmed once now >= its end + delay
		Confirmation confirmation = Confirmation::required;
		int64_t max_windows = 1;
		AtGap at_gap = AtGap::stop;
		/// The source is complete before this instant; a window that ends later waits. Infinity for ingested bars.
		Timestamp source_complete_until = Timestamp::infinity();
	};

	/// The next thing to do: read the source rows of [from, to), both aligned; find the first source row at or after `from`; find the very
	/// last source row; or nothing, the call is over.
	struct Read {
		Timestamp from;
		Timestamp to;
	};
	struct FindNext {
		Timestamp from;
	};
	struct FindLast {};
	struct Finished {
		StopReason reason;
	};
	using Step = std::variant<Read, FindNext, FindLast, Finished>;

	explicit CatchUp(Settings settings);

	/// How far it has got; a read that was told of windows may be repeated from there.
	class Progress;
	Progress progress() const;
	void resume(const Progress &progress);

	/// What to do next; a Read covers at most `most_windows` windows (> 0). Asking again without answering gives the same step.
	Step next(int64_t most_windows);

	/// Answers. During a read every window that has a source row is reported in order; false: stop reading, this window is not to be
	/// processed any more. `read_to` ends the read that was asked for.
	bool window(Timestamp start);
	void read_done(const Read &read);
	void next_source(std::optional<Timestamp> first_at_or_after);
	void last_source(std::optional<Timestamp> last);

	/// The first window that has not been looked at: behind the cursor, where windows without source are in between.
	Timestamp position() const {
		return position_;
	}
	/// The start of the next window to process.
	Timestamp cursor() const {
		return cursor_;
	}
	/// Windows that end later wait for their source.
	Timestamp source_complete_until() const {
		return complete_end_;
	}
	/// Windows that end later are not over, or not for long enough.
	Timestamp confirmed_until() const {
		return confirmed_end_;
	}
	int64_t windows_processed() const {
		return processed_;
	}

private:
	enum class Phase { at_window, find_next, find_last, finished };

	bool confirmed(Timestamp window_start) const {
		return settings_.target.next(window_start) <= confirmed_end_;
	}
	bool source_complete(Timestamp window_start) const {
		return settings_.target.next(window_start) <= complete_end_;
	}
	/// The reason why the window is not ready, or nullopt if it is.
	std::optional<StopReason> obstacle(Timestamp window_start) const;
	void finish(StopReason reason);
	void start_without_source(std::optional<Timestamp> last);

	Settings settings_;
	Timestamp cursor_;
	Timestamp position_;      // where reading goes on: the cursor, or behind a gap
	Timestamp confirmed_end_; // windows that end at or before these are ready
	Timestamp complete_end_;
	int64_t processed_ = 0;
	Phase phase_ = Phase::at_window;
	std::optional<StopReason> reason_;
	bool last_known_ = false;
	std::optional<Timestamp> last_;
};

/// What window() changes.
class CatchUp::Progress {
	friend class CatchUp;
	Timestamp cursor_;
	int64_t processed_ = 0;
	Phase phase_ = Phase::at_window;
	std::optional<StopReason> reason_;
};

} // namespace aggregation
