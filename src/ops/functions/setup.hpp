// What agg_setup() does, for others that do it, too.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/setup/setup_steps.hpp"

#include <vector>

namespace aggregation {

/// What became of steps, as rows of object, action and detail. What was done is told by the beginning of its SQL; what would be done, by
/// all of it, broken into lines that fit a screen.
class SetupRows {
public:
	SetupRows(Database &db, bool dry_run) : db_(db), dry_run_(dry_run) {
	}
	Op<void> tell(std::vector<Done> all);
	/// How many steps were carried out.
	size_t done() const {
		return done_;
	}

private:
	Database &db_;
	bool dry_run_;
	size_t done_ = 0;
};

/// Makes good what is missing. Tells in notices what cannot be done, and throws 55000 if no operation may work without.
Op<void> mend_tables(Database &db);

/// Creates what is missing, or says what would be created, in rows.
Op<void> set_up(Database &db, bool dry_run, SetupRows &rows);

} // namespace aggregation
