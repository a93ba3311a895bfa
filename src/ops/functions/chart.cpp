// agg_chart: the newest bars, drawn for a terminal.
#include "ops/functions/functions.hpp"

#include "core/candle_chart.hpp"
#include "core/number_text.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/reading/bar_reader.hpp"

#include <algorithm>

namespace aggregation {

namespace {

const Statement &database_encoding() {
	static const Statement statement {nullptr, "SELECT getdatabaseencoding()::text", {AGG_TEXT}};
	return statement;
}

/// What a database of another encoding could not hold is not drawn there, whatever the caller says.
Op<bool> can_hold_boxes(Database &db) {
	bool utf8 = false;
	auto take = [&](const Row &row) {
		utf8 = row.text(0) == "UTF8";
		return Flow::more;
	};
	co_await db.query(database_encoding(), {}, take);
	co_return utf8;
}

int64_t within(const Arguments &arguments, const char *name, int64_t least, int64_t most, const std::string &subject) {
	const int64_t number = arguments.integer(name);
	if (number < least || number > most)
		throw Error(sqlstate::invalid_parameter_value,
		            std::string(name) + " must be from " + std::to_string(least) + " to " + std::to_string(most) + ", not " +
		                std::to_string(number) + " (" + subject + ")",
		            "A terminal has no room for more.");
	return number;
}

/// Of bars by time: what the last one says, and the quality of the last ten.
std::string last_line(const std::string &subject, const std::vector<BarRow> &rows) {
	const BarRow &last = rows.back();
	const std::string start = to_iso8601(last.bar.start);
	const size_t clock = start.find('T');
	std::string line = subject + ": close " + (last.bar.close ? number_text(*last.bar.close) : "NULL") + ", " +
	                   std::string(name_of(last.state)) + ", begins " + start.substr(0, clock) + " " + start.substr(clock + 1, 5) + " UTC";
	const size_t first = rows.size() - std::min<size_t>(rows.size(), 10);
	std::string qualities;
	bool any = false;
	for (size_t i = first; i < rows.size(); ++i) {
		any = any || rows[i].quality;
		qualities += " " + (rows[i].quality ? std::to_string(*rows[i].quality) : std::string(name_of(rows[i].state)));
	}
	return any ? line + "; quality of the last " + std::to_string(rows.size() - first) + ":" + qualities : line;
}

} // namespace

Op<Answer> agg_chart(Database &db, Arguments arguments) {
	const std::string symbol = arguments.text("p_symbol");
	const std::string timeframe = arguments.text("p_timeframe");
	const std::string subject = shortened(named(symbol)) + "/" + shortened(timeframe);
	arguments.concern(subject);
	const int64_t most = within(arguments, "p_n", 1, 1000, subject);
	ChartStyle style {.height = within(arguments, "p_height", 2, 200, subject),
	                  .characters = ChartStyle::Characters::ascii,
	                  .labels = ChartStyle::Labels::times};
	const Timestamp now = arguments.maybe_timestamp("p_now_utc").value_or(db.clock());
	const std::vector<std::string> symbols {symbol};
	const auto ladders = co_await read_ladders(db, symbols, timeframe, Timestamp::minus_infinity(), now);
	const Ladder &ladder = ladders.front();
	StoredBars stored(db);
	BarReader reader(db, ladder, now, stored);
	const Timestamp end = now + Duration {1};
	NewestBars newest = co_await reader.newest(Timestamp::range_begin(), end, most);
	std::reverse(newest.rows.begin(), newest.rows.end());

	RowBuffer rows(db, 1);
	if (newest.rows.empty()) {
		rows.add({cell(rows.keep(subject + ": there is no bar"))});
	} else {
		bool boxes = !arguments.boolean("p_ascii");
		if (boxes)
			boxes = co_await can_hold_boxes(db);
		if (boxes)
			style.characters = ChartStyle::Characters::boxes;
		if (ladder.bars().timeframe().width() >= one_day)
			style.labels = ChartStyle::Labels::dates;
		std::vector<SourceBar> bars;
		for (const auto &row : newest.rows)
			bars.push_back(row.bar);
		for (auto &line : draw_candles(bars, style))
			rows.add({cell(rows.keep(std::move(line)))});
		rows.add({cell(rows.keep(last_line(subject, newest.rows)))});
	}
	co_await rows.flush();
	co_return Answer::rows();
}

} // namespace aggregation
