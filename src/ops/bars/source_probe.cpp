#include "ops/bars/source_probe.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

namespace aggregation {

namespace {

struct ProbeStatements {
	Statement ingested;
	Statement derived;
};

const std::vector<agg_type> probe_columns {AGG_INT8, AGG_TIMESTAMPTZ};

const ProbeStatements &first_statements() {
	static const ProbeStatements statements {
	    {"data_bars",
	     "SELECT t.ord, b.ts_utc FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, from_utc, ord) "
	     "CROSS JOIN LATERAL (SELECT d.ts_utc FROM @data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe "
	     "AND d.ts_utc >= t.from_utc ORDER BY d.ts_utc LIMIT 1) b",
	     probe_columns},
	    {"derived_data_bars",
	     "SELECT t.ord, b.ts_utc FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, from_utc, ord) "
	     "CROSS JOIN LATERAL (SELECT d.ts_utc FROM @derived_data_bars d WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe "
	     "AND d.ts_utc >= t.from_utc AND d.deleted_at IS NULL ORDER BY d.ts_utc LIMIT 1) b",
	     probe_columns}};
	return statements;
}

const ProbeStatements &last_statements() {
	static const ProbeStatements statements {{"data_bars",
	                                          R"sql(
SELECT t.ord, b.ts_utc
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
	AS t(symbol, timeframe, from_utc, to_utc, ord)
CROSS JOIN LATERAL (
	SELECT d.ts_utc
	FROM @data_bars d
	WHERE d.canonical_symbol = t.symbol
		AND d.timeframe = t.timeframe
		AND d.ts_utc >= t.from_utc
		AND d.ts_utc < t.to_utc
	ORDER BY d.ts_utc DESC
	LIMIT 1
) b)sql",
	                                          probe_columns},
	                                         {"derived_data_bars",
	                                          R"sql(
SELECT t.ord, b.ts_utc
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY
	AS t(symbol, timeframe, from_utc, to_utc, ord)
CROSS JOIN LATERAL (
	SELECT d.ts_utc
	FROM @derived_data_bars d
	WHERE d.canonical_symbol = t.symbol
		AND d.timeframe = t.timeframe
		AND d.ts_utc >= t.from_utc
		AND d.ts_utc < t.to_utc
		AND d.deleted_at IS NULL
	ORDER BY d.ts_utc DESC
	LIMIT 1
) b)sql",
	                                          probe_columns}};
	return statements;
}

enum class ProbeKind { first, last };

Op<std::vector<std::optional<Timestamp>>> ask(Database &db, const std::vector<SourceProbe> &probes, ProbeKind kind) {
	std::vector<std::optional<Timestamp>> answers(probes.size());
	const ProbeStatements &statements = kind == ProbeKind::first ? first_statements() : last_statements();
	for (const bool ingested : {true, false}) {
		std::vector<size_t> asked;
		std::vector<agg_cell> symbols;
		std::vector<agg_cell> timeframes;
		std::vector<agg_cell> from;
		std::vector<agg_cell> to;
		for (size_t i = 0; i < probes.size(); ++i) {
			if (probes[i].bars.ingested() != ingested)
				continue;
			asked.push_back(i);
			symbols.push_back(cell(probes[i].symbol));
			timeframes.push_back(cell(std::string_view(probes[i].bars.name())));
			from.push_back(cell(probes[i].from));
			to.push_back(cell(probes[i].to));
		}
		if (asked.empty())
			continue;
		auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)),
		                       Parameter(AGG_TIMESTAMPTZ, std::move(from)));
		if (kind == ProbeKind::last)
			list.emplace_back(AGG_TIMESTAMPTZ, std::move(to));
		auto take = [&](const Row &row) {
			if (row.timestamp(1).finite()) // else it is no bar, and there is none before it
				answers.at(asked.at(static_cast<size_t>(row.integer(0) - 1))) = row.timestamp(1);
			return Flow::more;
		};
		co_await db.query(ingested ? statements.ingested : statements.derived, std::move(list), take);
	}
	co_return answers;
}

} // namespace

Op<std::vector<std::optional<Timestamp>>> first_bars(Database &db, const std::vector<SourceProbe> &probes) {
	return ask(db, probes, ProbeKind::first);
}

Op<std::vector<std::optional<Timestamp>>> last_bars(Database &db, const std::vector<SourceProbe> &probes) {
	return ask(db, probes, ProbeKind::last);
}

} // namespace aggregation
