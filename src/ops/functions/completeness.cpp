// agg_completeness: how many minutes of many symbols are there, by trading date. All symbols share one read of the index of data_bars. What
// is read at once, and kept, is bounded by a number of trading days.
#include "ops/functions/functions.hpp"

#include "core/day_coverage.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/functions/expected_minutes.hpp"

#include <algorithm>
#include <vector>

namespace aggregation {

namespace {

constexpr int64_t days_at_once = 16'384;

// The lateral subquery keeps its own order: the rows come by range, and then by time, without a sort.
const Statement &stored_minutes() {
	static const Statement statement {
	    "data_bars",
	    "SELECT b.ts_utc, t.ord FROM unnest($1::text[]) WITH ORDINALITY AS t(symbol, ord) CROSS JOIN LATERAL ("
	    "SELECT d.ts_utc FROM @data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = '1m' "
	    "AND d.ts_utc >= ($2::timestamptz[])[t.ord] AND d.ts_utc < ($3::timestamptz[])[t.ord] ORDER BY d.ts_utc OFFSET 0) b",
	    {AGG_TIMESTAMPTZ, AGG_INT8}};
	return statement;
}

/// Some trading days of a symbol.
struct Piece {
	const ExpectedMinutes *symbol;
	CoverageScan scan;
};

std::string calendar_name(const ExpectedMinutes &symbol) {
	return symbol.calendar ? symbol.calendar->rules().name : std::string(utc_calendar);
}

class Completeness {
public:
	Completeness(Database &db) : db_(db), rows_(db, columns) {
	}

	/// The trading dates [from, to] of a symbol.
	Op<void> add(const ExpectedMinutes &symbol, int64_t from, int64_t to) {
		while (from <= to) {
			const int64_t last = std::min(to, from + days_at_once - days_ - 1);
			pieces_.push_back({&symbol, CoverageScan(symbol.calendar.get(), from, last, db_.clock())});
			days_ += last - from + 1;
			from = last + 1;
			if (days_ == days_at_once)
				co_await read();
		}
	}

	Op<void> finish() {
		co_await read();
		co_await rows_.flush();
	}

private:
	static constexpr size_t columns = 8;

	Op<void> read() {
		std::vector<agg_cell> symbols;
		std::vector<agg_cell> from;
		std::vector<agg_cell> to;
		for (const auto &piece : pieces_) {
			symbols.push_back(cell(std::string_view(piece.symbol->symbol)));
			from.push_back(cell(piece.scan.range().from));
			to.push_back(cell(piece.scan.range().to));
		}
		auto take = [&](const Row &row) {
			pieces_[static_cast<size_t>(row.integer(1) - 1)].scan.saw(row.timestamp(0));
			return Flow::more;
		};
		auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
		                       Parameter(AGG_TIMESTAMPTZ, std::move(to)));
		if (!pieces_.empty())
			co_await db_.query(stored_minutes(), std::move(list), take);
		for (auto &[symbol, scan] : pieces_) {
			for (const auto &day : scan.days()) {
				rows_.add({cell(std::string_view(symbol->symbol)), cell(rows_.keep(calendar_name(*symbol))), cell(day.date),
				           cell(day.expected), cell(day.present), cell(day.expected - day.present), cell(day.longest_gap),
				           cell(day.outside)});
				if (rows_.full())
					co_await rows_.flush();
			}
		}
		pieces_.clear();
		days_ = 0;
	}

	Database &db_;
	RowBuffer rows_;
	std::vector<Piece> pieces_;
	int64_t days_ = 0; // of all pieces
};

} // namespace

Op<Answer> agg_completeness(Database &db, Arguments arguments) {
	const int64_t from = arguments.integer("p_from");
	const auto to = arguments.maybe_integer("p_to");
	if (to && *to < from)
		throw Error(sqlstate::invalid_parameter_value, "p_to lies before p_from", "Both dates are part of the range.");
	std::optional<std::vector<std::string>> names;
	if (!arguments.is_null("p_symbols"))
		names = arguments.texts("p_symbols");
	const auto symbols = co_await expected_minutes(db, names);
	Completeness completeness(db);
	for (const auto &symbol : symbols) {
		if (!symbol.from)
			continue;
		const int64_t today = trading_day(symbol.calendar.get(), db.clock()).date;
		const int64_t first = trading_day(symbol.calendar.get(), *symbol.from).date;
		co_await completeness.add(symbol, std::max(from, first), std::min(to.value_or(today), today));
	}
	co_await completeness.finish();
	co_return Answer::rows();
}

} // namespace aggregation
