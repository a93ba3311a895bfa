#include "ops/indexes/index_changes.hpp"

#include "core/error.hpp"
#include "ops/bars/index_minutes.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/recent_tasks.hpp"
#include "ops/tasks/task_columns.h"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

const Statement &lock_readers_of() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.canonical_symbol, s.timeframe, greatest(s.last_agg_bar_ts_utc, s.agg_start_utc) FROM @data_agg_state s "
	    "WHERE s.canonical_symbol = ANY ($1::text[]) AND " AGG_SOURCE_TIMEFRAME(
	        "s.") " = '1m' "
	              "ORDER BY s.canonical_symbol, s.timeframe FOR NO KEY UPDATE OF s",
	    {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ},
	    Planning::once_by_statistics};
	return statement;
}

[[noreturn]] void refuse(const std::string &text) {
	throw Error(sqlstate::invalid_parameter_value, text,
	            "An index is constant * product of the components' closes, each raised to its exponent: docs/concepts.md.");
}

/// Throws what is wrong with the rules of these symbols, or with all of them together.
void check(const std::vector<GeometricIndex> &rows, const std::set<std::string> &symbols) {
	for (const auto &index : rows) {
		if (!symbols.contains(index.symbol))
			continue;
		if (index.symbol.empty() || has_blanks_around(index.symbol))
			refuse("the symbol of an index is empty or has blanks around it: \"" + shortened(index.symbol) + "\"");
		if (const auto problem = problem_of(index))
			refuse("index \"" + shortened(index.symbol) + "\": " + *problem);
	}
	if (const auto circle = Indexes(rows).circle()) {
		std::string names;
		for (const auto &symbol : *circle)
			names += (names.empty() ? "" : ", ") + shortened(symbol);
		refuse("indexes are made of one another in a circle: " + names);
	}
}

struct Affected {
	TaskKey key;
	Timestamp reached;
};

Op<std::vector<Affected>> lock_readers(Database &db, const std::set<std::string> &symbols) {
	std::vector<Affected> tasks;
	auto take = [&](const Row &row) {
		tasks.push_back({{std::string(row.text(0)), std::string(row.text(1))}, row.maybe_timestamp(2).value_or(default_start)});
		return Flow::more;
	};
	const std::vector<std::string> list(symbols.begin(), symbols.end());
	co_await db.query(lock_readers_of(), parameters(text_array(list)), take);
	std::erase_if(tasks, [](const Affected &task) { return !Timeframe::parse(task.key.timeframe); });
	co_return tasks;
}

} // namespace

Op<void> follow_indexes(Database &db, const std::vector<std::string> symbols) {
	co_await lock_index_minutes(db); // one after the other: two changes together could close a circle that neither does alone
	auto rows = co_await read_index_rows(db);
	std::set<std::string> affected(symbols.begin(), symbols.end());
	check(rows, affected);
	const Indexes indexes(std::move(rows));
	for (const auto &symbol : symbols) {
		for (auto &dependent : indexes.made_of(symbol))
			affected.insert(std::move(dependent.symbol));
	}
	const auto tasks = co_await lock_readers(db, affected);
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

} // namespace aggregation
