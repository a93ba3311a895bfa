// One operation for each SQL function, and what they answer with.
#pragma once

#include "ops/boundary/arguments.hpp"
#include "ops/boundary/database.hpp"
#include "ops/boundary/op.hpp"
#include "ops/tasks/tasks.hpp"

#include <optional>
#include <string>

namespace aggregation {

/// The result of an SQL function: jsonb, a timestamp, or nothing where rows were emitted on the way.
struct Answer {
	std::optional<std::string> json_text;
	std::optional<Timestamp> timestamp_value;

	static Answer json(std::string text) {
		return {.json_text = std::move(text), .timestamp_value = {}};
	}
	static Answer timestamp(Timestamp t) {
		return {.json_text = {}, .timestamp_value = t};
	}
	static Answer rows() {
		return {};
	}
};

// Each is described where it is defined and, for users, in its COMMENT ON.
Op<Answer> bootstrap_cursor(Database &db, Arguments arguments);
Op<Answer> catchup_range(Database &db, Arguments arguments);
Op<Answer> get_due_tasks(Database &db, Arguments arguments);
Op<Answer> start_task(Database &db, Arguments arguments);
Op<Answer> finish_task(Database &db, Arguments arguments);
Op<Answer> sync_from_registry(Database &db, Arguments arguments);
Op<Answer> calc_dxy_range(Database &db, Arguments arguments);
Op<Answer> aggregate_1m_to_5m(Database &db, Arguments arguments);
Op<Answer> aggregate_5m_to_1h(Database &db, Arguments arguments);
Op<Answer> aggregate_window(Database &db, Arguments arguments);
Op<Answer> aggregate_tasks(Database &db, Arguments arguments);
Op<Answer> setup(Database &db, Arguments arguments);
Op<Answer> run_due_tasks(Database &db, Arguments arguments);
Op<Answer> run_due_batch(Database &db, Arguments arguments);
Op<Answer> runlog_start(Database &db, Arguments arguments);
Op<Answer> runlog_checkpoint(Database &db, Arguments arguments);
Op<Answer> runlog_finish(Database &db, Arguments arguments);
Op<Answer> runlog_prune(Database &db, Arguments arguments);
Op<Answer> reset_task(Database &db, Arguments arguments);
Op<Answer> enable_task(Database &db, Arguments arguments);
Op<Answer> disable_task(Database &db, Arguments arguments);
Op<Answer> set_start(Database &db, Arguments arguments);
Op<Answer> heartbeat(Database &db, Arguments arguments);
Op<Answer> schedule_job(Database &db, Arguments arguments);
Op<Answer> unschedule_job(Database &db, Arguments arguments);
Op<Answer> wake_worker(Database &db, Arguments arguments);
Op<Answer> verify_bars(Database &db, Arguments arguments);
Op<Answer> verify_sample(Database &db, Arguments arguments);
Op<Answer> soft_delete_range(Database &db, Arguments arguments);
Op<Answer> rebuild_range(Database &db, Arguments arguments);
Op<Answer> restore_range(Database &db, Arguments arguments);
Op<Answer> purge_deleted(Database &db, Arguments arguments);
Op<Answer> reset_cursor(Database &db, Arguments arguments);
Op<Answer> mark_changed(Database &db, Arguments arguments);
Op<Answer> seal_range(Database &db, Arguments arguments);
Op<Answer> unseal_range(Database &db, Arguments arguments);
Op<Answer> retire_source(Database &db, Arguments arguments);
Op<Answer> set_late_policy(Database &db, Arguments arguments);
Op<Answer> why(Database &db, Arguments arguments);
/// A writer's, when the log of changes has become large.
Op<Answer> absorb(Database &db, Arguments arguments);
/// The background worker's: as agg_run(), with its answer the moment at which the next task is due; '-infinity' for at once.
Op<Answer> work(Database &db, Arguments arguments);

/// P0002 with the message of DESIGN.md section 3: `prefix` and the task's label.
inline Error missing_task(const std::string &prefix, const TaskKey &key) {
	return {sqlstate::no_data_found, prefix + key.label(), "Run sync_agg_state_from_registry() to create the tasks of all active assets."};
}

} // namespace aggregation
