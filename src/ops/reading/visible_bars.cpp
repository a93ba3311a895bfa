#include "ops/reading/visible_bars.hpp"

#include "ops/boundary/holds.hpp"
#include "ops/boundary/parameters.hpp"

#include <string>
#include <utility>

namespace aggregation {

namespace {

const Statement &ask_row_security() {
	static const Statement statement {nullptr, "SELECT row_security_active($1::text)", {AGG_BOOL}, Planning::by_statistics};
	return statement;
}

// Asked as the caller, whose row security decides.
const Statement &read_visible() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT t.ord FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, at, ord)
WHERE EXISTS (SELECT FROM @derived_data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe AND d.ts_utc = t.at)
ORDER BY t.ord)sql",
	                                  {AGG_INT8},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<bool> sees_some_rows_only(Database &db) {
	const std::string table = db.qualify("@derived_data_bars");
	co_return co_await holds(db, ask_row_security(), parameters(text_parameter(table)));
}

std::vector<Parameter> BarKeys::parameters() && {
	return aggregation::parameters(Parameter(AGG_TEXT, std::move(symbols_)), Parameter(AGG_TEXT, std::move(timeframes_)),
	                               Parameter(AGG_TIMESTAMPTZ, std::move(starts_)));
}

Op<std::vector<size_t>> visible_bars(Database &db, BarKeys keys) {
	std::vector<size_t> places;
	auto take = [&](const Row &row) {
		places.push_back(static_cast<size_t>(row.integer(0) - 1));
		return Flow::more;
	};
	co_await db.query(read_visible(), std::move(keys).parameters(), take);
	co_return places;
}

} // namespace aggregation
