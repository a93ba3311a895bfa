// agg_poll, agg_ack: events of bars for whoever wants to act on them. What is in the outbox, and why ids rise in the order of commits, is
// said in events.h and src/pg/event_log.c.
//
//   ids          1 ... 40 | 41 ... 57 | 58 ... 90        a batch for each transaction that has committed
//   consumer            acked ^    polled ^              a poll gives what lies behind acked, an ack moves it up to polled at most
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/functions/consumers.hpp"
#include "ops/marks/events.h"
#include "ops/reading/visible_bars.hpp"

#include <algorithm>
#include <iterator>

namespace aggregation {

namespace {

// clang-format off

// Batches come in their order, and their events in theirs; the lateral subqueries keep them.
#define AGG_VALUES_AS_JSON(state)                                                                                                          \
	"json_build_object('open', e." state "_open, 'high', e." state "_high, 'low', e." state "_low, 'close', e." state "_close, "           \
	"'vol', e." state "_vol, 'vwap', e." state "_vwap, 'trade_count', e." state "_trade_count, "                                           \
	"'quality_score', e." state "_quality_score)::text"
const Statement &read_events() {
	static const Statement statement {"agg_events", R"sql(
SELECT b.first_id - 1 + e.ordinal, e.canonical_symbol, e.timeframe, e.ts_utc, e.kind,
	CASE WHEN e.kind <> 'finished' THEN )sql" AGG_VALUES_AS_JSON("old") R"sql( END,
	CASE WHEN e.kind <> 'deleted' THEN )sql" AGG_VALUES_AS_JSON("new") R"sql( END, b.made_at
FROM (SELECT c.symbols, c.timeframes FROM @agg_consumers c WHERE c.consumer = $1::text OFFSET 0) c
CROSS JOIN LATERAL (
	SELECT b.batch, b.first_id, b.made_at FROM @agg_event_batches b WHERE b.last_id > $2::int8 ORDER BY b.last_id OFFSET 0) b
CROSS JOIN LATERAL (
	SELECT e.* FROM @agg_events e
	WHERE e.batch = b.batch AND e.ordinal > $2::int8 - b.first_id + 1
		AND (c.symbols IS NULL OR e.canonical_symbol = ANY (c.symbols)) AND (c.timeframes IS NULL OR e.timeframe = ANY (c.timeframes))
	ORDER BY e.ordinal OFFSET 0) e)sql",
		{AGG_INT8, AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TIMESTAMPTZ}};
	return statement;
}

// Not where something has been freed since that the consumer had not been given.
const Statement &store_poll() {
	static const Statement statement {"agg_consumers",
		"UPDATE @agg_consumers c SET acked = $2::int8, polled = GREATEST(c.polled, $2::int8, $3::int8), polled_at = now() "
		"WHERE c.consumer = $1::text AND " AGG_KEEPS_UP("c.")};
	return statement;
}

const Statement &store_ack() {
	static const Statement statement {"agg_consumers",
		"UPDATE @agg_consumers c SET acked = $2::int8 WHERE c.consumer = $1::text AND c.acked < $2::int8"};
	return statement;
}

// clang-format on

struct BarEvent {
	int64_t id;
	std::string symbol;
	std::string timeframe;
	Timestamp start;
	std::string kind;
	std::optional<std::string> old;
	std::optional<std::string> fresh;
	Timestamp made;
};

struct Events {
	std::vector<BarEvent> list;
	bool more = false; // there may be
};

/// The next ones of a consumer behind an id, at most `most`.
Op<Events> read_next(Database &db, const std::string &consumer, int64_t behind, int64_t most) {
	Events events;
	auto take = [&](const Row &row) {
		events.list.push_back({.id = row.integer(0),
		                       .symbol = std::string(row.text(1)),
		                       .timeframe = std::string(row.text(2)),
		                       .start = row.timestamp(3),
		                       .kind = std::string(row.text(4)),
		                       .old = row.maybe_text(5),
		                       .fresh = row.maybe_text(6),
		                       .made = row.timestamp(7)});
		events.more = static_cast<int64_t>(events.list.size()) == most;
		return events.more ? Flow::enough : Flow::more;
	};
	co_await db.query(read_events(), parameters(text_parameter(consumer), Parameter(AGG_INT8, cell(behind))), take);
	co_return events;
}

/// Those of bars that the caller may see.
Op<std::vector<BarEvent>> visible_ones(Database &db, std::vector<BarEvent> events) {
	BarKeys keys;
	for (const auto &event : events)
		keys.add(event.symbol, event.timeframe, event.start);
	const auto places = co_await visible_bars(db, std::move(keys));
	std::vector<BarEvent> visible;
	for (const size_t place : places)
		visible.push_back(std::move(events.at(place)));
	co_return visible;
}

Op<void> put_out(Database &db, const std::vector<BarEvent> &events) {
	constexpr size_t columns = 8;
	RowBuffer rows(db, columns);
	for (const auto &event : events) {
		rows.add({cell(event.id), cell(std::string_view(event.symbol)), cell(std::string_view(event.timeframe)), cell(event.start),
		          cell(std::string_view(event.kind)), cell(event.old), cell(event.fresh), cell(event.made)});
		if (rows.full())
			co_await rows.flush();
	}
	co_await rows.flush();
}

} // namespace

