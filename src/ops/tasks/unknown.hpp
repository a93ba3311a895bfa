// Errors for what is not there: a task, a symbol that nobody knows, a calendar. Their hints look at what there is instead.
#pragma once

#include "core/error.hpp"
#include "ops/tasks/tasks.hpp"

#include <string>
#include <vector>

namespace aggregation {

/// What to do about a task that is not there, as sentences: another spelling of its symbol, another timeframe, the registry.
Op<std::string> hint_for_missing_task(Database &db, TaskKey key);

/// P0002: `prefix` and the task's label, words that the callers of older functions look for.
Op<Error> missing_task(Database &db, std::string prefix, TaskKey key);

/// The task, or missing_task(), thrown.
Op<Task> task_or_throw(Database &db, TaskKey key, std::string prefix = "Missing agg config ");

/// What to do about a symbol without any task, as sentences.
Op<std::string> hint_for_missing_tasks(Database &db, std::string symbol);

/// 22023 for a calendar that is not there; `subject`: whose it is to be, if anybody's.
Op<Error> unknown_calendar(Database &db, std::string name, std::string subject);

/// For an index that nobody computes: P0002 if there is none, 22023 and what is wrong with its row if there is.
Op<Error> no_usable_index(Database &db, std::string symbol);

/// Throws P0002 unless somebody knows the symbol: a task, the registry, or a bar.
Op<void> require_symbol(Database &db, std::string symbol);

/// A symbol that neither the registry nor a task nor a bar has.
struct UnknownSymbol {
	std::string symbol;
	std::string hint; // "Did you mean ...? ", or empty
};

/// Those of the symbols that nobody knows; of the first few also what may have been meant, by names that are known or among `other_names`.
Op<std::vector<UnknownSymbol>> unknown_symbols(Database &db, const std::vector<std::string> symbols,
                                               const std::vector<std::string> other_names);

} // namespace aggregation
