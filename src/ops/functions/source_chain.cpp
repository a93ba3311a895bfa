#include "ops/functions/source_chain.hpp"

#include "ops/bars/part_bars.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/obstacle.hpp"

#include <algorithm>

namespace aggregation {

namespace {

// How many usable minutes a symbol has in the window.
#define AGG_COUNT_MINUTES(bars)                                                                                                            \
	"SELECT count(*) FROM " bars " b WHERE b.canonical_symbol = $1::text AND b.timeframe = '1m' "                                          \
	"AND b.ts_utc >= $2::timestamptz AND b.ts_utc < $3::timestamptz AND b.close > 0 AND b.close < 'Infinity'"

const Statement &count_minutes(bool is_elsewhere) {
	static const Statement here {"data_bars", AGG_COUNT_MINUTES("@data_bars"), {AGG_INT8}};
	static const Statement elsewhere {"@data_bars", AGG_COUNT_MINUTES("@@data_bars"), {AGG_INT8}, Planning::by_statistics};
	return is_elsewhere ? elsewhere : here;
}

std::string last_bar(std::optional<Timestamp> last) {
	return last ? ", its last one is at " + to_iso8601(*last) : std::string(", and none before");
}

/// The components of an index that lack minutes of the window.
Op<std::string> missing_components(Database &db, const GeometricIndex index, const TimeRange window) {
	std::vector<std::string> symbols;
	std::vector<SourceProbe> probes;
	for (const auto &component : index.components) {
		symbols.push_back(component.symbol);
		probes.push_back({.symbol = component.symbol, .bars = minutes(), .to = window.to});
	}
	const auto elsewhere = co_await symbols_elsewhere(db, symbols);
	std::vector<int64_t> counts(symbols.size());
	for (size_t i = 0; i < symbols.size(); ++i) {
		auto take = [&](const Row &row) {
			counts[i] = row.integer(0);
			return Flow::more;
		};
		auto list = parameters(text_parameter(symbols[i]), timestamp_parameter(window.from), timestamp_parameter(window.to));
		const bool is_elsewhere = elsewhere.contains(symbols[i]);
		co_await db.query(count_minutes(is_elsewhere), std::move(list), take);
	}
	const auto last = co_await last_part_bars(db, probes);
	const int64_t most = minutes().count(window.from, window.to);
	std::string clauses;
	for (size_t i = 0; i < probes.size(); ++i) {
		if (counts[i] >= most)
			continue;
		clauses += "; component " + std::string(probes[i].symbol) + " has " + std::to_string(counts[i]) + " of " + std::to_string(most) +
		           " minutes of the window" + last_bar(last[i]);
	}
	co_return clauses;
}

/// Where the ingested bars of a symbol end, if there is none in the window.
Op<std::string> missing_minutes(Database &db, const std::string symbol, const TimeRange window) {
	const std::vector<SourceProbe> probes {{.symbol = symbol, .bars = minutes(), .to = window.to}};
	const auto last = co_await last_bars(db, probes);
	if (last.front() && *last.front() >= window.from)
		co_return "";
	co_return "; " + named(symbol) + " has no 1m bar in it" + last_bar(last.front());
}

} // namespace

Op<std::string> obstacles_below(Database &db, const Task task, const TimeRange window) {
	std::string clauses;
	Task lowest = task;
	while (!lowest.source.ingested()) {
		const TaskKey key {task.key.symbol, lowest.source.name()};
		const std::vector<TaskKey> keys {key};
		const auto below = co_await read_tasks(db, keys);
		if (!below.front())
			co_return clauses + "; there is no task " + key.label() + ", which would make its source";
		const auto standing = co_await read_standing(db, key);
		const std::string obstacle = standing ? standing->obstacle(key.symbol) : std::string();
		if (!obstacle.empty())
			clauses += "; " + key.label() + ": " + obstacle;
		lowest = *below.front();
	}
	std::string ingested;
	const auto indexes = co_await read_indexes(db);
	if (const GeometricIndex *index = index_read_by(lowest, indexes))
		ingested = co_await missing_components(db, *index, window);
	else
		ingested = co_await missing_minutes(db, task.key.symbol, window);
	co_return clauses + ingested;
}

} // namespace aggregation
