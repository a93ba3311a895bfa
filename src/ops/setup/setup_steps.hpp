// The steps of agg_setup: what differs from the plan, and how each difference is mended and reported.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_plan.hpp"

#include <string>
#include <vector>

namespace aggregation {

enum class Action {
	create,
	add,
	replace,
	cannot_mend,
	offer // nothing is missing without it: only a dry run says so
};

/// One thing that differs from the plan. `sql` has `@` for the schema.
struct Step {
	std::string object;
	Action action;
	std::string sql;             // empty: nothing can be done
	std::string detail;          // why, where nothing can be done; else what may be in the way
	std::string duplicates = {}; // a query for a key that prevents a unique index, or empty
	// Whose owner acts, restricted: a table of ours, or another by its OID. Neither: the caller, who makes what is new. PostgreSQL itself
	// switches to the table's owner while it builds an index.
	const char *table = nullptr;
	uint32_t table_oid = 0;
	const char *duplicates_in = nullptr;
	const WantedTrigger *catches_up = nullptr; // with what was missed before this trigger was there
	bool needed = false;                       // by every operation: without it none of them may work
	std::string refused_values = {};           // a query for values, and of how many rows, that a check would refuse
	std::string calendar = {};                 // whose rules it writes: days and marks follow
	bool other_windows = false;                // of the calendar, for another reason than its days
};

/// What became of a step.
struct Done {
	std::string object;
	std::string action; // in the words of agg_setup()
	std::string detail;
	bool failed; // the detail says why; else it is the SQL
	bool needed;
};

/// Whether a failure belongs to the object (bad data in it, something in its way, no right to it) and is named, or to the whole call (a
/// cancel, a lock timeout, a read-only transaction) and is raised.
bool belongs_to_object(const Error &error);

/// Carries the steps out, each in a subtransaction of its own, and tells what came of each. A dry run only tells.
Op<std::vector<Done>> perform(Database &db, std::vector<Step> steps, bool dry_run);

} // namespace aggregation
