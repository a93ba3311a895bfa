// agg_subscribe, agg_unsubscribe. Nobody is given an event of before he was subscribed, and nobody misses one from then on:
// agg_subscribe() waits until no transaction is writing bars, and whoever writes later sees the trigger and the consumer. Where nobody is
// subscribed, there is no trigger, and nothing is paid.
#include "ops/functions/functions.hpp"

#include "ops/boundary/holds.hpp"
#include "ops/boundary/isolation.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/functions/consumers.hpp"
#include "ops/marks/events.h"
#include "ops/marks/recording.hpp"

#include <algorithm>

namespace aggregation {

namespace {

// clang-format off

const Statement &newest_event() {
	static const Statement statement {"agg_event_batches", AGG_NEWEST_EVENT, {AGG_INT8}, Planning::by_index, Tracking::as_set, 0, Sight::of_statement};
	return statement;
}

const Statement &store_consumer() {
	static const Statement statement {"agg_consumers", R"sql(
INSERT INTO @agg_consumers AS c (consumer, role_name, symbols, timeframes, acked, polled, subscribed_at)
VALUES ($1::text, $2::text, $3::text::text[], $4::text::text[], $5::int8, $5::int8, now())
ON CONFLICT (consumer) DO UPDATE SET symbols = excluded.symbols, timeframes = excluded.timeframes, acked = excluded.acked,
	polled = excluded.polled, subscribed_at = excluded.subscribed_at, polled_at = NULL)sql",
		{}, Planning::by_statistics};
	return statement;
}

const Statement &remove_consumer() {
	static const Statement statement {"agg_consumers", "DELETE FROM @agg_consumers c WHERE c.consumer = $1::text"};
	return statement;
}

const Statement &empty_events() {
	static const Statement statement {"agg_events", "DELETE FROM @agg_events", {}, Planning::by_statistics};
	return statement;
}

// Ids go on from the newest batch.
const Statement &empty_batches() {
	static const Statement statement {"agg_event_batches",
		"DELETE FROM @agg_event_batches b WHERE b.last_id < (" AGG_NEWEST_EVENT ")", {}, Planning::by_statistics};
	return statement;
}

// clang-format on

/// Which symbols or timeframes a consumer wants, as an array's text; nullopt: all.
class Wish {
public:
	Wish(const Arguments &arguments, const char *argument, const std::string &consumer) {
		if (arguments.is_null(argument))
			return;
		list_ = arguments.texts(argument);
		std::sort(list_->begin(), list_->end());
		list_->erase(std::unique(list_->begin(), list_->end()), list_->end());
		if (list_->empty())
			throw Error(sqlstate::invalid_parameter_value,
			            std::string(argument) + " must not be empty (" + consumer_subject(consumer) + ")", "Pass NULL for all.");
	}
	const std::vector<std::string> &list() const {
		static const std::vector<std::string> none;
		return list_ ? *list_ : none;
	}
	/// As array_out() writes it.
	std::optional<std::string> text() const {
		if (!list_)
			return std::nullopt;
		std::string text = "{";
		for (const auto &one : *list_) {
			text += text.size() > 1 ? "," : "";
			text += '"';
			for (const char c : one)
				text += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
			text += '"';
		}
		return text + "}";
	}

private:
	std::optional<std::vector<std::string>> list_;
};

void check_timeframes(const Wish &timeframes, const std::string &consumer) {
	for (const auto &name : timeframes.list()) {
		if (timeframe_or_throw(consumer_subject(consumer), name).name() == "1m")
			throw Error(sqlstate::invalid_parameter_value, "there are no events of 1m (" + consumer_subject(consumer) + ")",
			            "Bars of 1m are ingested, and not made; subscribe to wider timeframes.");
	}
}

Op<void> tell_unknown(Database &db, const Wish &symbols) {
	const auto unknown = co_await unknown_symbols(db, symbols.list(), {});
	for (const auto &one : unknown)
		co_await db.notice("symbol " + shortened(named(one.symbol)) + " has no task, no asset and no bar yet",
		                   one.hint + "Its events come as soon as there are any.");
}

/// Whether two filters are the same; PostgreSQL compares what it has stored.
Op<bool> same_wishes(Database &db, const Consumer &consumer, const Wish &symbols, const Wish &timeframes) {
	static const Statement statement {
	    nullptr,
	    "SELECT $1::text::text[] IS NOT DISTINCT FROM $2::text::text[] AND $3::text::text[] IS NOT DISTINCT FROM $4::text::text[]",
	    {AGG_BOOL},
	    Planning::by_statistics};
	const auto symbol_text = symbols.text();
	const auto timeframe_text = timeframes.text();
	auto list = parameters(Parameter(AGG_TEXT, cell(consumer.symbols)), Parameter(AGG_TEXT, cell(symbol_text)),
	                       Parameter(AGG_TEXT, cell(consumer.timeframes)), Parameter(AGG_TEXT, cell(timeframe_text)));
	co_return co_await holds(db, statement, std::move(list));
}

std::string describe(const std::string &name, bool created, int64_t acked) {
	return JsonObject().add("success", true).add("consumer", std::string_view(name)).add("created", created).add("event_id", acked).text();
}

} // namespace

