#include "ops/boundary/worth_asking.hpp"

namespace aggregation {

Op<bool> worth_asking(Database &db, const Statement &any_row, size_t questions) {
	constexpr size_t few = 32;
	const bool empty = co_await db.surely_empty(any_row.relation);
	if (empty || questions <= few)
		co_return !empty;
	bool found = false;
	auto see = [&](const Row &) {
		found = true;
		return Flow::enough;
	};
	co_await db.query(any_row, {}, see);
	co_return found;
}

} // namespace aggregation
