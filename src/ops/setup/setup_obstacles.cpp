#include "ops/setup/setup_obstacles.hpp"

#include "core/failure.hpp"
#include "ops/bars/bar_columns.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/dollar_index.hpp"
#include "ops/setup/setup_plan.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/tasks.hpp"
#include "ops/ticks/tick_sources.hpp"

#include <algorithm>
#include <optional>

namespace aggregation {

namespace {

// $1: schema; $2: our tables; $3: table.column that is written; $4: table.column of all that are ours; $5: tables that are written.
// Each branch: the object, and what is wrong with it. A partition may be stricter than its table.
const Statement &in_the_catalog() {
	static const Statement statement {nullptr,
	                                  R"sql(
WITH ours AS (
	SELECT c.oid, c.relname::text AS name, c.relkind, c.relowner, c.relrowsecurity AND c.relforcerowsecurity AS row_security
	FROM pg_catalog.pg_class c
	WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p')),
parts AS (
	SELECT o.oid AS root, o.name, o.oid AS relid FROM ours o
	UNION SELECT o.oid, o.name, p.relid FROM ours o CROSS JOIN LATERAL pg_catalog.pg_partition_tree(o.oid) p),
leaves AS (
	SELECT p.root, p.name, p.relid, c.relpersistence, c.relreplident
	FROM parts p JOIN pg_catalog.pg_class c ON c.oid = p.relid WHERE c.relkind = 'r')
SELECT 'column ' || p.name || '.' || a.attname,
	'it must have a value and has no default, and this extension writes none; give it a default, or allow NULL'
FROM parts p
JOIN pg_catalog.pg_attribute a ON a.attrelid = p.relid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_attribute r ON r.attrelid = p.root AND r.attname = a.attname AND NOT r.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE (a.attnotnull OR t.typtype = 'd' AND t.typnotnull) AND NOT r.atthasdef AND t.typdefault IS NULL
	AND r.attidentity = '' AND r.attgenerated = '' AND p.name = ANY ($5::text[]) AND p.name || '.' || a.attname <> ALL ($3::text[])
UNION
SELECT 'column ' || o.name || '.' || a.attname,
	'it is generated, so nothing can be written to it; ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION'
FROM ours o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attgenerated <> '' AND NOT a.attisdropped
WHERE o.name = ANY ($5::text[]) AND o.name || '.' || a.attname = ANY ($4::text[])
UNION
SELECT 'column ' || o.name || '.' || a.attname,
	'it is an identity column, but its values come from this extension; ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY'
FROM ours o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attidentity <> '' AND NOT a.attisdropped
WHERE o.name = ANY ($5::text[]) AND o.name || '.' || a.attname = ANY ($4::text[])
UNION
SELECT 'table ' || o.name,
	'row security is forced on its owner, and this extension reads and writes it as that role; ALTER TABLE ... NO FORCE ROW LEVEL SECURITY'
FROM ours o JOIN pg_catalog.pg_roles r ON r.oid = o.relowner WHERE o.row_security AND NOT r.rolsuper AND NOT r.rolbypassrls
UNION
SELECT 'rule ' || w.rulename || ' on ' || o.name, 'a rule can send what is written anywhere; drop it, and use a trigger'
FROM ours o JOIN pg_catalog.pg_rewrite w ON w.ev_class = o.oid AND w.ev_type <> '1' AND w.ev_enabled <> 'D'
WHERE o.name = ANY ($5::text[])
UNION
SELECT 'table ' || o.name, 'it is partitioned and has no partition; create one for each range of time'
FROM ours o WHERE o.relkind = 'p' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = o.oid)
UNION
SELECT 'table ' || l.relid::regclass::text, 'it is unlogged: a crash empties it and leaves what was made from its rows; ALTER TABLE ... SET LOGGED'
FROM leaves l WHERE l.relpersistence = 'u'
UNION
SELECT 'index ' || i.indexrelid::regclass::text,
	'it is unique and includes soft-deleted bars, so no new bar could replace a deleted one; drop it, derived_data_bars has a unique index over live bars'
FROM ours o JOIN pg_catalog.pg_index i ON i.indrelid = o.oid AND i.indisunique AND i.indpred IS NULL
WHERE o.name = 'derived_data_bars' AND (
	SELECT bool_and(a.attname IN ('canonical_symbol', 'timeframe', 'ts_utc'))
	FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
	LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attnum = k.attnum AND k.attnum > 0
	WHERE k.n <= i.indnkeyatts) IS TRUE
UNION
SELECT 'table ' || l.relid::regclass::text,
	'it is in a publication that sends updates or deletes, and has no replica identity, so these fail; ALTER TABLE ... REPLICA IDENTITY FULL, or remove it from the publication'
FROM leaves l
WHERE (l.relreplident = 'n'
	OR l.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.relid AND i.indisprimary AND i.indimmediate)
	OR l.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.relid AND i.indisreplident))
AND EXISTS (
	SELECT FROM pg_catalog.pg_publication_tables v JOIN pg_catalog.pg_publication b ON b.pubname = v.pubname AND (b.pubupdate OR b.pubdelete)
	JOIN pg_catalog.pg_namespace n ON n.nspname = v.schemaname JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = v.tablename
	WHERE c.oid = l.relid OR c.oid IN (SELECT x.relid FROM pg_catalog.pg_partition_ancestors(l.relid) x))
ORDER BY 1, 2)sql",
	                                  {AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &tasks_there_are() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT DISTINCT s.canonical_symbol::text, s.timeframe::text, COALESCE(s.source_timeframe::text, '') "
	    "FROM @data_agg_state s WHERE s.enabled AND s.canonical_symbol IS NOT NULL AND s.timeframe IS NOT NULL",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

// $1: what an index is made of.
const Statement &parts_in_registry() {
	static const Statement statement {
	    "core_asset_registry_all",
	    "SELECT count(DISTINCT a.canonical_symbol)::int8 FROM @core_asset_registry_all a WHERE a.canonical_symbol = ANY ($1::text[])",
	    {AGG_INT8},
	    Planning::by_statistics};
	return statement;
}

const Statement &any_tick_source() {
	static const Statement statement {"agg_tick_sources", "SELECT 1 FROM @agg_tick_sources LIMIT 1", {AGG_INT4}, Planning::by_statistics};
	return statement;
}

// Of one table ($1 schema, $2 table): its checks over columns of ours alone ($3), as expressions; but for the one of sources, which
// agg_setup() mends itself.
const Statement &checks_of() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT k.conname::text, pg_get_expr(k.conbin, k.conrelid), pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relnamespace = $1::text::regnamespace AND c.relname = $2::text
WHERE k.contype = 'c' AND (
	SELECT count(*) = count(*) FILTER (WHERE a.attname = ANY ($3::text[])) AND NOT (bool_and(a.attname = 'source') AND $2::text = 'data_bars')
	FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey))
ORDER BY 1)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