Op<Answer> agg_subscribe(Database &db, Arguments arguments) {
	const std::string name = consumer_name(arguments);
	arguments.concern(consumer_subject(name));
	const Wish symbols(arguments, "p_symbols", name);
	const Wish timeframes(arguments, "p_timeframes", name);
	check_timeframes(timeframes, name);
	const bool restart = arguments.boolean("p_restart");
	const Caller caller = co_await find_reading_caller(db);
	co_await lock_recording(db);
	const auto present = co_await find_consumer(db, name, caller, Hold::until_end_of_transaction);
	if (present && !restart) {
		const bool same = co_await same_wishes(db, *present, symbols, timeframes);
		if (!same)
			throw Error(sqlstate::invalid_parameter_value, consumer_subject(name) + " is subscribed to other symbols or timeframes",
			            "Acknowledge what is waiting, then pass p_restart => true; or use another name.");
		refuse_lost(name, *present);
		co_return Answer::json(describe(name, false, *present->acked));
	}
	// What it reads with an older snapshot would lack what was made before the first event that it gets.
	refuse_old_snapshot(db, "the subscription of " + consumer_subject(name));
	co_await tell_unknown(db, symbols);
	co_await begin_recording(db);
	int64_t newest = 0;
	auto take = [&](const Row &row) {
		newest = row.integer(0);
		return Flow::more;
	};
	co_await db.query(newest_event(), {}, take);
	const auto symbol_text = symbols.text();
	const auto timeframe_text = timeframes.text();
	auto list = parameters(text_parameter(name), text_parameter(caller.role), Parameter(AGG_TEXT, cell(symbol_text)),
	                       Parameter(AGG_TEXT, cell(timeframe_text)), Parameter(AGG_INT8, cell(newest)));
	co_await db.execute(store_consumer(), std::move(list));
	co_return Answer::json(describe(name, !present, newest));
}

Op<Answer> agg_unsubscribe(Database &db, Arguments arguments) {
	const std::string name = consumer_name(arguments);
	const Caller caller = co_await find_caller(db);
	co_await lock_recording(db);
	co_await consumer_or_throw(db, name, caller, Hold::until_end_of_transaction);
	co_await db.execute(remove_consumer(), parameters(text_parameter(name)));
	const bool others = co_await any_consumer(db);
	if (others) {
		co_await prune_events(db);
	} else {
		co_await stop_recording_if_unused(db);
		co_await db.execute(empty_events(), {});
		co_await db.execute(empty_batches(), {});
	}
	co_return Answer::json(JsonObject().add("success", true).add("consumer", std::string_view(name)).text());
}

} // namespace aggregation
