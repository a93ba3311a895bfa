// A symbol changes what its bars are made of: all of its tasks at once.
#pragma once

#include "core/source_rule.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/symbol_tasks.hpp"

#include <set>
#include <string>

namespace aggregation {

/// Gives the tasks of a symbol the sources that the rule says; chain: of those that the symbol has tasks for.
Op<ChangedSymbol> set_source(Database &db, const std::string symbol, SourceRule rule);

/// The symbols whose tasks are all made of minutes, though a chain would not say so: theirs is the rule "exact".
Op<std::set<std::string>> exact_symbols(Database &db);

} // namespace aggregation
