// Inserting rows that are most likely new, at COPY's speed, next to sessions that may insert the same ones.
#pragma once

#include "ops/database.hpp"
#include "ops/op.hpp"

namespace aggregation {

/// Inserts all rows of `source`, or none: false if a key exists already (SQLSTATE 23505), because another session stored it after the
/// caller looked. The caller then looks again and upserts. Any other error is thrown. What is passed must outlive the await.
Op<bool> bulk_insert(Database &db, const char *relation, const BulkColumns &columns, RowSource &source);

} // namespace aggregation
