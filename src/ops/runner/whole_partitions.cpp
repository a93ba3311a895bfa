#include "ops/runner/whole_partitions.hpp"

#include "core/error.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/runner/retention_bounds.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace aggregation {

namespace {

/// Symbols by timeframe.
using Series = std::map<std::string, std::set<std::string>>;

/// When the policy of a symbol and timeframe in a table lets bars go; nullopt: never.
std::optional<Timestamp> kept_since(const std::string &table, const KeptBars &kept, const std::string &symbol, const std::string &timeframe,
                                    Timestamp now) {
	const bool of_table = (table == "data_bars") == (timeframe == minutes().name());
	const auto keep = of_table ? kept.keep(symbol, timeframe) : std::nullopt;
	return keep ? std::optional(now - *keep) : std::nullopt;
}

/// What is in it; nullopt if somebody there is kept longer.
Op<std::optional<Series>> series_that_go(Database &db, const std::string table, const TimePartition partition, const KeptBars &kept,
                                         Timestamp now) {
	std::optional<Series> series(std::in_place);
	auto take = [&](std::string_view symbol, std::string_view timeframe) {
		std::string name(symbol);
		const auto since = kept_since(table, kept, name, std::string(timeframe), now);
		if (!since || *since < partition.to) {
			series.reset();
			return Flow::enough;
		}
		(*series)[std::string(timeframe)].insert(std::move(name));
		return Flow::more;
	};
	co_await series_in(db, table, partition, take);
	co_return std::move(series);
}

/// How far bars of a timeframe may go.
struct Bounds {
	std::string timeframe;
	std::vector<Seal> going;
	std::vector<std::string> short_of_end; // symbols whose bound lies before the partition's end,
	std::vector<Timestamp> before;         // and where
};

Bounds bounds_within(const std::string &timeframe, const std::vector<std::string> &symbols, const std::vector<RetentionBound> &bounds,
                     Timestamp end) {
	Bounds within {timeframe, {}, {}, {}};
	for (size_t i = 0; i < symbols.size(); ++i) {
		within.going.push_back({symbols[i], Timestamp::range_begin(), std::min(bounds[i].before, end)});
		if (bounds[i].before >= end)
			continue;
		within.short_of_end.push_back(symbols[i]);
		within.before.push_back(bounds[i].before);
	}
	return within;
}

/// Who has bars in it that must not go. A symbol that is traded no more has none behind its cursor.
Op<std::set<std::string>> still_needed(Database &db, const std::string table, const TimePartition partition, const Bounds &bounds) {
	if (bounds.short_of_end.empty())
		co_return std::set<std::string>();
	const auto found = co_await symbols_from(db, table, partition, bounds.timeframe, bounds.short_of_end, bounds.before);
	co_return std::set<std::string>(found.begin(), found.end());
}

Op<Bounds> look_at_bounds(Database &db, const std::string table, const TimePartition partition, const std::string timeframe,
                          const std::vector<std::string> symbols, Timestamp wanted, Retired &retired) {
	const auto found = co_await retention_bounds(db, symbols, timeframe, wanted);
	auto bounds = bounds_within(timeframe, symbols, found, partition.to);
	const auto needed = co_await still_needed(db, table, partition, bounds);
	retired.waiting += static_cast<int64_t>(needed.size());
	for (size_t i = 0; i < symbols.size(); ++i) {
		if (!needed.contains(symbols[i]))
			continue;
		retired.busy = retired.busy || found[i].busy;
		if (retired.waits_for.empty())
			retired.waits_for = found[i].waits_for;
	}
	co_return std::move(bounds);
}

Error has_changed(const TimePartition &partition) {
	return Error(sqlstate::lock_not_available, "partition " + partition.name + " has changed while it was being retired");
}

} // namespace

Timestamp partition_start(const std::vector<TimePartition> &partitions, Timestamp time) {
	Timestamp start = time;
	for (const auto &partition : partitions) {
		if (partition.from <= time && partition.to > time && partition.from.finite() && partition.to.finite())
			start = std::min(start, partition.from);
	}
	return start;
}

Op<std::optional<TimePartition>> oldest_whole(Database &db, const std::string table, const std::vector<TimePartition> partitions,
                                              const KeptBars &kept, Timestamp now, Timestamp wanted, Verdicts &verdicts) {
	for (const auto &partition : partitions) {
		if (partition.to > wanted)
			continue;
		if (!verdicts.contains(partition.id)) {
			const auto series = co_await series_that_go(db, table, partition, kept, now);
			verdicts[partition.id] = series && !series->empty();
		}
		if (verdicts[partition.id])
			co_return partition;
	}
	co_return std::nullopt;
}

Op<Retired> retire_partition(Database &db, const std::string table, const TimePartition partition, const KeptBars &kept, Timestamp now) {
	Retired retired;
	const auto series = co_await series_that_go(db, table, partition, kept, now);
	if (!series)
		throw has_changed(partition);
	std::vector<Bounds> bounds;
	for (const auto &[timeframe, symbols] : *series) {
		Timestamp wanted = now;
		for (const auto &symbol : symbols)
			wanted = std::min(wanted, kept_since(table, kept, symbol, timeframe, now).value_or(wanted));
		const std::vector<std::string> names(symbols.begin(), symbols.end());
		auto of_timeframe = co_await look_at_bounds(db, table, partition, timeframe, names, wanted, retired);
		bounds.push_back(std::move(of_timeframe));
	}
	if (retired.waiting > 0)
		co_return std::move(retired);

	co_await keep_writers_out(db, table, partition);
	const auto present = co_await time_partitions(db, table);
	const bool same = std::any_of(present.begin(), present.end(), [&](const TimePartition &other) {
		return other.id == partition.id && other.name == partition.name && other.from == partition.from && other.to == partition.to;
	});
	const auto locked = co_await series_that_go(db, table, partition, kept, now);
	if (!same || locked != series)
		throw has_changed(partition);
	for (const auto &of_timeframe : bounds) {
		const auto needed = co_await still_needed(db, table, partition, of_timeframe);
		if (!needed.empty())
			throw has_changed(partition);
		co_await put_seals(db, of_timeframe.going, of_timeframe.timeframe, "retired");
	}
	co_await drop_partition(db, table, partition);
	retired.dropped = true;
	co_return std::move(retired);
}

} // namespace aggregation
