// aggregate_window and its two fixed-timeframe forms: make the bar of one window.
#include "ops/functions/functions.hpp"

#include "ops/bars/window_batch.hpp"
#include "ops/boundary/json.hpp"
#include "ops/tasks/calendars.hpp"

namespace aggregation {

namespace {

struct WindowRequest {
	TaskKey key;
	Timestamp from;
	Timestamp to;
	int64_t derivation_version;
};

void check_window(const WindowRequest &request, const Grid &target) {
	if (!target.aligned(request.from) || request.to != target.next(request.from))
		throw Error(sqlstate::invalid_parameter_value,
		            "[" + to_iso8601(request.from) + ", " + to_iso8601(request.to) + ") is not a window of " + request.key.label(),
		            "Pass one whole window, such as [" + to_iso8601(target.floor(request.from)) + ", " +
		                to_iso8601(target.next(target.floor(request.from))) + ").");
}

Op<Answer> make_bar(Database &db, const WindowRequest request, const Grid source, const Grid target) {
	check_window(request, target);
	std::vector<Segment> segments {{.symbol = request.key.symbol,
	                                .source = &source,
	                                .target = &target,
	                                .from = request.from,
	                                .to = request.to,
	                                .derivation_version = request.derivation_version,
	                                .empty_windows = EmptyWindows::all,
	                                .counts = {}}};
	co_await db.begin_deriving();
	TaskGuard guard(db, request.key);
	const auto windows = co_await process_windows(db, segments, &guard);
	if (windows.empty() && segments.front().counts.deleted == 0)
		co_await require_symbol(db, request.key.symbol);

	const bool sealed = segments.front().sealed.holds(request.from);
	const bool stored = !sealed && !windows.empty() && windows.front().quality;
	JsonObject answer;
	answer.add("success", true)
	    .add("stored", stored)
	    .add("source_count", windows.empty() ? 0 : windows.front().values.candles)
	    .add("refused", windows.empty() ? 0 : windows.front().values.unusable);
	if (stored)
		answer.add("quality_score", *windows.front().quality);
	else
		answer.add("reason", sealed ? "sealed" : "insufficient_source_bars");
	co_return Answer::json(answer.text());
}

/// The last three arguments: from, to, version.
WindowRequest window_request(Arguments &arguments, const TaskKey &key) {
	arguments.concern(key.label());
	return {key, arguments.timestamp("p_from_utc"), arguments.timestamp("p_to_utc"), arguments.integer("p_derivation_version")};
}

/// The fixed forms have no timeframe argument.
Op<Answer> make_fixed_bar(Database &db, Arguments arguments, const char *source, const char *target) {
	const auto request = window_request(arguments, {arguments.text("p_symbol"), target});
	const auto calendar = co_await calendar_of(db, request.key.symbol);
	const Grid of_bar(timeframe_or_throw(request.key.symbol, target), calendar);
	co_return co_await make_bar(db, request, of_bar.of(timeframe_or_throw(request.key.symbol, source)), of_bar);
}

} // namespace

Op<Answer> aggregate_1m_to_5m_window(Database &db, Arguments arguments) {
	return make_fixed_bar(db, arguments, "1m", "5m");
}

Op<Answer> aggregate_5m_to_1h_window(Database &db, Arguments arguments) {
	return make_fixed_bar(db, arguments, "5m", "1h");
}

Op<Answer> aggregate_window(Database &db, Arguments arguments) {
	const auto request = window_request(arguments, {arguments.text("p_symbol"), arguments.text("p_to_tf")});
	const Timeframe timeframe = timeframe_or_throw(request.key.symbol, request.key.timeframe);
	(void)default_source_or_throw(request.key.symbol, timeframe);
	const std::vector<TaskKey> keys {request.key};
	const auto tasks = co_await read_tasks(db, keys);
	if (tasks.front())
		co_return co_await make_bar(db, request, tasks.front()->source, tasks.front()->target);
	const auto calendar = co_await calendar_of(db, request.key.symbol);
	const Grid target(timeframe, calendar);
	co_return co_await make_bar(db, request, target.of(*target.default_source()), target);
}

} // namespace aggregation
