#include "ops/setup/shape.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/setup/shape_mark.h"
#include "ops/tasks/tasks.hpp"

#include <string_view>

namespace aggregation {

namespace {

// $1: schema; $2: the comment that is wanted.
const Statement &present_mark() {
	static const Statement statement {nullptr,
	                                  "SELECT obj_description(c.oid, 'pg_class') IS NOT DISTINCT FROM $2::text FROM pg_catalog.pg_class c "
	                                  "WHERE c.relnamespace = $1::text::regnamespace AND c.relname = '" AGG_MARKED_TABLE
	                                  "' AND c.relkind IN ('r', 'p')",
	                                  {AGG_BOOL},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<std::vector<Step>> plan_shape_mark(Database &db) {
	const std::string schema = db.schema();
	const std::string mark = AGG_SHAPE_MARK + db.release();
	std::vector<Step> steps;
	auto take = [&](const Row &row) {
		if (!row.boolean(0))
			steps.push_back({"comment " AGG_MARKED_TABLE, Action::replace, "COMMENT ON TABLE @" AGG_MARKED_TABLE " IS '" + mark + "'", "",
			                 "", AGG_MARKED_TABLE});
		return Flow::more;
	};
	co_await db.query(present_mark(), parameters(text_parameter(schema), text_parameter(mark)), take);
	co_return steps;
}

} // namespace aggregation
