// Bringing data_agg_state in line with the registry of assets.
#pragma once

#include "core/timestamp.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <string>

namespace aggregation {

struct SyncResult {
	int64_t created = 0;
	int64_t updated = 0;
	int64_t disabled = 0;
	int64_t skipped = 0;           // assets
	std::string skipped_json;      // an array of objects: symbol and error of each asset whose metadata cannot be understood
	std::string unknown_keys_json; // an array of objects: symbol and keys of the metadata that mean nothing where they are
};

/// Makes data_agg_state hold the tasks that the environment's assets ask for. `start` is for assets that name none; it is remembered,
/// and so is what was not understood.
Op<SyncResult> sync_registry(Database &db, const std::string &environment, Timestamp start, Timestamp now);

/// The same, with the start that was given last, unless the environment was synced less than `age` ago. True if it did; a notice says how
/// many assets it skipped.
Op<bool> sync_registry_if_older(Database &db, const std::string &environment, Duration age, Timestamp now);

/// Whether an environment of this name was ever synced.
Op<bool> was_synced(Database &db, std::string environment);

} // namespace aggregation
