// Recording what becomes of bars: by a row trigger of derived_data_bars, which is there only while somebody is subscribed to events or a
// task keeps its revisions (kept_revisions.hpp). src/pg/note_event.c is the trigger.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

namespace aggregation {

/// One who begins or stops recording for somebody at a time; those who poll and acknowledge go on.
Op<void> lock_recording(Database &db);

/// From here to the end of the transaction nobody writes bars, and whoever does so later is recorded. Where the trigger was missing, those
/// for whom it is there are told that they have missed something: consumers have lost events, and no revisions are kept any more.
Op<void> begin_recording(Database &db);

Op<bool> any_consumer(Database &db);

/// Whether the trigger fires.
Op<bool> is_recorded(Database &db);

/// Removes the trigger if it is there for nobody.
Op<void> stop_recording_if_unused(Database &db);

} // namespace aggregation
