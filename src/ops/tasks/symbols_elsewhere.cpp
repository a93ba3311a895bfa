#include "ops/tasks/symbols_elsewhere.hpp"

#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

const Statement &not_held() {
	static const Statement statement {"agg_indexes",
	                                  "SELECT s.symbol FROM unnest($1::text[]) AS s(symbol) CROSS JOIN @agg_hash_values AS h "
	                                  "WHERE hashtext(s.symbol) NOT BETWEEN h.first_hash AND h.last_hash",
	                                  {AGG_TEXT}};
	return statement;
}

} // namespace

Op<SymbolSet> symbols_elsewhere(Database &db, const std::vector<std::string> symbols) {
	SymbolSet found;
	if (!db.is_group() || symbols.empty())
		co_return found;
	auto take = [&](const Row &row) {
		found.emplace(row.text(0));
		return Flow::more;
	};
	co_await db.query(not_held(), parameters(text_array(symbols)), take);
	co_return found;
}

} // namespace aggregation
