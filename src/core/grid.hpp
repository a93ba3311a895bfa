// Grids: where the windows of a timeframe lie on the time axis, and what they are built from. Nothing else knows how wide a window is.
//
//        floor(t)      t      next(start), ceil(t)
//   |-------|----------+-----------|--------|-----------|
//         start                              after(start, 3)
//
// Windows are half-open, [start, next), and tile the axis.
//
//   up to 1h                    in every calendar: count from the Unix epoch
//   more than 1h, less than 1d  count from the beginning of the trading day; the last one is cut off where the day ends
//   days, weeks                 trading days; several count from 1970-01-01, weeks from the calendar's first day of the week (Monday)
//   months                      the trading days whose dates lie in them; several count from 1970-01
//
// Without a calendar, in UTC, a trading day is the 24 hours from midnight.
#pragma once

#include "core/calendar.hpp"
#include "core/timeframe.hpp"
#include "core/timestamp.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aggregation {

class Grid {
public:
	/// nullptr: UTC.
	explicit Grid(Timeframe timeframe, std::shared_ptr<const Calendar> calendar = nullptr);

	const Timeframe &timeframe() const {
		return shape_->timeframe;
	}
	const std::string &name() const {
		return timeframe().name();
	}
	const Calendar *calendar() const {
		return shape_->calendar.get();
	}
	/// See Timeframe.
	bool ingested() const {
		return timeframe().ingested();
	}
	/// The windows of another timeframe in this calendar.
	Grid of(Timeframe timeframe) const {
		return Grid(std::move(timeframe), shape_->calendar);
	}
	bool operator==(const Grid &other) const {
		return shape_ == other.shape_ || (timeframe() == other.timeframe() && shape_->calendar == other.shape_->calendar);
	}

	/// The start of the window that holds t; t itself if it is a start.
	Timestamp floor(Timestamp t) const;
	/// The first start at or after t. Saturates at infinity behind the end of the range.
	Timestamp ceil(Timestamp t) const;
	bool aligned(Timestamp t) const;
	/// The end of the window that begins at `start`, and the start of the one behind it.
	Timestamp next(Timestamp start) const {
		return shape_->kind == Kind::regular ? start + shape_->timeframe.width() : next_in_calendar(start);
	}
	/// The start of the window `windows` windows after the one that begins at `start`; before it, if `windows` is negative.
	/// Saturates.
	Timestamp after(Timestamp start, int64_t windows) const;
	/// How many windows lie between two starts, or between a start and any later instant: whole ones. Negative if `to` is before `from`.
	int64_t count(Timestamp from, Timestamp to) const;
	/// How many source bars a complete window needs, the one that begins at `start`: the source windows that touch a session.
	int64_t expected(Timestamp start, const Grid &source) const;

	/// Whether these windows are made of whole windows of `source`, which are narrower and of the same calendar.
	bool built_from(const Grid &source) const;
	/// Those of 1m, 5m, 1h and 1d that it can be built from, the widest first.
	std::vector<Timeframe> default_sources() const;
	/// What bars of this grid are made of unless the task says otherwise: the widest of them (so
	/// 5m<-1m, 15m, 30m and 1h<-5m, 4h and 1d<-1h, 1w and 1mo<-1d). nullopt for 1m, which is ingested.
	std::optional<Timeframe> default_source() const;

private:
	enum class Kind {
		regular, // of equal width, from an origin
		in_day,  // counted from the beginning of the trading day
		of_days  // counted in trading days
	};
	static Kind kind_of(const Timeframe &timeframe, bool utc);
	Timestamp next_in_calendar(Timestamp start) const;
	/// Microseconds since the start of t's regular window, 0 <= phase < width.
	int64_t phase(Timestamp t) const;
	/// The number of the window of days, weeks or months that holds a date, and the first date of a window.
	int64_t number_of(int64_t date) const;
	int64_t first_date(int64_t number) const;

	struct Shape {
		Timeframe timeframe;
		std::shared_ptr<const Calendar> calendar;
		Kind kind;
		// Of regular windows.
		Timestamp origin;
		int64_t phase_of_origin; // modulo the width
	};
	static Shape shape_of(Timeframe timeframe, std::shared_ptr<const Calendar> calendar);

	std::shared_ptr<const Shape> shape_; // one for all copies: thousands of tasks have a handful of grids
};

/// The minutes in which source is ingested; the same in every calendar.
const Grid &minutes();

} // namespace aggregation
