#include "ops/marks/recording.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/marks/events.h"

#include <string>

namespace aggregation {

namespace {

// clang-format off

const Statement &lock_consumers() {
	static const Statement statement {"agg_consumers", "LOCK TABLE @agg_consumers IN SHARE UPDATE EXCLUSIVE MODE", {}, Planning::by_statistics};
	return statement;
}

// Waits for everybody who is writing bars. Partitions are locked, too.
const Statement &lock_bars() {
	static const Statement statement {"derived_data_bars", "LOCK TABLE @derived_data_bars IN SHARE ROW EXCLUSIVE MODE", {}, Planning::by_statistics};
	return statement;
}

const Statement &lock_bars_at_once() {
	static const Statement statement {"derived_data_bars", "LOCK TABLE @derived_data_bars IN ACCESS EXCLUSIVE MODE NOWAIT", {}, Planning::by_statistics};
	return statement;
}

// $1: the schema, quoted. What pg_trigger says of the trigger: 'O' or 'A' is one that fires.
const Statement &ask_trigger() {
	static const Statement statement {nullptr, R"sql(
SELECT g.tgenabled::text FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class d ON d.oid = g.tgrelid
WHERE d.relnamespace = $1::text::regnamespace AND d.relname = 'derived_data_bars' AND g.tgname = ')sql" AGG_EVENT_TRIGGER_NAME "'",
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &create_trigger() {
	static const Statement statement {"derived_data_bars",
		"CREATE TRIGGER " AGG_EVENT_TRIGGER_NAME " AFTER INSERT OR UPDATE OR DELETE ON @derived_data_bars "
		"FOR EACH ROW EXECUTE FUNCTION @" AGG_EVENT_TRIGGER "()", {}, Planning::by_statistics};
	return statement;
}

const Statement &bind_trigger() {
	static const Statement statement {"derived_data_bars",
		"ALTER TRIGGER " AGG_EVENT_TRIGGER_NAME " ON @derived_data_bars DEPENDS ON EXTENSION aggregation", {}, Planning::by_statistics};
	return statement;
}

const Statement &enable_trigger() {
	static const Statement statement {"derived_data_bars", "ALTER TABLE @derived_data_bars ENABLE TRIGGER " AGG_EVENT_TRIGGER_NAME, {}, Planning::by_statistics};
	return statement;
}

const Statement &disable_trigger() {
	static const Statement statement {"derived_data_bars", "ALTER TABLE @derived_data_bars DISABLE TRIGGER " AGG_EVENT_TRIGGER_NAME, {}, Planning::by_statistics};
	return statement;
}

const Statement &drop_trigger() {
	static const Statement statement {"derived_data_bars", "DROP TRIGGER IF EXISTS " AGG_EVENT_TRIGGER_NAME " ON @derived_data_bars", {}, Planning::by_statistics};
	return statement;
}

const Statement &note_lost_events() {
	static const Statement statement {"agg_consumers", "UPDATE @agg_consumers SET acked = NULL", {}, Planning::by_statistics};
	return statement;
}

const Statement &note_lost_revisions() {
	static const Statement statement {"agg_kept_revisions", "DELETE FROM @agg_kept_revisions", {}, Planning::by_statistics};
	return statement;
}

const Statement &one_consumer() {
	static const Statement statement {"agg_consumers", "SELECT 1 FROM @agg_consumers LIMIT 1", {AGG_INT4}, Planning::by_statistics};
	return statement;
}

const Statement &one_kept_task() {
	static const Statement statement {"agg_kept_revisions", "SELECT 1 FROM @agg_kept_revisions LIMIT 1", {AGG_INT4}, Planning::by_statistics};
	return statement;
}

// clang-format on

/// As pg_trigger says it; empty: there is none.
Op<std::string> trigger_state(Database &db) {
	std::string state;
	auto take = [&](const Row &row) {
		state = row.text(0);
		return Flow::more;
	};
	const std::string schema = db.schema();
	co_await db.query(ask_trigger(), parameters(text_parameter(schema)), take);
	co_return state;
}

bool fires(const std::string &state) {
	return state == "O" || state == "A";
}

Op<bool> any_row(Database &db, const Statement &statement) {
	bool any = false;
	auto take = [&](const Row &) {
		any = true;
		return Flow::enough;
	};
	co_await db.query(statement, {}, take);
	co_return any;
}

} // namespace

Op<void> lock_recording(Database &db) {
	co_await db.execute(lock_consumers(), {});
}

Op<void> begin_recording(Database &db) {
	co_await db.execute(lock_bars(), {});
	const std::string state = co_await trigger_state(db);
	if (fires(state))
		co_return;
	co_await db.execute(note_lost_events(), {});
	co_await db.execute(note_lost_revisions(), {});
	if (state.empty()) {
		co_await db.execute(create_trigger(), {});
		co_await db.execute(bind_trigger(), {});
	} else {
		co_await db.execute(enable_trigger(), {});
	}
}

Op<bool> any_consumer(Database &db) {
	co_return co_await any_row(db, one_consumer());
}

Op<bool> is_recorded(Database &db) {
	const std::string state = co_await trigger_state(db);
	co_return fires(state);
}

Op<void> stop_recording_if_unused(Database &db) {
	const bool consumers = co_await any_consumer(db);
	if (consumers)
		co_return;
	const bool kept = co_await any_row(db, one_kept_task());
	if (kept)
		co_return;
	// PostgreSQL drops a trigger only where nobody reads or writes the table. Who is not alone there switches it off.
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		co_await db.execute(lock_bars_at_once(), {});
		co_await db.execute(drop_trigger(), {});
	});
	if (!fault)
		co_return;
	if (fault->error().sqlstate != sqlstate::lock_not_available)
		fault->raise();
	co_await db.execute(disable_trigger(), {});
}

} // namespace aggregation
