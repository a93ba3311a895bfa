// Who changes rules must see what others have committed.
#pragma once

#include "core/error.hpp"
#include "ops/boundary/database.hpp"

#include <string>

namespace aggregation {

/// With the snapshot of a whole transaction the tasks and rules of others would be missed, and nobody would make good for it.
inline void refuse_old_snapshot(const Database &db, const std::string &what) {
	if (db.snapshot() == Database::Snapshot::of_transaction)
		throw Error(sqlstate::invalid_transaction_state, what + " cannot be changed in a REPEATABLE READ or SERIALIZABLE transaction",
		            "BEGIN ISOLATION LEVEL READ COMMITTED: the change must see what others have committed.");
}

} // namespace aggregation
