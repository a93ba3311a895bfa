#include "ops/calendars/calendar_changes.hpp"

#include "core/error.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/calendars/fit_cursors.hpp"
#include "ops/calendars/fit_sources.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/recent_tasks.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/tasks.hpp"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &keep() {
	static const Statement statement {"agg_calendars",
	                                  "SELECT c.calendar, EXISTS (SELECT FROM @agg_calendar_days d WHERE d.calendar = c.calendar) "
	                                  "FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[]) ORDER BY c.calendar FOR KEY SHARE OF c",
	                                  {AGG_TEXT, AGG_BOOL},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &keep_rules() {
	static const Statement statement {
	    "agg_calendars",
	    "SELECT c.calendar FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[]) ORDER BY c.calendar FOR SHARE OF c",
	    {AGG_TEXT},
	    Planning::once_by_statistics};
	return statement;
}

// One after the other: each sees what the one before has made of its rules.
const Statement &lock() {
	static const Statement statement {
	    "agg_calendars",
	    "SELECT c.calendar FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[]) ORDER BY c.calendar FOR NO KEY UPDATE OF c",
	    {AGG_TEXT},
	    Planning::once_by_statistics};
	return statement;
}

const Statement &with_days() {
	static const Statement statement {"agg_calendar_days",
	                                  "SELECT c.calendar FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[]) "
	                                  "AND EXISTS (SELECT FROM @agg_calendar_days d WHERE d.calendar = c.calendar)",
	                                  {AGG_TEXT},
	                                  Planning::once_by_statistics};
	return statement;
}

const Statement &all_calendars() {
	static const Statement statement {"agg_calendars", "SELECT c.calendar FROM @agg_calendars c", {AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

// Their days may be missing: a task may have got its calendar while no trigger fired.
const Statement &of_tasks() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT DISTINCT s.calendar FROM @data_agg_state s WHERE s.calendar = ANY ($1::text[]) AND s.calendar <> 'utc'",
	    {AGG_TEXT},
	    Planning::once_by_statistics};
	return statement;
}

// Whose rows were changed while nobody looked: see calendar_changes.c.
const Statement &unfollowed() {
	static const Statement statement {
	    "agg_calendars",
	    "SELECT c.calendar FROM @agg_calendars c WHERE c.calendar = ANY ($1::text[]) AND c.changed_at = '-infinity'",
	    {AGG_TEXT},
	    Planning::once_by_statistics};
	return statement;
}

// Sessions that have read one know it by this time.
const Statement &touch() {
	static const Statement statement {
	    "agg_calendars",
	    "UPDATE @agg_calendars c SET changed_at = greatest(clock_timestamp(), c.changed_at + interval '1 us') "
	    "WHERE c.calendar = ANY ($1::text[])",
	    {},
	    Planning::once_by_statistics,
	    Tracking::off};
	return statement;
}

const Statement &forget_days() {
	static const Statement statement {
	    "agg_calendar_days", "DELETE FROM @agg_calendar_days d WHERE d.calendar = ANY ($1::text[])", {}, Planning::once_by_statistics};
	return statement;
}

const Statement &users_of() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.calendar, s.canonical_symbol FROM @data_agg_state s WHERE s.calendar = ANY ($1::text[]) ORDER BY 1, 2 LIMIT 1",
	    {AGG_TEXT, AGG_TEXT},
	    Planning::once_by_statistics};
	return statement;
}

const Statement &lock_tasks_of() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.calendar, s.canonical_symbol, s.timeframe, s.agg_start_utc, greatest(s.last_agg_bar_ts_utc, s.agg_start_utc) "
	    "FROM @data_agg_state s WHERE s.calendar = ANY ($1::text[]) ORDER BY " AGG_LOCK_ORDER("s.") " FOR NO KEY UPDATE OF s",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	    Planning::once_by_statistics};
	return statement;
}

std::vector<std::string> list_of(const CalendarNames &names) {
	return {names.begin(), names.end()};
}

CalendarNames names_of(const DifferentDays &different) {
	CalendarNames names;
	for (const auto &[name, days] : different)
		names.insert(name);
	return names;
}

