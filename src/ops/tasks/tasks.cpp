#include "ops/tasks/tasks.hpp"

#include "core/source_rule.hpp"
#include "ops/boundary/arguments.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/task_columns.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace aggregation {

namespace {

constexpr int64_t default_delay_seconds = 30;

// The columns that task_row() reads; behind the number of the key that was asked for, where there is one.
#define AGG_TASK_VALUES                                                                                                                    \
	"s.source_timeframe, s.run_interval_minutes::int8, s.aggregation_delay_seconds::int8, s.agg_start_utc, s.last_agg_bar_ts_utc, "        \
	"COALESCE(s.late_policy = 'freeze', false), s.derivation_version::int8, COALESCE(s.status = 'running', false), s.calendar"
#define AGG_TASK_VALUE_TYPES AGG_TEXT, AGG_INT8, AGG_INT8, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL, AGG_INT8, AGG_BOOL, AGG_TEXT
constexpr size_t task_values = 9;
#define AGG_TASK_COLUMNS "SELECT t.ord, " AGG_TASK_VALUES
#define AGG_TASK_TYPES AGG_INT8, AGG_TASK_VALUE_TYPES
constexpr size_t task_columns = 1 + task_values;

const Statement &tasks_by_key() {
	static const Statement statement {"data_agg_state",
	                                  AGG_TASK_COLUMNS
	                                  " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(symbol, timeframe, ord) "
	                                  "JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe",
	                                  {AGG_TASK_TYPES}};
	return statement;
}

const Statement &tasks_by_symbol() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT " AGG_TASK_VALUES ", s.canonical_symbol, s.timeframe FROM unnest($1::text[]) AS t(symbol) "
	                                  "JOIN @data_agg_state s ON s.canonical_symbol = t.symbol",
	                                  {AGG_TASK_VALUE_TYPES, AGG_TEXT, AGG_TEXT}};
	return statement;
}

// In the order of the keys.
const Statement &lock_by_key() {
	static const Statement statement {
	    "data_agg_state",
	    AGG_TASK_COLUMNS
	    ", s.ctid FROM (SELECT k.symbol, k.timeframe, k.ord FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(symbol, timeframe, ord) "
	    "OFFSET 0) t JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe FOR NO KEY UPDATE OF s",
	    {AGG_TASK_TYPES, AGG_TID}};
	return statement;
}

const Statement &places_by_key() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT t.ord, s.ctid FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(symbol, timeframe, ord) "
	    "JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe",
	    {AGG_INT8, AGG_TID}};
	return statement;
}

// The row is gone to at its place: a row that has moved since was written by somebody else, who will have done what was due. A place is
// taken again after a vacuum: so the key is read with it.
const Statement &claim_by_place() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT " AGG_TASK_VALUES
	    ", s.hard_fail_streak::int8, s.is_mandatory, s.ctid, s.canonical_symbol, s.timeframe FROM @data_agg_state s "
	    "WHERE s.ctid = ANY ($1::tid[]) AND COALESCE(" AGG_CLAIMABLE(
	        "s.") ", false) "
	              "AND (COALESCE(s.next_run_at <= $2::timestamptz, true) OR s.ctid = ANY ($3::tid[])) FOR NO KEY UPDATE OF s SKIP LOCKED",
	    {AGG_TASK_VALUE_TYPES, AGG_INT8, AGG_BOOL, AGG_TID, AGG_TEXT, AGG_TEXT}};
	return statement;
}

