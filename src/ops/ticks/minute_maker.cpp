#include "ops/ticks/minute_maker.hpp"

#include "core/failure.hpp"
#include "core/same_bits.hpp"
#include "ops/bars/bar_writer.hpp"
#include "ops/bars/dropped_chunks.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

namespace aggregation {

namespace {

constexpr const char *table = "data_bars";
constexpr int most_comparisons = 4;
constexpr double no_price = std::numeric_limits<double>::quiet_NaN();

// clang-format off

// Whether a tick source, $1, has made bar d.
#define AGG_MADE_BY_SOURCE "(d.source = 'ingest' AND d.raw ->> 'kind' = 'ticks' AND d.raw ->> 'table' = $1::text) IS TRUE"

const Statement &read_stored() {
	static const Statement statement {table, R"sql(
SELECT k.ord, b.*
FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY AS k(symbol, from_utc, to_utc, ord)
CROSS JOIN LATERAL (
	SELECT d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8, )sql" AGG_MADE_BY_SOURCE R"sql(
	FROM @data_bars d
	WHERE d.canonical_symbol = k.symbol AND d.timeframe = '1m' AND d.ts_utc >= k.from_utc AND d.ts_utc < k.to_utc
	OFFSET 0
) b)sql",
		{AGG_INT8, AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_INT8, AGG_BOOL}};
	return statement;
}

// Symbols are walked through in the key's index, however many bars each has.
const Statement &all_symbols() {
	static const Statement statement {table, R"sql(
WITH RECURSIVE s(symbol) AS (
	(SELECT d.canonical_symbol::text FROM @data_bars d ORDER BY d.canonical_symbol LIMIT 1)
	UNION ALL
	SELECT (SELECT d.canonical_symbol::text FROM @data_bars d WHERE d.canonical_symbol > s.symbol ORDER BY d.canonical_symbol LIMIT 1)
	FROM s WHERE s.symbol IS NOT NULL
)
SELECT s.symbol FROM s WHERE s.symbol IS NOT NULL)sql",
		{AGG_TEXT}};
	return statement;
}

const Statement &update_bars() {
	static const Statement statement {table, R"sql(
UPDATE @data_bars d
SET open = n.open, high = n.high, low = n.low, close = n.close, vol = n.vol, vwap = n.vwap, trade_count = n.trade_count, updated_at = now()
FROM unnest($2::text[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[], $10::int8[])
	AS n(symbol, start, open, high, low, close, vol, vwap, trade_count)
WHERE d.canonical_symbol = n.symbol AND d.timeframe = '1m' AND d.ts_utc = n.start AND )sql" AGG_MADE_BY_SOURCE};
	return statement;
}

const Statement &delete_bars() {
	static const Statement statement {table, R"sql(
DELETE FROM @data_bars d
USING unnest($2::text[], $3::timestamptz[]) AS n(symbol, start)
WHERE d.canonical_symbol = n.symbol AND d.timeframe = '1m' AND d.ts_utc = n.start AND )sql" AGG_MADE_BY_SOURCE};
	return statement;
}

// In chunks: a plan for these values, between two times, so that TimescaleDB opens no more of a compressed one than they concern.
#define AGG_BETWEEN(from, to) " AND d.canonical_symbol = ANY ($2::text[]) AND d.ts_utc >= " from "::timestamptz AND d.ts_utc <= " to "::timestamptz"

const Statement &update_bars_in_chunks() {
	static const std::string sql = std::string(update_bars().sql) + AGG_BETWEEN("$11", "$12");
	static const Statement statement {table, sql.c_str(), {}, Planning::by_statistics};
	return statement;
}

const Statement &delete_bars_in_chunks() {
	static const std::string sql = std::string(delete_bars().sql) + AGG_BETWEEN("$4", "$5");
	static const Statement statement {table, sql.c_str(), {}, Planning::by_statistics};
	return statement;
}

// clang-format on

/// Says between which times the bars are.
void add_span(const std::vector<agg_cell> &starts, std::vector<Parameter> &list) {
	Timestamp first = Timestamp::infinity();
	Timestamp last = Timestamp::minus_infinity();
	for (const auto &start : starts) {
		first = std::min(first, Timestamp {start.as.integer});
		last = std::max(last, Timestamp {start.as.integer});
	}
	list.push_back(timestamp_parameter(first));
	list.push_back(timestamp_parameter(last));
}

bool same_as_stored(const TickBar &bar, const Row &row) {
	return same_bits(bar.open, row.maybe_real(2)) && same_bits(bar.high, row.maybe_real(3)) && same_bits(bar.low, row.maybe_real(4)) &&
	       same_bits(bar.close, row.maybe_real(5)) && same_bits(bar.vol, row.maybe_real(6)) && same_bits(bar.vwap, row.maybe_real(7)) &&
	       bar.trade_count == row.maybe_integer(8);
}

} // namespace