Op<CalendarNames> names_by(Database &db, const Statement &statement, std::vector<Parameter> list) {
	CalendarNames names;
	auto take = [&](const Row &row) {
		names.emplace(row.text(0));
		return Flow::more;
	};
	co_await db.query(statement, std::move(list), take);
	co_return names;
}

Op<CalendarNames> names_by(Database &db, const Statement &statement, const CalendarNames &names) {
	const auto list = list_of(names);
	co_return co_await names_by(db, statement, parameters(text_array(list)));
}

Op<void> for_names(Database &db, const Statement &statement, const CalendarNames &names) {
	if (names.empty())
		co_return;
	const auto list = list_of(names);
	co_await db.execute(statement, parameters(text_array(list)));
}

CalendarNames without(CalendarNames names, const CalendarNames &others) {
	std::erase_if(names, [&](const std::string &name) { return others.contains(name); });
	return names;
}

/// Those of the calendars whose days are needed: by tasks; and where groups of shards come and go, all of them have days.
Op<CalendarNames> needed_among(Database &db, CalendarNames names) {
	if (!db.is_group())
		co_return co_await names_by(db, of_tasks(), names);
	names.erase(std::string(utc_calendar));
	co_return names;
}

/// Those of the calendars that have days, or should have them.
Op<CalendarNames> used_among(Database &db, const CalendarNames &names) {
	auto used = co_await names_by(db, with_days(), names);
	const auto needed = co_await needed_among(db, names);
	used.insert(needed.begin(), needed.end());
	co_return used;
}

/// A task whose windows may be others now.
struct Affected {
	std::string calendar;
	TaskKey key;
	Timestamp start;
	Timestamp reached;
};

Op<std::vector<Affected>> lock_affected(Database &db, const DifferentDays &different) {
	const auto names = list_of(names_of(different));
	std::vector<Affected> tasks;
	auto take = [&](const Row &row) {
		tasks.push_back({std::string(row.text(0)),
		                 {std::string(row.text(1)), std::string(row.text(2))},
		                 row.maybe_timestamp(3).value_or(default_start),
		                 row.maybe_timestamp(4).value_or(default_start)});
		return Flow::more;
	};
	co_await db.query(lock_tasks_of(), parameters(text_array(names)), take);
	std::erase_if(tasks, [](const Affected &task) { return !Timeframe::parse(task.key.timeframe); });
	co_return tasks;
}

Op<int64_t> mark_tasks(Database &db, const DifferentDays &different) {
	if (different.empty())
		co_return 0;
	const auto tasks = co_await lock_affected(db, different);
	std::vector<SourceProbe> probes;
	for (const auto &task : tasks)
		probes.push_back({task.key.symbol, Grid(*Timeframe::parse(task.key.timeframe))});
	std::vector<std::optional<Timestamp>> first;
	std::vector<std::optional<Timestamp>> last;
	if (!probes.empty()) {
		first = co_await first_bars(db, probes);
		last = co_await last_bars(db, probes);
	}
	std::vector<TaskMark> marks;
	std::vector<TaskKey> recent;
	for (size_t i = 0; i < tasks.size(); ++i) {
		Timestamp begin = std::clamp(tasks[i].start, Timestamp::range_begin(), Timestamp::range_end());
		Timestamp end = std::clamp(tasks[i].reached, Timestamp::range_begin(), Timestamp::range_end());
		if (first[i] && last[i]) {
			begin = std::min(begin, *first[i]);
			end = std::max(end, *last[i] + Duration::minutes(1));
		}
		RangeSet ranges = different.find(tasks[i].calendar)->second;
		ranges.clip(begin, end);
		if (ranges.empty())
			continue;
		marks.push_back({&tasks[i].key, {}});
		marks.back().ranges.now = std::move(ranges);
		recent.push_back(tasks[i].key);
	}
	const auto count = static_cast<int64_t>(marks.size());
	co_await list_recent(db, recent); // a session that marks its changes at this moment may still know the old windows
	co_await merge_dirty(db, std::move(marks));
	if (count > 0)
		co_await db.wake_worker();
	co_return count;
}

Op<void> refuse_if_used(Database &db, const CalendarNames &gone) {
	if (gone.empty())
		co_return;
	std::optional<Error> problem;
	auto take = [&](const Row &row) {
		problem = Error(sqlstate::foreign_key_violation,
		                "calendar \"" + shortened(row.text(0)) + "\" is used by the tasks of " + named(std::string(row.text(1))),
		                "agg_set_calendar() gives them another one.");
		return Flow::enough;
	};
	const auto list = list_of(gone);
	co_await db.query(users_of(), parameters(text_array(list)), take);
	if (problem)
		throw Error(*problem);
}