const Statement &tasks_that_match() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.canonical_symbol, s.timeframe FROM @data_agg_state s WHERE ($1::text IS NULL OR s.canonical_symbol = $1::text) "
	    "AND ($2::text IS NULL OR s.timeframe = $2::text) ORDER BY " AGG_LOCK_ORDER("s."),
	    {AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

Grid source_of(const TaskKey &key, const Grid &target, const std::optional<std::string> &configured) {
	const auto timeframe =
	    configured ? source_of_row(target.timeframe(), configured) : default_source_or_throw(key.symbol, target.timeframe());
	if (timeframe) {
		Grid source = target.of(*timeframe);
		if (target.built_from(source))
			return source;
	}
	const std::string calendar = target.calendar() == nullptr ? "" : " in calendar \"" + target.calendar()->rules().name + "\"";
	throw Error(sqlstate::invalid_parameter_value,
	            "task " + key.label() + " cannot be built from source_timeframe \"" + configured.value_or(timeframe->name()) + "\"" +
	                calendar,
	            "Set source_timeframe in data_agg_state to a smaller timeframe that divides " + key.timeframe +
	                (target.calendar() == nullptr ? ", or to NULL for the default." : ", such as 1m."));
}

/// A time of a task's row: '-infinity' and what is before all times mean from the first one on, 'infinity' and what is after them is
/// refused.
std::optional<Timestamp> time_of(const TaskKey &key, const char *column, const char *mended_by, std::optional<Timestamp> value) {
	if (!value)
		return std::nullopt;
	if (*value >= Timestamp::range_end())
		throw Error(sqlstate::datetime_field_overflow,
		            std::string(column) + " of task " + key.label() +
		                (*value == Timestamp::infinity() ? " is infinite" : " is " + to_iso8601(*value) + ", past the end of time"),
		            std::string("Call ") + mended_by + ", or set " + column +
		                " in data_agg_state to a finite timestamp before " AGG_END_OF_TIME ".");
	return std::max(*value, Timestamp::range_begin());
}

/// Whether a task's cursor must be one of the times that there are.
enum class Cursors { in_time, any };

/// Columns of tasks that decide about their grids. Thousands of tasks have a handful of these.
struct GridColumns {
	std::optional<std::string> source;
	std::optional<std::string> calendar;
};

/// What the other columns of a task hold; read before its calendar is known.
struct TaskRow {
	size_t grids; // which GridColumns
	std::optional<int64_t> interval;
	std::optional<int64_t> delay_seconds;
	std::optional<Timestamp> start;
	std::optional<Timestamp> cursor;
	std::optional<int64_t> derivation_version;
	bool freeze;
	bool claimed;
};

/// Rows of tasks as they come, and once their calendars are known the tasks.
class TaskRows {
public:
	explicit TaskRows(size_t rows) {
		rows_.reserve(rows);
	}
	/// The row's values begin at column `first`. Its number is that of rows taken before.
	void take(const Row &row, size_t first) {
		rows_.push_back({.grids = grid_columns(row, first, first + 8),
		                 .interval = row.maybe_integer(first + 1),
		                 .delay_seconds = row.maybe_integer(first + 2),
		                 .start = row.maybe_timestamp(first + 3),
		                 .cursor = row.maybe_timestamp(first + 4),
		                 .derivation_version = row.maybe_integer(first + 6),
		                 .freeze = row.boolean(first + 5),
		                 .claimed = row.boolean(first + 7)});
	}
	Op<void> find_calendars(Database &db) {
		std::set<std::string> names;
		for (const auto &columns : columns_) {
			if (columns.calendar)
				names.insert(*columns.calendar);
		}
		calendars_ = co_await read_calendars(db, names);
	}
	/// Throws if the row makes no sense.
	Task task(size_t number, const TaskKey &key, Cursors cursors = Cursors::in_time) {
		const TaskRow &row = rows_[number];
		check_symbol(key.symbol);
		const Grids &grids = grids_of(row.grids, key);
		const int64_t window_minutes = grids.target.timeframe().width().us / Duration::minutes(1).us;
		const int64_t interval = row.interval.value_or(window_minutes);
		return {.key = key,
		        .target = grids.target,
		        .source = grids.source,
		        .run_interval = Duration::minutes(interval > 0 ? interval : window_minutes),
		        .delay = Duration::seconds(std::max<int64_t>(0, row.delay_seconds.value_or(default_delay_seconds))),
		        .start = time_of(key, "agg_start_utc", "agg_set_start()", row.start).value_or(default_start),
		        .cursor = cursors == Cursors::any ? row.cursor : time_of(key, "last_agg_bar_ts_utc", "agg_reset_cursor()", row.cursor),
		        .late_policy = row.freeze ? LatePolicy::freeze : LatePolicy::recompute,
		        .derivation_version = row.derivation_version.value_or(1),
		        .claimed = row.claimed};
	}

private:
	/// What a task makes of what.
	struct Grids {
		size_t columns;
		std::string timeframe;
		Grid target;
		Grid source;
	};

	static bool equal(const Row &row, size_t column, const std::optional<std::string> &value) {
		return row.is_null(column) ? !value : value && row.text(column) == *value;
	}
	size_t grid_columns(const Row &row, size_t source, size_t calendar) {
		const auto found = std::find_if(columns_.rbegin(), columns_.rend(), [&](const GridColumns &known) {
			return equal(row, source, known.source) && equal(row, calendar, known.calendar);
		});
		if (found != columns_.rend())
			return static_cast<size_t>(columns_.rend() - found) - 1;
		columns_.push_back({row.maybe_text(source), row.maybe_text(calendar)});
		return columns_.size() - 1;
	}
	/// Throws if they make no sense.
	const Grids &grids_of(size_t columns, const TaskKey &key) {
		const auto found = std::find_if(grids_.rbegin(), grids_.rend(),
		                                [&](const Grids &known) { return known.columns == columns && known.timeframe == key.timeframe; });
		if (found != grids_.rend())
			return *found;
		const GridColumns &of = columns_[columns];
		const Grid target(timeframe_or_throw(key.symbol, key.timeframe), calendars_.named(of.calendar, key.label()));
		grids_.push_back({columns, key.timeframe, target, source_of(key, target, of.source)});
		return grids_.back();
	}

	std::vector<TaskRow> rows_;
	std::vector<GridColumns> columns_;
	Calendars calendars_;
	std::vector<Grids> grids_;
};

Parameter column(const std::vector<TaskKey> &keys, std::string TaskKey::*member) {
	std::vector<agg_cell> cells;
	cells.reserve(keys.size());
	for (const auto &key : keys)
		cells.push_back(cell(std::string_view(key.*member)));
	return {AGG_TEXT, std::move(cells)};
}

} // namespace

