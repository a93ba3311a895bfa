#include "ops/setup/setup_tables.hpp"

#include "ops/setup/setup_plan.hpp"
#include "ops/setup/shape_mark.h"

#include <string>
#include <string_view>

namespace aggregation {

namespace {

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
	if (table.rows != nullptr)
		sql += std::string("; ") + table.rows;
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
		                 "a relation of this name exists that is not a table; rename it and run agg_setup() again"});
		return;
	}
	if (table.storage != nullptr && !is_own(table) && kind->second == "r" && !catalog.has_storage.contains(std::string_view(table.name)))
		steps.push_back({std::string("storage of ") + table.name, Action::add,
		                 std::string("ALTER TABLE @") + table.name + " SET (" + table.storage + ")", "", "", table.name});
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
			     is_own(table)});
		else if (!type_serves(present->second, wanted.type))
			steps.push_back(
			    {object, Action::cannot_mend, "",
			     "it is of type " + present->second + ", but must be " + wanted.type + "; change its type and run agg_setup() again"});
	}
}

std::string create_index(const WantedIndex &index, const char *concurrently = "") {
	std::string sql = std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX " + concurrently + index.name + " ON @" +
	                  index.table + (index.method == nullptr ? "" : std::string(" USING ") + index.method) + " (" + index.keys + ")";
	if (index.storage != nullptr)
		sql += std::string(" WITH (") + index.storage + ")";
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

/// For a table that is there: whoever runs it decides when its rows are read for an index. (A partitioned one is not indexed concurrently.)
void offer_index(const Catalog &catalog, const WantedIndex &wanted, std::vector<Step> &steps) {
	for (const auto &index : catalog.indexes) {
		if (index.table == wanted.table && (index.keys + ",").starts_with(std::string(wanted.keys) + ","))
			return;
	}
	const auto kind = catalog.kinds.find(std::string_view(wanted.table));
	steps.push_back({std::string("index ") + wanted.name, Action::offer,
	                 create_index(wanted, kind != catalog.kinds.end() && kind->second == "p" ? "" : "CONCURRENTLY "), ""});
}

void plan_index(const Catalog &catalog, const WantedIndex &wanted, std::vector<Step> &steps) {
	const std::string object = std::string("index ") + wanted.name;
	const bool table_is_new = !catalog.kinds.contains(std::string_view(wanted.table));
	const std::string predicate = wanted.predicate == nullptr ? "" : wanted.predicate;
	if (wanted.offered && !table_is_new) {
		offer_index(catalog, wanted, steps);
		return;
	}
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
		if (index.keys != wanted.keys)
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
		steps.push_back({object, action, sql, "", "", table, holder.is_table ? 0 : holder.oid, nullptr, catches_up, true});
	}
}

} // namespace

std::vector<Step> plan_tables(const Database &db, const Catalog &catalog) {
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

} // namespace aggregation