// Of one table ($1 schema, $2 table): its foreign keys over one text of ours, as a query for values ($1) that are not there. A table with
// row security would run its owner's policies as the owner of this one.
const Statement &foreign_keys_of() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT k.conname::text, a.attname::text, k.confrelid::regclass::text,
	format('SELECT v.v FROM unnest($1::text[]) AS v(v) WHERE NOT EXISTS (SELECT FROM %s r WHERE r.%I::text = v.v) ORDER BY 1',
		k.confrelid::regclass, f.attname)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relnamespace = $1::text::regnamespace AND c.relname = $2::text
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
WHERE k.contype = 'f' AND k.conparentid = 0 AND cardinality(k.conkey) = 1 AND a.attname IN ('canonical_symbol', 'timeframe')
	AND NOT (SELECT t.relrowsecurity FROM pg_catalog.pg_class t WHERE t.oid = k.confrelid)
ORDER BY 1)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

/// Which timeframes a check ($expression$) of a table ($table$) refuses, in a bar of any of some kinds. $1: symbol, $2: timeframes, $3:
/// their sources, $4: source, $5: raw; $6: the kinds' quality scores, $7: whether they have sums, $8: whether they count trades.
std::string refused_by(const BarTable &table, const std::string &expression) {
	std::string sql = R"sql(
SELECT DISTINCT given.tf
FROM unnest($2::text[], $3::text[]) AS given(tf, source_tf)
CROSS JOIN unnest($6::int4[], $7::bool[], $8::bool[]) AS given_kind(score, has_sums, counts)
CROSS JOIN LATERAL (SELECT CASE WHEN given_kind.has_sums THEN 1 END AS sum, CASE WHEN given_kind.counts THEN 1 END AS trades) AS given_sum
CROSS JOIN LATERAL (
	SELECT (jsonb_populate_record(NULL::@$table$, jsonb_build_object(
		'canonical_symbol', $1::text, 'timeframe', given.tf, 'ts_utc', date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
		'open', 1, 'high', 1, 'low', 1, 'close', 1,
		'vol', given_sum.sum, 'vwap', given_sum.sum, 'trade_count', given_sum.trades,
		'is_partial', false, 'source', $4::text, 'ingested_at', now(), 'created_at', now(), 'updated_at', now(), 'raw', $5::jsonb,
		'source_timeframe', given.source_tf, 'source_candles', 1, 'expected_candles', 1,
		'quality_score', given_kind.score, 'derivation_version', 1))).*) AS $table$
WHERE ($expression$) IS FALSE
ORDER BY 1)sql";
	const auto put = [&](std::string_view name, const std::string &value) {
		for (size_t at = sql.find(name); at != std::string::npos; at = sql.find(name, at + value.size()))
			sql.replace(at, name.size(), value);
	};
	put("$table$", table.relation);
	put("$expression$", expression);
	return sql;
}

