// Market calendars: to look at (agg_trading_days, agg_calendar_windows), to bring up to date (agg_refresh_calendars). And what the triggers
// of their tables have done.
#include "ops/functions/functions.hpp"

#include "ops/boundary/isolation.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/calendars/calendar_changes.hpp"
#include "ops/calendars/calendar_rules.hpp"
#include "ops/calendars/days_of_rules.hpp"
#include "ops/calendars/fit_cursors.hpp"
#include "ops/calendars/fit_sources.hpp"
#include "ops/functions/too_many_windows.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/unknown.hpp"

#include <algorithm>
#include <utility>

namespace aggregation {

namespace {

#define AGG_LISTED_DAYS                                                                                                                    \
	"WHERE d.trading_date BETWEEN '1970-01-01'::date + $2::int4 AND '1970-01-01'::date + $3::int4 AND d.ends_at IS NOT NULL "              \
	"ORDER BY d.trading_date, s.opens"
#define AGG_LISTED_COLUMNS                                                                                                                 \
	"SELECT d.trading_date - '1970-01-01'::date, d.starts_at, d.ends_at, s.opens, s.closes, "                                              \
	"(SELECT string_agg(e.note, ', ' ORDER BY e.opens) FROM @agg_calendar_exceptions e "                                                   \
	"WHERE e.calendar = d.calendar AND e.trading_date = d.trading_date) "
#define AGG_LISTED_SESSIONS "LEFT JOIN LATERAL unnest(d.opens, d.closes) AS s(opens, closes) ON true "
#define AGG_LISTED_TYPES AGG_INT4, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TEXT

const Statement &stored_days() {
	static const Statement statement {
	    "agg_calendar_days",
	    AGG_LISTED_COLUMNS
	    "FROM (SELECT x.*, (SELECT n.starts_at FROM @agg_calendar_days n WHERE n.calendar = x.calendar AND n.trading_date > x.trading_date "
	    "ORDER BY n.trading_date LIMIT 1) AS ends_at FROM @agg_calendar_days x WHERE x.calendar = $1::text) d " AGG_LISTED_SESSIONS
	        AGG_LISTED_DAYS,
	    {AGG_LISTED_TYPES}};
	return statement;
}

const Statement &days_by_rules() {
	static const std::string sql =
	    "WITH " + days_of_rules("ARRAY[$1::text]") + AGG_LISTED_COLUMNS "FROM made d " AGG_LISTED_SESSIONS AGG_LISTED_DAYS;
	static const Statement statement {"agg_calendars", sql.c_str(), {AGG_LISTED_TYPES}, Planning::by_statistics};
	return statement;
}

const Statement &has_days() {
	static const Statement statement {
	    "agg_calendars",
	    "SELECT EXISTS (SELECT FROM @agg_calendar_days d WHERE d.calendar = c.calendar) FROM @agg_calendars c WHERE c.calendar = $1::text",
	    {AGG_BOOL}};
	return statement;
}

/// Whether its days are stored.
Op<bool> look_up(Database &db, const std::string calendar) {
	std::optional<bool> stored;
	if (calendar == utc_calendar)
		stored = false;
	auto take = [&](const Row &row) {
		stored = row.boolean(0);
		return Flow::more;
	};
	co_await db.query(has_days(), parameters(text_parameter(calendar)), take);
	if (!stored) {
		const Error unknown = co_await unknown_calendar(db, calendar, "");
		throw unknown;
	}
	if (!*stored) {
		std::vector<std::string> names {calendar};
		co_await check_time_zones(db, std::move(names));
	}
	co_return *stored;
}

struct ListedDay {
	int64_t date;
	Timestamp from;
	Timestamp to;
	std::vector<TimeRange> sessions;
	std::optional<std::string> note;
};

std::string json_of(const std::vector<TimeRange> &sessions) {
	std::string list;
	for (const auto &session : sessions)
		list += (list.empty() ? "[" : ", [") + json_string(to_iso8601(session.from)) + ", " + json_string(to_iso8601(session.to)) + "]";
	return "[" + list + "]";
}

int64_t minutes_of(const std::vector<TimeRange> &sessions) {
	Duration open;
	for (const auto &session : sessions)
		open.us += (session.to - session.from).us;
	return open.us / Duration::minutes(1).us;
}

} // namespace

Op<Answer> agg_trading_days(Database &db, Arguments arguments) {
	const std::string calendar = arguments.text("p_calendar");
	const int64_t from = arguments.integer("p_from");
	const int64_t to = arguments.integer("p_to");
	if (to < from)
		throw Error(sqlstate::invalid_parameter_value, "p_to lies before p_from", "Both dates are part of the range.");
	const bool stored = co_await look_up(db, calendar);
	std::vector<ListedDay> days;
	auto take = [&](const Row &row) {
		if (days.empty() || days.back().date != row.integer(0))
			days.push_back({row.integer(0), row.timestamp(1), row.timestamp(2), {}, row.maybe_text(5)});
		if (!row.is_null(3))
			days.back().sessions.push_back({row.timestamp(3), row.timestamp(4)});
		return Flow::more;
	};
	constexpr int64_t far = TradingDates::far;
	auto list = parameters(text_parameter(calendar), Parameter(AGG_INT4, cell(std::clamp(from, -far, far))),
	                       Parameter(AGG_INT4, cell(std::clamp(to, -far, far))));
	co_await db.query(stored ? stored_days() : days_by_rules(), std::move(list), take);
	constexpr size_t columns = 6;
	RowBuffer rows(db, columns);
	for (const auto &day : days) {
		rows.add({cell(day.date), cell(day.from), cell(day.to), cell(minutes_of(day.sessions)), cell(rows.keep(json_of(day.sessions))),
		          cell(day.note)});
		if (rows.full())
			co_await rows.flush();
	}
	co_await rows.flush();
	co_return Answer::rows();
}

Op<Answer> agg_calendar_windows(Database &db, Arguments arguments) {
	const std::string calendar = arguments.text("p_calendar");
	const std::string name = arguments.text("p_timeframe");
	const Timestamp from = arguments.timestamp("p_from_utc");
	const Timestamp to = arguments.timestamp("p_to_utc");
	const Timeframe timeframe = timeframe_or_throw(calendar, name);
	if (to < from)
		throw Error(sqlstate::invalid_parameter_value, "p_to_utc lies before p_from_utc", "Swap them.");
	CalendarPointer pointer;
	const bool stored = co_await look_up(db, calendar);
	if (calendar != utc_calendar && stored) {
		const std::set<std::string> names {calendar};
		const auto calendars = co_await read_calendars(db, names);
		pointer = calendars.named(calendar, name);
	} else if (calendar != utc_calendar) {
		pointer = co_await calendar_by_rules(db, calendar);
	}
	const Grid grid(timeframe, pointer);
	refuse_too_many_windows(grid, "calendar \"" + shortened(calendar) + "\"", from, to);
	const Grid of_minutes = grid.of(minutes().timeframe());
	constexpr size_t columns = 4;
	RowBuffer rows(db, columns);
	for (Timestamp start = grid.floor(from); start < to;) {
		const Timestamp next = grid.next(start);
		rows.add({cell(start), cell(next), cell(trading_day(pointer.get(), start).date), cell(grid.expected(start, of_minutes))});
		if (rows.full())
			co_await rows.flush();
		start = next;
	}
	co_await rows.flush();
	co_return Answer::rows();
}

Op<Answer> agg_refresh_calendars(Database &db, Arguments) {
	const auto followed = co_await follow_time_zones(db);
	std::string list;
	for (const auto &[name, days] : followed.days) {
		const auto &ranges = days.ranges();
		list += (list.empty() ? "" : ", ") + JsonObject()
		                                         .add("calendar", std::string_view(name))
		                                         .add("from_utc", ranges.front().from)
		                                         .add("to_utc", ranges.back().to)
		                                         .add("ranges", ranges.size())
		                                         .text();
	}
	co_return Answer::json(
	    JsonObject().add("success", true).add_raw("changed", "[" + list + "]").add("tasks_marked", followed.tasks).text());
}

/// calendar: whose rules somebody has changed; p_all_windows: those of them whose windows are others whatever their days are;
/// p_row: whether rows of agg_calendars were changed; p_first, p_last: the dates whose days may be others now.
Op<Answer> follow_calendar_change(Database &db, Arguments arguments) {
	refuse_old_snapshot(db, "calendars");
	ChangedRules changed;
	for (auto &name : arguments.texts("calendar"))
		changed.calendars.insert(std::move(name));
	for (auto &name : arguments.texts("p_all_windows"))
		changed.all_windows.insert(std::move(name));
	changed.check = arguments.boolean("p_row") ? RulesToCheck::all : RulesToCheck::hours;
	changed.dates = {arguments.integer("p_first"), arguments.integer("p_last")};
	if (changed.calendars.contains(utc_calendar))
		throw Error(sqlstate::object_not_in_prerequisite_state, "calendar \"utc\" is built in and cannot be changed",
		            "Make a calendar of another name, and choose it with agg_set_calendar().");
	co_await follow_rules(db, changed);
	co_return Answer::rows();
}

/// calendar, week_start, outside_sessions: of a row of agg_calendars that is about to be written.
Op<Answer> check_calendar_row(Database &, Arguments arguments) {
	check_calendar(arguments.text("calendar"), arguments.integer("week_start"), arguments.text("outside_sessions"));
	co_return Answer::rows();
}

/// calendar, weekday: of a row of agg_calendar_sessions.
Op<Answer> check_session_row(Database &, Arguments arguments) {
	check_weekday(arguments.text("calendar"), arguments.integer("weekday"));
	co_return Answer::rows();
}

/// calendar: what tasks name as their calendars; p_symbols: whose sources and cursors are to fit them.
Op<Answer> provide_calendars(Database &db, Arguments arguments) {
	CalendarNames names;
	for (auto &name : arguments.texts("calendar"))
		names.insert(std::move(name));
	names.erase(std::string(utc_calendar));
	const auto found = co_await need_calendars(db, names);
	for (const auto &name : names) {
		if (!found.contains(name))
			throw Error(sqlstate::foreign_key_violation, "calendar \"" + shortened(name) + "\" does not exist",
			            "agg_calendars lists the calendars; agg_set_calendar() chooses one for all tasks of a symbol.");
	}
	const auto symbols = arguments.texts("p_symbols");
	if (symbols.empty())
		co_return Answer::rows();
	const std::set<std::string> known(names.begin(), names.end());
	const auto calendars = co_await read_calendars(db, known);
	for (const auto &symbol : symbols) {
		co_await fit_sources_of(db, symbol, calendars);
		co_await fit_cursors_of(db, symbol, calendars);
	}
	co_return Answer::rows();
}

} // namespace aggregation
