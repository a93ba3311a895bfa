#include "ops/marks/windows_above.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>

namespace aggregation {

namespace {

// Which timeframes are built from which, all symbols together: few rows, kept by a trigger of data_agg_state.
const Statement &timeframes_in_use() {
	static const Statement statement {.relation = "agg_timeframes",
	                                  .sql = "SELECT u.timeframe, u.source_timeframe FROM @agg_timeframes u",
	                                  .columns = {AGG_TEXT, AGG_TEXT},
	                                  .sight = Sight::of_statement};
	return statement;
}

const Statement &tasks_above() {
	static const Statement statement {
	    .relation = "data_agg_state",
	    .sql = "SELECT t.ord FROM unnest($1::text[], $2::text[]) WITH ORDINALITY "
	           "AS t(symbol, timeframe, ord) JOIN @data_agg_state s ON s.canonical_symbol = t.symbol AND s.timeframe = t.timeframe "
	           "WHERE " AGG_SOURCE_TIMEFRAME("s.") " = $3::text",
	    .columns = {AGG_INT8},
	    .sight = Sight::of_statement};
	return statement;
}

/// What is built from `source`, all calendars together.
Op<std::vector<Timeframe>> built_from(Database &db, const Timeframe &source) {
	std::vector<Timeframe> found;
	auto receive = [&](const Row &row) {
		const auto target = Timeframe::parse(row.text(0));
		if (!target)
			return Flow::more;
		const bool by_default = row.is_null(1) || row.text(1).empty();
		const auto built_of = by_default ? Grid(*target).default_source() : Timeframe::parse(row.text(1));
		if (built_of && *built_of == source)
			found.push_back(*target);
		return Flow::more;
	};
	co_await db.query(timeframes_in_use(), {}, receive);
	co_return found;
}

/// Windows of one task that may be above changed bars.
struct Above {
	TaskKey key;
	RangeSet windows;
};

/// Marks those of the tasks that exist and are built from `source`.
Op<void> mark_tasks(Database &db, const std::vector<Above> &above, const Timeframe &source) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	for (const auto &task : above) {
		symbols.push_back(cell(std::string_view(task.key.symbol)));
		timeframes.push_back(cell(std::string_view(task.key.timeframe)));
	}
	std::vector<TaskMark> marks;
	auto receive = [&](const Row &row) {
		const Above &task = above.at(static_cast<size_t>(row.integer(0) - 1));
		marks.push_back({&task.key, {task.windows, {}}});
		return Flow::more;
	};
	const Statement statement = for_keys(tasks_above(), above.size());
	co_await db.query(
	    statement,
	    parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)), text_parameter(source.name())),
	    receive);
	co_await mark_uncovered(db, std::move(marks));
}

} // namespace

namespace {

/// Those windows of a timeframe that are made of changed bars and have ended, by symbol. In a tick there is mostly none.
std::vector<Above> ended_above(const ChangedBars &changes, const Timeframe &source, const Timeframe &timeframe, Timestamp clock) {
	std::vector<Above> above;
	std::unordered_map<std::string_view, size_t> of_symbol;
	std::optional<Grid> target;
	const Grid *bars = nullptr; // what `target` belongs to
	bool fits = false;
	Timestamp ended;
	for (const auto &change : changes.stretches()) {
		if (bars == nullptr || !(*bars == *change.bars)) {
			bars = change.bars;
			target = bars->of(timeframe);
			fits = bars->timeframe() == source && target->built_from(*bars);
			ended = target->floor(clock);
		}
		if (!fits || change.windows.from >= ended)
			continue;
		const auto [known, fresh] = of_symbol.try_emplace(change.symbol, above.size());
		if (fresh)
			above.push_back({{std::string(change.symbol), target->name()}, {}});
		above[known->second].windows.add(
		    {target->floor(change.windows.from), std::min(target->ceil(change.windows.to), ended), change.windows.rows});
	}
	return above;
}

} // namespace

Op<void> mark_windows_above(Database &db, const ChangedBars &changes) {
	std::vector<const Timeframe *> sources;
	for (const auto &change : changes.stretches()) {
		const Timeframe &source = change.bars->timeframe();
		if (std::none_of(sources.begin(), sources.end(), [&](const Timeframe *known) { return *known == source; }))
			sources.push_back(&source);
	}
	for (const Timeframe *source : sources) {
		const auto targets = co_await built_from(db, *source);
		if (targets.empty())
			continue;
		const Derivers others = co_await db.others_deriving();
		const Timestamp clock = std::max({db.clock(), db.transaction_start(), others.newest});
		std::vector<Above> above;
		for (const auto &timeframe : targets) {
			auto of_timeframe = ended_above(changes, *source, timeframe, clock);
			above.insert(above.end(), std::make_move_iterator(of_timeframe.begin()), std::make_move_iterator(of_timeframe.end()));
		}
		if (!above.empty())
			co_await mark_tasks(db, above, *source);
	}
}

} // namespace aggregation
