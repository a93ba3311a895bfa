#include "ops/runner/runlog.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

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

const Statement &finish_run() {
	static const Statement statement {table,
	                                  "UPDATE @ops_runlog r SET finished_at = $4::timestamptz, status = $2::text, stats = $3::text::jsonb "
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

// Ten of each job are few; but a role that may log runs may also invent jobs.
const Statement &delete_surplus_runs() {
	static const Statement statement {table,
	                                  "DELETE FROM @ops_runlog d WHERE d.run_id IN (SELECT r.run_id FROM @ops_runlog r "
	                                  "ORDER BY r.started_at DESC, r.created_at DESC, r.run_id DESC OFFSET 10000)",
	                                  {},
	                                  Planning::by_statistics};
	return statement;
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
	const auto updated = co_await db.execute(finish_run(), parameters(text_parameter(run_id), text_parameter(status),
	                                                                  text_parameter(stats_json), timestamp_parameter(db.clock())));
	co_return updated > 0;
}

Op<int64_t> prune_runs(Database &db, std::string job_name, std::string trigger, int64_t keep) {
	const auto deleted = co_await db.execute(
	    delete_old_runs(), parameters(text_parameter(job_name), text_parameter(trigger), Parameter(AGG_INT8, cell(keep))));
	co_return static_cast<int64_t>(deleted);
}

} // namespace aggregation