/// Has all tasks follow the days that are different. Days are shared by all sets of tables, so they are not made again for each of them.
Op<void> follow_days(Database &db, Followed &followed, const CalendarNames &gone) {
	const auto different = list_of(names_of(followed.days));
	if (different.empty() && gone.empty())
		co_return;
	for (;;) {
		const bool is_set = co_await db.next_set();
		if (!is_set)
			co_return;
		co_await refuse_if_used(db, gone);
		const int64_t marked = co_await mark_tasks(db, followed.days);
		followed.tasks += marked;
		co_await fit_cursors(db, different);
		co_await fit_sources(db, different);
	}
}

} // namespace

Op<CalendarNames> need_calendars(Database &db, const CalendarNames names) {
	CalendarNames found;
	CalendarNames without_days;
	auto take = [&](const Row &row) {
		found.emplace(row.text(0));
		if (!row.boolean(1) && row.text(0) != utc_calendar)
			without_days.emplace(row.text(0));
		return Flow::more;
	};
	const auto list = list_of(names);
	co_await db.query(keep(), parameters(text_array(list)), take);
	if (!without_days.empty()) {
		co_await names_by(db, lock(), without_days);
		const auto missing = list_of(without_days);
		co_await check_rules(db, missing, RulesToCheck::all); // they may have been written while nobody looked
		co_await store_days(db, missing);
	}
	co_await for_names(db, keep_rules(), found); // not before there are days: who shares a row could not lock it
	co_return found;
}

Op<void> provide_all_calendars(Database &db) {
	auto all = co_await names_by(db, all_calendars(), std::vector<Parameter>());
	all.erase(std::string(utc_calendar));
	co_await need_calendars(db, std::move(all));
}

Op<void> mend_missing_days(Database &db, const CalendarNames names) {
	const auto needed = co_await needed_among(db, names);
	const auto there = co_await names_by(db, with_days(), names);
	auto missing = without(needed, there);
	if (missing.empty())
		co_return;
	const ChangedRules rules {.calendars = std::move(missing), .check = RulesToCheck::all};
	co_await follow_rules(db, rules);
}

Op<Followed> follow_rules(Database &db, const ChangedRules changed) {
	const auto present = co_await names_by(db, lock(), changed.calendars);
	const auto gone = without(changed.calendars, present);
	co_await for_names(db, forget_days(), gone);
	if (changed.check) {
		const auto list = list_of(present);
		co_await check_rules(db, list, *changed.check);
	}
	co_await for_names(db, touch(), present);
	const auto stored = co_await names_by(db, with_days(), present);
	const auto needed = co_await needed_among(db, present);
	const auto without_days = without(needed, stored);
	Followed followed;
	const auto changed_names = list_of(stored);
	followed.days = co_await store_days(db, changed_names, changed.dates);
	const auto new_names = list_of(without_days);
	auto made = co_await store_days(db, new_names);
	followed.days.merge(made);
	for (const auto &name : changed.all_windows) {
		if (stored.contains(name) || without_days.contains(name))
			followed.days[name].add({Timestamp::range_begin(), Timestamp::range_end()});
	}
	co_await follow_days(db, followed, gone);
	co_return followed;
}

Op<Followed> follow_time_zones(Database &db) {
	const auto all = co_await names_by(db, all_calendars(), std::vector<Parameter>());
	const auto used = co_await used_among(db, all);
	const auto present = co_await names_by(db, lock(), used);
	Followed followed;
	const auto names = list_of(present);
	co_await check_rules(db, names, RulesToCheck::all); // they may have been written while nobody looked
	followed.days = co_await store_days(db, names);
	const auto changed = co_await names_by(db, unfollowed(), present);
	for (const auto &name : changed)
		followed.days[name].add({Timestamp::range_begin(), Timestamp::range_end()});
	const auto different = names_of(followed.days);
	co_await for_names(db, touch(), different);
	co_await follow_days(db, followed, CalendarNames());
	co_return followed;
}

} // namespace aggregation
