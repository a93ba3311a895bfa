#include "ops/runner/kept_bars.hpp"

#include "ops/tasks/source_symbols.hpp"

namespace aggregation {

namespace {

// clang-format off

const Statement &read_policies() {
	static const Statement statement {"agg_retention",
		"SELECT r.canonical_symbol, r.timeframe, (EXTRACT(epoch FROM r.keep) * 1000000)::int8 FROM @agg_retention r WHERE r.shards = ''",
		{AGG_TEXT, AGG_TEXT, AGG_INT8}, Planning::once_by_statistics};
	return statement;
}

const Statement &symbols_of_assets() {
	static const Statement statement {"core_asset_registry_all", "SELECT a.canonical_symbol FROM @core_asset_registry_all a", {AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

// clang-format on

} // namespace

std::optional<Duration> KeptBars::keep(const std::string &symbol, const std::string &timeframe) const {
	const auto policies = timeframes_.find(timeframe);
	if (policies == timeframes_.end())
		return std::nullopt;
	const auto own = policies->second.own.find(symbol);
	if (own != policies->second.own.end())
		return own->second;
	return known_.contains(symbol) ? policies->second.of_all : std::nullopt;
}

std::set<std::string> KeptBars::symbols_of_all(const std::string &timeframe) const {
	std::set<std::string> symbols = known_;
	const auto policies = timeframes_.find(timeframe);
	if (policies == timeframes_.end())
		return symbols;
	for (const auto &[symbol, keep] : policies->second.own)
		symbols.erase(symbol);
	return symbols;
}

Op<KeptBars> read_kept_bars(Database &db) {
	KeptBars kept;
	auto take_policy = [&](const Row &row) {
		auto &policies = kept.timeframes_[std::string(row.text(1))];
		if (row.is_null(0))
			policies.of_all = Duration {row.integer(2)};
		else
			policies.own.emplace(row.text(0), Duration {row.integer(2)});
		return Flow::more;
	};
	co_await db.query(read_policies(), {}, take_policy);
	const auto sources = co_await source_symbols(db);
	kept.known_.insert(sources.begin(), sources.end());
	auto take_asset = [&](const Row &row) {
		if (!row.is_null(0))
			kept.known_.emplace(row.text(0));
		return Flow::more;
	};
	co_await db.query(symbols_of_assets(), {}, take_asset);
	co_return std::move(kept);
}

} // namespace aggregation
