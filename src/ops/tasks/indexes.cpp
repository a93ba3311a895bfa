#include "ops/tasks/indexes.hpp"

#include <algorithm>
#include <limits>

namespace aggregation {

namespace {

const Statement &rows_of_components() {
	static const Statement statement {"agg_indexes",
	                                  R"sql(
SELECT i.canonical_symbol, i.constant, i.decimals::int8, i.carry_minutes::int8, c.symbol, c.exponent
FROM @agg_indexes i
LEFT JOIN LATERAL unnest(i.components, i.exponents) WITH ORDINALITY AS c(symbol, exponent, n) ON true
ORDER BY i.canonical_symbol, c.n)sql",
	                                  {AGG_TEXT, AGG_FLOAT8, AGG_INT8, AGG_INT8, AGG_TEXT, AGG_FLOAT8},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<std::vector<GeometricIndex>> read_index_rows(Database &db) {
	std::vector<GeometricIndex> list;
	auto take = [&](const Row &row) {
		if (list.empty() || list.back().symbol != row.text(0)) {
			list.push_back({.symbol = std::string(row.text(0)),
			                .constant = row.real(1),
			                .components = {},
			                .decimals = row.integer(2),
			                .carry = Duration::minutes(row.integer(3))});
		}
		const auto exponent = row.maybe_real(5).value_or(std::numeric_limits<double>::quiet_NaN());
		if (!row.is_null(4) || !row.is_null(5))
			list.back().components.push_back({row.maybe_text(4).value_or(""), exponent});
		return Flow::more;
	};
	co_await db.query(rows_of_components(), {}, take);
	co_return list;
}

Op<Indexes> read_indexes(Database &db) {
	auto list = co_await read_index_rows(db);
	std::erase_if(list, [](const GeometricIndex &index) { return problem_of(index).has_value(); });
	for (;;) {
		Indexes indexes(list);
		const auto circle = indexes.circle();
		if (!circle)
			co_return indexes;
		std::erase_if(
		    list, [&](const GeometricIndex &index) { return std::find(circle->begin(), circle->end(), index.symbol) != circle->end(); });
	}
}

Op<Indexes> indexes_for(Database &db, const std::vector<Task> &tasks) {
	if (std::none_of(tasks.begin(), tasks.end(), [](const Task &task) { return task.source.ingested(); }))
		co_return Indexes();
	co_return co_await read_indexes(db);
}

} // namespace aggregation
