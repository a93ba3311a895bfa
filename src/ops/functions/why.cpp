// agg_why: one row that says why a bar is there or is not.
#include "ops/functions/functions.hpp"

#include "core/quality.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/bars/source_watermark.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/source_chain.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/obstacle.hpp"

#include <algorithm>

namespace aggregation {

namespace {

// The live bar, else the one that was deleted last.
const Statement &stored_bar() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT d.quality_score::int8, d.source_candles::int8, d.expected_candles::int8, d.derivation_version::int8, d.deleted_at, "
	    "d.raw ->> 'deleted', d.updated_at FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.ts_utc = $3::timestamptz ORDER BY d.deleted_at DESC NULLS FIRST LIMIT 1",
	    {AGG_INT8, AGG_INT8, AGG_INT8, AGG_INT8, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

#define AGG_SOURCE_ROWS(table, live)                                                                                                       \
	"SELECT s.ts_utc, COALESCE(NOT (ARRAY[s.open, s.high, s.low, s.close] && ARRAY['NaN', 'Infinity', '-Infinity']::float8[]) "            \
	"AND num_nulls(s.open, s.high, s.low, s.close) = 0, false) FROM @" table " s WHERE s.canonical_symbol = $1::text "                     \
	"AND s.timeframe = $2::text AND s.ts_utc >= $3::timestamptz AND s.ts_utc < $4::timestamptz" live " ORDER BY s.ts_utc"

const Statement &source_rows(const Grid &source) {
	static const Statement ingested {"data_bars", AGG_SOURCE_ROWS("data_bars", ""), {AGG_TIMESTAMPTZ, AGG_BOOL}};
	static const Statement derived {
	    "derived_data_bars", AGG_SOURCE_ROWS("derived_data_bars", " AND s.deleted_at IS NULL"), {AGG_TIMESTAMPTZ, AGG_BOOL}};
	return source.ingested() ? ingested : derived;
}

// Ranges that touch the window: 0 marked, 1 refused.
const Statement &marks_of_window() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "SELECT d.due <> 'next_run', d.marked_at FROM @agg_dirty_ranges d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.from_utc <= $3::timestamptz AND d.to_utc > $3::timestamptz ORDER BY 1 DESC, d.marked_at LIMIT 1",
	    {AGG_BOOL, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &logged_changes() {
	static const Statement statement {
	    "agg_change_log",
	    "SELECT l.logged_at FROM @agg_change_log l " AGG_LOGGED_ENTRIES
	    "WHERE u.symbol = $1::text AND u.from_utc < $3::timestamptz AND u.to_utc > $2::timestamptz ORDER BY 1 LIMIT 1",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &refusal() {
	static const Statement statement {
	    "agg_refused_ranges",
	    "SELECT r.refused_at FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text AND r.timeframe = $2::text "
	    "AND r.from_utc <= $3::timestamptz AND r.to_utc > $3::timestamptz LIMIT 1",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

struct StoredBar {
	std::optional<int64_t> quality;
	std::optional<int64_t> candles;
	std::optional<int64_t> expected;
	std::optional<int64_t> version;
	std::optional<Timestamp> deleted_at;
	std::optional<std::string> reason;
	std::optional<Timestamp> updated_at;

	bool live() const {
		return !deleted_at;
	}
};

struct Source {
	int64_t candles = 0;
	int64_t inside = 0;  // candles in the calendar's sessions
	int64_t outside = 0; // bars outside of them
	int64_t unusable = 0;
	int64_t off_grid = 0; // do not begin where a bar of their timeframe begins
	std::vector<Timestamp> there;
};

/// What is known of the window.
struct Window {
	Task task;
	Timestamp start;
	Timestamp end;
	Standing standing;
	std::optional<StoredBar> bar;
	Source source;
	bool marked = false;
	bool marked_due = false;
	std::optional<Timestamp> marked_at {};
	std::optional<Timestamp> logged_at {};
	std::optional<Timestamp> refused_at {};
	bool sealed = false;
	Timestamp source_complete = Timestamp::infinity();
};

Op<std::optional<Timestamp>> first_time(Database &db, const Statement &statement, std::vector<Parameter> list) {
	std::optional<Timestamp> found;
	auto receive = [&](const Row &row) {
		found = row.maybe_timestamp(0);
		return Flow::enough;
	};
	co_await db.query(statement, std::move(list), receive);
	co_return found;
}

std::vector<Parameter> start_of(const Window &window) {
	return parameters(text_parameter(window.task.key.symbol), text_parameter(window.task.key.timeframe), timestamp_parameter(window.start));
}

Op<void> look_at_bar(Database &db, Window &window) {
	auto take = [&](const Row &row) {
		window.bar = StoredBar {row.maybe_integer(0),   row.maybe_integer(1), row.maybe_integer(2),  row.maybe_integer(3),
		                        row.maybe_timestamp(4), row.maybe_text(5),    row.maybe_timestamp(6)};
		return Flow::more;
	};
	co_await db.query(stored_bar(), start_of(window), take);
}

Op<void> look_at_source(Database &db, Window &window) {
	const Grid &source = window.task.source;
	SessionScan sessions(source.calendar());
	auto take = [&](const Row &row) {
		const bool inside = sessions.touches(row.timestamp(0), source.next(row.timestamp(0)));
		window.source.outside += inside ? 0 : 1;
		if (!inside && source.calendar()->rules().outside == OutsideSessions::left_out)
			return Flow::more;
		window.source.inside += inside && row.boolean(1) ? 1 : 0;
		window.source.there.push_back(row.timestamp(0));
		window.source.off_grid += row.timestamp(0) == source.floor(row.timestamp(0)) ? 0 : 1;
		++(row.boolean(1) ? window.source.candles : window.source.unusable);
		return Flow::more;
	};
	auto list = parameters(text_parameter(window.task.key.symbol), text_parameter(source.name()), timestamp_parameter(window.start),
	                       timestamp_parameter(window.end));
	co_await db.query(source_rows(source), std::move(list), take);
	const std::vector<Task> tasks {window.task};
	const auto watermarks = co_await source_watermarks(db, tasks);
	window.source_complete = watermarks.front();
}

/// What is known of later changes: noticed and not looked at yet, refused, or sealed away.
Op<void> look_at_changes(Database &db, Window &window) {
	auto take = [&](const Row &row) {
		window.marked = true;
		window.marked_due = row.boolean(0);
		window.marked_at = row.maybe_timestamp(1);
		return Flow::more;
	};
	co_await db.query(marks_of_window(), start_of(window), take);
	if (window.task.source.ingested()) {
		auto list = parameters(text_parameter(window.task.key.symbol), timestamp_parameter(window.start), timestamp_parameter(window.end));
		window.logged_at = co_await first_time(db, logged_changes(), std::move(list));
	}
	window.refused_at = co_await first_time(db, refusal(), start_of(window));
	const auto sealed = co_await sealed_windows(db, window.task);
	for (const auto &range : sealed.ranges())
		window.sealed = window.sealed || (range.from <= window.start && window.start < range.to);
}

Op<Window> look(Database &db, const Task task, Timestamp start) {
	Window window {.task = task, .start = start, .end = task.target.next(start), .standing = {}, .bar = {}, .source = {}};
	const auto standing = co_await read_standing(db, task.key);
	window.standing = standing.value_or(Standing {});
	co_await look_at_bar(db, window);
	co_await look_at_source(db, window);
	co_await look_at_changes(db, window);
	co_return window;
}

/// The bars of the source that the window lacks, as a JSON array of their starts; at most a hundred.
std::string missing_source(const Window &window) {
	std::string list;
	int64_t told = 0;
	constexpr int64_t most_told = 100;
	const Grid &source = window.task.source;
	SessionScan sessions(source.calendar());
	for (Timestamp t = window.start; t < window.end && told < most_told; t = source.next(t)) {
		if (!sessions.touches(t, source.next(t)))
			continue;
		const bool there =
		    std::any_of(window.source.there.begin(), window.source.there.end(), [&](Timestamp bar) { return source.floor(bar) == t; });
		if (there)
			continue;
		list += (list.empty() ? "" : ", ") + json_string(to_iso8601(t));
		++told;
	}
	return "[" + list + "]";
}

struct Verdict {
	std::string state;
	std::string explanation;
};

/// The first of the reasons that applies, in the order in which they hide one another.
Verdict judge(const Window &window, Timestamp now) {
	const Task &task = window.task;
	const std::string obstacle = window.standing.obstacle(task.key.symbol);
	const std::string when_it_runs = window.standing.when_it_runs(task.key.symbol);
	const auto expected = task.target.expected(window.start, task.source);
	const std::string counted = std::to_string(window.source.inside) + " of " + std::to_string(expected) + " source bars" +
	                            (window.source.outside > 0 ? " (" + std::to_string(window.source.outside) + " outside the sessions)" : "");
	const bool passed = window.start < task.effective_cursor();
	const bool live = window.bar && window.bar->live();
	if (passed && (window.marked || window.logged_at)) {
		const auto since = window.marked ? window.marked_at : window.logged_at;
		return {"dirty", "its source changed" + (since ? " (noticed " + to_iso8601(*since) + ")" : std::string()) + "; " +
		                     (window.marked && !window.marked_due ? "it is recomputed with the next run: " + when_it_runs
		                                                          : (obstacle.empty() ? "the next run recomputes it" : obstacle))};
	}
	if (live) {
		std::string text = "stored with " + std::to_string(window.bar->candles.value_or(0)) + " of " +
		                   std::to_string(window.bar->expected.value_or(expected)) + " source bars, score " +
		                   (window.bar->quality ? std::to_string(*window.bar->quality) : std::string("unknown"));
		if (window.refused_at && !window.sealed)
			return {"frozen", text + "; its source changed afterwards, which the task's late_policy refused (" +
			                      to_iso8601(*window.refused_at) + "); derived_rebuild_range() recomputes it"};
		return {window.sealed ? "sealed" : "stored", text + (window.sealed ? "; its source was retired, so it stays as it is" : "")};
	}
	if (window.start < task.target.ceil(task.start))
		return {
		    "before_start",
		    "the task makes no bars before " + to_iso8601(task.start) +
		        "; for an earlier start, set \"start_utc\" (a time, or \"first_bar\") in metadata.agg of " + task.key.symbol +
		        " in core_asset_registry_all, then call sync_agg_state_from_registry(); agg_set_start() lasts only until the next sync"};
	if (now < window.end + task.delay)
		return {"not_confirmed", "it will be confirmed at " + to_iso8601(window.end + task.delay)};
	if (window.bar && passed)
		return {"deleted", "deleted at " + to_iso8601(*window.bar->deleted_at) + ": " + window.bar->reason.value_or("no reason given") +
		                       " (" + counted + " are there)"};
	if (window.sealed)
		return {"sealed", "its source or its bar was retired, so none is made; agg_unseal_range() has it recomputed"};
	if (!obstacle.empty() && !passed) {
		const auto &status = window.standing.status;
		return {status == "running" || status == "hard_failed" ? *status : "disabled", obstacle};
	}
	if (!passed && window.end > window.source_complete) {
		const auto below = task.source.default_source();
		return {"waiting_for_source", "task " + TaskKey {task.key.symbol, task.source.name()}.label() +
		                                  (below && !below->ingested() ? ", or one that it reads," : "") + " has unprocessed source from " +
		                                  to_iso8601(window.source_complete) + " on"};
	}
	if (window.source.there.empty())
		return {"no_source", "there is no source bar in this window"};
	if (!session_quality(window.source.candles, window.source.inside, expected))
		return {
		    "too_few_source_bars",
		    counted +
		        (window.source.unusable > 0 ? ", " + std::to_string(window.source.unusable) + " without usable prices" : std::string()) +
		        "; more than half are needed"};
	if (!passed)
		return {"due", "the cursor is at " + to_iso8601(task.effective_cursor()) + "; " + when_it_runs};
	if (window.refused_at)
		return {"frozen", "its source came late (" + counted + " are there), which the task's late_policy refused (" +
		                      to_iso8601(*window.refused_at) + "); derived_rebuild_range() makes it"};
	return {"missing", "nothing explains it (" + counted + " are there); derived_rebuild_range() makes it; please report this as a bug"};
}

constexpr size_t result_columns = 9;

} // namespace

Op<Answer> agg_why(Database &db, Arguments arguments) {
	const TaskKey key {arguments.text("p_symbol"), arguments.text("p_tf")};
	const Timestamp time = arguments.timestamp("p_window_start");
	const Timestamp now = arguments.maybe_timestamp("p_now_utc").value_or(db.clock());
	const Timeframe timeframe = timeframe_or_throw(key.symbol, key.timeframe);
	(void)default_source_or_throw(key.symbol, timeframe);
	const std::vector<TaskKey> keys {key};
	const auto tasks = co_await read_tasks(db, keys);
	const auto calendar = co_await calendar_of(db, key.symbol);
	const Grid target(timeframe, calendar);
	Verdict verdict {"no_task", ""};
	const Task nobody {.key = key,
	                   .target = target,
	                   .source = target.of(*target.default_source()),
	                   .run_interval = timeframe.width(),
	                   .delay = {},
	                   .start = default_start,
	                   .cursor = {}};
	const auto window = co_await look(db, tasks.front() ? *tasks.front() : nobody, target.floor(time));
	if (tasks.front()) {
		verdict = judge(window, now);
		if (verdict.state == "waiting_for_source" || verdict.state == "no_source" || verdict.state == "too_few_source_bars") {
			const TimeRange range {window.start, window.end};
			const std::string below = co_await obstacles_below(db, window.task, range);
			verdict.explanation += below;
		}
		if (window.source.off_grid > 0)
			verdict.explanation += "; " + std::to_string(window.source.off_grid) + " source bars are not on a whole " +
			                       window.task.source.name() + ": ts_utc must be the start of the bar; each counts as a bar of its own";
		std::vector<IndexRow> left_out;
		co_await read_indexes(db, &left_out);
		for (const auto &row : left_out) {
			if (row.index.symbol == key.symbol)
				verdict.explanation +=
				    "; no minutes of the index are computed, because its row in agg_indexes makes no sense: " + row.problem->text;
		}
	} else {
		const std::string hint = co_await hint_for_missing_task(db, key);
		verdict.explanation = "there is no such task. " + hint;
	}
	const std::string missing = missing_source(window);
	const bool live = window.bar && window.bar->live();
	std::vector<agg_cell> cells {cell(window.start),
	                             cell(window.end),
	                             cell(std::string_view(verdict.state)),
	                             cell(std::string_view(verdict.explanation)),
	                             live ? cell(window.bar->quality) : null_cell(),
	                             cell(window.source.candles),
	                             cell(target.expected(window.start, window.task.source)),
	                             cell(std::string_view(window.task.source.name())),
	                             cell(std::string_view(missing))};
	co_await db.emit_rows(cells, result_columns);
	co_return Answer::rows();
}

} // namespace aggregation
