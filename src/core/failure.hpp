// What a failure says about trying again.
#pragma once

#include <string_view>

namespace aggregation {

enum class FailureKind {
	transient, // the surroundings were at fault; the same run may well succeed in a minute
	hard,      // the data or the configuration is at fault; somebody has to look at it
	everything // nothing to do with any one task: whoever works off many must stop
};

/// By SQLSTATE class: 08 connection, 25 transaction state, 40 rollback (deadlock, serialization), 53 resources, 55 object not in the state
/// (lock timeout), 57 operator intervention and 58 system error are transient; every other class is hard. A cancel (57014), a shutdown
/// (57P01 to 57P05) and data corruption (XX001, XX002) concern everything.
FailureKind failure_kind(std::string_view sqlstate);

} // namespace aggregation
