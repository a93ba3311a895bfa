#include "ops/boundary/worth_asking.hpp"

namespace aggregation {

Op<bool> worth_asking(Database &db, const char *relation, size_t questions) {
	constexpr size_t few = 32;
	const bool empty = co_await db.surely_empty(relation);
	if (empty || questions <= few)
		co_return !empty;
	bool found = false;
	auto see = [&](const Row &) {
		found = true;
		return Flow::enough;
	};
	const std::string sql = std::string("SELECT 1 FROM @") + relation + " LIMIT 1";
	const Statement any_row {relation, sql.c_str(), {AGG_INT4}};
	co_await db.query(any_row, {}, see);
	co_return found;
}

} // namespace aggregation
