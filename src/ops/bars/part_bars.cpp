#include "ops/bars/part_bars.hpp"

#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/parameters.hpp"

namespace aggregation {

namespace {

#define AGG_CLOSES_OF(bars)                                                                                                                \
	"SELECT d.ts_utc, d.close FROM " bars " d WHERE d.canonical_symbol = $1::text AND d.timeframe = '1m' "                                 \
	"AND d.ts_utc >= $2::timestamptz AND d.ts_utc < $3::timestamptz ORDER BY d.ts_utc"

#define AGG_MINUTE_ELSEWHERE(order)                                                                                                        \
	"SELECT d.ts_utc FROM @@data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = '1m' "                                       \
	"AND d.ts_utc >= $2::timestamptz AND d.ts_utc < $3::timestamptz ORDER BY d.ts_utc" order " LIMIT 1"

const Statement &first_elsewhere() {
	static const Statement statement {"@data_bars", AGG_MINUTE_ELSEWHERE(""), {AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

const Statement &last_elsewhere() {
	static const Statement statement {"@data_bars", AGG_MINUTE_ELSEWHERE(" DESC"), {AGG_TIMESTAMPTZ}, Planning::by_statistics};
	return statement;
}

const Statement &seals_elsewhere() {
	static const Statement statement {
	    "@agg_sealed_ranges",
	    "SELECT r.from_utc, r.to_utc FROM @@agg_sealed_ranges r WHERE r.canonical_symbol = $1::text "
	    "AND COALESCE(r.timeframe, '1m') = '1m' AND r.to_utc > $2::timestamptz AND r.from_utc < $3::timestamptz",
	    {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

using Times = std::vector<std::optional<Timestamp>>;
using AskHere = Op<Times> (*)(Database &, const std::vector<SourceProbe> &);

/// `ask` of what is here, and `elsewhere` of each of the others.
Op<Times> ask_of_parts(Database &db, const std::vector<SourceProbe> &probes, AskHere ask, const Statement &elsewhere) {
	std::vector<std::string> symbols;
	for (const auto &probe : probes)
		symbols.emplace_back(probe.symbol);
	const auto away = co_await symbols_elsewhere(db, std::move(symbols));
	std::vector<SourceProbe> here;
	for (const auto &probe : probes) {
		if (!away.contains(probe.symbol))
			here.push_back(probe);
	}
	const auto found = co_await ask(db, here);
	Times times(probes.size());
	size_t next_here = 0;
	for (size_t i = 0; i < probes.size(); ++i) {
		if (!away.contains(probes[i].symbol)) {
			times[i] = found[next_here++];
			continue;
		}
		auto take = [&](const Row &row) {
			if (row.timestamp(0).finite())
				times[i] = row.timestamp(0);
			return Flow::more;
		};
		auto list = parameters(text_parameter(probes[i].symbol), timestamp_parameter(probes[i].from), timestamp_parameter(probes[i].to));
		co_await db.query(elsewhere, std::move(list), take);
	}
	co_return times;
}

} // namespace

Op<Times> first_part_bars(Database &db, const std::vector<SourceProbe> &probes) {
	return ask_of_parts(db, probes, first_bars, first_elsewhere());
}

Op<Times> last_part_bars(Database &db, const std::vector<SourceProbe> &probes) {
	return ask_of_parts(db, probes, last_bars, last_elsewhere());
}

const Statement &closes_of_part(bool is_elsewhere) {
	static const Statement here {"data_bars", AGG_CLOSES_OF("@data_bars"), {AGG_TIMESTAMPTZ, AGG_FLOAT8}};
	static const Statement elsewhere {"@data_bars", AGG_CLOSES_OF("@@data_bars"), {AGG_TIMESTAMPTZ, AGG_FLOAT8}, Planning::by_statistics};
	return is_elsewhere ? elsewhere : here;
}

Op<void> find_sealed_parts(Database &db, std::vector<Segment> &segments, const SymbolSet &elsewhere) {
	co_await find_sealed(db, segments);
	for (auto &segment : segments) {
		if (!elsewhere.contains(segment.symbol))
			continue;
		auto take = [&](const Row &row) {
			segment.sealed.add({segment.target->floor(row.timestamp(0)), segment.target->ceil(row.timestamp(1))});
			return Flow::more;
		};
		auto list = parameters(text_parameter(segment.symbol), timestamp_parameter(segment.from), timestamp_parameter(segment.to));
		co_await db.query(seals_elsewhere(), std::move(list), take);
	}
}

} // namespace aggregation
