// agg_setup: creates the tables that the extension works on, or mends what is there already. It looks at the catalog, makes a list of what
// is missing, and carries it out step by step, each in a subtransaction of its own: what cannot be done (duplicate keys, a column of
// another type) is named and left alone. The caller's own rights count here, not the extension owner's.
#include "ops/functions/functions.hpp"

#include "ops/setup/setup_obstacles.hpp"
#include "ops/setup/setup_own.hpp"
#include "ops/setup/setup_plan.hpp"
#include "ops/setup/setup_steps.hpp"
#include "ops/setup/shape.hpp"
#include "ops/setup/shape_mark.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace aggregation {

namespace {

const Statement &present_columns() {
	static const Statement statement {
	    nullptr,
	    "SELECT c.relname::text, c.relkind::text, a.attname::text, format_type(a.atttypid, NULL) FROM pg_catalog.pg_class c "
	    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
	    "WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY ($2::text[]) AND c.relkind NOT IN ('i', 'I')",
	    {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &present_indexes() {
	static const Statement statement {
	    nullptr,
	    "SELECT t.relname::text, i.relname::text, x.indisunique AND x.indisvalid AND x.indimmediate, "
	    "(SELECT string_agg(COALESCE(a.attname::text, '(' || pg_get_indexdef(x.indexrelid, k.n::int4, true) || ')'), ', ' ORDER BY k.n) "
	    "FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid "
	    "AND a.attnum = k.attnum AND k.attnum > 0 WHERE k.n <= x.indnkeyatts), "
	    "pg_get_expr(x.indpred, x.indrelid, true), pg_get_indexdef(x.indexrelid) "
	    "FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_class t ON t.oid = x.indrelid "
	    "WHERE t.relnamespace = $1::text::regnamespace AND t.relname = ANY ($2::text[])",
	    {AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &present_source_checks() {
	static const Statement statement {
	    nullptr,
	    "SELECT quote_ident(k.conname::text), pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k "
	    "JOIN pg_catalog.pg_class c ON c.oid = k.conrelid "
	    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'source' AND k.conkey = ARRAY[a.attnum] "
	    "WHERE k.contype = 'c' AND c.relname = 'data_bars' AND c.relnamespace = $1::text::regnamespace",
	    {AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

// Of the tables and, where they have some, of their partitions: which triggers are there, by the table's name as SQL needs it.
const Statement &present_triggers() {
	static const Statement statement {
	    nullptr,
	    "SELECT r.relname::text, p.relid::regclass::text, p.relid = r.oid, t.tgname::text, p.relid::oid::int8, "
	    "regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER \\S+ ', '') FROM pg_catalog.pg_class r "
	    "CROSS JOIN LATERAL (SELECT r.oid AS relid UNION SELECT x.relid FROM pg_partition_tree(r.oid) x) p "
	    "LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid AND NOT t.tgisinternal "
	    "WHERE r.relnamespace = $1::text::regnamespace AND r.relname = ANY ($2::text[]) AND r.relkind IN ('r', 'p') ORDER BY 1, 3 DESC, 2",
	    {AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_TEXT, AGG_INT8, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

struct PresentIndex {
	std::string table;
	std::string name;
	bool serves_as_key;
	std::string keys;
	std::string predicate;
	std::string definition;
};

struct SourceCheck {
	std::string name; // quoted
	std::string definition;
};

/// A table of ours or a partition of one, and its triggers.
struct TriggerHolder {
	std::string table; // of ours
	std::string name;  // quoted, with its schema where needed
	bool is_table;     // else a partition
	uint32_t oid;
	std::map<std::string, std::string, std::less<>> triggers; // name -> definition
};

struct Catalog {
	std::map<std::string, std::string, std::less<>> kinds;                                       // relation -> relkind
	std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> columns; // table -> column -> type
	std::vector<PresentIndex> indexes;
	std::vector<SourceCheck> source_checks;
	std::vector<TriggerHolder> trigger_holders;
};

Op<Catalog> read_catalog(Database &db) {
	Catalog catalog;
	std::vector<agg_cell> names;
	for (const auto &table : wanted_tables())
		names.push_back(cell(std::string_view(table.name)));
	const std::string schema = db.schema();

	auto take_column = [&](const Row &row) {
		const std::string table(row.text(0));
		catalog.kinds[table] = row.text(1);
		if (!row.is_null(2))
			catalog.columns[table][std::string(row.text(2))] = row.text(3);
		return Flow::more;
	};
	co_await db.query(present_columns(), parameters(text_parameter(schema), Parameter(AGG_TEXT, names)), take_column);

	auto take_index = [&](const Row &row) {
		catalog.indexes.push_back({std::string(row.text(0)), std::string(row.text(1)), row.boolean(2), row.maybe_text(3).value_or(""),
		                           row.maybe_text(4).value_or(""), row.maybe_text(5).value_or("")});
		return Flow::more;
	};
	co_await db.query(present_indexes(), parameters(text_parameter(schema), Parameter(AGG_TEXT, names)), take_index);

	auto take_check = [&](const Row &row) {
		catalog.source_checks.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	co_await db.query(present_source_checks(), parameters(text_parameter(schema)), take_check);

	auto take_trigger = [&](const Row &row) {
		auto &holders = catalog.trigger_holders;
		if (holders.empty() || holders.back().name != row.text(1))
			holders.push_back(
			    {std::string(row.text(0)), std::string(row.text(1)), row.boolean(2), static_cast<uint32_t>(row.integer(4)), {}});
		if (!row.is_null(3))
			holders.back().triggers[std::string(row.text(3))] = row.text(5);
		return Flow::more;
	};
	co_await db.query(present_triggers(), parameters(text_parameter(schema), Parameter(AGG_TEXT, names)), take_trigger);
	co_return catalog;
}

std::string create_table(const WantedTable &table) {
	std::string sql = std::string("CREATE TABLE @") + table.name + " (";
	const char *separator = "";
	for (const auto &column : table.columns) {
		sql += std::string(separator) + column.name + " " + column.definition;
		separator = ", ";
	}
	if (table.constraints != nullptr)
		sql += std::string(", ") + table.constraints;
	sql += ")";
	if (table.storage != nullptr)
		sql += std::string(" WITH (") + table.storage + ")";
	return sql;
}

/// A column for rows that are there already: without a default it must be nullable.
std::string definition_for_old_rows(const WantedColumn &column) {
	std::string definition = column.definition;
	if (definition.find("DEFAULT") == std::string::npos) {
		const auto not_null = definition.find(" NOT NULL");
		if (not_null != std::string::npos)
			definition.erase(not_null);
	}
	return definition;
}

/// Text may be kept in any of its kinds, counts in any integer; everything else must be what the plan says.
bool type_serves(std::string_view present, std::string_view wanted) {
	if (wanted == "text")
		return present == "text" || present == "character varying";
	if (wanted == "integer" || wanted == "bigint")
		return present == "smallint" || present == "integer" || present == "bigint";
	return present == wanted;
}

bool is_own(const WantedTable &table) {
	return std::string_view(table.name).starts_with("agg_");
}

std::string create_own_table(const WantedTable &table, const std::string &release) {
	std::string sql = create_table(table);
	if (std::string_view(table.name) == AGG_MARKED_TABLE)
		sql += std::string("; COMMENT ON TABLE @") + table.name + " IS '" AGG_SHAPE_MARK + release + "'";
	return sql;
}

void plan_table(const Database &db, const Catalog &catalog, const WantedTable &table, std::vector<Step> &steps) {
	const auto kind = catalog.kinds.find(std::string_view(table.name));
	if (kind == catalog.kinds.end()) {
		const std::string sql = is_own(table) ? create_own_table(table, db.release()) : create_table(table);
		steps.push_back({std::string("table ") + table.name, Action::create, sql, ""});
		steps.back().needed = is_own(table);
		return;
	}
	if (kind->second != "r" && kind->second != "p") {
		steps.push_back({std::string("table ") + table.name, Action::cannot_mend, "",
		                 "a relation of this name exists that is no table; rename it and run agg_setup() again"});
		return;
	}
	const auto columns = catalog.columns.find(std::string_view(table.name));
	for (const auto &wanted : table.columns) {
		const std::string object = std::string("column ") + table.name + "." + wanted.name;
		const bool any = columns != catalog.columns.end();
		const auto present = any ? columns->second.find(std::string_view(wanted.name)) : decltype(columns->second.find("")) {};
		if (!any || present == columns->second.end())
			steps.push_back(
			    {object,
			     Action::add,
			     std::string("ALTER TABLE @") + table.name + " ADD COLUMN " + wanted.name + " " + definition_for_old_rows(wanted),
			     "",
			     "",
			     table.name,
			     0,
			     nullptr,
			     nullptr,
			     {},
			     is_own(table)});
		else if (!type_serves(present->second, wanted.type))
			steps.push_back(
			    {object, Action::cannot_mend, "",
			     "it is of type " + present->second + ", but must be " + wanted.type + "; change its type and run agg_setup() again"});
	}
}

std::string create_index(const WantedIndex &index) {
	std::string sql =
	    std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX " + index.name + " ON @" + index.table + " (" + index.keys + ")";
	if (index.predicate != nullptr)
		sql += std::string(" WHERE ") + index.predicate;
	return sql;
}

/// Finds one key that is there more than once, as text.
std::string find_duplicate(const WantedIndex &index) {
	std::string sql = std::string("SELECT ROW(") + index.keys + ")::text, count(*) FROM @" + index.table;
	if (index.predicate != nullptr)
		sql += std::string(" WHERE ") + index.predicate;
	return sql + " GROUP BY " + index.keys + " HAVING count(*) > 1 LIMIT 1";
}

void plan_index(const Catalog &catalog, const WantedIndex &wanted, std::vector<Step> &steps) {
	const std::string object = std::string("index ") + wanted.name;
	const bool table_is_new = !catalog.kinds.contains(std::string_view(wanted.table));
	const std::string predicate = wanted.predicate == nullptr ? "" : wanted.predicate;
	if (table_is_new && wanted.unique && wanted.predicate == nullptr)
		return; // the new table's primary key
	if (wanted.unique) {
		for (const auto &index : catalog.indexes) {
			if (index.table == wanted.table && index.serves_as_key && index.keys == wanted.keys && index.predicate == predicate)
				return;
		}
		steps.push_back({object, Action::create, create_index(wanted), "", table_is_new ? "" : find_duplicate(wanted)});
		steps.back().duplicates_in = wanted.table;
		return;
	}
	// A plain index is known by its name; one of that name over other keys is replaced, which loses nothing.
	for (const auto &index : catalog.indexes) {
		if (index.table != wanted.table || index.name != wanted.name)
			continue;
		const bool expression = std::string_view(wanted.keys).starts_with("COALESCE");
		const bool same_keys =
		    expression ? index.keys.find("COALESCE(next_run_at, '-infinity'") != std::string::npos : index.keys == wanted.keys;
		if (!same_keys)
			steps.push_back({object, Action::replace, std::string("DROP INDEX @") + wanted.name + "; " + create_index(wanted), ""});
		return;
	}
	steps.push_back({object, Action::create, create_index(wanted), ""});
}

void plan_source_check(const Catalog &catalog, std::vector<Step> &steps) {
	if (!catalog.kinds.contains("data_bars"))
		return;
	std::string list;
	for (const char *source : wanted_sources())
		list += std::string(list.empty() ? "'" : ", '") + source + "'";
	const std::string add = "ALTER TABLE @data_bars ADD CONSTRAINT data_bars_source_check CHECK (source IN (" + list + "))";
	// (A column that is itself missing gets its default.)
	const auto columns = catalog.columns.find("data_bars");
	const std::string others =
	    columns == catalog.columns.end() || !columns->second.contains("source")
	        ? ""
	        : "SELECT string_agg(DISTINCT '\"' || source || '\"', ', '), count(*) FROM @data_bars WHERE source NOT IN (" + list + ")";
	bool allowed = false;
	for (const auto &check : catalog.source_checks) {
		bool complete = true;
		for (const char *source : wanted_sources())
			complete = complete && check.definition.find(std::string("'") + source + "'") != std::string::npos;
		allowed = allowed || complete;
		if (!complete) {
			steps.push_back({"constraint data_bars_source_check", Action::replace,
			                 "ALTER TABLE @data_bars DROP CONSTRAINT " + check.name + "; " + add, "", "", "data_bars"});
			steps.back().refused_values = others;
			return;
		}
	}
	if (!allowed) {
		steps.push_back({"constraint data_bars_source_check", Action::add, add, "", "", "data_bars"});
		steps.back().refused_values = others;
	}
}

/// The wanted definition on the table itself or on a partition of it, `table` being its name as SQL needs it.
std::string definition_on(const Database &db, const WantedTrigger &wanted, const std::string &table) {
	std::string definition = db.qualify(wanted.definition);
	const std::string ours = db.qualify(std::string(" ON @") + wanted.table + " ");
	definition.replace(definition.find(ours), ours.size(), " ON " + table + " ");
	return definition;
}

/// Depends on the extension, so that DROP EXTENSION drops the trigger and leaves the table.
std::string create_trigger(const WantedTrigger &wanted, const std::string &definition, const std::string &table) {
	return std::string("CREATE OR REPLACE TRIGGER ") + wanted.name + " " + definition + "; ALTER TRIGGER " + wanted.name + " ON " + table +
	       " DEPENDS ON EXTENSION aggregation";
}

void plan_trigger(const Database &db, const Catalog &catalog, const WantedTrigger &wanted, std::vector<Step> &steps) {
	const std::string name = std::string("trigger ") + wanted.name;
	const std::string ours = db.qualify(std::string("@") + wanted.table);
	if (!catalog.kinds.contains(std::string_view(wanted.table))) {
		steps.push_back({name,
		                 Action::create,
		                 create_trigger(wanted, definition_on(db, wanted, ours), ours),
		                 "",
		                 "",
		                 wanted.table,
		                 0,
		                 nullptr,
		                 &wanted,
		                 {},
		                 true});
		return;
	}
	for (const auto &holder : catalog.trigger_holders) {
		if (holder.table != wanted.table || (!holder.is_table && !wanted.on_partitions))
			continue;
		const std::string definition = definition_on(db, wanted, holder.name);
		const auto present = holder.triggers.find(std::string_view(wanted.name));
		if (present != holder.triggers.end() && present->second == definition)
			continue;
		const Action action = present == holder.triggers.end() ? Action::create : Action::replace;
		const std::string object = holder.is_table ? name : name + " on " + holder.name;
		const char *table = holder.is_table ? wanted.table : nullptr;
		const WantedTrigger *catches_up = holder.is_table && action == Action::create ? &wanted : nullptr;
		const std::string sql = create_trigger(wanted, definition, holder.name);
		steps.push_back({object, action, sql, "", "", table, holder.is_table ? 0 : holder.oid, nullptr, catches_up, {}, true});
	}
}

std::vector<Step> plan_steps(const Database &db, const Catalog &catalog) {
	std::vector<Step> steps;
	for (const auto &table : wanted_tables())
		plan_table(db, catalog, table, steps);
	plan_source_check(catalog, steps);
	for (const auto &index : wanted_indexes())
		plan_index(catalog, index, steps);
	for (const auto &trigger : wanted_triggers())
		plan_trigger(db, catalog, trigger, steps);
	return steps;
}

/// Tells each step as a row of the answer.
constexpr size_t line_length = 100;

/// A statement as one short line.
std::string beginning(const std::string &sql) {
	std::string line = sql.substr(0, sql.find('\n'));
	if (line.size() > line_length)
		line = line.substr(0, line.rfind(' ', line_length));
	return line.size() < sql.size() ? line + " ..." : line;
}

/// A statement with line ends in the place of blanks, wherever a line would get too long; what stands between quotes is left alone.
std::string in_lines(std::string sql) {
	size_t line = 0;
	size_t blank = std::string::npos;
	char quote = 0;
	for (size_t i = 0; i < sql.size(); ++i) {
		const char c = sql[i];
		if (quote != 0)
			quote = c == quote ? '\0' : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == '\n')
			line = i + 1;
		else if (c == ' ')
			blank = i;
		if (i - line >= line_length && blank != std::string::npos && blank > line) {
			sql[blank] = '\n';
			line = blank + 1;
		}
	}
	return sql;
}

/// What was done is told by the beginning of its SQL; what would be done, by all of it, broken into lines that fit a screen.
class Rows {
public:
	Rows(Database &db, bool dry_run) : db_(db), dry_run_(dry_run) {
	}
	Op<void> tell(std::vector<Done> all) {
		std::vector<agg_cell> cells;
		for (auto &done : all) {
			if (!done.failed)
				done.detail = dry_run_ ? in_lines(done.detail) : beginning(done.detail);
			cells.push_back(cell(std::string_view(done.object)));
			cells.push_back(cell(std::string_view(done.action)));
			cells.push_back(cell(std::string_view(done.detail)));
		}
		co_await db_.emit_rows(cells, result_columns);
	}

private:
	static constexpr size_t result_columns = 3;
	Database &db_;
	bool dry_run_;
};

/// A call that needs the shape of this release and finds an older one: what cannot be done ends it, if no operation may work without.
class Notices {
public:
	explicit Notices(Database &db) : db_(db) {
	}
	Op<void> tell(std::vector<Done> all) {
		for (const auto &done : all) {
			if (done.failed && done.needed)
				throw Error(sqlstate::object_not_in_prerequisite_state,
				            "the tables of aggregation were made by an older release, and " + done.object + " could not be brought up to " +
				                db_.release() + ": " + done.detail,
				            "Have the tables' owner or a superuser run agg_setup().");
			if (done.failed)
				co_await db_.notice("aggregation " + db_.release() + ": " + done.object + ": " + done.detail +
				                    "; agg_setup(true) lists what is not as it should be");
		}
	}

private:
	Database &db_;
};

bool any_needed_failed(const std::vector<Done> &all) {
	return std::any_of(all.begin(), all.end(), [](const Done &done) { return done.failed && done.needed; });
}

template <class Teller>
Op<void> bring_up(Database &db, bool dry_run, Teller &teller) {
	const auto catalog = co_await read_catalog(db);
	auto steps = plan_steps(db, catalog);
	auto done = co_await perform(db, std::move(steps), dry_run);
	const bool complete = !any_needed_failed(done);
	co_await teller.tell(std::move(done));
	steps = co_await plan_views(db); // of tables that are complete now
	done = co_await perform(db, std::move(steps), dry_run);
	co_await teller.tell(std::move(done));
	if (!complete)
		co_return;
	steps = co_await plan_shape_mark(db);
	done = co_await perform(db, std::move(steps), dry_run);
	co_await teller.tell(std::move(done));
}

} // namespace

Op<Answer> agg_setup(Database &db, Arguments arguments) {
	const bool dry_run = arguments.boolean("dry_run");
	Rows rows(db, dry_run);
	auto intruders = co_await plan_own_tables(db);
	auto named = co_await perform(db, std::move(intruders), dry_run);
	co_await rows.tell(std::move(named));
	co_await bring_up(db, dry_run, rows);
	std::vector<Step> steps;
	const auto obstacles = co_await find_obstacles(db);
	for (const auto &obstacle : obstacles)
		steps.push_back({obstacle.object, Action::cannot_mend, "", obstacle.detail});
	named = co_await perform(db, std::move(steps), dry_run);
	co_await rows.tell(std::move(named));
	co_return Answer::rows();
}

Op<Answer> mend_shape(Database &db, Arguments) {
	Notices notices(db);
	co_await bring_up(db, false, notices);
	co_return Answer::rows();
}

} // namespace aggregation
