// agg_gaps: which minutes of a symbol are missing while its market is open. A minute is there where data_bars has a row of it, whatever its
// prices are: the index alone answers that.
#include "ops/functions/functions.hpp"

#include "core/gap_scan.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/row_buffer.hpp"
#include "ops/functions/bar_ranges.hpp"
#include "ops/functions/expected_minutes.hpp"

#include <algorithm>

namespace aggregation {

namespace {

constexpr Duration one_minute = Duration::minutes(1);

const Statement &stored_minutes() {
	static const Statement statement {"data_bars",
	                                  "SELECT b.ts_utc FROM @data_bars b WHERE b.canonical_symbol = $1::text AND b.timeframe = '1m' "
	                                  "AND b.ts_utc >= $2::timestamptz AND b.ts_utc < $3::timestamptz ORDER BY b.ts_utc",
	                                  {AGG_TIMESTAMPTZ},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<Answer> agg_gaps(Database &db, Arguments arguments) {
	const std::string symbol = arguments.text("p_symbol");
	auto from = arguments.maybe_timestamp("p_from_utc");
	const auto to = arguments.maybe_timestamp("p_to_utc");
	if (from && to)
		check_range(named(symbol), *from, *to);
	const std::vector<std::string> symbols {symbol};
	const auto expected = co_await expected_minutes(db, symbols);
	const auto &[name, calendar, begin_of_symbol] = expected.front();
	if (!from)
		from = begin_of_symbol;
	if (!from)
		co_return Answer::rows();
	// Only minutes that lie in the range as a whole, and are over.
	const Timestamp begin = minutes().ceil(*from);
	const Timestamp end = minutes().floor(std::min(to.value_or(Timestamp::infinity()), db.clock()));
	GapScan scan(open_between(calendar.get(), begin, end));
	auto take = [&](const Row &row) {
		const Timestamp minute = minutes().floor(row.timestamp(0));
		scan.saw(minute, minute + one_minute);
		return Flow::more;
	};
	co_await db.query(stored_minutes(), parameters(text_parameter(symbol), timestamp_parameter(begin), timestamp_parameter(end)), take);
	constexpr size_t columns = 3;
	RowBuffer rows(db, columns);
	for (const auto &gap : scan.gaps()) {
		rows.add({cell(gap.from), cell(gap.to), cell((gap.to - gap.from).us / one_minute.us)});
		if (rows.full())
			co_await rows.flush();
	}
	co_await rows.flush();
	co_return Answer::rows();
}

} // namespace aggregation
