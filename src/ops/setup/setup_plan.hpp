// What agg_setup wants to see in the extension's schema: tables, columns, indexes, triggers, one constraint, views.
#pragma once

#include <string>
#include <vector>

namespace aggregation {

struct WantedColumn {
	const char *name;
	const char *type;       // as format_type() prints it
	const char *definition; // type, default and NOT NULL, as in CREATE TABLE
	                        /// For a NOT NULL column without a default no old row could have a value: it is added as nullable instead.
};

struct WantedIndex {
	const char *table;
	const char *name;
	const char *keys;      // the key list, as in CREATE INDEX
	const char *predicate; // after WHERE, or nullptr
	/// Then it is found by what it indexes: a unique index over these plain columns serves under any name. Others are found by their name.
	bool unique;
	/// An index that reads need not have: it comes with a new table; for one that is there a dry run offers it, unless some index begins
	/// with the same column.
	bool offered = false;
	const char *method = nullptr;  // nullptr: btree
	const char *storage = nullptr; // its parameters, or nullptr
};

struct WantedTable {
	const char *name;
	std::vector<WantedColumn> columns;
	const char *constraints;       // behind the columns in CREATE TABLE, or nullptr
	const char *storage = nullptr; // parameters of a new table, or nullptr
	const char *rows = nullptr;    // a statement that gives a new table its first rows, or nullptr
};

struct WantedTrigger {
	const char *table;
	const char *name;
	const char *definition; // behind CREATE TRIGGER and the name, word for word as pg_get_triggerdef() and \d print it
	bool fills_timeframes;  // agg_timeframes is filled with what the trigger has missed
	bool on_partitions;     // each partition needs one of its own (row triggers are cloned by PostgreSQL)
	bool adopts = false;    // bars of tasks that were there before the trigger
};

struct WantedView {
	const char *name;
	const char *definition;
};

const std::vector<WantedTable> &wanted_tables();
const std::vector<std::string> &wanted_table_names();
const std::vector<WantedIndex> &wanted_indexes();
const std::vector<WantedTrigger> &wanted_triggers();
const std::vector<WantedView> &wanted_views();

/// The values that data_bars.source may have.
const std::vector<const char *> &wanted_sources();

} // namespace aggregation
