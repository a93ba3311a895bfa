#include "ops/tasks/indexes.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

// The last column says why components and exponents are no lists of pairs, and what they should be. (unnest() takes an array of several
// dimensions for a flat one.)
const Statement &rows_of_components() {
	static const Statement statement {"agg_indexes",
	                                  R"sql(
SELECT i.canonical_symbol, i.constant, i.decimals::int8, i.carry_minutes::int8, c.symbol, c.exponent, CASE
	WHEN array_ndims(i.components) > 1 THEN 'its components are an array of ' || array_ndims(i.components) || ' dimensions, not a list'
	WHEN array_ndims(i.exponents) > 1 THEN 'its exponents are an array of ' || array_ndims(i.exponents) || ' dimensions, not a list'
	WHEN cardinality(i.components) <> cardinality(i.exponents)
		THEN 'the numbers of its components (' || cardinality(i.components) || ') and exponents (' || cardinality(i.exponents) || ') differ'
	WHEN array_position(i.components, NULL) IS NOT NULL THEN 'a component is NULL'
	WHEN array_position(i.exponents, NULL) IS NOT NULL THEN 'an exponent is NULL'
	END, CASE
	WHEN array_ndims(i.components) > 1 OR array_ndims(i.exponents) > 1 THEN 'Write lists: components ''{EURUSD,USDJPY}'', exponents ''{1,1}''.'
	WHEN cardinality(i.components) <> cardinality(i.exponents) THEN 'Each component has one exponent, in the same order.'
	ELSE 'Give it a value, or take component and exponent out of the lists.'
	END
FROM @agg_indexes i
LEFT JOIN LATERAL unnest(i.components, i.exponents) WITH ORDINALITY AS c(symbol, exponent, n) ON true
ORDER BY i.canonical_symbol, c.n)sql",
	                                  {AGG_TEXT, AGG_FLOAT8, AGG_INT8, AGG_INT8, AGG_TEXT, AGG_FLOAT8, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

std::vector<GeometricIndex> without(const std::vector<IndexRow> &rows, const std::set<std::string> &left_out) {
	std::vector<GeometricIndex> list;
	for (const auto &row : rows) {
		if (!left_out.contains(row.index.symbol))
			list.push_back(row.index);
	}
	return list;
}

} // namespace

Error problem_of_row(const IndexRow &row) {
	return {sqlstate::invalid_parameter_value, "index \"" + shortened(row.index.symbol) + "\": " + row.problem->text, row.problem->hint};
}

Op<std::vector<IndexRow>> read_index_rows(Database &db) {
	std::vector<IndexRow> list;
	auto take = [&](const Row &row) {
		if (list.empty() || list.back().index.symbol != row.text(0)) {
			list.push_back({{.symbol = std::string(row.text(0)),
			                 .constant = row.real(1),
			                 .components = {},
			                 .decimals = row.integer(2),
			                 .carry = Duration::minutes(row.integer(3))},
			                std::nullopt});
			if (!row.is_null(6))
				list.back().problem = IndexProblem {std::string(row.text(6)), std::string(row.text(7))};
		}
		if (!row.is_null(4) && !row.is_null(5))
			list.back().index.components.push_back({std::string(row.text(4)), row.real(5)});
		return Flow::more;
	};
	co_await db.query(rows_of_components(), {}, take);
	for (auto &row : list) {
		if (!row.problem)
			row.problem = problem_of(row.index);
	}
	co_return list;
}

std::string text_of_circle(const std::vector<std::string> &circle) {
	constexpr size_t most_told = 8;
	std::string text;
	for (size_t i = 0; i < circle.size(); ++i) {
		const bool told = circle.size() <= most_told || i < 3 || i + 1 == circle.size();
		if (told)
			text += (i == 0 ? "" : " -> ") + shortened(circle[i]);
		else if (i == 3)
			text += " -> ...";
	}
	return circle.size() <= most_told ? text : text + " (" + std::to_string(circle.size() - 1) + " indexes)";
}

Indexes usable_indexes(const std::vector<IndexRow> &rows, std::vector<IndexRow> *left_out) {
	std::set<std::string> unusable;
	const auto leave_out = [&](const IndexRow &row, const IndexProblem &problem) {
		unusable.insert(row.index.symbol);
		if (left_out != nullptr)
			left_out->push_back({row.index, problem});
	};
	for (const auto &row : rows) {
		if (row.problem)
			leave_out(row, *row.problem);
	}
	const Indexes sound(without(rows, unusable));
	const auto in_circles = sound.in_circles();
	if (in_circles.empty())
		return Indexes(without(rows, unusable));
	for (const auto &row : rows) {
		if (std::binary_search(in_circles.begin(), in_circles.end(), row.index.symbol))
			leave_out(row, {"it is made of itself: " + text_of_circle(*sound.circle_through(row.index.symbol)), how_to_open_circle});
	}
	return Indexes(without(rows, unusable));
}

Op<Indexes> read_indexes(Database &db, std::vector<IndexRow> *left_out) {
	const auto rows = co_await read_index_rows(db);
	co_return usable_indexes(rows, left_out);
}

Op<Indexes> indexes_for(Database &db, const std::vector<Task> &tasks) {
	if (std::none_of(tasks.begin(), tasks.end(), [](const Task &task) { return task.source.ingested(); }))
		co_return Indexes();
	co_return co_await read_indexes(db);
}

} // namespace aggregation
