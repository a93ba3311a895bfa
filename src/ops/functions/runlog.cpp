// ops_runlog_start, ops_runlog_checkpoint, ops_runlog_finish, ops_runlog_prune: the history of a worker's runs.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/runner/runlog.hpp"

namespace aggregation {

namespace {

// Checkpoints of a run that never ends must not grow without bound: the newest 200 are kept.
const Statement &append_checkpoint() {
	static const Statement statement {"ops_runlog",
	                                  R"sql(
UPDATE @ops_runlog r
SET checkpoints = (
	SELECT jsonb_agg(c.value ORDER BY c.n)
	FROM (
		SELECT e.value, e.n
		FROM jsonb_array_elements(
			CASE WHEN jsonb_typeof(r.checkpoints) = 'array' THEN r.checkpoints ELSE '[]'::jsonb END
			|| jsonb_build_object('checkpoint', $2::text, 'at', $4::timestamptz, 'details', $3::text::jsonb)) WITH ORDINALITY AS e(value, n)
		ORDER BY e.n DESC
		LIMIT 200
	) c
)
WHERE r.run_id = $1::text::uuid)sql"};
	return statement;
}

void check_trigger(const std::string &trigger, const std::string &job_name) {
	if (trigger != "cron" && trigger != "manual")
		throw Error(sqlstate::invalid_parameter_value,
		            "p_trigger must be \"cron\" or \"manual\", not \"" + shortened(trigger) + "\" (job " + shortened(job_name) + ")",
		            "Pass what started the run: cron for a schedule, manual for a person.");
}

std::string not_started(const std::string &run_id) {
	return JsonObject()
	    .add("success", false)
	    .add("error", "not_found")
	    .add("message", "run " + run_id + " was not started, or is pruned; ops_runlog_start() starts it")
	    .text();
}

} // namespace

Op<Answer> ops_runlog_start(Database &db, Arguments arguments) {
	const NewRun run {arguments.text("p_run_id"), arguments.text("p_job_name"), arguments.text("p_trigger"), arguments.text("p_env_name")};
	check_trigger(run.trigger, run.job_name);
	const bool started = co_await begin_run(db, run);
	co_return Answer::json(
	    JsonObject().add("success", true).add("run_id", std::string_view(run.run_id)).add("already_started", !started).text());
}

Op<Answer> ops_runlog_checkpoint(Database &db, Arguments arguments) {
	const std::string run_id = arguments.text("p_run_id");
	const std::string checkpoint = arguments.text("p_checkpoint");
	const std::string details = arguments.text("p_details");
	const auto updated = co_await db.execute(append_checkpoint(), parameters(text_parameter(run_id), text_parameter(checkpoint),
	                                                                         text_parameter(details), timestamp_parameter(db.clock())));
	if (updated == 0)
		co_return Answer::json(not_started(run_id));
	co_return Answer::json(JsonObject().add("success", true).add("run_id", std::string_view(run_id)).text());
}

Op<Answer> ops_runlog_finish(Database &db, Arguments arguments) {
	const std::string run_id = arguments.text("p_run_id");
	const std::string status = arguments.text("p_status");
	const std::string stats = arguments.text("p_stats");
	const bool found = co_await end_run(db, run_id, status, stats);
	if (!found)
		co_return Answer::json(not_started(run_id));
	co_return Answer::json(JsonObject().add("success", true).add("run_id", std::string_view(run_id)).text());
}

Op<Answer> ops_runlog_prune(Database &db, Arguments arguments) {
	const std::string job_name = arguments.text("p_job_name");
	const std::string trigger = arguments.text("p_trigger");
	const int64_t keep = arguments.integer("p_keep");
	check_trigger(trigger, job_name);
	if (keep < 0)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_keep must not be negative, but is " + std::to_string(keep) + " (job " + shortened(job_name) + ")",
		            "Pass how many runs to keep, such as 10.");
	const int64_t deleted = co_await prune_runs(db, job_name, trigger, keep);
	co_return Answer::json(JsonObject().add("success", true).add("deleted", deleted).text());
}

} // namespace aggregation
