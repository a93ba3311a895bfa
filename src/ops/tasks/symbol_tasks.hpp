// All tasks of one symbol, which are locked and changed together where what changes is the symbol's: its calendar, its rule of sources.
#pragma once

#include "core/grid.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/calendars.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

struct SymbolTask {
	std::string timeframe;
	std::optional<std::string> source;
	std::optional<Timestamp> cursor;
	std::optional<std::string> calendar;

	bool operator==(const SymbolTask &) const = default;
};

struct ChangedTask {
	SymbolTask before;
	SymbolTask after;
};

struct ChangedSymbol {
	size_t tasks = 0;
	std::vector<ChangedTask> changed;
};

/// In the order of their names.
Op<std::vector<SymbolTask>> lock_tasks_of(Database &db, const std::string symbol);

/// nullopt where the task makes no sense.
std::optional<Grid> grid_of(const SymbolTask &task, const Calendars &calendars);

std::set<std::string> timeframes_of(const std::vector<SymbolTask> &tasks);

/// What a task of this grid is made of by default where the symbol has tasks for these timeframes: the widest of them, or minutes.
std::optional<Timeframe> default_source_among(const Grid &grid, const std::set<std::string> &timeframes);

/// Stores what has become of them, and has them run. What that means for bars the table's trigger says (agg_note_task_change()).
Op<void> store_changes(Database &db, const std::string symbol, const std::vector<ChangedTask> &changed);

} // namespace aggregation