Timestamp Task::effective_cursor() const {
	return target.ceil(std::max(cursor.value_or(start), start));
}

Timeframe default_source_or_throw(const std::string &symbol, const Timeframe &target) {
	const auto source = source_of_row(target, std::nullopt);
	if (!source)
		throw Error(sqlstate::invalid_parameter_value,
		            "timeframe " + target.name() + " is ingested, not aggregated (" + named(symbol) + ")",
		            "Aggregate to a wider timeframe, such as 5m.");
	return *source;
}

Parameter symbols_of(const std::vector<TaskKey> &keys) {
	return column(keys, &TaskKey::symbol);
}

Parameter timeframes_of(const std::vector<TaskKey> &keys) {
	return column(keys, &TaskKey::timeframe);
}

Op<std::vector<TaskKey>> matching_tasks(Database &db, const std::optional<std::string> &symbol, const std::optional<std::string> &timeframe,
                                        Sight sight) {
	std::vector<TaskKey> keys;
	auto receive = [&](const Row &row) {
		if (Timeframe::parse(row.text(1)))
			keys.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	Statement statement = tasks_that_match();
	statement.sight = sight;
	co_await db.query(statement, parameters(Parameter(AGG_TEXT, cell(symbol)), Parameter(AGG_TEXT, cell(timeframe))), receive);
	co_return keys;
}

namespace {

Op<std::vector<std::optional<Task>>> read_by(Database &db, const Statement statement, const std::vector<TaskKey> &keys, bool with_place,
                                             Nonsense *nonsense, Cursors cursors = Cursors::in_time) {
	struct Found {
		size_t key;
		std::optional<int64_t> place;
	};
	TaskRows rows(keys.size());
	std::vector<Found> found;
	auto take = [&](const Row &row) {
		rows.take(row, 1);
		found.push_back({static_cast<size_t>(row.integer(0) - 1), with_place ? std::optional(row.integer(task_columns)) : std::nullopt});
		return Flow::more;
	};
	co_await db.query(statement, parameters(symbols_of(keys), timeframes_of(keys)), take);
	co_await rows.find_calendars(db);
	std::vector<std::optional<Task>> tasks(keys.size());
	for (size_t i = 0; i < found.size(); ++i) {
		auto &task = tasks.at(found[i].key);
		try {
			task = rows.task(i, keys[found[i].key], cursors);
			task->place = found[i].place;
		} catch (const Error &error) {
			if (nonsense == nullptr)
				throw;
			nonsense->push_back(error);
		}
	}
	co_return tasks;
}

} // namespace

Op<std::vector<std::optional<Task>>> read_tasks(Database &db, const std::vector<TaskKey> &keys, Nonsense *nonsense) {
	return read_by(db, for_keys(tasks_by_key(), keys.size()), keys, false, nonsense);
}

Op<std::vector<std::optional<Task>>> lock_and_read_tasks(Database &db, const std::vector<TaskKey> &keys, Nonsense *nonsense) {
	return read_by(db, lock_by_key(), keys, true, nonsense);
}

Op<std::vector<std::optional<Task>>> lock_and_read_tasks_with_any_cursor(Database &db, const std::vector<TaskKey> &keys,
                                                                         Nonsense *nonsense) {
	return read_by(db, for_keys(lock_by_key(), keys.size()), keys, true, nonsense, Cursors::any);
}

Op<bool> lock_task(Database &db, const TaskKey key) {
	const std::vector<TaskKey> keys {key};
	const auto tasks = co_await lock_and_read_tasks(db, keys);
	co_return tasks.front().has_value();
}

Op<std::vector<Task>> tasks_of_symbols(Database &db, const std::vector<std::string> &symbols, Nonsense &nonsense) {
	TaskRows rows(symbols.size());
	std::vector<TaskKey> keys;
	auto take = [&](const Row &row) {
		rows.take(row, 0);
		keys.push_back({std::string(row.text(task_values)), std::string(row.text(task_values + 1))});
		return Flow::more;
	};
	constexpr size_t tasks_of_symbol = 5; // or so
	const Statement statement = for_keys(tasks_by_symbol(), tasks_of_symbol * symbols.size());
	co_await db.query(statement, parameters(text_array(symbols)), take);
	co_await rows.find_calendars(db);
	std::vector<Task> tasks;
	tasks.reserve(keys.size());
	for (size_t i = 0; i < keys.size(); ++i) {
		try {
			tasks.push_back(rows.task(i, keys[i]));
		} catch (const Error &error) {
			nonsense.push_back(error);
		}
	}
	co_return tasks;
}

Op<void> tell_left_out(Database &db, const Nonsense &nonsense) {
	constexpr size_t most = 5;
	for (size_t i = 0; i < nonsense.size() && i < most; ++i)
		co_await db.notice("left out: " + nonsense[i].message);
	if (nonsense.size() > most)
		co_await db.notice("left out: " + std::to_string(nonsense.size() - most) + " more tasks with invalid rows");
}

Op<std::vector<TaskPlace>> find_places(Database &db, const std::vector<TaskKey> &keys) {
	std::vector<TaskPlace> places;
	auto take = [&](const Row &row) {
		places.push_back({keys.at(static_cast<size_t>(row.integer(0) - 1)), row.integer(1)});
		return Flow::more;
	};
	const Statement statement = for_keys(places_by_key(), keys.size());
	co_await db.query(statement, parameters(symbols_of(keys), timeframes_of(keys)), take);
	co_return places;
}

Op<std::vector<ClaimedTask>> claim_tasks(Database &db, std::span<const TaskPlace> places, std::optional<Timestamp> due_at) {
	std::vector<ClaimedTask> claimed;
	claimed.reserve(places.size());
	TaskRows rows(places.size());
	// The rows come in the order of their places.
	std::vector<size_t> by_place(places.size());
	std::iota(by_place.begin(), by_place.end(), size_t {0});
	std::sort(by_place.begin(), by_place.end(), [&](size_t a, size_t b) { return places[a].place < places[b].place; });
	auto next = by_place.begin();
	auto take = [&](const Row &row) {
		const int64_t place = row.integer(task_values + 2);
		next = std::find_if(next, by_place.end(), [&](size_t i) { return places[i].place == place; });
		const size_t i = *next;
		if (row.text(task_values + 3) != places[i].key.symbol || row.text(task_values + 4) != places[i].key.timeframe)
			return Flow::more;
		claimed.push_back({.key = places[i].key,
		                   .task = {},
		                   .problem = {},
		                   .hard_fail_streak = row.maybe_integer(task_values).value_or(0),
		                   .mandatory = !row.is_null(task_values + 1) && row.boolean(task_values + 1),
		                   .place = place,
		                   .listed = i});
		rows.take(row, 0);
		return Flow::more;
	};
	std::vector<agg_cell> tids;
	tids.reserve(places.size());
	std::vector<agg_cell> dirty;
	for (const size_t i : by_place) {
		tids.push_back(cell(places[i].place));
		if (places[i].dirty)
			dirty.push_back(cell(places[i].place));
	}
	auto list = parameters(Parameter(AGG_TID, std::move(tids)), timestamp_parameter(due_at.value_or(Timestamp::infinity())),
	                       Parameter(AGG_TID, std::move(dirty)));
	co_await db.query(claim_by_place(), std::move(list), take);
	co_await rows.find_calendars(db);
	for (size_t i = 0; i < claimed.size(); ++i) {
		try {
			claimed[i].task = rows.task(i, claimed[i].key);
			claimed[i].task->place = claimed[i].place;
		} catch (const Error &error) {
			claimed[i].problem = std::make_unique<Error>(error);
		}
	}
	co_return claimed;
}

} // namespace aggregation
