#include "ops/marks/parts_elsewhere.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/symbols_elsewhere.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>

namespace aggregation {

namespace {

constexpr size_t entries_in_row = 20; // with the longest symbols it stays in its page, as any row of the log

const Statement &note_there() {
	static const Statement statement {"@agg_change_log",
	                                  "INSERT INTO @@agg_change_log (canonical_symbol, logged_at, symbols, from_utc, to_utc, row_counts) "
	                                  "VALUES ($1::text, $2::timestamptz, $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int8[])",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

// Deletes nothing. Citus prepares a transaction on all nodes, and commits it here first, if it has seen it write here.
const Statement &write_here() {
	static const Statement statement {"@agg_change_log",
	                                  "DELETE FROM @@agg_change_log l WHERE l.canonical_symbol = $1::text AND l.logged_at > 'infinity'",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

// Locks are only looked at where something is logged.
const Statement &prepared_rules() {
	static const Statement statement {"agg_change_log",
	                                  R"sql(
SELECT true
FROM (SELECT 'relation' AS kind FROM @agg_change_log c LIMIT 1) AS logged
CROSS JOIN LATERAL (
	SELECT
	FROM pg_catalog.pg_locks l
	WHERE l.locktype = logged.kind
		AND l.relation = '@agg_indexes'::regclass
		AND l.mode = 'RowExclusiveLock'
		AND l.pid IS NULL
		AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
	LIMIT 1
) AS held)sql",
	                                  {AGG_BOOL}};
	return statement;
}

Op<void> note(Database &db, const std::string &index, const std::span<const SymbolChange> changes) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	std::vector<agg_cell> rows;
	for (const auto &change : changes) {
		symbols.push_back(cell(std::string_view(*change.symbol)));
		from.push_back(cell(change.range.from));
		to.push_back(cell(change.range.to));
		rows.push_back(cell(change.range.rows));
	}
	auto list = parameters(text_parameter(index), timestamp_parameter(db.clock()), Parameter(AGG_TEXT, std::move(symbols)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(from)), Parameter(AGG_TIMESTAMPTZ, std::move(to)),
	                       Parameter(AGG_INT8, std::move(rows)));
	co_await db.execute(note_there(), std::move(list));
}

} // namespace

Op<bool> rules_are_settled(Database &db) {
	bool settled = true;
	auto take = [&](const Row &) {
		settled = false;
		return Flow::enough;
	};
	if (db.is_group())
		co_await db.query(prepared_rules(), {}, take);
	co_return settled;
}

Op<bool> tell_other_groups(Database &db, const std::vector<SymbolChange> &changes, const Indexes &indexes) {
	if (!db.is_group())
		co_return false;
	std::map<std::string, std::vector<SymbolChange>> of_indexes;
	std::set<std::string> symbols;
	for (const auto &change : changes) {
		for (const auto &index : indexes.made_of(*change.symbol)) {
			of_indexes[index.symbol].push_back(change);
			symbols.insert({index.symbol, *change.symbol});
		}
	}
	std::vector<std::string> asked(symbols.begin(), symbols.end());
	const auto elsewhere = co_await symbols_elsewhere(db, std::move(asked));
	bool told = false;
	for (auto &[index, list] : of_indexes) {
		if (!elsewhere.contains(index))
			continue;
		std::erase_if(list, [&](const SymbolChange &change) { return elsewhere.contains(*change.symbol); });
		if (!told && !list.empty())
			co_await db.execute(write_here(), parameters(text_parameter(*list.front().symbol)));
		for (size_t first = 0; first < list.size(); first += entries_in_row) {
			co_await note(db, index, std::span(list).subspan(first, std::min(entries_in_row, list.size() - first)));
			told = true;
		}
	}
	co_return told;
}

} // namespace aggregation