std::string listed(const std::vector<std::string> &values) {
	constexpr size_t most = 5;
	std::string list;
	for (size_t i = 0; i < values.size() && i < most; ++i)
		list += (i == 0 ? "" : ", ") + shortened(values[i]);
	return values.size() > most ? list + " and others" : list;
}

/// What differs from bar to bar of a kind, as far as a check may mind.
struct Variant {
	int64_t score;
	bool has_sums; // vol and vwap
	bool counts_trades;
};

const std::vector<Variant> &complete_and_poor() {
	static const std::vector<Variant> variants {{2, true, true}, {-1, false, false}};
	return variants;
}

struct Kind {
	const BarTable &table;
	std::string source;
	std::optional<std::string> symbol; // one of them, for checks
	std::vector<std::string> symbols;
	std::vector<std::string> timeframes;
	std::vector<std::string> source_timeframes; // one for each timeframe
	std::string what = {};                      // how it is called, if not by its timeframes
	std::string raw = "{}";
	std::vector<Variant> variants = complete_and_poor();
};

class Search {
public:
	explicit Search(Database &db) : db_(db), schema_(db.schema()) {
	}

	Op<std::vector<Obstacle>> run() {
		co_await look_for_strangers();
		const auto indexes = co_await computable_indexes();
		const auto tick_sources = co_await sources_of_ticks();
		co_await look_at_catalog(!indexes.empty() || !tick_sources.empty());
		const Kind derived = co_await derived_bars();
		co_await look_at_checks(derived);
		co_await look_at_foreign_keys(derived);
		if (!indexes.empty()) {
			const Kind minutes {index_bar_table(), "synthetic", indexes.front(), indexes, {"1m"}, {""}};
			co_await look_at_checks(minutes);
			co_await look_at_foreign_keys(minutes);
		}
		for (const auto &source : tick_sources) {
			const Kind minutes = minutes_of(source);
			co_await look_at_checks(minutes);
		}
		co_return std::move(found_);
	}

private:
	/// Runs a query that may fail on tables of any shape; then it finds nothing.
	template <class Take>
	Op<void> look(const Statement &statement, std::vector<Parameter> list, Take take) {
		// An expression of the owner's leaves nothing behind.
		const auto fault =
		    co_await in_subtransaction(db_, IfDone::undo, [&]() -> Op<void> { co_await db_.query(statement, std::move(list), take); });
		if (fault && failure_kind(fault->error()) == FailureKind::everything)
			fault->raise();
	}

