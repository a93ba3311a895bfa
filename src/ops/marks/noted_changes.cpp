#include "ops/marks/noted_changes.hpp"

#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

// One entry for each symbol and range.
const Statement &log_changes() {
	static const Statement statement {
	    "agg_change_log", "INSERT INTO @agg_change_log (symbols, from_utc, to_utc, row_counts) VALUES ($1::text[], $2::timestamptz[], "
	                      "$3::timestamptz[], '{0}')"};
	return statement;
}

// Where the log is distributed, each row of it is about one symbol.
const Statement &log_changes_of_group() {
	static const Statement statement {"agg_change_log",
	                                  "INSERT INTO @agg_change_log (canonical_symbol, symbols, from_utc, to_utc, row_counts) "
	                                  "SELECT c.symbol, ARRAY[c.symbol], ARRAY[c.from_utc], ARRAY[c.to_utc], '{0}' "
	                                  "FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS c(symbol, from_utc, to_utc)"};
	return statement;
}

} // namespace

void NotedChanges::add(std::string_view symbol, const TimeRange &range) {
	symbols.push_back(cell(symbol));
	from.push_back(cell(range.from));
	to.push_back(cell(range.to));
}

Op<void> note_changes(Database &db, NotedChanges changed) {
	if (changed.symbols.empty())
		co_return;
	auto list = parameters(Parameter(AGG_TEXT, std::move(changed.symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(changed.from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(changed.to)));
	co_await db.execute(db.is_group() ? log_changes_of_group() : log_changes(), std::move(list));
	co_await db.note_own_changes();
}

} // namespace aggregation
