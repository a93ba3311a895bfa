#include "ops/runner/retention_bounds.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace aggregation {

namespace {

// clang-format off

const Statement &lock_free_tasks() {
	static const Statement statement {"data_agg_state", R"sql(
SELECT s.canonical_symbol, s.timeframe FROM @data_agg_state s
WHERE s.canonical_symbol = ANY ($1::text[])
ORDER BY )sql" AGG_LOCK_ORDER("s.") R"sql(
FOR NO KEY UPDATE OF s SKIP LOCKED)sql",
		{AGG_TEXT, AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

const Statement &keys_of_tasks() {
	static const Statement statement {"data_agg_state", "SELECT s.canonical_symbol, s.timeframe FROM @data_agg_state s WHERE s.canonical_symbol = ANY ($1::text[])",
		{AGG_TEXT, AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

const Statement &first_marks() {
	static const Statement statement {"agg_dirty_ranges", R"sql(
SELECT r.canonical_symbol, r.timeframe, min(r.from_utc) FROM @agg_dirty_ranges r
WHERE r.canonical_symbol = ANY ($1::text[]) AND r.from_utc < $2::timestamptz
GROUP BY r.canonical_symbol, r.timeframe)sql",
		{AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

// What another transaction is absorbing is still to be seen here, and what it has absorbed are marks.
const Statement &first_changes() {
	static const Statement statement {"agg_change_log",
		"SELECT u.symbol, min(u.from_utc) FROM @agg_change_log l " AGG_LOGGED_ENTRIES
		"WHERE u.symbol = ANY ($1::text[]) AND u.from_utc < $2::timestamptz GROUP BY u.symbol",
		{AGG_TEXT, AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

// Of a range for all symbols the symbol is NULL.
const Statement &first_ticks() {
	static const Statement statement {"agg_tick_log", R"sql(
SELECT e.symbol, min(COALESCE(e.from_utc, l.from_utc[1]))
FROM @agg_tick_log l
CROSS JOIN LATERAL unnest(l.symbols, l.from_utc) AS e(symbol, from_utc)
WHERE l.first_utc < $2::timestamptz AND (e.symbol IS NULL OR e.symbol = ANY ($1::text[]))
GROUP BY e.symbol)sql",
		{AGG_TEXT, AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

// clang-format on

using Times = std::map<std::string, Timestamp, std::less<>>;

/// What there is still to do before a time, by task and by symbol.
struct OpenWork {
	std::set<TaskKey> tasks;  // all that there are
	std::set<TaskKey> locked; // by this transaction
	std::map<TaskKey, Task> readable;
	std::map<TaskKey, Timestamp> marks;
	Times changes;
	Times ticks;
	std::optional<Timestamp> ticks_of_all;
};

Op<std::set<TaskKey>> keys_found(Database &db, const Statement &statement, const std::vector<std::string> &symbols) {
	std::set<TaskKey> keys;
	auto take = [&](const Row &row) {
		keys.insert({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	co_await db.query(statement, parameters(text_array(symbols)), take);
	co_return keys;
}

Op<void> find_changes(Database &db, const std::vector<std::string> symbols, Timestamp before, OpenWork &open) {
	auto take_change = [&](const Row &row) {
		open.changes.emplace(row.text(0), row.timestamp(1));
		return Flow::more;
	};
	co_await db.query(first_changes(), parameters(text_array(symbols), timestamp_parameter(before)), take_change);
	auto take_mark = [&](const Row &row) {
		open.marks.emplace(TaskKey {std::string(row.text(0)), std::string(row.text(1))}, row.timestamp(2));
		return Flow::more;
	};
	// After the log: what was absorbed meanwhile is a mark by now.
	co_await db.query(first_marks(), parameters(text_array(symbols), timestamp_parameter(before)), take_mark);
	auto take_ticks = [&](const Row &row) {
		if (row.is_null(0))
			open.ticks_of_all = row.timestamp(1);
		else
			open.ticks.emplace(row.text(0), row.timestamp(1));
		return Flow::more;
	};
	const bool none = co_await db.surely_empty(first_ticks().relation);
	if (!none)
		co_await db.query(first_ticks(), parameters(text_array(symbols), timestamp_parameter(before)), take_ticks);
}

/// The bound of one symbol, as it is lowered by what is open.
class Lowering {
public:
	Lowering(const OpenWork &open, Timestamp wanted) : open_(open), bound_ {wanted} {
	}
	void by(Timestamp time, const std::string &what) {
		if (time >= bound_.before)
			return;
		bound_.before = time;
		bound_.waits_for = what;
	}
	void by_times(const Times &times, const std::string &symbol, const char *what) {
		const auto found = times.find(symbol);
		if (found != times.end())
			by(found->second, what + named(symbol) + " from " + to_iso8601(found->second) + " on");
	}
	/// Whether a task can be asked. One whose row is locked by somebody, or makes no sense, may need everything.
	const Task *ask(const TaskKey &key) {
		if (!open_.locked.contains(key)) {
			by(Timestamp::minus_infinity(), key.label() + ", which is being worked on");
			bound_.busy = true;
			return nullptr;
		}
		const auto found = open_.readable.find(key);
		if (found == open_.readable.end())
			by(Timestamp::minus_infinity(), key.label() + ", whose row in data_agg_state makes no sense");
		return found == open_.readable.end() ? nullptr : &found->second;
	}
	void by_work_of(const Task &task) {
		const Timestamp cursor = task.effective_cursor();
		by(cursor, task.key.label() + ", which has got to " + to_iso8601(cursor));
		const auto mark = open_.marks.find(task.key);
		if (mark != open_.marks.end())
			by(mark->second, "late work of " + task.key.label() + " from " + to_iso8601(mark->second) + " on");
	}
	void read_by(const Task &task, Duration reach) {
		by_work_of(task);
		readers_.push_back({&task, reach});
	}
	/// Windows that are not wholly before the bound keep their source, and what of it is carried into them.
	RetentionBound done() {
		const Timestamp before = bound_.before;
		if (before.finite()) {
			for (const auto &reader : readers_)
				bound_.before = std::min(bound_.before, reader.task->target.floor(before) - reader.reach);
		}
		return bound_;
	}

private:
	struct Reader {
		const Task *task;
		Duration reach;
	};
	const OpenWork &open_;
	RetentionBound bound_;
	std::vector<Reader> readers_;
};

/// Those that these bars are made by, and what those read, down to the minutes.
void lower_by_makers(Lowering &bound, const OpenWork &open, const std::string &symbol, const std::string &timeframe) {
	TaskKey key {symbol, timeframe};
	while (open.tasks.contains(key)) {
		const Task *maker = bound.ask(key);
		if (maker == nullptr)
			return;
		bound.by_work_of(*maker);
		key.timeframe = maker->source.name();
	}
}

RetentionBound bound_of(const OpenWork &open, const Indexes &indexes, const std::string &symbol, const std::string &timeframe,
                        Timestamp wanted) {
	const bool of_minutes = timeframe == minutes().name();
	Lowering bound(open, wanted);
	std::vector<Dependent> users {{symbol, {}}};
	if (of_minutes) {
		for (auto &index : indexes.made_of(symbol))
			users.push_back(std::move(index));
		bound.by_times(open.ticks, symbol, "minutes of ticks of ");
		if (open.ticks_of_all)
			bound.by(*open.ticks_of_all, "minutes of ticks from " + to_iso8601(*open.ticks_of_all) + " on");
	} else {
		lower_by_makers(bound, open, symbol, timeframe);
	}
	for (const auto &user : users) {
		for (auto task = open.tasks.lower_bound({user.symbol, ""}); task != open.tasks.end() && task->symbol == user.symbol; ++task) {
			const Task *reader = bound.ask(*task);
			if (reader != nullptr && reader->source.name() == timeframe)
				bound.read_by(*reader, user.reach);
		}
		bound.by_times(open.changes, user.symbol, "changes that no run has looked at, of ");
		for (const auto &part : indexes.parts_of(user.symbol))
			bound.by_times(open.changes, part.symbol, "changes that no run has looked at, of ");
	}
	return bound.done();
}

} // namespace

Op<std::vector<RetentionBound>> retention_bounds(Database &db, const std::vector<std::string> symbols, const std::string timeframe,
                                                 Timestamp wanted) {
	co_await absorb_changes(db);
	const auto indexes = co_await read_indexes(db);
	std::set<std::string> all(symbols.begin(), symbols.end());
	for (const auto &symbol : symbols) {
		for (const auto &index : indexes.made_of(symbol))
			all.insert(index.symbol);
	}
	std::vector<std::string> names(all.begin(), all.end());
	OpenWork open;
	open.locked = co_await keys_found(db, lock_free_tasks(), names);
	open.tasks = co_await keys_found(db, keys_of_tasks(), names);
	Nonsense nonsense;
	auto tasks = co_await tasks_of_symbols(db, names, nonsense);
	for (auto &task : tasks)
		open.readable.emplace(task.key, std::move(task));
	// What an index is made of changes it, too.
	for (const auto &name : names) {
		for (const auto &part : indexes.parts_of(name))
			all.insert(part.symbol);
	}
	names.assign(all.begin(), all.end());
	co_await find_changes(db, names, wanted, open);
	std::vector<RetentionBound> bounds;
	for (const auto &symbol : symbols)
		bounds.push_back(bound_of(open, indexes, symbol, timeframe, wanted));
	co_return std::move(bounds);
}

} // namespace aggregation