	/// Code on a table that is written which is not its owner's.
	Op<void> look_for_strangers() {
		for (const char *table : {"data_bars", "derived_data_bars", "data_agg_state", "ops_runlog"}) {
			const auto fault = co_await in_subtransaction(db_, IfDone::undo, [&]() -> Op<void> { co_await db_.check_strangers(table); });
			if (!fault)
				continue;
			const Error &error = fault->error();
			if (error.sqlstate == sqlstate::object_not_in_prerequisite_state)
				found_.push_back({std::string("table ") + table, error.message + ": " + error.detail + " " + error.hint});
			else if (failure_kind(error) == FailureKind::everything)
				fault->raise();
		}
	}

	/// Without all of its parts in the registry nobody computes an index; and where there is none data_bars is only read. Before there is a
	/// table of indexes, there is the one that it begins with.
	Op<std::vector<std::string>> computable_indexes() {
		std::vector<IndexRow> rows;
		const auto fault = co_await in_subtransaction(db_, IfDone::undo, [&]() -> Op<void> { rows = co_await read_index_rows(db_); });
		if (fault && failure_kind(fault->error()) == FailureKind::everything)
			fault->raise();
		if (fault)
			rows.push_back({dollar_index(), std::nullopt});
		std::vector<IndexRow> left_out;
		const Indexes indexes = usable_indexes(rows, &left_out);
		for (const auto &row : left_out)
			found_.push_back(
			    {"index " + shortened(row.index.symbol), "nobody computes it: " + row.problem->text + "; correct its row in agg_indexes"});
		std::vector<std::string> computable;
		for (const auto &[symbol, index] : indexes.all()) {
			const auto parts = indexes.ingested_parts_of(symbol);
			bool all = false;
			auto take = [&](const Row &row) {
				all = row.integer(0) == static_cast<int64_t>(parts.size());
				return Flow::enough;
			};
			std::vector<Parameter> list {text_array(parts)};
			co_await look(parts_in_registry(), std::move(list), take);
			if (all)
				computable.push_back(symbol);
		}
		co_return computable;
	}

	/// There may be no table of them yet.
	Op<std::vector<TickSource>> sources_of_ticks() {
		bool any = false;
		auto take = [&](const Row &) {
			any = true;
			return Flow::enough;
		};
		co_await look(any_tick_source(), {}, take);
		std::vector<TickSource> sources;
		if (!any)
			co_return sources;
		const auto fault =
		    co_await in_subtransaction(db_, IfDone::undo, [&]() -> Op<void> { sources = co_await read_tick_sources(db_, db_.clock()); });
		if (fault && failure_kind(fault->error()) == FailureKind::everything)
			fault->raise();
		co_return sources;
	}

	static Kind minutes_of(const TickSource &source) {
		Kind minutes {tick_bar_table(), "ingest", std::nullopt, {}, {"1m"}, {""}};
		minutes.what = "minutes of tick source " + shortened(source.name);
		minutes.raw = raw_of_minutes(source);
		minutes.variants = {{2, source.has_size, true}};
		return minutes;
	}

	Op<void> look_at_catalog(bool minutes_written) {
		std::vector<std::string> tables;
		std::vector<std::string> written;
		std::vector<std::string> ours;
		std::vector<std::string> written_tables;
		for (const auto &table : wanted_tables()) {
			const std::string name = table.name;
			const bool read_only = name == "core_asset_registry_all" || (name == "data_bars" && !minutes_written);
			tables.push_back(name);
			if (!read_only)
				written_tables.push_back(name);
			for (const auto &column : table.columns) {
				ours.push_back(name + "." + column.name);
				if (std::string_view(column.name) != "provider_ticker")
					written.push_back(ours.back());
			}
		}
		auto take = [&](const Row &row) {
			found_.push_back({std::string(row.text(0)), std::string(row.text(1))});
			return Flow::more;
		};
		std::vector<Parameter> list {text_parameter(schema_), text_array(tables), text_array(written), text_array(ours),
		                             text_array(written_tables)};
		co_await look(in_the_catalog(), std::move(list), take);
	}

