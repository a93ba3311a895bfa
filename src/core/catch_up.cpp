#include "core/catch_up.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

const char *to_string(StopReason reason) {
	switch (reason) {
	case StopReason::max_windows:
		return "max_windows";
	case StopReason::not_confirmed:
		return "not_confirmed";
	case StopReason::frontier:
		return "frontier";
	case StopReason::gap:
		return "gap";
	case StopReason::waiting_for_source:
		return "waiting_for_source";
	case StopReason::cursor_beyond_source_data:
		return "cursor_beyond_source_data";
	case StopReason::no_source_data_anywhere:
		return "no_source_data_anywhere";
	}
	return "";
}

bool worth_calling_again(StopReason reason) {
	return reason == StopReason::max_windows || reason == StopReason::gap;
}

CatchUp::CatchUp(Settings settings)
    : settings_(std::move(settings)), cursor_(settings_.target.ceil(std::max(settings_.start_cursor, settings_.agg_start))),
      position_(cursor_),
      confirmed_end_(std::min(settings_.confirmation == Confirmation::ignored ? settings_.now : settings_.now - settings_.delay,
                              Timestamp::range_end())),
      complete_end_(settings_.source_complete_until) {
}

CatchUp::Progress CatchUp::progress() const {
	Progress progress;
	progress.cursor_ = cursor_;
	progress.processed_ = processed_;
	progress.phase_ = phase_;
	progress.reason_ = reason_;
	return progress;
}

void CatchUp::resume(const Progress &progress) {
	cursor_ = progress.cursor_;
	processed_ = progress.processed_;
	phase_ = progress.phase_;
	reason_ = progress.reason_;
}

std::optional<StopReason> CatchUp::obstacle(Timestamp window_start) const {
	if (!confirmed(window_start))
		return StopReason::not_confirmed;
	if (!source_complete(window_start))
		return StopReason::waiting_for_source;
	return std::nullopt;
}

void CatchUp::finish(StopReason reason) {
	reason_ = reason;
	phase_ = Phase::finished;
}

CatchUp::Step CatchUp::next(int64_t most_windows) {
	if (phase_ == Phase::at_window) {
		if (processed_ >= settings_.max_windows) {
			finish(StopReason::max_windows);
		} else if (processed_ == 0 && last_known_ && (!last_ || cursor_ > *last_)) {
			start_without_source(last_);
		} else if (const auto reason = obstacle(position_)) {
			// A call that has processed nothing first asks whether there is any source at its cursor or behind it.
			if (processed_ > 0 || position_ != cursor_)
				finish(*reason);
			else if (last_known_)
				start_without_source(last_);
			else
				phase_ = Phase::find_last;
		}
	}
	switch (phase_) {
	case Phase::find_next:
		return FindNext {position_};
	case Phase::find_last:
		return FindLast {};
	case Phase::finished:
		return Finished {*reason_};
	case Phase::at_window:
		break;
	}
	const auto &target = settings_.target;
	const int64_t windows = std::min(most_windows, settings_.max_windows - processed_);
	const Timestamp ready_end = target.floor(std::min(confirmed_end_, complete_end_));
	return Read {position_, std::min(target.after(position_, windows), ready_end)};
}

bool CatchUp::window(Timestamp start) {
	if (processed_ > 0 && start != cursor_ && settings_.at_gap == AtGap::stop) {
		finish(StopReason::gap);
		return false;
	}
	++processed_;
	cursor_ = settings_.target.next(start);
	return true;
}

void CatchUp::read_done(const Read &read) {
	if (phase_ == Phase::finished)
		return;
	position_ = read.to;
	if (cursor_ != read.to && processed_ < settings_.max_windows)
		phase_ = Phase::find_next;
}

void CatchUp::next_source(std::optional<Timestamp> first_at_or_after) {
	if (!first_at_or_after) {
		if (processed_ > 0)
			finish(StopReason::frontier);
		else if (last_known_)
			start_without_source(last_);
		else
			phase_ = Phase::find_last;
		return;
	}
	if (processed_ > 0 && settings_.at_gap == AtGap::stop) {
		finish(StopReason::gap);
		return;
	}
	position_ = settings_.target.floor(*first_at_or_after);
	phase_ = Phase::at_window;
}

void CatchUp::last_source(std::optional<Timestamp> last) {
	last_known_ = true;
	last_ = last;
	if (phase_ == Phase::find_last)
		start_without_source(last);
}

void CatchUp::start_without_source(std::optional<Timestamp> last) {
	const auto reason = obstacle(cursor_);
	if (!last || cursor_ > *last) {
		if (!source_complete(cursor_))
			finish(StopReason::waiting_for_source);
		else
			finish(last ? StopReason::cursor_beyond_source_data : StopReason::no_source_data_anywhere);
	} else {
		// With source at or behind the cursor the call came here because its first window is not ready; unless the row that `last`
		// names was deleted between two reads, which is a frontier like any other.
		finish(reason.value_or(StopReason::cursor_beyond_source_data));
	}
}

} // namespace aggregation
