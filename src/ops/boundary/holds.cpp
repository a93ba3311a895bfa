#include "ops/boundary/holds.hpp"

namespace aggregation {

Op<bool> holds(Database &db, const Statement &question, std::vector<Parameter> list) {
	bool answer = false;
	auto take = [&](const Row &row) {
		answer = !row.is_null(0) && row.boolean(0);
		return Flow::enough;
	};
	co_await db.query(question, std::move(list), take);
	co_return answer;
}

} // namespace aggregation
