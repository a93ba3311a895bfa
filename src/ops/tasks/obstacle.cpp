#include "ops/tasks/obstacle.hpp"

#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

const Statement &task_row() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT s.status, s.enabled, s.disabled_by_operator, s.last_error, s.running_started_at_utc, s.claim_token::text, s.next_run_at "
	    "FROM @data_agg_state s WHERE s.canonical_symbol = $1::text AND s.timeframe = $2::text",
	    {AGG_TEXT, AGG_BOOL, AGG_BOOL, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TIMESTAMPTZ}};
	return statement;
}

const Statement &asset_row() {
	static const Statement statement {"core_asset_registry_all",
	                                  "SELECT COALESCE(a.active, false), COALESCE(a.test_active, false) FROM @core_asset_registry_all a "
	                                  "WHERE a.canonical_symbol = $1::text",
	                                  {AGG_BOOL, AGG_BOOL}};
	return statement;
}

} // namespace

std::string Standing::own_obstacle() const {
	if (status == "hard_failed" || status == "disabled")
		return "the task is " + *status + (last_error ? ": " + *last_error : "") + "; agg_reset_task() puts it back to work";
	if (!enabled && disabled_by_operator)
		return "the task is switched off; agg_enable_task() switches it on";
	if (!enabled)
		return "the task is switched off, not by agg_disable_task(): look at \"enabled\" and the lists in metadata.agg of its asset, then call "
		       "sync_agg_state_from_registry(); agg_enable_task() switches it on until the next sync";
	if (status == "running")
		return "the task has been claimed since " + (running_since ? to_iso8601(*running_since) : std::string("an unknown time")) +
		       (claim ? ", claim " + *claim : "");
	if (status != "idle")
		return "the task's status is " + (status ? "\"" + shortened(*status) + "\"" : std::string("NULL")) +
		       ", which no run takes; agg_reset_task() sets it to idle";
	return "";
}

std::string Standing::obstacle(const std::string &symbol) const {
	if (!registered)
		return "no run takes tasks of " + named(symbol) +
		       ", which is not in core_asset_registry_all: add it there, then call sync_agg_state_from_registry()";
	if (!active && !test_active)
		return "no run takes tasks of " + named(symbol) +
		       ", which is not active in core_asset_registry_all: set active there (test_active for DEV and TEST), then call "
		       "sync_agg_state_from_registry()";
	return own_obstacle();
}

std::string Standing::when_it_runs(const std::string &symbol) const {
	const std::string reason = obstacle(symbol);
	if (!reason.empty())
		return reason;
	return (next_run ? "the task runs at " + to_iso8601(*next_run) : std::string("the task is due")) +
	       (active ? "" : ", but only in DEV and TEST: " + named(symbol) + " is not active in core_asset_registry_all");
}

Op<std::optional<Standing>> read_standing(Database &db, TaskKey key) {
	std::optional<Standing> standing;
	auto take_task = [&](const Row &row) {
		standing = Standing {.status = row.maybe_text(0),
		                     .enabled = !row.is_null(1) && row.boolean(1),
		                     .disabled_by_operator = !row.is_null(2) && row.boolean(2),
		                     .last_error = row.maybe_text(3),
		                     .running_since = row.maybe_timestamp(4),
		                     .claim = row.maybe_text(5),
		                     .next_run = row.maybe_timestamp(6)};
		return Flow::more;
	};
	co_await db.query(task_row(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe)), take_task);
	if (!standing)
		co_return standing;
	auto take_asset = [&](const Row &row) {
		standing->registered = true;
		standing->active = row.boolean(0);
		standing->test_active = row.boolean(1);
		return Flow::more;
	};
	co_await db.query(asset_row(), parameters(text_parameter(key.symbol)), take_asset);
	co_return standing;
}

} // namespace aggregation
