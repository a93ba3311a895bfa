#include "ops/functions/expected_minutes.hpp"

#include "ops/bars/source_probe.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/task_columns.h"
#include "ops/tasks/unknown.hpp"

#include <map>
#include <set>

namespace aggregation {

namespace {

const Statement &symbols_with_tasks() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.canonical_symbol, min(s.calendar), " AGG_EXPECTED_SINCE(
	                                      "s.") " "
	                                            "FROM @data_agg_state s WHERE $2::bool OR s.canonical_symbol = ANY ($1::text[]) "
	                                            "GROUP BY s.canonical_symbol",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

struct Asked {
	std::optional<std::string> calendar;
	std::optional<Timestamp> start;
};

} // namespace

Op<std::vector<ExpectedMinutes>> expected_minutes(Database &db, const std::optional<std::vector<std::string>> symbols) {
	std::map<std::string, Asked> asked;
	std::set<std::string> calendar_names;
	auto take = [&](const Row &row) {
		Asked symbol {row.maybe_text(1), row.maybe_timestamp(2)};
		if (symbol.calendar)
			calendar_names.insert(*symbol.calendar);
		asked.emplace(row.text(0), std::move(symbol));
		return Flow::more;
	};
	const std::vector<std::string> none;
	auto list = parameters(text_array(symbols ? *symbols : none), Parameter(AGG_BOOL, cell(!symbols)));
	co_await db.query(symbols_with_tasks(), std::move(list), take);
	if (symbols) {
		for (const auto &symbol : *symbols) {
			if (asked.contains(symbol))
				continue;
			co_await require_symbol(db, symbol);
			asked.emplace(symbol, Asked {});
		}
	}
	const auto calendars = co_await read_calendars(db, calendar_names);
	std::vector<SourceProbe> probes;
	for (const auto &[symbol, task] : asked)
		probes.push_back({symbol, minutes()});
	std::vector<std::optional<Timestamp>> first;
	if (!probes.empty())
		first = co_await first_bars(db, probes);
	std::vector<ExpectedMinutes> expected;
	for (const auto &[symbol, task] : asked) {
		auto from = first[expected.size()];
		if (!from || *from > db.clock()) // what is ahead of the clock is not there yet
			from = task.start;
		expected.push_back({symbol, calendars.named(task.calendar, named(symbol)), from});
	}
	co_return expected;
}

} // namespace aggregation
