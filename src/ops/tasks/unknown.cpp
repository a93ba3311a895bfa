#include "ops/tasks/unknown.hpp"

#include "core/spelling.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/indexes.hpp"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

const Statement &registered_symbols() {
	static const Statement statement {
	    "core_asset_registry_all",
	    "SELECT a.canonical_symbol, COALESCE(a.active, false) OR COALESCE(a.test_active, false) FROM @core_asset_registry_all a",
	    {AGG_TEXT, AGG_BOOL},
	    Planning::by_statistics};
	return statement;
}

const Statement &symbols_of_tasks() {
	static const Statement statement {
	    "data_agg_state", "SELECT DISTINCT s.canonical_symbol FROM @data_agg_state s", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &skipped_asset() {
	static const Statement statement {
	    "agg_registry_sync",
	    "SELECT x.value ->> 'error' FROM @agg_registry_sync r CROSS JOIN LATERAL jsonb_array_elements(r.assets_skipped) x(value) "
	    "WHERE x.value ->> 'canonical_symbol' = $1::text ORDER BY r.synced_at_utc DESC LIMIT 1",
	    {AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &calendar_names() {
	static const Statement statement {
	    "agg_calendars", "SELECT c.calendar FROM @agg_calendars c ORDER BY c.calendar", {AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &ingested_bar() {
	static const Statement statement {
	    "data_bars", "SELECT b.ts_utc FROM @data_bars b WHERE b.canonical_symbol = $1::text LIMIT 1", {AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &derived_bar() {
	static const Statement statement {
	    "derived_data_bars",
	    "SELECT b.ts_utc FROM @derived_data_bars b WHERE b.canonical_symbol = $1::text AND b.deleted_at IS NULL LIMIT 1",
	    {AGG_TIMESTAMPTZ}};
	return statement;
}

struct Known {
	bool registered = false;
	bool active = false;
	std::vector<std::string> names; // of all assets and tasks
};

Op<Known> known_symbols(Database &db, const std::string symbol) {
	Known known;
	auto take_asset = [&](const Row &row) {
		if (row.is_null(0))
			return Flow::more;
		known.names.emplace_back(row.text(0));
		if (row.text(0) == symbol) {
			known.registered = true;
			known.active = row.boolean(1);
		}
		return Flow::more;
	};
	co_await db.query(registered_symbols(), {}, take_asset);
	auto take_task = [&](const Row &row) {
		known.names.emplace_back(row.text(0));
		return Flow::more;
	};
	co_await db.query(symbols_of_tasks(), {}, take_task);
	co_return known;
}

std::string did_you_mean(const std::string &given, const std::vector<std::string> &names) {
	const auto near = nearest_name(given, names);
	return near ? "Did you mean \"" + shortened(*near) + "\"? " : "";
}

Op<bool> any_bar(Database &db, const Statement &statement, const std::string symbol) {
	bool found = false;
	auto take = [&](const Row &) {
		found = true;
		return Flow::enough;
	};
	co_await db.query(statement, parameters(text_parameter(symbol)), take);
	co_return found;
}

// Of many, at once.
const Statement &without_bars() {
	static const Statement statement {
	    "data_bars",
	    "SELECT u.symbol FROM unnest($1::text[]) u(symbol) WHERE (SELECT b.ts_utc FROM @data_bars b WHERE b.canonical_symbol = u.symbol LIMIT 1) "
	    "IS NULL",
	    {AGG_TEXT}};
	return statement;
}

} // namespace

Op<std::string> hint_for_missing_task(Database &db, TaskKey key) {
	const std::string symbol = shortened(key.symbol);
	const auto tasks = co_await matching_tasks(db, key.symbol, std::nullopt);
	if (!tasks.empty()) {
		std::string timeframes;
		for (const auto &task : tasks)
			timeframes += (timeframes.empty() ? "" : ", ") + task.timeframe;
		co_return symbol + " has tasks for " + timeframes + ". For " + key.timeframe +
		    " add it to the list \"optional\" of metadata.agg in core_asset_registry_all, then run sync_agg_state_from_registry().";
	}
	co_return co_await hint_for_missing_tasks(db, std::move(key.symbol));
}

Op<std::string> hint_for_missing_tasks(Database &db, std::string given) {
	const std::string symbol = shortened(named(given));
	const auto known = co_await known_symbols(db, given);
	std::string problem;
	auto take = [&](const Row &row) {
		problem = row.maybe_text(0).value_or("");
		return Flow::more;
	};
	if (known.active)
		co_await db.query(skipped_asset(), parameters(text_parameter(given)), take);
	if (!problem.empty())
		co_return "The last sync skipped " + symbol + ": " + problem +
		    ". Correct it in core_asset_registry_all, then run sync_agg_state_from_registry().";
	if (known.active)
		co_return "Run sync_agg_state_from_registry() to create the tasks of all active assets.";
	if (known.registered)
		co_return symbol + " is not active in core_asset_registry_all. Set active there (test_active for DEV and TEST), "
		                   "then run sync_agg_state_from_registry().";
	co_return did_you_mean(given, known.names) +
	    "For a new symbol add it to core_asset_registry_all, then run sync_agg_state_from_registry().";
}

Op<Error> unknown_calendar(Database &db, std::string name, std::string subject) {
	std::vector<std::string> names;
	auto take = [&](const Row &row) {
		names.emplace_back(row.text(0));
		return Flow::more;
	};
	co_await db.query(calendar_names(), {}, take);
	std::erase(names, utc_calendar);
	names.emplace_back(utc_calendar);
	co_return no_such_calendar(name, subject, did_you_mean(name, names));
}

Op<Error> no_usable_index(Database &db, std::string symbol) {
	std::vector<IndexRow> left_out;
	const auto indexes = co_await read_indexes(db, &left_out);
	for (const auto &row : left_out) {
		if (row.index.symbol == symbol)
			co_return problem_of_row(row);
	}
	std::vector<std::string> names;
	for (const auto &[name, index] : indexes.all())
		names.push_back(name);
	Error error(sqlstate::no_data_found, "there is no index " + shortened(named(symbol)),
	            did_you_mean(symbol, names) + "agg_indexes lists the indexes; a row there makes a new one.");
	co_return error;
}

Op<Error> missing_task(Database &db, std::string prefix, TaskKey key) {
	std::string hint = co_await hint_for_missing_task(db, key);
	Error error(sqlstate::no_data_found, prefix + key.label(), std::move(hint));
	co_return error;
}

Op<Task> task_or_throw(Database &db, TaskKey key, std::string prefix) {
	const std::vector<TaskKey> keys {key};
	auto tasks = co_await read_tasks(db, keys);
	if (!tasks.front()) {
		Error missing = co_await missing_task(db, std::move(prefix), std::move(key));
		throw missing;
	}
	co_return *std::move(tasks.front());
}

Op<void> require_symbol(Database &db, std::string symbol) {
	const auto tasks = co_await matching_tasks(db, symbol, std::nullopt);
	if (!tasks.empty())
		co_return;
	const auto known = co_await known_symbols(db, symbol);
	if (known.registered)
		co_return;
	const bool ingested = co_await any_bar(db, ingested_bar(), symbol);
	if (ingested)
		co_return;
	const bool derived = co_await any_bar(db, derived_bar(), symbol);
	if (derived)
		co_return;
	throw Error(sqlstate::no_data_found, "symbol \"" + shortened(symbol) + "\" does not exist",
	            did_you_mean(symbol, known.names) + "No task, asset or bar has this symbol.");
}

Op<std::vector<UnknownSymbol>> unknown_symbols(Database &db, const std::vector<std::string> symbols,
                                               const std::vector<std::string> other_names) {
	auto known = co_await known_symbols(db, "");
	const std::set<std::string> names(known.names.begin(), known.names.end());
	std::vector<std::string> not_named;
	for (const auto &symbol : symbols) {
		if (!names.contains(symbol))
			not_named.push_back(symbol);
	}
	std::vector<UnknownSymbol> unknown;
	auto take = [&](const Row &row) {
		unknown.push_back({std::string(row.text(0)), {}});
		return Flow::more;
	};
	if (!not_named.empty())
		co_await db.query(without_bars(), parameters(text_array(not_named)), take);
	known.names.insert(known.names.end(), other_names.begin(), other_names.end());
	constexpr size_t most = 5; // hints: each looks at all names
	for (size_t i = 0; i < unknown.size() && i < most; ++i)
		unknown[i].hint = did_you_mean(unknown[i].symbol, known.names);
	co_return unknown;
}

} // namespace aggregation
