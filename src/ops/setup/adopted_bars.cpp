#include "ops/setup/adopted_bars.hpp"

#include "core/error.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/adopted_bars.h"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>
#include <vector>

namespace aggregation {

namespace {

const Statement &adopted_ranges() {
	static const Statement statement {"derived_data_bars",
	                                  AGG_ADOPTED_RANGES("@data_agg_state AS f"),
	                                  {AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_INT8},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &seal() {
	static const Statement statement {"agg_sealed_ranges",
	                                  AGG_SEAL_ADOPTED("unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[])"),
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

struct AdoptedRanges {
	std::vector<std::string> symbols;
	std::vector<std::optional<std::string>> sources;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	int64_t bars = 0;
};

/// Index and part, the ingested ones.
struct PartsOfIndexes {
	std::vector<std::string> indexes;
	std::vector<std::string> parts;
};

Op<PartsOfIndexes> parts_of_indexes(Database &db) {
	PartsOfIndexes list;
	const auto indexes = co_await read_indexes(db);
	for (const auto &[symbol, index] : indexes.all()) {
		for (auto &part : indexes.ingested_parts_of(symbol)) {
			list.indexes.push_back(symbol);
			list.parts.push_back(std::move(part));
		}
	}
	co_return list;
}

Op<AdoptedRanges> ranges_without(Database &db, const PartsOfIndexes parts) {
	AdoptedRanges found;
	auto take = [&](const Row &row) {
		found.symbols.emplace_back(row.text(0));
		found.sources.push_back(row.maybe_text(1));
		found.from.push_back(cell(row.timestamp(2)));
		found.to.push_back(cell(row.timestamp(3)));
		found.bars += row.integer(5);
		return Flow::more;
	};
	co_await db.query(adopted_ranges(), parameters(text_array(parts.indexes), text_array(parts.parts)), take);
	co_return found;
}

/// nullopt: the tables may not be read.
Op<std::optional<AdoptedRanges>> find_ranges(Database &db) {
	AdoptedRanges found;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		// Minutes of an index that can be computed only make it less.
		const PartsOfIndexes none;
		found = co_await ranges_without(db, none);
		if (!found.symbols.empty()) {
			auto parts = co_await parts_of_indexes(db);
			found = co_await ranges_without(db, std::move(parts));
		}
	});
	if (!fault)
		co_return std::move(found);
	if (fault->error().sqlstate != sqlstate::insufficient_privilege)
		fault->raise();
	co_return std::nullopt;
}

} // namespace

Op<void> adopt_bars(Database &db) {
	const auto found = co_await find_ranges(db);
	if (!found) {
		co_await db.notice("existing bars are not checked, because the owner of derived_data_bars may not read data_bars and "
		                   "data_agg_state; if their source is gone, call agg_seal_range() before agg_run(), or they are deleted");
		co_return;
	}
	if (found->symbols.empty())
		co_return;
	std::vector<agg_cell> sources;
	for (const auto &source : found->sources)
		sources.push_back(cell(source));
	auto list = parameters(text_array(found->symbols), Parameter(AGG_TEXT, std::move(sources)), Parameter(AGG_TIMESTAMPTZ, found->from),
	                       Parameter(AGG_TIMESTAMPTZ, found->to));
	co_await db.execute(seal(), std::move(list));
	co_await db.notice(std::to_string(found->bars) +
	                   " existing bars have no source any more and stay as they are: agg_sealed_ranges lists them as '" AGG_ADOPTED
	                   "'; when their source comes back, call agg_unseal_range()");
}

} // namespace aggregation