MinuteCounts &MinuteCounts::operator+=(const MinuteCounts &other) {
	ticks += other.ticks;
	inserted += other.inserted;
	updated += other.updated;
	unchanged += other.unchanged;
	deleted += other.deleted;
	kept += other.kept;
	return *this;
}

class MinuteMaker::MadeRows : public RowSource {
public:
	MadeRows(const TickMinutes &ticks, const std::vector<const Made *> &bars) : ticks_(ticks), bars_(bars) {
	}
	bool next(agg_cell *row) override {
		if (position_ == bars_.size())
			return false;
		const Made &made = *bars_[position_++];
		*row++ = cell(std::string_view(ticks_.symbol(made.minute.symbol)));
		*row++ = cell(made.minute.start);
		const TickBar &bar = *made.bar;
		for (const double price : {bar.open, bar.high, bar.low, bar.close})
			*row++ = cell(price);
		*row++ = cell(bar.vol);
		*row++ = cell(bar.vwap);
		*row++ = cell(bar.trade_count);
		return true;
	}

private:
	const TickMinutes &ticks_;
	const std::vector<const Made *> &bars_;
	size_t position_ = 0;
};

MinuteMaker::MinuteMaker(Database &db, const TickSource &source, TickReading reading)
    : db_(db), source_(source), reading_(std::move(reading)) {
	raw_ = raw_of_minutes(source);
	// timeframe, is_partial, source, raw, provider_ticker
	shared_ = {cell(std::string_view("1m")), cell(false), cell(std::string_view("ingest")), cell(std::string_view(raw_)), null_cell()};
}

Op<void> MinuteMaker::read_slice(const TimeRange slice, const std::vector<uint32_t> &symbols) {
	std::vector<std::string_view> names;
	names.reserve(symbols.size());
	for (const uint32_t symbol : symbols) {
		names.emplace_back(ticks_.symbol(symbol));
		for (Timestamp minute = slice.from; minute < slice.to; minute = minute + Duration::minutes(1))
			ticks_.want({symbol, minute});
	}
	auto take = [&](const Row &row) {
		const bool wanted = ticks_.add(row.text(0), row.timestamp(1), row.maybe_real(2).value_or(no_price), row.maybe_real(3));
		counts_.ticks += wanted && !row.is_null(2) ? 1 : 0;
		return Flow::more;
	};
	const Statement statement {nullptr,
	                           reading_.of_symbols.c_str(),
	                           {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8},
	                           Planning::by_statistics,
	                           Tracking::as_set,
	                           reading_.table};
	co_await db_.query(statement, parameters(timestamp_parameter(slice.from), timestamp_parameter(slice.to), text_array(names)), take);
}

Op<bool> MinuteMaker::read_all(const TickRange range, size_t most) {
	auto take = [&](const Row &row) {
		if (row.text(0).size() > longest_symbol)
			return Flow::more;
		counts_.ticks += row.is_null(2) ? 0 : 1;
		const double price = row.maybe_real(2).value_or(no_price);
		if (!ticks_.add(row.text(0), row.timestamp(1), price, row.maybe_real(3))) {
			ticks_.want({ticks_.number_of(row.text(0)), minute_of(row.timestamp(1))});
			(void)ticks_.add(row.text(0), row.timestamp(1), price, row.maybe_real(3));
		}
		return ticks_.size() <= most ? Flow::more : Flow::enough;
	};
	const Statement statement {
	    nullptr,          reading_.of_all.c_str(), {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8}, Planning::by_statistics,
	    Tracking::as_set, reading_.table};
	co_await db_.query(statement, parameters(timestamp_parameter(range.from), timestamp_parameter(range.to)), take);
	if (ticks_.size() > most) {
		ticks_ = {};
		counts_.ticks = 0;
		co_return false;
	}
	auto take_symbol = [&](const Row &row) {
		(void)ticks_.number_of(row.text(0));
		return Flow::more;
	};
	co_await db_.query(all_symbols(), {}, take_symbol);
	for (uint32_t symbol = 0; symbol < ticks_.symbols(); ++symbol)
		targets_.push_back({symbol, range.from, range.to, range.gone});
	co_return true;
}