Op<Answer> agg_poll(Database &db, Arguments arguments) {
	const std::string name = consumer_name(arguments);
	arguments.concern(consumer_subject(name));
	const int64_t limit = arguments.integer("p_limit");
	arguments.check_positive("p_limit", "Pass the maximum number of events to give, such as 1000.");
	const Caller caller = co_await find_reading_caller(db);
	auto consumer = co_await consumer_or_throw(db, name, caller, Hold::no);
	refuse_lost(name, consumer);
	if (consumer.newest <= *consumer.acked)
		co_return Answer::rows(); // without a write
	consumer = co_await consumer_or_throw(db, name, caller, Hold::until_end_of_transaction);
	refuse_lost(name, consumer);
	std::vector<BarEvent> events;
	int64_t behind = *consumer.acked;
	bool more = true;
	while (more && static_cast<int64_t>(events.size()) < limit) {
		auto next = co_await read_next(db, name, behind, limit - static_cast<int64_t>(events.size()));
		more = next.more;
		if (!next.list.empty())
			behind = next.list.back().id;
		if (caller.sees_some_rows && !next.list.empty())
			next.list = co_await visible_ones(db, std::move(next.list));
		std::move(next.list.begin(), next.list.end(), std::back_inserter(events));
	}
	// What lies before the first one is not for this consumer; the newest one was there before the events were read.
	const int64_t acked = events.empty() ? std::max(consumer.newest, behind) : events.front().id - 1;
	const int64_t polled = events.empty() ? acked : events.back().id;
	const auto stored = co_await db.execute(
	    store_poll(), parameters(text_parameter(name), Parameter(AGG_INT8, cell(acked)), Parameter(AGG_INT8, cell(polled))));
	if (stored == 0) {
		consumer.keeps_up = false;
		refuse_lost(name, consumer);
	}
	co_await put_out(db, events);
	co_return Answer::rows();
}

Op<Answer> agg_ack(Database &db, Arguments arguments) {
	const std::string name = consumer_name(arguments);
	arguments.concern(consumer_subject(name));
	const int64_t event = arguments.integer("p_event_id");
	const Caller caller = co_await find_caller(db);
	const auto consumer = co_await consumer_or_throw(db, name, caller, Hold::until_end_of_transaction);
	if (event > consumer.polled)
		throw Error(sqlstate::invalid_parameter_value,
		            "event " + std::to_string(event) + " was not given to " + consumer_subject(name) + ", the last one is " +
		                std::to_string(consumer.polled),
		            "Pass the event_id of an event that agg_poll() has returned.");
	const auto moved = co_await db.execute(store_ack(), parameters(text_parameter(name), Parameter(AGG_INT8, cell(event))));
	if (moved > 0)
		co_await prune_events(db);
	co_return Answer::json(JsonObject()
	                           .add("success", true)
	                           .add("consumer", std::string_view(name))
	                           .add("event_id", std::max(event, consumer.acked.value_or(event)))
	                           .text());
}

} // namespace aggregation
