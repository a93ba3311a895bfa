// agg_setup: creates the tables that the extension works on, or mends what is there already. It looks at the catalog, makes a list of what
// is missing, and carries it out step by step, each in a subtransaction of its own: what cannot be done (duplicate keys, a column of
// another type) is named and left alone. The caller's own rights count here, not the extension owner's.
#include "ops/functions/functions.hpp"
#include "ops/functions/setup.hpp"

#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/adopted_bars.hpp"
#include "ops/setup/hypertables.hpp"
#include "ops/setup/setup_calendars.hpp"
#include "ops/setup/setup_catalog.hpp"
#include "ops/setup/setup_obstacles.hpp"
#include "ops/setup/setup_own.hpp"
#include "ops/setup/setup_steps.hpp"
#include "ops/setup/setup_tables.hpp"
#include "ops/setup/shape.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace aggregation {

namespace {

constexpr size_t line_length = 100;

/// A statement as one short line.
std::string beginning(const std::string &sql) {
	std::string line = sql.substr(0, sql.find('\n'));
	if (line.size() > line_length)
		line = line.substr(0, line.rfind(' ', line_length));
	return line.size() < sql.size() ? line + " ..." : line;
}

/// A statement with line ends in the place of blanks, wherever a line would get too long; what stands between quotes is left alone.
std::string in_lines(std::string sql) {
	size_t line = 0;
	size_t blank = std::string::npos;
	char quote = 0;
	for (size_t i = 0; i < sql.size(); ++i) {
		const char c = sql[i];
		if (c == '\n')
			line = i + 1;
		if (quote != 0)
			quote = c == quote ? '\0' : quote;
		else if (sql.compare(i, 2, "--") == 0)
			quote = '\n'; // a comment, to the end of its line
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == ' ')
			blank = i;
		if (i - line >= line_length && blank != std::string::npos && blank > line) {
			sql[blank] = '\n';
			line = blank + 1;
		}
	}
	return sql;
}

/// A call that needs the shape of this release and finds an older one: what cannot be done ends it, if no operation may work without.
class Notices {
public:
	explicit Notices(Database &db) : db_(db) {
	}
	Op<void> tell(std::vector<Done> all) {
		for (const auto &done : all) {
			if (done.failed && done.needed)
				throw Error(sqlstate::object_not_in_prerequisite_state,
				            "the tables of aggregation were made by an older release, and " + done.object + " could not be updated to " +
				                db_.release() + ": " + done.detail,
				            "Have the tables' owner or a superuser run agg_setup().");
			if (done.failed)
				co_await db_.notice("aggregation " + db_.release() + ": " + done.object + ": " + done.detail +
				                    "; agg_setup(true) lists what differs");
		}
	}

private:
	Database &db_;
};

bool any_needed_failed(const std::vector<Done> &all) {
	return std::any_of(all.begin(), all.end(), [](const Done &done) { return done.failed && done.needed; });
}

/// Takes the steps that make the extension's own tables out of a list.
std::vector<Step> take_own_tables(std::vector<Step> &steps) {
	const auto is_own = [](const Step &step) { return step.action == Action::create && step.object.starts_with("table agg_"); };
	const auto others = std::stable_partition(steps.begin(), steps.end(), is_own);
	std::vector<Step> own(std::make_move_iterator(steps.begin()), std::make_move_iterator(others));
	steps.erase(steps.begin(), others);
	return own;
}

/// Bars whose source is gone are looked for in all bars, which takes its time: before any table is altered, so that nobody who reads or
/// writes bars waits for it. A table that lacks a column for it is altered first, and looked at with the trigger that belongs to it.
Op<void> adopt_bars_first(Database &db, std::vector<Step> &steps) {
	const auto adopting =
	    std::find_if(steps.begin(), steps.end(), [](const Step &step) { return step.catches_up != nullptr && step.catches_up->adopts; });
	if (adopting == steps.end())
		co_return;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> { co_await adopt_bars(db); });
	if (!fault)
		adopting->catches_up = nullptr;
	else if (!belongs_to_object(fault->error()))
		fault->raise();
}

template <class Teller>
Op<void> bring_up(Database &db, bool dry_run, Teller &teller) {
	const auto catalog = co_await read_catalog(db);
	auto steps = plan_tables(db, catalog);
	auto own = take_own_tables(steps);
	auto done = co_await perform(db, std::move(own), dry_run);
	const bool own_complete = !any_needed_failed(done);
	co_await teller.tell(std::move(done));
	if (!dry_run && own_complete)
		co_await adopt_bars_first(db, steps);
	done = co_await perform(db, std::move(steps), dry_run);
	const bool complete = own_complete && !any_needed_failed(done);
	co_await teller.tell(std::move(done));
	steps = co_await plan_views(db); // of tables that are complete now
	done = co_await perform(db, std::move(steps), dry_run);
	co_await teller.tell(std::move(done));
	steps = co_await plan_calendars(db);
	done = co_await perform(db, std::move(steps), dry_run);
	co_await teller.tell(std::move(done));
	if (!complete)
		co_return;
	steps = co_await plan_shape_mark(db);
	done = co_await perform(db, std::move(steps), dry_run);
	co_await teller.tell(std::move(done));
}

} // namespace

Op<void> SetupRows::tell(std::vector<Done> all) {
	constexpr size_t columns = 3;
	std::vector<agg_cell> cells;
	for (auto &done : all) {
		done_ += done.failed || dry_run_ ? 0 : 1;
		if (!done.failed)
			done.detail = dry_run_ ? in_lines(done.detail) : beginning(done.detail);
		cells.push_back(cell(std::string_view(done.object)));
		cells.push_back(cell(std::string_view(done.action)));
		cells.push_back(cell(std::string_view(done.detail)));
	}
	co_await db_.emit_rows(cells, columns);
}

Op<void> set_up(Database &db, bool dry_run, SetupRows &rows) {
	auto intruders = co_await plan_own_tables(db);
	auto named = co_await perform(db, std::move(intruders), dry_run);
	co_await rows.tell(std::move(named));
	co_await bring_up(db, dry_run, rows);
	std::vector<Step> steps;
	const auto obstacles = co_await find_obstacles(db);
	for (const auto &obstacle : obstacles)
		steps.push_back({obstacle.object, Action::cannot_mend, "", obstacle.detail});
	named = co_await perform(db, std::move(steps), dry_run);
	co_await rows.tell(std::move(named));
}

Op<Answer> agg_setup(Database &db, Arguments arguments) {
	const bool dry_run = arguments.boolean("dry_run");
	SetupRows rows(db, dry_run);
	co_await set_up(db, dry_run, rows);
	co_await tell_hypertables(db);
	co_return Answer::rows();
}

Op<void> mend_tables(Database &db) {
	Notices notices(db);
	co_await bring_up(db, false, notices);
}

Op<Answer> mend_shape(Database &db, Arguments) {
	co_await mend_tables(db);
	co_return Answer::rows();
}

} // namespace aggregation
