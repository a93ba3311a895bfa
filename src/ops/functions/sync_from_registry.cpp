// sync_agg_state_from_registry, and a word about bars that its tasks will not read.
#include "ops/functions/functions.hpp"

#include "ops/bars/source_probe.hpp"
#include "ops/boundary/json.hpp"
#include "ops/runner/registry_sync.hpp"

namespace aggregation {

namespace {

const Statement &starts() {
	static const Statement statement {"data_agg_state",
	                                  "SELECT s.canonical_symbol, min(s.agg_start_utc) FROM @data_agg_state s WHERE s.enabled GROUP BY "
	                                  "s.canonical_symbol ORDER BY s.canonical_symbol",
	                                  {AGG_TEXT, AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

/// Symbols whose minutes begin before all of their tasks do, as JSON; at most twenty. One index probe a symbol.
Op<std::string> data_before_start(Database &db) {
	std::vector<std::pair<std::string, Timestamp>> symbols;
	auto take = [&](const Row &row) {
		if (!row.is_null(1))
			symbols.emplace_back(row.text(0), row.timestamp(1));
		return Flow::more;
	};
	co_await db.query(starts(), {}, take);
	std::vector<SourceProbe> probes;
	probes.reserve(symbols.size());
	for (const auto &[symbol, start] : symbols)
		probes.push_back({symbol, minutes()});
	std::vector<std::optional<Timestamp>> first;
	if (!probes.empty())
		first = co_await first_bars(db, probes);
	std::string list;
	size_t told = 0;
	constexpr size_t most_told = 20;
	for (size_t i = 0; i < probes.size() && told < most_told; ++i) {
		if (!first[i] || *first[i] >= symbols[i].second)
			continue;
		list += (list.empty() ? "" : ", ") + JsonObject()
		                                         .add("canonical_symbol", std::string_view(symbols[i].first))
		                                         .add("first_bar_utc", *first[i])
		                                         .add("agg_start_utc", symbols[i].second)
		                                         .text();
		++told;
	}
	co_return "[" + list + "]";
}

} // namespace

Op<Answer> sync_agg_state_from_registry(Database &db, Arguments arguments) {
	const std::string environment = arguments.text("p_env_name");
	const Timestamp start = arguments.timestamp("p_agg_start_utc");
	const auto result = co_await sync_registry(db, environment, start, db.transaction_start());
	const std::string before = co_await data_before_start(db);
	JsonObject answer;
	answer.add("success", true)
	    .add("tasks_created", result.created)
	    .add("tasks_updated", result.updated)
	    .add("tasks_disabled", result.disabled)
	    .add("timestamp_utc", db.transaction_start())
	    .add("env", std::string_view(environment))
	    .add("agg_start_utc", start)
	    .add_raw("assets_skipped", result.skipped_json)
	    .add_raw("unknown_keys", result.unknown_keys_json)
	    .add_raw("data_before_start", before);
	if (before != "[]")
		answer.add("data_before_start_hint", "no bars are made from data before a start; put \"start_utc\": \"first_bar\" (or a time) into "
		                                     "metadata.agg of these assets and sync again");
	co_return Answer::json(answer.text());
}

} // namespace aggregation