/// Minutes that are sealed are not written, whatever their ticks are. Seals are asked for after the ticks were read.
Op<void> MinuteMaker::find_seals() {
	std::map<uint32_t, TimeRange> spans;
	for (const auto &target : targets_) {
		auto &span = spans.try_emplace(target.symbol, TimeRange {target.from, target.to}).first->second;
		span = {std::min(span.from, target.from), std::max(span.to, target.to)};
	}
	std::vector<Segment> segments;
	segments.reserve(spans.size());
	for (const auto &[symbol, span] : spans)
		segments.push_back(
		    {.symbol = ticks_.symbol(symbol), .source = &minutes(), .target = &minutes(), .from = span.from, .to = span.to, .counts = {}});
	co_await seal_dropped_chunks(db_);
	co_await find_sealed(db_, segments);
	auto segment = segments.begin();
	for (const auto &[symbol, span] : spans) {
		if (!segment->sealed.empty())
			sealed_[symbol] = std::move(segment->sealed);
		++segment;
	}
}

bool MinuteMaker::is_sealed(const TickMinute &minute) const {
	const auto sealed = sealed_.find(minute.symbol);
	return sealed != sealed_.end() && sealed->second.holds(minute.start);
}

TickRange MinuteMaker::range_of(const TickMinute &minute) const {
	return {ticks_.symbol(minute.symbol), minute.start, minute.start + Duration::minutes(1)};
}

void MinuteMaker::compute_bars() {
	const auto by_key = [](const Made &a, const Made &b) {
		return std::tuple(a.minute.symbol, a.minute.start) < std::tuple(b.minute.symbol, b.minute.start);
	};
	ticks_.for_each([&](const TickMinute &minute, const std::optional<TickBar> &bar) { made_.push_back({minute, bar}); });
	std::sort(made_.begin(), made_.end(), by_key);
}

std::span<const MinuteMaker::Made> MinuteMaker::made_in(uint32_t symbol, Timestamp begin, Timestamp end) const {
	const auto before = [](const Made &made, const std::pair<uint32_t, Timestamp> &key) {
		return std::tuple(made.minute.symbol, made.minute.start) < std::tuple(key.first, key.second);
	};
	const auto from = std::lower_bound(made_.begin(), made_.end(), std::pair(symbol, begin), before);
	const auto to = std::lower_bound(from, made_.end(), std::pair(symbol, end), before);
	return {made_.data() + (from - made_.begin()), static_cast<size_t>(to - from)};
}

Op<void> MinuteMaker::write() {
	co_await find_seals();
	compute_bars();
	// In the order of the key: so are the locks, and the pages of the index.
	std::sort(targets_.begin(), targets_.end(), [&](const Target &a, const Target &b) {
		return std::tie(ticks_.symbol(a.symbol), a.from) < std::tie(ticks_.symbol(b.symbol), b.from);
	});
	co_await write_or_halve(targets_);
}

Op<void> MinuteMaker::write_or_halve(std::span<const Target> targets) {
	MinuteCounts counts;
	const auto fault = co_await in_subtransaction(db_, IfDone::keep, [&]() -> Op<void> { counts = co_await write_these(targets); });
	if (!fault) {
		counts_ += counts;
		if (!kept_.empty())
			last_kept_ = kept_;
		for (const auto &minute : sealed_changes_)
			refused_.push_back(range_of(minute));
		for (const auto &minute : removed_)
			left_empty_.push_back(range_of(minute));
		co_return;
	}
	if (failure_kind(fault->error()) == FailureKind::everything)
		fault->raise();
	if (targets.size() > 1) {
		const size_t half = targets.size() / 2;
		co_await write_or_halve(targets.first(half));
		co_await write_or_halve(targets.subspan(half));
		co_return;
	}
	const Target &target = targets.front();
	const int64_t length = (target.to - target.from).us / Duration::minutes(1).us;
	if (length > 1) {
		const Timestamp middle = steps(target.from, length / 2, Duration::minutes(1));
		const std::vector<Target> halves {{target.symbol, target.from, middle, target.gone},
		                                  {target.symbol, middle, target.to, target.gone}};
		co_await write_or_halve(halves);
		co_return;
	}
	failures_.push_back({{ticks_.symbol(target.symbol), target.from, target.to, target.gone}, fault->error()});
}

/// What is stored may become another's between the look at it and the write: then it is looked at again.
Op<MinuteCounts> MinuteMaker::write_these(std::span<const Target> targets) {
	MinuteCounts counts;
	removed_.clear();
	for (int i = 0; i < most_comparisons; ++i) {
		co_await compare(targets, counts);
		bool done = true;
		if (!deletes_.empty()) {
			counts.deleted += static_cast<int64_t>(co_await remove(deletes_)); // what is another's now is as good as gone
			removed_.insert(removed_.end(), deletes_.begin(), deletes_.end());
		}
		if (!updates_.empty()) {
			const uint64_t updated = co_await update(updates_);
			counts.updated += static_cast<int64_t>(updated);
			done = updated == updates_.size();
		}
		if (!inserts_.empty()) {
			const bool inserted = co_await insert(inserts_);
			if (inserted)
				counts.inserted += static_cast<int64_t>(inserts_.size());
			done = done && inserted;
		}
		if (done)
			co_return counts;
	}
	throw Error(sqlstate::object_not_in_prerequisite_state,
	            "table \"data_bars\" does not take the minutes of tick source \"" + shortened(source_.name) + "\"",
	            "Look for a trigger on the table that discards rows, and remove it.");
}

