#include "ops/tasks/source_symbols.hpp"

#include "ops/tasks/indexes.hpp"
#include "ops/tasks/symbols_elsewhere.hpp"

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
	std::vector<std::string> parts;
	for (const auto &[index, rule] : indexes.all()) {
		if (!found.contains(index) && !db.is_group()) // another group may have its tasks
			continue;
		for (auto &part : indexes.parts_of(index))
			parts.push_back(std::move(part.symbol));
	}
	const auto elsewhere = co_await symbols_elsewhere(db, parts);
	for (auto &part : parts) {
		if (!elsewhere.contains(part))
			found.insert(std::move(part));
	}
	co_return std::vector<std::string>(found.begin(), found.end());
}

} // namespace aggregation
