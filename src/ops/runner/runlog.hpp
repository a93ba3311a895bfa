// ops_runlog: one row for each run of a job, bounded by count.
#pragma once

#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"

#include <cstdint>
#include <string>

namespace aggregation {

/// How many runs of a job and trigger are kept unless somebody asks for another number.
inline constexpr int64_t runs_kept = 10;

struct NewRun {
	std::string run_id; // a uuid
	std::string job_name;
	std::string trigger; // cron or manual
	std::string environment;
};

/// Enters a run and drops the oldest ones of its job and trigger. False if it was entered before: then nothing changes.
Op<bool> begin_run(Database &db, const NewRun &run);
/// The same for a run of this extension itself: with an id of its own, which is returned, and the trigger that the session tells: cron
/// where pg_cron or the background worker is at work.
Op<std::string> begin_own_run(Database &db, std::string job_name, std::string environment);
/// False if there is no such run.
Op<bool> end_run(Database &db, std::string run_id, std::string status, std::string stats_json);
/// Drops all but the newest `keep` runs of a job and trigger; returns how many went.
Op<int64_t> prune_runs(Database &db, std::string job_name, std::string trigger, int64_t keep);

} // namespace aggregation