	/// What the tasks ask for, and what a sync makes of every asset.
	Op<Kind> derived_bars() {
		Kind kind {derived_bar_table(), "agg", {}, {}, {"5m", "1h"}, {"1m", "5m"}};
		auto take = [&](const Row &row) {
			const std::string symbol(row.text(0));
			const std::string timeframe(row.text(1));
			if (std::find(kind.symbols.begin(), kind.symbols.end(), symbol) == kind.symbols.end())
				kind.symbols.push_back(symbol);
			if (std::find(kind.timeframes.begin(), kind.timeframes.end(), timeframe) == kind.timeframes.end()) {
				kind.timeframes.push_back(timeframe);
				kind.source_timeframes.emplace_back(row.text(2));
			}
			return Flow::more;
		};
		co_await look(tasks_there_are(), {}, take);
		if (!kind.symbols.empty())
			kind.symbol = kind.symbols.front();
		co_return kind;
	}

	struct Check {
		std::string name;
		std::string expression;
		std::string definition;
	};

	Op<void> look_at_checks(const Kind &kind) {
		std::vector<Check> checks;
		auto take_check = [&](const Row &row) {
			checks.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))});
			return Flow::more;
		};
		const std::string relation = kind.table.relation;
		std::vector<std::string> columns(kind.table.columns.names.begin(), kind.table.columns.names.end());
		std::vector<Parameter> list {text_parameter(schema_), text_parameter(relation), text_array(columns)};
		co_await look(checks_of(), std::move(list), take_check);
		for (const auto &check : checks) {
			if (check.expression.find('@') != std::string::npos)
				continue; // would be taken for the schema
			const std::string sql = refused_by(kind.table, check.expression);
			std::vector<std::string> refused;
			auto take = [&](const Row &row) {
				refused.emplace_back(row.text(0));
				return Flow::more;
			};
			const auto symbol = cell(kind.symbol);
			std::vector<agg_cell> scores;
			std::vector<agg_cell> has_sums;
			std::vector<agg_cell> counts_trades;
			for (const auto &variant : kind.variants) {
				scores.push_back(cell(variant.score));
				has_sums.push_back(cell(variant.has_sums));
				counts_trades.push_back(cell(variant.counts_trades));
			}
			std::vector<Parameter> values {Parameter(AGG_TEXT, symbol),
			                               text_array(kind.timeframes),
			                               text_array(kind.source_timeframes),
			                               text_parameter(kind.source),
			                               text_parameter(kind.raw),
			                               Parameter(AGG_INT4, std::move(scores)),
			                               Parameter(AGG_BOOL, std::move(has_sums)),
			                               Parameter(AGG_BOOL, std::move(counts_trades))};
			const Statement statement {kind.table.relation, sql.c_str(), {AGG_TEXT}, Planning::by_statistics};
			co_await look(statement, std::move(values), take);
			if (!refused.empty())
				found_.push_back({"constraint " + check.name + " of " + relation,
				                  "it refuses " +
				                      (kind.what.empty() ? "bars of " + listed(refused) + " that this extension writes" : kind.what) +
				                      ": " + check.definition + "; drop it, or allow these"});
		}
	}

	struct ForeignKey {
		std::string name;
		std::string column;
		std::string table;
		std::string query;
	};

	Op<void> look_at_foreign_keys(const Kind &kind) {
		std::vector<ForeignKey> keys;
		auto take_key = [&](const Row &row) {
			keys.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3))});
			return Flow::more;
		};
		const std::string relation = kind.table.relation;
		std::vector<Parameter> list {text_parameter(schema_), text_parameter(relation)};
		co_await look(foreign_keys_of(), std::move(list), take_key);
		for (const auto &key : keys) {
			if (key.query.find('@') != std::string::npos)
				continue;
			std::vector<std::string> missing;
			auto take = [&](const Row &row) {
				missing.emplace_back(row.text(0));
				return Flow::more;
			};
			std::vector<Parameter> values {text_array(key.column == "timeframe" ? kind.timeframes : kind.symbols)};
			const Statement statement {kind.table.relation, key.query.c_str(), {AGG_TEXT}, Planning::by_statistics};
			co_await look(statement, std::move(values), take);
			if (!missing.empty())
				found_.push_back({"constraint " + key.name + " of " + relation,
				                  "table " + key.table + " has no row for " + listed(missing) + ", so no bar of it can be stored; add it"});
		}
	}

	Database &db_;
	std::string schema_;
	std::vector<Obstacle> found_;
};

} // namespace

Op<std::vector<Obstacle>> find_obstacles(Database &db) {
	Search search(db);
	co_return co_await search.run();
}

} // namespace aggregation
