#include "ops/tasks/source_symbols.hpp"

#include "ops/tasks/indexes.hpp"

#include <set>

namespace aggregation {

namespace {

const Statement &symbols_with_tasks() {
	static const Statement statement {
	    "data_agg_state", "SELECT DISTINCT s.canonical_symbol FROM @data_agg_state s", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

} // namespace

Op<std::vector<std::string>> source_symbols(Database &db) {
	std::set<std::string, std::less<>> found;
	auto receive = [&](const Row &row) {
		found.emplace(row.text(0));
		return Flow::more;
	};
	co_await db.query(symbols_with_tasks(), {}, receive);
	const auto indexes = co_await read_indexes(db);
	for (const auto &[index, rule] : indexes.all()) {
		if (!found.contains(index))
			continue;
		for (auto &part : indexes.parts_of(index))
			found.insert(std::move(part.symbol));
	}
	co_return std::vector<std::string>(found.begin(), found.end());
}

} // namespace aggregation
