// Synthetic indexes as agg_indexes has them. There are few of them, so each call that needs them reads them all.
#pragma once

#include "core/error.hpp"
#include "core/indexes.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

/// A row as it is.
struct IndexRow {
	GeometricIndex index;
	std::optional<IndexProblem> problem; // with it alone
};

/// 22023 for a row that has a problem.
Error problem_of_row(const IndexRow &row);

/// All rows, ordered by symbol.
Op<std::vector<IndexRow>> read_index_rows(Database &db);

/// All of them but those that make no sense or go round in a circle, which were written while nobody looked (without triggers, or with
/// aggregation.tracking off); those and what is wrong with them are added to `left_out`.
Indexes usable_indexes(const std::vector<IndexRow> &rows, std::vector<IndexRow> *left_out = nullptr);
Op<Indexes> read_indexes(Database &db, std::vector<IndexRow> *left_out = nullptr);

/// "A -> B -> A"; of a long one the beginning and the number of its indexes.
std::string text_of_circle(const std::vector<std::string> &circle);
inline constexpr const char *how_to_open_circle = "Take one of these indexes out of the components of the one before it.";

/// What may be needed for these tasks: none where none of them reads minutes.
Op<Indexes> indexes_for(Database &db, const std::vector<Task> &tasks);

/// The index whose minutes the task reads, which are computed rather than ingested; nullptr: it reads none.
inline const GeometricIndex *index_read_by(const Task &task, const Indexes &indexes) {
	return task.source.ingested() ? indexes.find(task.key.symbol) : nullptr;
}

/// And all that its minutes are made of; none where it reads none.
inline std::vector<Dependent> index_parts(const Task &task, const Indexes &indexes) {
	return index_read_by(task, indexes) != nullptr ? indexes.parts_of(task.key.symbol) : std::vector<Dependent>();
}

} // namespace aggregation
