#include "ops/setup/distribution.hpp"

#include "core/error.hpp"
#include "ops/boundary/holds.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/setup/nodes.hpp"
#include "ops/setup/setup_plan.hpp"
#include "ops/setup/views_of_nodes.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace aggregation {

namespace {

// The first one decides how the others are split.
constexpr std::array of_symbol {"data_bars",        "derived_data_bars", "data_agg_state",     "agg_change_log",
                                "agg_dirty_ranges", "agg_recent_tasks",  "agg_refused_ranges", "agg_sealed_ranges"};
constexpr std::array of_all {"core_asset_registry_all",
                             "agg_calendars",
                             "agg_calendar_sessions",
                             "agg_calendar_exceptions",
                             "agg_calendar_days",
                             "agg_indexes",
                             "agg_registry_sync",
                             "agg_audit",
                             "ops_runlog",
                             "agg_consumers",
                             "agg_kept_revisions",
                             "agg_tick_sources",
                             "agg_tick_log",
                             "agg_retention",
                             "agg_chunks",
                             "agg_partitions"};
// Without a key: a move tells their rows apart by all of their columns. (Citus asks for that of what it copies to a new node, too.)
constexpr std::array without_key {"derived_data_bars",  "agg_change_log",          "agg_dirty_ranges",
                                  "agg_refused_ranges", "agg_sealed_ranges",       "agg_audit",
                                  "agg_tick_log",       "agg_calendar_exceptions", "agg_retention"};

constexpr Duration longest_try = Duration::seconds(30);

const Statement &ask_node() {
	static const Statement statement {nullptr,
	                                  "SELECT (SELECT l.groupid FROM pg_dist_local_group l) = 0 "
	                                  "AND EXISTS (SELECT FROM pg_dist_node n WHERE n.groupid = 0 AND n.noderole = 'primary')",
	                                  {AGG_BOOL},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &distributed_tables() {
	static const Statement statement {
	    nullptr,
	    "SELECT c.relname::text FROM pg_dist_partition p JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid "
	    "WHERE c.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = "
	    "'aggregation')",
	    {AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &missing_tables() {
	static const Statement statement {nullptr,
	                                  "SELECT t.name FROM unnest($2::text[]) AS t(name) "
	                                  "WHERE to_regclass($1::text || '.' || quote_ident(t.name)) IS NULL ORDER BY 1 LIMIT 1",
	                                  {AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &present_triggers() {
	static const Statement statement {nullptr,
	                                  "SELECT t.tgname::text, c.relname::text FROM pg_catalog.pg_trigger t "
	                                  "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal "
	                                  "AND c.oid = ANY (SELECT ($1::text || '.' || quote_ident(n))::regclass FROM unnest($2::text[]) AS n) "
	                                  "ORDER BY 2, 1",
	                                  {AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &columns_of_views() {
	static const Statement statement {
	    nullptr,
	    "SELECT c.relname::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), "
	    "string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) || "
	    "CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END, ', ' ORDER BY a.attnum) "
	    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
	    "JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE c.relkind = 'v' "
	    "AND c.oid = ANY (SELECT to_regclass($1::text || '.' || quote_ident(n)) FROM unnest($2::text[]) AS n) GROUP BY c.relname",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

/// What is not distributed yet.
struct Left {
	std::vector<std::string> of_symbol;
	std::vector<std::string> of_all;

	std::vector<std::string> all() const {
		std::vector<std::string> names(of_symbol);
		names.insert(names.end(), of_all.begin(), of_all.end());
		return names;
	}
};

Op<void> check_node(Database &db) {
	const bool there = co_await has_citus(db);
	if (!there)
		throw Error(
		    sqlstate::object_not_in_prerequisite_state, "Citus is not installed in this database",
		    "Install it on all nodes, CREATE EXTENSION citus in the database on each of them, and add the nodes with citus_add_node().");
	const bool coordinates = co_await holds(db, ask_node());
	if (!coordinates)
		throw Error(sqlstate::object_not_in_prerequisite_state, "this node is not the coordinator, or the other nodes do not know it",
		            "On the coordinator, call citus_set_coordinator_host(), and then agg_distribute().");
}

Op<Left> find_left(Database &db) {
	std::set<std::string, std::less<>> distributed;
	auto take = [&](const Row &row) {
		distributed.emplace(row.text(0));
		return Flow::more;
	};
	co_await db.query(distributed_tables(), {}, take);
	Left left;
	for (const char *table : of_symbol) {
		if (!distributed.contains(table))
			left.of_symbol.emplace_back(table);
	}
	for (const char *table : of_all) {
		if (!distributed.contains(table))
			left.of_all.emplace_back(table);
	}
	co_return left;
}

struct Trigger {
	std::string name;
	std::string table;
};

Op<std::vector<Trigger>> triggers_of(Database &db, const std::vector<std::string> &tables) {
	std::vector<Trigger> found;
	auto take = [&](const Row &row) {
		found.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	const std::string schema = db.schema();
	co_await db.query(present_triggers(), parameters(text_parameter(schema), text_array(tables)), take);
	co_return found;
}

/// Copying a row to its shard would fire somebody's.
void check_triggers(const std::vector<Trigger> &triggers) {
	for (const auto &trigger : triggers) {
		const auto &ours = wanted_triggers();
		if (std::none_of(ours.begin(), ours.end(), [&](const WantedTrigger &wanted) { return trigger.name == wanted.name; }))
			throw Error(sqlstate::object_not_in_prerequisite_state,
			            "table \"" + trigger.table + "\" has a trigger that is not the extension's, \"" + trigger.name + "\"",
			            "It would fire for each row that is copied to its shard. Drop it, and create it again afterwards.");
	}
}

Op<void> check_tables(Database &db, const std::vector<std::string> &names) {
	std::string missing;
	auto take = [&](const Row &row) {
		missing = row.text(0);
		return Flow::enough;
	};
	const std::string schema = db.schema();
	co_await db.query(missing_tables(), parameters(text_parameter(schema), text_array(names)), take);
	if (!missing.empty())
		throw Error(sqlstate::undefined_table, "table \"" + missing + "\" does not exist", "Call agg_setup() first.");
}

const Statement &ask_partitioned() {
	static const Statement statement {
	    nullptr, "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = '@data_bars'::regclass AND c.relkind = 'p')", {AGG_BOOL}};
	return statement;
}

/// Partitions have triggers of their own, which Citus neither copies nor lets go.
Op<void> check_partitions(Database &db) {
	const bool partitioned = co_await holds(db, ask_partitioned());
	if (partitioned)
		throw Error(sqlstate::object_not_in_prerequisite_state,
		            "table \"data_bars\" is partitioned, which is not available in a distributed database",
		            "Rename it, let agg_setup() create it without partitions, copy its rows, and drop it.");
}

struct InUse {
	const char *table;
	const char *what;
	const char *remedy;
};

/// What is not available on more than one node.
Op<void> check_unavailable(Database &db) {
	static constexpr std::array cases {
	    InUse {"agg_consumers", "events have consumers", "Call agg_unsubscribe() for each of v_aggregation_consumers."},
	    InUse {"agg_kept_revisions", "revisions of bars are kept",
	           "Call agg_set_keep_revisions(..., false) for the tasks in agg_kept_revisions."},
	    InUse {"agg_tick_sources", "minutes are made of ticks", "Call agg_remove_tick_source() for each of v_aggregation_tick_sources."}};
	for (const auto &one : cases) {
		const std::string sql = std::string("SELECT EXISTS (SELECT FROM @") + one.table + ")";
		const Statement statement {nullptr, sql.c_str(), {AGG_BOOL}, Planning::by_statistics};
		const bool used = co_await holds(db, statement);
		if (used)
			throw Error(sqlstate::object_not_in_prerequisite_state,
			            std::string(one.what) + ", which is not available in a distributed database", one.remedy);
	}
}

void add(std::vector<DistributionStep> &steps, const std::string &object, const char *action, std::string sql) {
	steps.push_back({object, action, std::move(sql)});
}

/// A row about several symbols becomes one for each of them, for each row must belong to one shard.
void divide_log(std::vector<DistributionStep> &steps) {
	add(steps, "agg_change_log", "divided", "ALTER TABLE @agg_change_log ADD COLUMN IF NOT EXISTS canonical_symbol text");
	add(steps, "agg_change_log", "divided",
	    "WITH gone AS (DELETE FROM @agg_change_log RETURNING *) "
	    "INSERT INTO @agg_change_log (canonical_symbol, logged_at, symbols, from_utc, to_utc, row_counts) "
	    "SELECT u.symbol, g.logged_at, ARRAY[u.symbol], ARRAY[COALESCE(g.from_utc[u.place], g.from_utc[1])], "
	    "ARRAY[COALESCE(g.to_utc[u.place], g.to_utc[1])], ARRAY[COALESCE(g.row_counts[u.place], g.row_counts[1])] "
	    "FROM gone g CROSS JOIN LATERAL unnest(g.symbols) WITH ORDINALITY AS u(symbol, place)");
	add(steps, "agg_change_log", "divided", "ALTER TABLE @agg_change_log ALTER canonical_symbol SET NOT NULL");
}

/// A seal of all symbols becomes one of each that is known.
void divide_seals(std::vector<DistributionStep> &steps) {
	add(steps, "agg_sealed_ranges", "divided",
	    "WITH gone AS (DELETE FROM @agg_sealed_ranges r WHERE r.canonical_symbol IS NULL RETURNING *) "
	    "INSERT INTO @agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason, sealed_at) "
	    "SELECT s.canonical_symbol, g.timeframe, g.from_utc, g.to_utc, g.reason, g.sealed_at FROM gone g "
	    "CROSS JOIN (SELECT DISTINCT t.canonical_symbol FROM @data_agg_state t) s");
	add(steps, "agg_sealed_ranges", "divided", "ALTER TABLE @agg_sealed_ranges ALTER canonical_symbol SET NOT NULL");
}

Op<ColumnsOfViews> find_columns(Database &db) {
	ColumnsOfViews found;
	std::vector<std::string> names;
	for (const auto &view : wanted_views())
		names.emplace_back(view.name);
	auto take = [&](const Row &row) {
		found[std::string(row.text(0))] = {std::string(row.text(1)), std::string(row.text(2))};
		return Flow::more;
	};
	const std::string schema = db.schema();
	co_await db.query(columns_of_views(), parameters(text_parameter(schema), text_array(names)), take);
	co_return found;
}

/// Each group is synced for itself, and says so in its node's copy.
void divide_syncs(std::vector<DistributionStep> &steps) {
	for (const char *change :
	     {"ALTER TABLE @agg_registry_sync ADD COLUMN IF NOT EXISTS shards text NOT NULL DEFAULT ''",
	      "ALTER TABLE @agg_registry_sync DROP CONSTRAINT IF EXISTS agg_registry_sync_pkey",
	      "DROP INDEX IF EXISTS @agg_registry_sync_env_idx", "ALTER TABLE @agg_registry_sync ADD PRIMARY KEY (env_name, shards)"})
		add(steps, "agg_registry_sync", "divided", change);
}

/// Each group looks for itself, and says what it finds.
void divide_policies(std::vector<DistributionStep> &steps) {
	add(steps, "agg_retention", "divided",
	    "UPDATE @agg_retention SET at_symbol = NULL, waiting_symbols = 0, waits_for = NULL, last_error = NULL, failing_since = NULL");
}

std::string name_in_sql(std::string_view table) {
	return "'@" + std::string(table) + "'";
}

} // namespace

Op<void> keep_everybody_out(Database &db) {
	const Left left = co_await find_left(db);
	const std::vector<std::string> names = left.all();
	if (names.empty())
		co_return;
	std::string sql;
	for (const auto &name : names)
		sql += (sql.empty() ? "LOCK TABLE @" : ", @") + name;
	for (const auto &view : wanted_views())
		sql += std::string(", @") + view.name;
	sql += " IN ACCESS EXCLUSIVE MODE";
	const auto nothing = [](const Row &) { return Flow::more; };
	const Statement statement {nullptr, sql.c_str(), {}, Planning::by_statistics, Tracking::off};
	auto lock_all = [&]() -> Op<void> { co_await db.query(statement, {}, nothing); };
	// Each lock is waited for no longer than it takes to find out that two wait for each other, and what was locked is let go meanwhile.
	const Timestamp until = db.clock() + longest_try;
	for (bool locked = false; !locked;) {
		const auto fault = co_await in_subtransaction(db, IfDone::keep, lock_all);
		locked = !fault;
		if (fault && fault->error().sqlstate != sqlstate::lock_not_available)
			fault->raise();
		if (fault && db.clock() >= until)
			throw Error(sqlstate::lock_not_available, "the tables are in use: they could not be locked for half a minute",
			            "Stop feeds, runners and readers, and call agg_distribute() again.", fault->error().message);
	}
}

Op<std::vector<DistributionStep>> distribution_steps(Database &db, int64_t shard_count) {
	std::vector<DistributionStep> steps;
	co_await check_node(db);
	const Left left = co_await find_left(db);
	const std::vector<std::string> names = left.all();
	if (names.empty())
		co_return steps;
	co_await check_tables(db, names);
	const auto triggers = co_await triggers_of(db, names);
	check_triggers(triggers);
	if (!left.of_symbol.empty() && left.of_symbol.front() == of_symbol.front())
		co_await check_partitions(db);
	co_await check_unavailable(db);

	// Rows that are copied to their shards are no news.
	for (const auto &[trigger, table] : triggers)
		add(steps, trigger + " on " + table, "dropped", "DROP TRIGGER " + trigger + " ON @" + table);
	const auto is_left = [&](std::string_view table) { return std::find(names.begin(), names.end(), table) != names.end(); };
	if (is_left("agg_change_log"))
		divide_log(steps);
	if (is_left("agg_sealed_ranges"))
		divide_seals(steps);
	if (is_left("agg_registry_sync"))
		divide_syncs(steps);
	if (is_left("agg_retention"))
		divide_policies(steps);
	for (const auto &table : left.of_all)
		add(steps, table, "copied to each node", "SELECT create_reference_table(" + name_in_sql(table) + ")");
	for (const auto &table : left.of_symbol)
		add(steps, table, "distributed",
		    "SELECT create_distributed_table(" + name_in_sql(table) + ", 'canonical_symbol', " +
		        (table == of_symbol.front() ? "colocate_with => 'none', shard_count => " + std::to_string(shard_count)
		                                    : "colocate_with => " + name_in_sql(of_symbol.front())) +
		        ")");
	for (const auto &table : names)
		add(steps, table, "emptied here", "SELECT truncate_local_data_after_distributing_table(" + name_in_sql(table) + ")");
	for (const char *table : without_key) {
		if (is_left(table))
			add(steps, table, "prepared for moves", std::string("ALTER TABLE @") + table + " REPLICA IDENTITY FULL");
	}
	for (const auto &[trigger, table] : triggers) {
		for (const auto &wanted : wanted_triggers()) {
			if (trigger == wanted.name && table == wanted.table)
				add(steps, trigger + " on " + table, "created on each shard", "CREATE TRIGGER " + trigger + " " + wanted.definition);
		}
	}
	const auto columns = co_await find_columns(db);
	for (const auto &view : wanted_views()) {
		if (const auto definition = definition_on_nodes(view.name, columns))
			add(steps, view.name, "made to ask all nodes", std::string("CREATE OR REPLACE VIEW @") + view.name + " AS\n" + *definition);
	}
	co_return steps;
}

} // namespace aggregation
