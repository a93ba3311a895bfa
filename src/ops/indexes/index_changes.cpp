#include "ops/indexes/index_changes.hpp"

#include "core/error.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/recent_tasks.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/unknown.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace aggregation {

namespace {

#define AGG_READERS                                                                                                                        \
	"SELECT s.canonical_symbol, s.timeframe, greatest(s.last_agg_bar_ts_utc, s.agg_start_utc) FROM @data_agg_state s "                     \
	"WHERE s.canonical_symbol = ANY ($1::text[]) AND " AGG_SOURCE_TIMEFRAME("s.") " = '1m' ORDER BY " AGG_LOCK_ORDER("s.")

const Statement &find_readers() {
	static const Statement statement {"data_agg_state", AGG_READERS, {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

const Statement &lock_readers() {
	static const Statement statement {
	    "data_agg_state", AGG_READERS " FOR NO KEY UPDATE OF s", {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

/// Throws what is wrong with the rules of these symbols, or with all of them together. (What is wrong with others was written while nobody
/// looked, and is no reason to refuse this.)
void check(const std::vector<IndexRow> &rows, const Indexes &indexes, const std::set<std::string> &symbols) {
	for (const auto &row : rows) {
		if (row.problem && symbols.contains(row.index.symbol))
			throw problem_of_row(row);
	}
	for (const auto &symbol : symbols) {
		if (const auto circle = indexes.circle_through(symbol))
			throw Error(sqlstate::invalid_parameter_value, "indexes are made of one another in a circle: " + text_of_circle(*circle),
			            how_to_open_circle);
	}
}

/// A component that is misspelt would never have a price. It may also be one whose feed comes later.
Op<void> tell_unknown_components(Database &db, const Indexes &indexes, const std::set<std::string> &symbols) {
	std::map<std::string, std::string> indexes_of; // by component: the first one
	for (const auto &symbol : symbols) {
		const GeometricIndex *index = indexes.find(symbol);
		for (size_t i = 0; index != nullptr && i < index->components.size(); ++i) {
			if (indexes.find(index->components[i].symbol) == nullptr)
				indexes_of.emplace(index->components[i].symbol, symbol);
		}
	}
	std::vector<std::string> components;
	for (const auto &[component, index] : indexes_of)
		components.push_back(component);
	if (components.empty())
		co_return;
	std::vector<std::string> names;
	for (const auto &[symbol, index] : indexes.all())
		names.push_back(symbol);
	const auto unknown = co_await unknown_symbols(db, components, std::move(names));
	constexpr size_t most_told = 5;
	for (size_t i = 0; i < unknown.size() && i < most_told; ++i) {
		const auto &[component, hint] = unknown[i];
		co_await db.notice("index \"" + shortened(indexes_of.at(component)) + "\": nobody knows its component \"" + shortened(component) +
		                       "\"",
		                   hint + "No task, asset, index or bar has this symbol; the index is computed when bars of it arrive.");
	}
	if (unknown.size() > most_told)
		co_await db.notice("nobody knows " + std::to_string(unknown.size() - most_told) + " more components of indexes");
}

/// A task that reads minutes of an index.
struct Reader {
	TaskKey key;
	Timestamp reached;
};

Op<std::vector<Reader>> readers_by(Database &db, const Statement &statement, const std::vector<IndexRow> &rows,
                                   const std::vector<std::string> &changed) {
	std::set<std::string> symbols(changed.begin(), changed.end());
	for (const auto &row : rows)
		symbols.insert(row.index.symbol);
	std::vector<Reader> readers;
	auto take = [&](const Row &row) {
		readers.push_back({{std::string(row.text(0)), std::string(row.text(1))}, row.maybe_timestamp(2).value_or(default_start)});
		return Flow::more;
	};
	const std::vector<std::string> list(symbols.begin(), symbols.end());
	co_await db.query(statement, parameters(text_array(list)), take);
	co_return readers;
}

bool same_keys(const std::vector<Reader> &a, const std::vector<Reader> &b) {
	return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Reader &x, const Reader &y) { return x.key == y.key; });
}

/// The rules, which nobody changes now, and the tasks that read minutes of indexes, which nobody runs now: of all indexes, whatever was
/// changed, since the next statement of this transaction may change another one.
struct StandingStill {
	std::vector<IndexRow> rows;
	std::vector<Reader> readers;
};

Op<StandingStill> hold_still(Database &db, const std::vector<std::string> &changed) {
	StandingStill held;
	for (bool complete = false; !complete;) {
		held.rows = co_await read_index_rows(db);
		held.readers = co_await readers_by(db, lock_readers(), held.rows, changed);
		const auto fault = co_await in_subtransaction(db, [&]() -> Op<IfDone> {
			co_await lock_index_minutes(db);
			held.rows = co_await read_index_rows(db);
			const auto readers = co_await readers_by(db, find_readers(), held.rows, changed);
			complete = same_keys(readers, held.readers);
			co_return complete ? IfDone::keep : IfDone::undo;
		});
		if (fault)
			fault->raise();
	}
	co_return held;
}

Indexes indexes_of(const std::vector<IndexRow> &rows) {
	std::vector<GeometricIndex> all;
	for (const auto &row : rows)
		all.push_back(row.index);
	return Indexes(std::move(all));
}

/// In one set of tables.
Op<void> mark_readers(Database &db, const std::vector<std::string> symbols) {
	auto [rows, tasks] = co_await hold_still(db, symbols);
	const Indexes indexes = indexes_of(rows);
	std::set<std::string> affected(symbols.begin(), symbols.end());
	check(rows, indexes, affected);
	if (!db.is_group()) // a group knows few symbols
		co_await tell_unknown_components(db, indexes, affected);
	affected.merge(indexes.made_of_any(symbols));
	std::erase_if(tasks, [&](const Reader &task) { return !affected.contains(task.key.symbol) || !Timeframe::parse(task.key.timeframe); });
	if (tasks.empty())
		co_return;
	std::vector<SourceProbe> probes;
	std::vector<TaskKey> keys;
	for (const auto &task : tasks) {
		probes.push_back({task.key.symbol, minutes()});
		keys.push_back(task.key);
	}
	co_await list_recent(db, keys); // a session that marks its changes at this moment may still know the old rules
	// Minutes that are stored ahead of a cursor are of the old rules, too.
	const auto last = co_await last_bars(db, probes);
	std::vector<TaskMark> marks;
	for (size_t i = 0; i < tasks.size(); ++i) {
		Timestamp end = std::clamp(tasks[i].reached, Timestamp::range_begin(), Timestamp::range_end());
		if (last[i])
			end = std::max(end, *last[i] + Duration::minutes(1));
		marks.push_back({&tasks[i].key, {}});
		marks.back().ranges.now.add({Timestamp::range_begin(), end});
	}
	co_await merge_dirty(db, std::move(marks));
	co_await db.wake_worker();
}

/// The rules as they are, where there may be no set of tables to look at.
Op<void> check_now(Database &db, const std::vector<std::string> symbols) {
	const auto rows = co_await read_index_rows(db);
	check(rows, indexes_of(rows), std::set<std::string>(symbols.begin(), symbols.end()));
}

} // namespace

Op<void> follow_indexes(Database &db, const std::vector<std::string> symbols) {
	if (db.is_group())
		co_await check_now(db, symbols);
	for (;;) {
		const bool is_set = co_await db.next_set();
		if (!is_set)
			co_return;
		co_await mark_readers(db, symbols);
	}
}

} // namespace aggregation
