// What a failure says about trying again.
#pragma once

#include "core/error.hpp"

namespace aggregation {

enum class FailureKind {
	transient, // the surroundings are at fault: the same run may succeed in a minute, or once somebody has mended a table for all tasks
	hard,      // the task's own rows or configuration are at fault; somebody has to look at it
	everything // nothing to do with any one task: a caller that runs many must stop
};

/// A task is parked for what it can do something about: what comes with its own rows (21, 22, 23, a trigger's P0001) or its configuration,
/// and everything that is not known. Not for what concerns a table, however often it fails: 0A feature not supported (of a compressed
/// chunk, say), 28 and 42 rights, names and types, 3F schema, 23502 a column that must have a value and is given none, 23514 of a
/// table but no constraint (there is no partition for the row); nor for the server's state: 08 connection, 25 transaction state, 40
/// rollback (deadlock, serialization), 53 resources, 55 object not in the state (lock timeout), 57 operator intervention, 58 system error,
/// F0 configuration file. A cancel (57014), a shutdown (57P01 to 57P05) and data corruption (XX001, XX002) concern everything.
FailureKind failure_kind(const Error &error);

/// Whether the detail shows the refused row with all its values ("Failing row contains ..."): not for everybody who may read of failures.
bool detail_shows_row(const Error &error);

/// Whether nothing has to be mended: the same call may succeed when it is made again. Locks (55P03, 55006), rollbacks (40), the connection
/// (08), resources (53), the operator (57) and the system (58).
bool another_try_may_do(const Error &error);

} // namespace aggregation
