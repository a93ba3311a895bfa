// What is there already of what agg_setup wants, as PostgreSQL's catalog has it.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

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
	std::set<std::string, std::less<>> has_storage;                                              // tables with a fill factor
	std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> columns; // table -> column -> type
	std::vector<PresentIndex> indexes;
	std::vector<SourceCheck> source_checks;
	std::vector<TriggerHolder> trigger_holders;
};

/// The relations of the extension's schema that have a name of ours, and what belongs to them.
Op<Catalog> read_catalog(Database &db);

} // namespace aggregation
