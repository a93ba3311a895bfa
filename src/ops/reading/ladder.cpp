#include "ops/reading/ladder.hpp"

#include "ops/bars/sealed_ranges.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/bars/window_batch.hpp"
#include "ops/boundary/arguments.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/worth_asking.hpp"
#include "ops/marks/change_log.hpp"
#include "ops/marks/events.h"
#include "ops/marks/recording.hpp"
#include "ops/reading/bars_as_of.hpp"
#include "ops/reading/stored_bars.hpp"
#include "ops/tasks/tasks.hpp"
#include "ops/tasks/unknown.hpp"

#include <algorithm>
#include <map>

namespace aggregation {

namespace {

const Statement &marks() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "SELECT t.ord, d.timeframe, d.from_utc, d.to_utc FROM unnest($1::text[]) WITH ORDINALITY AS t(symbol, ord) "
	    "JOIN @agg_dirty_ranges d ON d.canonical_symbol = t.symbol AND d.to_utc > $2::timestamptz",
	    {AGG_INT8, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &logged() {
	static const Statement statement {"agg_change_log",
	                                  "SELECT u.symbol, u.from_utc, u.to_utc FROM @agg_change_log l " AGG_LOGGED_ENTRIES
	                                  "WHERE u.symbol = ANY ($1::text[]) AND u.to_utc > $2::timestamptz",
	                                  {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	                                  Planning::once_by_statistics};
	return statement;
}

/// What is known of a symbol.
struct Symbol {
	std::map<std::string, Task> tasks; // by timeframe
	std::map<std::string, RangeSet> marked;
	RangeSet logged; // minutes

	const Task *task(const Grid &grid) const {
		const auto found = tasks.find(grid.name());
		return found == tasks.end() ? nullptr : &found->second;
	}
	RangeSet marks_of(const Grid &grid) const {
		const auto found = marked.find(grid.name());
		return found == marked.end() ? RangeSet() : found->second;
	}
};

Op<std::vector<Symbol>> read_symbols(Database &db, const std::vector<std::string> &names) {
	std::vector<Symbol> symbols(names.size());
	Nonsense nonsense;
	auto tasks = co_await tasks_of_symbols(db, names, nonsense);
	std::map<std::string_view, size_t> places;
	for (size_t i = 0; i < names.size(); ++i)
		places.emplace(names[i], i);
	for (auto &task : tasks) {
		Symbol &symbol = symbols[places.at(task.key.symbol)];
		std::string timeframe = task.key.timeframe;
		symbol.tasks.emplace(std::move(timeframe), std::move(task));
	}
	for (size_t i = 0; i < names.size(); ++i) {
		if (symbols[i].tasks.empty())
			co_await require_symbol(db, names[i]);
	}
	co_return symbols;
}

Op<void> find_late_work(Database &db, const std::vector<std::string> &names, std::vector<Symbol> &symbols, Timestamp from) {
	const bool any_mark = co_await worth_asking(db, "agg_dirty_ranges", names.size());
	auto take_mark = [&](const Row &row) {
		symbols.at(static_cast<size_t>(row.integer(0) - 1)).marked[std::string(row.text(1))].add({row.timestamp(2), row.timestamp(3)});
		return Flow::more;
	};
	if (any_mark)
		co_await db.query(marks(), parameters(text_array(names), timestamp_parameter(from)), take_mark);
	const bool any_entry = co_await worth_asking(db, "agg_change_log", names.size());
	std::map<std::string_view, size_t> places;
	for (size_t i = 0; i < names.size(); ++i)
		places.emplace(names[i], i);
	auto take_entry = [&](const Row &row) {
		symbols[places.at(row.text(0))].logged.add({row.timestamp(1), row.timestamp(2)});
		return Flow::more;
	};
	if (any_entry)
		co_await db.query(logged(), parameters(text_array(names), timestamp_parameter(from)), take_entry);
}

/// What a timeframe without a task is made of: the widest that the symbol has; of minutes where all its tasks are.
Grid source_on_the_fly(const Symbol &symbol, const std::string &name, const Grid &target) {
	const Task *widest = nullptr;
	bool exact = !symbol.tasks.empty();
	for (const auto &[timeframe, task] : symbol.tasks) {
		exact = exact && task.source.ingested();
		if (target.built_from(task.target) && (widest == nullptr || widest->target.timeframe().width() < task.target.timeframe().width()))
			widest = &task;
	}
	const Grid minutes_of_it = target.of(minutes().timeframe());
	const Grid source = exact || widest == nullptr ? minutes_of_it : widest->target;
	if (!target.built_from(source))
		throw Error(sqlstate::invalid_parameter_value, "no bars of " + target.name() + " can be made for " + named(name),
		            "Ask for a timeframe that is made of whole minutes of its calendar.");
	return source;
}

/// The windows that hold what lies in the ranges.
RangeSet windows_of(const Grid &grid, const RangeSet &ranges) {
	RangeSet windows;
	for (const auto &range : ranges.ranges())
		windows.add({grid.floor(range.from), grid.ceil(range.to)});
	return windows;
}

/// A ladder in the making.
struct Draft {
	Ladder ladder;
	std::vector<const Task *> tasks; // of the rungs
	const Symbol *symbol;
	const Segment *seals = nullptr;                       // of the rungs
	Timestamp stored_until = Timestamp::minus_infinity(); // of a timeframe without a task
};

Op<Draft> draft_of(Database &db, const Symbol &symbol, const std::string name, const Timeframe timeframe) {
	Draft draft {.ladder = {name, {}}, .tasks = {}, .symbol = &symbol};
	const auto any_task = symbol.tasks.begin();
	Grid grid = any_task == symbol.tasks.end() ? Grid(timeframe) : any_task->second.target.of(timeframe);
	for (;;) {
		const Task *task = symbol.task(grid);
		draft.ladder.rungs.push_back({grid});
		draft.tasks.push_back(task);
		if (grid.ingested())
			break;
		if (task != nullptr) {
			grid = task->source;
			continue;
		}
		// Bars that nobody makes any more are read as they are.
		if (draft.tasks.size() > 1)
			break;
		const auto last = co_await newest_stored(db, name, grid, Timestamp::range_end());
		if (last)
			draft.stored_until = grid.next(grid.floor(*last));
		draft.ladder.rungs.front().on_the_fly = true;
		grid = source_on_the_fly(symbol, name, grid);
	}
	co_return draft;
}

/// The seals of each rung that is made of another one, ladder by ladder.
Op<std::vector<Segment>> find_seals(Database &db, const std::vector<Draft> &drafts, Timestamp from) {
	std::vector<Segment> segments;
	for (const auto &draft : drafts) {
		const auto &rungs = draft.ladder.rungs;
		for (size_t i = 0; i + 1 < rungs.size(); ++i)
			segments.push_back({.symbol = draft.ladder.symbol,
			                    .source = &rungs[i + 1].bars,
			                    .target = &rungs[i].bars,
			                    .from = from,
			                    .to = Timestamp::infinity(),
			                    .counts = {}});
	}
	if (!segments.empty())
		co_await find_sealed(db, segments);
	co_return segments;
}

/// From where on the bars of a rung are not made.
Timestamp made_until(const Draft &draft, size_t number, Timestamp now) {
	const Task *task = draft.tasks[number];
	return std::min(task == nullptr ? draft.stored_until : task->effective_cursor(), draft.ladder.rungs[number].bars.floor(now));
}

/// Says what of a rung is to be computed. The rungs below are known.
void find_computed(Draft &draft, size_t number, Timestamp now) {
	Rung &rung = draft.ladder.rungs[number];
	const Rung &source = draft.ladder.rungs[number + 1];
	const Task *task = draft.tasks[number];
	RangeSet late = windows_of(rung.bars, source.bars.ingested() ? draft.symbol->logged : source.unsettled);
	const Timestamp until = made_until(draft, number, now);
	if (task == nullptr) {
		if (!source.bars.ingested())
			rung.pending = late;
		rung.computed.add({until, Timestamp::infinity()});
		return;
	}
	late.add(draft.symbol->marks_of(rung.bars));
	if (task->late_policy == LatePolicy::freeze)
		late = {};
	// Nothing new is made before the start.
	rung.pending = late;
	const Timestamp start = rung.bars.ceil(task->start);
	rung.pending.clip(Timestamp::minus_infinity(), start);
	late.clip(start, Timestamp::infinity());
	const RangeSet &sealed = draft.seals[number].sealed;
	rung.pending.subtract(sealed);
	late.subtract(sealed);
	rung.unsettled = late;
	rung.computed.add(late);
	rung.computed.add({until, Timestamp::infinity()});
	rung.computed.subtract(sealed);
}

/// Whether a rung above is made further than this one. Who makes it does not wait for windows without source.
bool overtaken(const Draft &draft, size_t number, Timestamp now) {
	const Timestamp until = made_until(draft, number, now);
	while (number-- > 0) {
		if (made_until(draft, number, now) > until)
			return true;
	}
	return false;
}

/// Where the source of a rung has bars that it has not come to yet: asked only where that matters.
Op<void> find_unsettled(Database &db, std::vector<Draft> &drafts, size_t above_minutes, Timestamp now) {
	std::vector<SourceProbe> probes;
	std::vector<Rung *> asked;
	for (auto &draft : drafts) {
		auto &rungs = draft.ladder.rungs;
		if (rungs.size() < above_minutes + 1)
			continue;
		const size_t number = rungs.size() - 1 - above_minutes;
		if (number == 0)
			continue;
		const Timestamp until = made_until(draft, number, now);
		if (!overtaken(draft, number, now)) {
			rungs[number].unsettled.add({until, Timestamp::infinity()});
			continue;
		}
		// What is unsettled in the source is in any case.
		for (const auto &range : windows_of(rungs[number].bars, rungs[number + 1].unsettled).ranges())
			rungs[number].unsettled.add({std::max(until, range.from), range.to});
		probes.push_back({draft.ladder.symbol, rungs[number + 1].bars, until});
		asked.push_back(&rungs[number]);
	}
	if (probes.empty())
		co_return;
	const auto first = co_await first_bars(db, probes);
	for (size_t i = 0; i < asked.size(); ++i) {
		if (first[i] && *first[i] <= now)
			asked[i]->unsettled.add({asked[i]->bars.floor(*first[i]), Timestamp::infinity()});
	}
}

/// Throws where the bars of a grid cannot be read as they were; `asked`: what is read, of which these are a part.
void check_kept(const AsOf &as_of, const std::string &symbol, const std::string &asked, const Grid &bars) {
	const std::string label = shortened(named(symbol)) + "/" + bars.name();
	const std::string why = bars.name() == asked ? "" : " (" + asked + " is made of it)";
	const std::string call = "agg_set_keep_revisions('" + shortened(symbol) + "', '" + bars.name() + "', true)";
	if (bars.ingested())
		throw Error(sqlstate::object_not_in_prerequisite_state, "no revisions of " + label + " are kept" + why,
		            "Minutes are ingested, and not made. Read a timeframe that has a task, and have its revisions kept.");
	const auto found = as_of.kept.find({symbol, bars.name()});
	if (found == as_of.kept.end())
		throw Error(sqlstate::object_not_in_prerequisite_state, "no revisions of " + label + " are kept" + why,
		            "Call " + call + "; from then on its bars can be read as they were.");
	if (as_of.time < found->second.readable_since)
		throw Error(sqlstate::object_not_in_prerequisite_state,
		            "revisions of " + label + " are not kept for " + to_iso8601(as_of.time) + why,
		            "Pass p_as_of => '" + to_iso8601(found->second.readable_since) + "' or a later time.");
}

} // namespace

Op<AsOf> read_as_of(Database &db, const std::vector<std::string> symbols, Timestamp time) {
	AsOf as_of {.time = time, .kept = {}};
	as_of.kept = co_await kept_tasks(db, symbols);
	if (time > db.clock())
		throw Error(sqlstate::invalid_parameter_value, "p_as_of " + to_iso8601(time) + " lies in the future",
		            "Nobody knows yet what the bars are going to be then. Leave it out for what they are now.");
	const bool recorded = co_await is_recorded(db);
	if (!as_of.kept.empty() && !recorded)
		throw Error(sqlstate::object_not_in_prerequisite_state, "revisions are not recorded at this moment",
		            "Call agg_set_keep_revisions() again for each task; what is kept begins anew then.",
		            "The trigger \"" AGG_EVENT_TRIGGER_NAME "\" of derived_data_bars is missing or disabled.");
	co_return as_of;
}

Op<std::vector<Ladder>> read_ladders_as_of(Database &db, const std::vector<std::string> symbols, const std::string name, const AsOf as_of) {
	std::vector<Ladder> ladders;
	if (symbols.empty())
		co_return ladders;
	const Timeframe timeframe = timeframe_or_throw(symbols.front(), name);
	const auto known = co_await read_symbols(db, symbols);
	for (size_t i = 0; i < symbols.size(); ++i) {
		auto draft = co_await draft_of(db, known[i], symbols[i], timeframe);
		auto &rungs = draft.ladder.rungs;
		// What is stored without a task has no history, and hides what could be made of a source that has.
		const bool stored = draft.tasks.front() != nullptr || rungs.size() == 1 || draft.stored_until.finite();
		rungs.erase(rungs.begin() + (stored ? 1 : 2), rungs.end());
		check_kept(as_of, symbols[i], rungs.front().bars.name(), rungs.back().bars);
		if (!stored)
			rungs.front().computed.add({Timestamp::minus_infinity(), Timestamp::infinity()});
		ladders.push_back(std::move(draft.ladder));
	}
	co_return ladders;
}

Op<std::vector<Ladder>> read_ladders(Database &db, const std::vector<std::string> symbols, const std::string name, Timestamp from,
                                     Timestamp now) {
	std::vector<Ladder> ladders;
	if (symbols.empty())
		co_return ladders;
	const Timeframe timeframe = timeframe_or_throw(symbols.front(), name);
	auto known = co_await read_symbols(db, symbols);
	if (!timeframe.ingested())
		co_await find_late_work(db, symbols, known, from);
	std::vector<Draft> drafts;
	drafts.reserve(symbols.size());
	for (size_t i = 0; i < symbols.size(); ++i) {
		auto draft = co_await draft_of(db, known[i], symbols[i], timeframe);
		drafts.push_back(std::move(draft));
	}
	const auto seals = co_await find_seals(db, drafts, from);
	const Segment *of_symbol = seals.data();
	size_t highest = 0;
	for (auto &draft : drafts) {
		draft.seals = of_symbol;
		of_symbol += draft.ladder.rungs.size() - 1;
		highest = std::max(highest, draft.ladder.rungs.size());
	}
	// From the lowest rungs up.
	for (size_t above = 1; above < highest; ++above) {
		for (auto &draft : drafts) {
			if (above < draft.ladder.rungs.size())
				find_computed(draft, draft.ladder.rungs.size() - 1 - above, now);
		}
		co_await find_unsettled(db, drafts, above, now);
	}
	for (auto &draft : drafts)
		ladders.push_back(std::move(draft.ladder));
	co_return ladders;
}

} // namespace aggregation
