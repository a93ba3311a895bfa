// agg_schedule and agg_unschedule: agg_run() as a job of pg_cron. They act with their caller's rights, since the job will run with them.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

constexpr std::string_view job_name = "aggregation";
/// More tasks than anybody has: what is due after midnight must not wait for the next minute.
constexpr std::string_view arguments_of_run = "p_env_name => %L, p_max_tasks => 1000000, p_sync_minutes => %s)";

const Statement &pg_cron_here() {
	static const Statement statement {
	    nullptr,
	    "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'), current_database()::text, "
	    "COALESCE(current_setting('cron.database_name', true), 'postgres'), COALESCE(current_setting('cron.use_background_workers', true), 'off')",
	    {AGG_BOOL, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &schedule() {
	static const Statement statement {
	    nullptr,
	    "SELECT cron.schedule($1::text, $2::text, c.command), c.command FROM (SELECT $3::text || format($6::text, $4::text, "
	    "COALESCE($5::int4::text, 'NULL'))) AS c(command)",
	    {AGG_INT8, AGG_TEXT},
	    Planning::by_statistics};
	return statement;
}

const Statement &unschedule() {
	static const Statement statement {
	    nullptr,
	    "SELECT cron.unschedule(j.jobid) FROM cron.job j WHERE j.jobname = $1::text AND j.username = current_user AND j.database = current_database()",
	    {AGG_BOOL},
	    Planning::by_statistics};
	return statement;
}

struct PgCron {
	bool there = false;
	bool in_workers = false; // of the server; else it connects as a client does, which the server may not let in
	std::string database;    // this one
	std::string home;        // the one that its settings name
};

Op<PgCron> find_pg_cron(Database &db) {
	PgCron found;
	auto take = [&](const Row &row) {
		found = {row.boolean(0), row.text(3) == "on", std::string(row.text(1)), std::string(row.text(2))};
		return Flow::more;
	};
	co_await db.query(pg_cron_here(), {}, take);
	co_return found;
}

Error not_installed(const PgCron &cron) {
	return {sqlstate::object_not_in_prerequisite_state, "the extension pg_cron is not installed in database \"" + cron.database + "\"",
	        "Install its package (postgresql-NN-cron), add pg_cron to shared_preload_libraries (after what is "
	        "there already), set cron.use_background_workers = on and cron.database_name = '" +
	            cron.database + "' (now '" + cron.home +
	            "'), restart the server, and run CREATE EXTENSION pg_cron. Or do without: with "
	            "aggregation in shared_preload_libraries and aggregation.databases = '" +
	            cron.database + "' a background worker does the same."};
}

} // namespace

Op<Answer> agg_schedule(Database &db, Arguments arguments) {
	const std::string times = arguments.text("p_cron");
	const std::string environment = arguments.text("p_env_name");
	const bool no_sync = arguments.is_null("p_sync_minutes");
	const int64_t sync_minutes = no_sync ? 0 : arguments.integer("p_sync_minutes");
	const PgCron cron = co_await find_pg_cron(db);
	if (!cron.there)
		throw not_installed(cron);
	const std::string command = "CALL " + db.schema() + ".agg_run(";
	int64_t job = 0;
	std::string scheduled;
	auto take = [&](const Row &row) {
		job = row.integer(0);
		scheduled = row.text(1);
		return Flow::more;
	};
	auto list = parameters(text_parameter(job_name), text_parameter(times), text_parameter(command), text_parameter(environment),
	                       Parameter(AGG_INT4, no_sync ? null_cell() : cell(sync_minutes)), text_parameter(arguments_of_run));
	co_await db.query(schedule(), std::move(list), take);
	JsonObject answer;
	answer.add("success", true)
	    .add("job_id", job)
	    .add("job_name", job_name)
	    .add("schedule", std::string_view(times))
	    .add("command", std::string_view(scheduled));
	if (!cron.in_workers)
		answer.add("note", "pg_cron connects as a client does: if cron.job_run_details says \"connection failed\", set "
		                   "cron.use_background_workers = on and restart the server, or let this role in with pg_hba.conf or "
		                   ".pgpass");
	co_return Answer::json(answer.text());
}

Op<Answer> agg_unschedule(Database &db, Arguments) {
	int64_t removed = 0;
	auto take = [&](const Row &) {
		++removed;
		return Flow::more;
	};
	const PgCron cron = co_await find_pg_cron(db);
	if (cron.there)
		co_await db.query(unschedule(), parameters(text_parameter(job_name)), take);
	co_return Answer::json(JsonObject().add("success", true).add("jobs_removed", removed).text());
}

} // namespace aggregation
