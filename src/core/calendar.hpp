// Market calendars: which instants make up the trading day of a date, and when the market is open.
//
//        date N           date N + 1                  N + 2
//   |-----------------|---------------------|------------------------|
//     [ session )        [ se )  [ ssion )
//
// Trading days tile the time axis. Most last 24 hours, some 23 or 25. Where they begin comes from PostgreSQL, which knows the rules of time
// zones; before the first and after the last day that is known they go on in steps of 24 hours, and no session is known there.
#pragma once

#include "core/range_set.hpp"
#include "core/timestamp.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace aggregation {

/// A date as the days since 1970-01-01, and where its trading day begins.
struct TradingDay {
	int64_t date;
	Timestamp start;
};

/// What becomes of candles outside the sessions.
enum class OutsideSessions {
	counted, // they are part of the bars' values, but not of their coverage
	left_out // as if they were not there
};

struct CalendarRules {
	std::string name;
	int first_weekday = 1; // of the trading date with which weeks begin: 1 is Monday, 7 Sunday
	OutsideSessions outside = OutsideSessions::counted;
};

class Calendar {
public:
	/// `days` in order, at least one, and where the last of them ends; a date that a time zone skipped is missing. `sessions` in order;
	/// those that touch count as one. Throws std::invalid_argument if days or sessions are not in order.
	Calendar(CalendarRules rules, std::vector<TradingDay> days, Timestamp end, std::span<const TimeRange> sessions);

	const CalendarRules &rules() const {
		return rules_;
	}
	/// The day that holds t.
	TradingDay day_of(Timestamp t) const;
	/// Where the day of a date begins; of a missing one, the next that is there.
	Timestamp start_of(int64_t date) const;
	/// How many trading days begin with the dates [from, to). Negative if `to` is before `from`.
	int64_t days_between(int64_t from, int64_t to) const;
	/// The same in windows that are counted from the beginning of each day, the last one cut off where the day ends.
	int64_t windows_between(int64_t from, int64_t to, Duration width) const;
	/// The widest span that divides the distance of every day's beginning from the hour's, and of 24 hours.
	Duration alignment() const {
		return alignment_;
	}
	const std::vector<TimeRange> &sessions() const {
		return sessions_;
	}
	/// Which of them is the first that ends after t, as an index; their number, if there is none. None before `from` is looked at.
	size_t session_after(Timestamp t, size_t from = 0) const;

private:
	CalendarRules rules_;
	std::vector<TradingDay> days_; // and one more, which begins at the end of the last
	std::vector<TimeRange> sessions_;
	std::vector<int64_t> missing_; // dates
	std::vector<size_t> odd_;      // days that do not last 24 hours, as indexes into days_
	Duration alignment_;
};

/// The trading day that holds t; without a calendar the day in UTC.
TradingDay trading_day(const Calendar *calendar, Timestamp t);

/// Asks a calendar about source windows, mostly one after the other.
class SessionScan {
public:
	/// Without a calendar the market is always open.
	explicit SessionScan(const Calendar *calendar) : calendar_(calendar) {
	}
	/// Whether the market is open at any moment of the range.
	bool touches(Timestamp from, Timestamp to);

private:
	const Calendar *calendar_;
	size_t next_ = 0; // the first session that ended after the last range began
};

} // namespace aggregation
