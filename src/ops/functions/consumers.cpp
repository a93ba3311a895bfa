#include "ops/functions/consumers.hpp"

#include "core/error.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/marks/events.h"
#include "ops/reading/visible_bars.hpp"

namespace aggregation {

namespace {

// clang-format off

const Statement &ask_caller() {
	static const Statement statement {nullptr, "SELECT current_user::text, pg_is_in_recovery()", {AGG_TEXT, AGG_BOOL},
		Planning::by_statistics};
	return statement;
}

// Refused (42501) where the caller may not read what events tell.
const Statement &require_reading() {
	static const Statement statement {nullptr, R"sql(
SELECT d.canonical_symbol, d.timeframe, d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8, d.quality_score::int4, d.deleted_at
FROM @derived_data_bars d LIMIT 0)sql",
		{AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_INT8, AGG_INT4, AGG_TIMESTAMPTZ},
		Planning::by_statistics};
	return statement;
}

// $1: the consumer; $2: the caller's role.
constexpr const char *about_consumer = R"sql(
SELECT c.role_name, COALESCE(pg_has_role($2::text::name, r.oid, 'USAGE'), false) OR pg_has_role($2::text::name, t.relowner, 'USAGE'),
	c.acked, c.polled, )sql" AGG_KEEPS_UP("c.") R"sql(, COALESCE(()sql" AGG_NEWEST_EVENT R"sql(), 0), )sql" AGG_IS_RECORDED("t.relnamespace") R"sql(,
	c.symbols::text, c.timeframes::text
FROM @agg_consumers c
JOIN pg_catalog.pg_class t ON t.oid = c.tableoid
LEFT JOIN pg_catalog.pg_roles r ON r.rolname = c.role_name
WHERE c.consumer = $1::text)sql";

#define AGG_CONSUMER_TYPES {AGG_TEXT, AGG_BOOL, AGG_INT8, AGG_INT8, AGG_BOOL, AGG_INT8, AGG_BOOL, AGG_TEXT, AGG_TEXT}

const Statement &look_at_consumer() {
	static const Statement statement {"agg_consumers", about_consumer, AGG_CONSUMER_TYPES};
	return statement;
}

const Statement &lock_consumer() {
	static const std::string sql = std::string(about_consumer) + " FOR NO KEY UPDATE OF c";
	static const Statement statement {"agg_consumers", sql.c_str(), AGG_CONSUMER_TYPES};
	return statement;
}

const Statement &prune() {
	static const Statement statement {"agg_events", AGG_PRUNE_EVENTS};
	return statement;
}

// clang-format on

[[noreturn]] void tell_lost(const std::string &name, const std::string &why) {
	throw Error(sqlstate::object_not_in_prerequisite_state, consumer_subject(name) + " has lost events",
	            "Subscribe anew with agg_subscribe(..., p_restart => true), then read with agg_bars() what the bars are now.", why);
}

} // namespace

std::string consumer_name(const Arguments &arguments) {
	std::string name = arguments.text("p_consumer");
	if (name.empty())
		throw Error(sqlstate::invalid_parameter_value, "p_consumer must not be empty", "Pass the name by which the consumer polls.");
	return name;
}

std::string consumer_subject(const std::string &consumer) {
	return "consumer \"" + shortened(consumer) + "\"";
}

Op<Caller> find_caller(Database &db) {
	Caller caller;
	bool standby = false;
	auto take = [&](const Row &row) {
		caller.role = row.text(0);
		standby = row.boolean(1);
		return Flow::more;
	};
	co_await db.query(ask_caller(), {}, take);
	if (standby)
		throw Error(sqlstate::read_only_transaction, "consumers of events cannot be served by a standby",
		            "Connect to the primary server: what a consumer was given is written.");
	co_return caller;
}

Op<Caller> find_reading_caller(Database &db) {
	Caller caller = co_await find_caller(db);
	co_await db.execute(require_reading(), {});
	caller.sees_some_rows = co_await sees_some_rows_only(db);
	co_return caller;
}

Op<std::optional<Consumer>> find_consumer(Database &db, const std::string name, const Caller caller, Hold hold) {
	std::optional<Consumer> found;
	auto take = [&](const Row &row) {
		found = Consumer {.role = std::string(row.text(0)),
		                  .may = row.boolean(1),
		                  .acked = row.maybe_integer(2),
		                  .polled = row.integer(3),
		                  .keeps_up = row.boolean(4),
		                  .newest = row.integer(5),
		                  .recorded = row.boolean(6),
		                  .symbols = row.maybe_text(7),
		                  .timeframes = row.maybe_text(8)};
		return Flow::more;
	};
	co_await db.query(hold == Hold::no ? look_at_consumer() : lock_consumer(),
	                  parameters(text_parameter(name), text_parameter(caller.role)), take);
	if (found && !found->may)
		throw Error(sqlstate::insufficient_privilege, "permission denied for " + consumer_subject(name),
		            "Use a name of your own, or act as a member of that role.", "It belongs to role \"" + found->role + "\".");
	co_return found;
}

Op<Consumer> consumer_or_throw(Database &db, const std::string name, const Caller caller, Hold hold) {
	auto found = co_await find_consumer(db, name, caller, hold);
	if (!found)
		throw Error(sqlstate::no_data_found, consumer_subject(name) + " does not exist",
		            "Call agg_subscribe() with this name first; v_aggregation_consumers lists those who are subscribed.");
	co_return std::move(*found);
}

void refuse_lost(const std::string &name, const Consumer &consumer) {
	if (!consumer.recorded)
		tell_lost(name, "The trigger \"" AGG_EVENT_TRIGGER_NAME "\" of derived_data_bars is missing or disabled, so no events are made.");
	if (!consumer.acked)
		tell_lost(name, "For some time no events were made, because the trigger \"" AGG_EVENT_TRIGGER_NAME
		                "\" of derived_data_bars was missing or disabled.");
	if (!consumer.keeps_up)
		tell_lost(name, "It has acknowledged events up to " + std::to_string(*consumer.acked) +
		                    "; later ones were removed, because more than aggregation.events_kept were waiting.");
}

Op<void> prune_events(Database &db) {
	co_await db.execute(prune(), {});
}

} // namespace aggregation
