#include "ops/run_log.hpp"

#include "ops/functions.hpp"
#include "ops/json.hpp"

namespace aggregation {

namespace {

constexpr const char *table = "ops_runlog";

const Statement &insert_run() {
	static const Statement statement {
	    table, "INSERT INTO @ops_runlog (run_id, job_name, trigger, env_name, started_at, status) "
	           "VALUES ($1::text::uuid, $2::text, $3::text, $4::text, clock_timestamp(), 'running') ON CONFLICT (run_id) DO NOTHING"};
	return statement;
}

// pg_cron runs its jobs in a session of that name or in a background worker; nobody else's is a person's either.
const Statement &own_run() {
	static const Statement statement {
	    nullptr,
	    "SELECT gen_random_uuid()::text, CASE WHEN a.backend_type <> 'client backend' OR a.application_name LIKE 'pg_cron%' THEN 'cron' ELSE "
	    "'manual' END FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a",
	    {AGG_TEXT, AGG_TEXT}};
	return statement;
}

// Checkpoints of a run that never ends must not grow without bound: the newest 200 are kept.
const Statement &append_checkpoint() {
	static const Statement statement {
	    table,
	    "UPDATE @ops_runlog r SET checkpoints = (SELECT jsonb_agg(c.value ORDER BY c.n) FROM (SELECT e.value, e.n FROM "
	    "jsonb_array_elements(CASE WHEN jsonb_typeof(r.checkpoints) = 'array' THEN r.checkpoints ELSE '[]'::jsonb END "
	    "|| jsonb_build_object('checkpoint', $2::text, 'at', clock_timestamp(), 'details', $3::text::jsonb)) WITH ORDINALITY AS e(value, n) "
	    "ORDER BY e.n DESC LIMIT 200) c) WHERE r.run_id = $1::text::uuid"};
	return statement;
}

const Statement &finish_run() {
	static const Statement statement {
	    table, "UPDATE @ops_runlog r SET finished_at = clock_timestamp(), status = $2::text, stats = $3::text::jsonb "
	           "WHERE r.run_id = $1::text::uuid"};
	return statement;
}

const Statement &delete_old_runs() {
	static const Statement statement {
	    table,
	    "DELETE FROM @ops_runlog d WHERE d.run_id IN (SELECT r.run_id FROM @ops_runlog r WHERE r.job_name = $1::text AND r.trigger = $2::text "
	    "ORDER BY r.started_at DESC, r.created_at DESC, r.run_id DESC OFFSET $3::int8)",
	    {},
	    Planning::by_statistics};
	return statement;
}

// Ten of each job are few; but whoever may log runs may also invent jobs.
const Statement &delete_surplus_runs() {
	static const Statement statement {table,
	                                  "DELETE FROM @ops_runlog d WHERE d.run_id IN (SELECT r.run_id FROM @ops_runlog r "
	                                  "ORDER BY r.started_at DESC, r.created_at DESC, r.run_id DESC OFFSET 10000)",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
}

void check_trigger(const std::string &trigger, const std::string &job_name) {
	if (trigger != "cron" && trigger != "manual")
		throw Error(sqlstate::invalid_parameter_value,
		            "p_trigger must be \"cron\" or \"manual\", not \"" + shortened(trigger) + "\" (job " + shortened(job_name) + ")",
		            "Say what began the run: cron for a schedule, manual for a person.");
}

std::string not_found() {
	return JsonObject().add("success", false).add("error", "not_found").text();
}

} // namespace

Op<bool> begin_run(Database &db, const NewRun &run) {
	const auto inserted = co_await db.execute(insert_run(), parameters(text_parameter(run.run_id), text_parameter(run.job_name),
	                                                                   text_parameter(run.trigger), text_parameter(run.environment)));
	if (inserted == 0)
		co_return false;
	co_await prune_runs(db, run.job_name, run.trigger, runs_kept);
	co_await db.execute(delete_surplus_runs(), {});
	co_return true;
}

Op<std::string> begin_own_run(Database &db, std::string job_name, std::string environment) {
	NewRun run {{}, job_name, {}, environment};
	auto take = [&](const Row &row) {
		run.run_id = row.text(0);
		run.trigger = row.text(1);
		return Flow::more;
	};
	co_await db.query(own_run(), {}, take);
	co_await begin_run(db, run);
	co_return run.run_id;
}

Op<bool> end_run(Database &db, std::string run_id, std::string status, std::string stats_json) {
	const auto updated =
	    co_await db.execute(finish_run(), parameters(text_parameter(run_id), text_parameter(status), text_parameter(stats_json)));
	co_return updated > 0;
}

Op<int64_t> prune_runs(Database &db, std::string job_name, std::string trigger, int64_t keep) {
	const auto deleted = co_await db.execute(
	    delete_old_runs(), parameters(text_parameter(job_name), text_parameter(trigger), Parameter(AGG_INT8, cell(keep))));
	co_return static_cast<int64_t>(deleted);
}

Op<Answer> runlog_start(Database &db, Arguments arguments) {
	const NewRun run {arguments.text(0, "p_run_id"), arguments.text(1, "p_job_name"), arguments.text(2, "p_trigger"),
	                  arguments.text(3, "p_env_name")};
	check_trigger(run.trigger, run.job_name);
	const bool started = co_await begin_run(db, run);
	co_return Answer::json(
	    JsonObject().add("success", true).add("run_id", std::string_view(run.run_id)).add("already_started", !started).text());
}

Op<Answer> runlog_checkpoint(Database &db, Arguments arguments) {
	const std::string run_id = arguments.text(0, "p_run_id");
	const std::string checkpoint = arguments.text(1, "p_checkpoint");
	const std::string details = arguments.text(2, "p_details");
	const auto updated =
	    co_await db.execute(append_checkpoint(), parameters(text_parameter(run_id), text_parameter(checkpoint), text_parameter(details)));
	if (updated == 0)
		co_return Answer::json(not_found());
	co_return Answer::json(JsonObject().add("success", true).add("run_id", std::string_view(run_id)).text());
}

Op<Answer> runlog_finish(Database &db, Arguments arguments) {
	const std::string run_id = arguments.text(0, "p_run_id");
	const std::string status = arguments.text(1, "p_status");
	const std::string stats = arguments.text(2, "p_stats");
	const bool found = co_await end_run(db, run_id, status, stats);
	if (!found)
		co_return Answer::json(not_found());
	co_return Answer::json(JsonObject().add("success", true).add("run_id", std::string_view(run_id)).text());
}

Op<Answer> runlog_prune(Database &db, Arguments arguments) {
	const std::string job_name = arguments.text(0, "p_job_name");
	const std::string trigger = arguments.text(1, "p_trigger");
	const int64_t keep = arguments.integer(2, "p_keep");
	check_trigger(trigger, job_name);
	if (keep < 0)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_keep must not be negative, but is " + std::to_string(keep) + " (job " + shortened(job_name) + ")",
		            "Pass how many runs to keep, such as 10.");
	const int64_t deleted = co_await prune_runs(db, job_name, trigger, keep);
	co_return Answer::json(JsonObject().add("success", true).add("deleted", deleted).text());
}

} // namespace aggregation