Op<void> MinuteMaker::compare(std::span<const Target> targets, MinuteCounts &counts) {
	inserts_.clear();
	updates_.clear();
	deletes_.clear();
	sealed_changes_.clear();
	kept_.clear();
	counts.unchanged = 0;
	counts.kept = 0;
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	for (const auto &target : targets) {
		symbols.push_back(cell(std::string_view(ticks_.symbol(target.symbol))));
		from.push_back(cell(target.from));
		to.push_back(cell(target.to));
	}
	std::set<const Made *> stored;
	auto take = [&](const Row &row) {
		const Target &target = targets[static_cast<size_t>(row.integer(0) - 1)];
		const Timestamp start = row.timestamp(1);
		if (!minutes().aligned(start))
			return Flow::more;
		const auto found = made_in(target.symbol, start, start + Duration::minutes(1));
		const Made *made = found.empty() ? nullptr : &found.front();
		const bool has_bar = made != nullptr && made->bar;
		const bool own = row.boolean(9);
		if (has_bar)
			stored.insert(made);
		if (!own) {
			if (has_bar) {
				++counts.kept;
				kept_ = named(ticks_.symbol(target.symbol)) + " " + to_iso8601(start);
			}
		} else if (made == nullptr && !target.gone) {
			// Its ticks went without being noticed.
		} else if (has_bar && same_as_stored(*made->bar, row)) {
			++counts.unchanged;
		} else if (is_sealed({target.symbol, start})) {
			sealed_changes_.push_back({target.symbol, start});
		} else if (has_bar) {
			updates_.push_back(made);
		} else {
			deletes_.push_back({target.symbol, start});
		}
		return Flow::more;
	};
	const std::string name = source_.name;
	auto list = parameters(text_parameter(name), Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)));
	co_await db_.query(read_stored(), std::move(list), take);
	for (const auto &target : targets) {
		for (const auto &made : made_in(target.symbol, target.from, target.to)) {
			if (!made.bar || stored.contains(&made))
				continue;
			if (is_sealed(made.minute))
				sealed_changes_.push_back(made.minute);
			else
				inserts_.push_back(&made);
		}
	}
}

Op<bool> MinuteMaker::insert(const std::vector<const Made *> &bars) {
	MadeRows rows(ticks_, bars);
	const NewBars fresh {tick_bar_table(), shared_, rows};
	co_return co_await insert_bars(db_, fresh);
}

Op<uint64_t> MinuteMaker::update(const std::vector<const Made *> &bars) {
	const std::vector<agg_type> types {AGG_TEXT,   AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8,
	                                   AGG_FLOAT8, AGG_FLOAT8,      AGG_FLOAT8, AGG_INT8};
	std::vector<std::vector<agg_cell>> columns(types.size());
	MadeRows rows(ticks_, bars);
	std::vector<agg_cell> row(types.size());
	while (rows.next(row.data())) {
		for (size_t i = 0; i < types.size(); ++i)
			columns[i].push_back(row[i]);
	}
	const uint64_t in_chunks = co_await db_.rows_in_chunks();
	const std::string name = source_.name;
	const std::vector<agg_cell> starts = columns[1];
	auto list = parameters(text_parameter(name));
	for (size_t i = 0; i < types.size(); ++i)
		list.emplace_back(types[i], std::move(columns[i]));
	if (in_chunks > 0)
		add_span(starts, list);
	co_return co_await db_.execute(in_chunks > 0 ? update_bars_in_chunks() : update_bars(), std::move(list));
}

Op<uint64_t> MinuteMaker::remove(const std::vector<TickMinute> &bars) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> starts;
	for (const auto &bar : bars) {
		symbols.push_back(cell(std::string_view(ticks_.symbol(bar.symbol))));
		starts.push_back(cell(bar.start));
	}
	const uint64_t in_chunks = co_await db_.rows_in_chunks();
	const std::string name = source_.name;
	auto list = parameters(text_parameter(name), Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TIMESTAMPTZ, starts));
	if (in_chunks > 0)
		add_span(starts, list);
	co_return co_await db_.execute(in_chunks > 0 ? delete_bars_in_chunks() : delete_bars(), std::move(list));
}

} // namespace aggregation
