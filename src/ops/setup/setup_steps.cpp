#include "ops/setup/setup_steps.hpp"

#include "core/error.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/calendars/calendar_changes.hpp"
#include "ops/setup/adopted_bars.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <set>
#include <string_view>

namespace aggregation {

namespace {

const Statement &used_timeframes() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT DISTINCT s.timeframe::text, COALESCE(s.source_timeframe::text, '') FROM @data_agg_state s",
	                                  {AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &list_timeframes() {
	static const Statement statement {
	    "agg_timeframes",
	    "INSERT INTO @agg_timeframes (timeframe, source_timeframe) "
	    "SELECT w.timeframe, w.source FROM unnest($1::text[], $2::text[]) AS w(timeframe, source) ON CONFLICT DO NOTHING",
	    {},
	    Planning::by_statistics};
	return statement;
}

const char *word(Action action, bool dry_run) {
	switch (action) {
	case Action::create:
		return dry_run ? "would create" : "created";
	case Action::add:
		return dry_run ? "would add" : "added";
	case Action::replace:
		return dry_run ? "would replace" : "replaced";
	case Action::offer:
		return "offers";
	case Action::cannot_mend:
		break;
	}
	return "cannot mend";
}

/// Lists the timeframes of tasks that were there before the trigger: read with the tasks' owner's rights, written with the list's.
Op<void> fill_timeframes(Database &db) {
	std::vector<std::string> timeframes;
	std::vector<std::string> sources;
	auto take = [&](const Row &row) {
		timeframes.emplace_back(row.text(0));
		sources.emplace_back(row.text(1));
		return Flow::more;
	};
	co_await db.query(used_timeframes(), {}, take);
	auto list = parameters(text_array(timeframes), text_array(sources));
	co_await db.execute(list_timeframes(), std::move(list));
}

/// What the triggers do where somebody else writes the rules of a calendar.
Op<void> follow_calendar(Database &db, const Step &step) {
	ChangedRules changed {.calendars = {step.calendar}};
	if (step.other_windows)
		changed.all_windows.insert(step.calendar);
	co_await follow_rules(db, changed);
}

/// Runs SQL of a step, statement by statement; the reason if it could not be done, after everything of it was rolled back.
template <class Take>
Op<std::string> attempt(Database &db, const Step &step, const std::string sql, const std::vector<agg_type> columns, Take take) {
	const char *table = step.table;
	const WantedTrigger *catches_up = step.catches_up;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		std::string_view rest = sql;
		while (!rest.empty()) {
			const auto end = rest.find("; ");
			const std::string one(rest.substr(0, end));
			const Tracking tracking = step.calendar.empty() ? Tracking::as_set : Tracking::off;
			const Statement statement {table, one.c_str(), columns, Planning::by_statistics, tracking, step.table_oid};
			co_await db.query(statement, {}, take);
			rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
		}
		if (catches_up != nullptr && catches_up->fills_timeframes)
			co_await fill_timeframes(db);
		if (catches_up != nullptr && catches_up->adopts)
			co_await adopt_bars(db);
		if (!step.calendar.empty())
			co_await follow_calendar(db, step);
	});
	if (!fault)
		co_return "";
	const Error &error = fault->error();
	if (!belongs_to_object(error))
		fault->raise();
	const bool depended_on = error.sqlstate == sqlstate::dependent_objects_still_exist;
	co_return error.message + (error.detail.empty() ? "" : ": " + error.detail) +
	    (depended_on ? "; look at what depends on it, drop that, and run agg_setup() again" : "");
}

/// What prevents a step, found before it is tried, so that a dry run sees it too.
Op<std::string> find_obstacle(Database &db, const Step step) {
	std::string obstacle;
	Step question;
	question.table = step.refused_values.empty() ? step.duplicates_in : step.table;
	question.table_oid = step.refused_values.empty() ? 0 : step.table_oid;
	if (!step.refused_values.empty()) {
		auto take_values = [&](const Row &row) {
			if (row.integer(1) > 0)
				obstacle = std::to_string(row.integer(1)) + " rows have other values (" + shortened(row.maybe_text(0).value_or("")) +
				           "); change them to allowed values, and run agg_setup() again";
			return Flow::more;
		};
		const std::vector<agg_type> columns {AGG_TEXT, AGG_INT8};
		co_await attempt(db, question, step.refused_values, columns, take_values);
		co_return obstacle;
	}
	if (step.duplicates.empty())
		co_return "";
	auto take = [&](const Row &row) {
		obstacle = "the key " + std::string(row.text(0)) + " occurs " + std::to_string(row.integer(1)) +
		           " times, and there may be other duplicates; remove them and run agg_setup() again";
		return Flow::more;
	};
	// A column of the key may itself be missing: then the step is tried and says so.
	const std::vector<agg_type> columns {AGG_TEXT, AGG_INT8};
	co_await attempt(db, question, step.duplicates, columns, take);
	co_return obstacle;
}

Op<Done> perform_one(Database &db, const Step step, const bool dry_run) {
	const auto nothing = [](const Row &) { return Flow::more; };
	const std::vector<agg_type> no_columns;
	std::string action = word(step.action, dry_run);
	std::string detail = step.sql.empty() ? step.detail : (step.detail.empty() ? "" : "-- " + step.detail + "\n") + db.qualify(step.sql);
	std::string obstacle = co_await find_obstacle(db, step);
	if (obstacle.empty() && !dry_run && !step.sql.empty())
		obstacle = co_await attempt(db, step, step.sql, no_columns, nothing);
	if (!obstacle.empty()) {
		action = word(Action::cannot_mend, dry_run);
		detail = obstacle;
	}
	Done done {step.object, action, detail, step.sql.empty() || !obstacle.empty(), step.needed};
	co_return done;
}

} // namespace

bool belongs_to_object(const Error &error) {
	static const std::set<std::string_view> classes {"0A", "22", "23", "2B", "42", "54"};
	return classes.contains(std::string_view(error.sqlstate).substr(0, 2));
}

Op<std::vector<Done>> perform(Database &db, std::vector<Step> steps, bool dry_run) {
	std::vector<Done> all;
	for (const auto &step : steps) {
		if (step.action == Action::offer && !dry_run)
			continue;
		Done done = co_await perform_one(db, step, dry_run);
		all.push_back(std::move(done));
	}
	co_return all;
}

} // namespace aggregation
