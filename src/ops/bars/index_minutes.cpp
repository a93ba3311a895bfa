// A minute of an index is made of its components' closes at whole minutes; rows between minutes have no part in it.
//
// The ordered series are merged in one pass, a stretch of time after the other, so that memory stays flat; empty stretches are jumped over.
// Minutes of which a component is sealed stay as they are: seals are asked for after the series were read (sealed_ranges.hpp).
//
// Where the index carries prices, the last one of a component counts for so many minutes more:
//
//   EURUSD   e1 e2 -- -- e5        carry 1
//   USDJPY   j1 j2 j3 j4 j5
//   EURJPY   x1 x2 x3 -- x5        x3 = e2 * j3
#include "ops/bars/index_minutes.hpp"

#include "core/same_bits.hpp"
#include "ops/bars/bar_writer.hpp"
#include "ops/bars/dropped_chunks.hpp"
#include "ops/bars/part_bars.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/bars/source_probe.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace aggregation {

namespace {

constexpr const char *table = "data_bars";
constexpr Duration stretch = Duration::minutes(65536);
constexpr int64_t most_bars_read = 5'000'000;

// Besides the prices: whether the rest is as it would be written ($4: in this version; NULL: in any), and whether somebody else's feed
// wrote it.
const Statement &read_stored() {
	static const Statement statement {table,
	                                  R"sql(
SELECT d.ts_utc, d.open, d.high, d.low, d.close,
	COALESCE(d.vol = 0 AND d.trade_count = 0 AND d.vwap IS NULL AND d.source = 'synthetic'
		AND ($4::text IS NULL OR COALESCE(d.raw ->> 'version', $4::text) = $4::text), false),
	d.source IS DISTINCT FROM 'synthetic'
FROM @data_bars d
WHERE d.canonical_symbol = $1::text
	AND d.timeframe = '1m'
	AND d.ts_utc >= $2::timestamptz
	AND d.ts_utc < $3::timestamptz
ORDER BY d.ts_utc)sql",
	                                  {AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_BOOL, AGG_BOOL}};
	return statement;
}

// In chunks by a plan for its values, so that TimescaleDB opens no more of a compressed one than they concern.
const Statement &delete_minutes(bool in_chunks) {
	static const Statement anywhere {
	    table,
	    "DELETE FROM @data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = '1m' AND d.ts_utc >= $2::timestamptz "
	    "AND d.ts_utc < $3::timestamptz AND d.source = 'synthetic' AND (d.ts_utc IN (SELECT n.t FROM unnest($4::timestamptz[]) AS n(t))) IS TRUE"};
	static const Statement of_chunks {table, anywhere.sql, {}, Planning::by_statistics};
	return in_chunks ? of_chunks : anywhere;
}

// A transaction that read older prices must not write after one that read newer ones. This lock conflicts with itself, and neither with
// readers of the table nor with writers; and nobody can hold it who may not change the rows. (An advisory lock anybody could hold.)
const Statement &lock_minutes() {
	static const Statement statement {"agg_indexes", "LOCK TABLE @agg_indexes IN SHARE UPDATE EXCLUSIVE MODE", {}, Planning::by_statistics};
	return statement;
}

struct IndexPoint {
	Timestamp time;
	double value;
};

class PointRows : public RowSource {
public:
	explicit PointRows(const std::vector<IndexPoint> &points) : points_(points) {
	}
	bool next(agg_cell *row) override {
		if (position_ == points_.size())
			return false;
		const IndexPoint &point = points_[position_++];
		*row++ = cell(point.time);
		std::fill_n(row, 4, cell(point.value));
		return true;
	}

private:
	const std::vector<IndexPoint> &points_;
	size_t position_ = 0;
};

struct Range {
	Timestamp from;
	Timestamp to;
};

Op<std::vector<std::optional<Timestamp>>> first_bars_of_components(Database &db, const GeometricIndex &index, Timestamp from) {
	std::vector<SourceProbe> probes;
	for (const auto &component : index.components)
		probes.push_back({component.symbol, minutes(), from});
	co_return co_await first_part_bars(db, probes);
}

/// What raw says the minutes are.
const char *kind_of(const GeometricIndex &index) {
	return index.symbol == "DXY" ? "dxy" : "index";
}

struct Last {
	Timestamp time = Timestamp::minus_infinity();
	double price = std::numeric_limits<double>::quiet_NaN();
};

class IndexRange {
public:
	IndexRange(Database &db, const GeometricIndex &index, const IndexOrder &order)
	    : db_(db), order_(order), index_(index), version_(std::to_string(order.version)), merge_(index.components.size()) {
		raw_ = JsonObject().add("kind", kind_of(index)).add("version", order.version).text();
		// canonical_symbol, timeframe, vol, vwap, trade_count, is_partial, source, raw, provider_ticker
		shared_ = {
		    cell(std::string_view(index_.symbol)), cell(std::string_view("1m")), cell(0.0),  null_cell(), cell(int64_t {0}), cell(false),
		    cell(std::string_view("synthetic")),   cell(std::string_view(raw_)), null_cell()};
		for (const auto &component : index_.components)
			symbols_.emplace_back(component.symbol);
		last_.resize(symbols_.size());
		prices_.resize(symbols_.size());
		for (const auto symbol : symbols_)
			sealed_.push_back({.symbol = symbol, .source = &minutes(), .target = &minutes(), .from = {}, .to = {}, .counts = {}});
		sealed_.push_back({.symbol = index_.symbol, .source = &minutes(), .target = &minutes(), .from = {}, .to = {}, .counts = {}});
	}

	Op<IndexCounts> run(Range range) {
		std::vector<std::string> components(symbols_.begin(), symbols_.end());
		elsewhere_ = co_await symbols_elsewhere(db_, std::move(components));
		while (range.from < range.to) {
			const Range part {range.from, std::min(range.from + stretch, range.to)};
			const bool found = co_await compute(part);
			co_await leave_out_sealed(part);
			co_await write(part);
			// (Written out: g++ 12 evaluates a co_await in a conditional expression in either case.)
			range.from = part.to;
			if (!found)
				range.from = co_await next_source(part.to);
		}
		co_return counts_;
	}

private:
	/// The index's points of one stretch go to points_. False if no component has a bar there.
	Op<bool> compute(Range range) {
		merge_.clear();
		points_.clear();
		const Timestamp first = range.from - index_.carry;
		bool found = false;
		for (size_t component = 0; component < symbols_.size(); ++component) {
			auto take = [this, component](const Row &row) {
				if (!minutes().aligned(row.timestamp(0)))
					return Flow::more;
				// A NULL close is there as a row, and missing as a price.
				merge_.add(component, row.timestamp(0), row.is_null(1) ? std::numeric_limits<double>::quiet_NaN() : row.real(1));
				return Flow::more;
			};
			auto list = parameters(text_parameter(symbols_[component]), timestamp_parameter(first), timestamp_parameter(range.to));
			const bool is_elsewhere = elsewhere_.contains(symbols_[component]);
			co_await db_.query(closes_of_part(is_elsewhere), std::move(list), take);
		}
		merge_.finish();
		std::fill(last_.begin(), last_.end(), Last {});
		for (size_t row = 0; row < merge_.size(); ++row) {
			const bool has_price = carry(merge_.time(row), merge_.prices(row));
			if (merge_.time(row) < range.from)
				continue;
			found = true;
			const auto value = has_price ? index_.value(prices_) : std::nullopt;
			if (value)
				points_.push_back({merge_.time(row), *value});
			else
				++counts_.skipped;
		}
		co_return found;
	}

	/// prices_: those of the row, and for what it has not those that were carried there. False if the row has none itself.
	bool carry(Timestamp time, std::span<const double> row) {
		bool any = false;
		for (size_t i = 0; i < row.size(); ++i) {
			if (usable_price(row[i])) {
				last_[i] = {time, row[i]};
				any = true;
			}
			const bool counts = time - last_[i].time <= index_.carry;
			prices_[i] = counts ? last_[i].price : std::numeric_limits<double>::quiet_NaN();
		}
		return any;
	}

	/// Minutes that are sealed, the index's own or one of its components, are not written, whatever can be computed.
	Op<void> leave_out_sealed(Range range) {
		for (auto &segment : sealed_) {
			segment.from = range.from - index_.carry;
			segment.to = range.to;
		}
		sealed_.back().from = range.from;
		co_await seal_dropped_chunks(db_);
		co_await find_sealed_parts(db_, sealed_, elsewhere_);
		kept_ = sealed_.back().sealed;
		for (const auto &segment : std::span(sealed_).first(symbols_.size())) {
			for (const auto &sealed : segment.sealed.ranges())
				kept_.add({sealed.from, sealed.to + index_.carry});
		}
		if (!kept_.empty())
			counts_.skipped +=
			    static_cast<int64_t>(std::erase_if(points_, [&](const IndexPoint &point) { return kept_.holds(point.time); }));
	}

	/// The first bar of any component at or after `from` (or of the index, where it may have to go), or infinity.
	Op<Timestamp> next_source(Timestamp from) {
		auto found = co_await first_bars_of_components(db_, index_, from);
		if (order_.incomplete == IncompleteMinutes::deleted) {
			const std::vector<SourceProbe> own {{index_.symbol, minutes(), from}};
			const auto stored = co_await first_bars(db_, own);
			found.push_back(stored.front());
		}
		Timestamp first = Timestamp::infinity();
		for (const auto &time : found)
			first = std::min(first, time.value_or(first));
		co_return first;
	}

	Op<void> write(Range range) {
		if (points_.empty() && order_.incomplete == IncompleteMinutes::kept)
			co_return;
		co_await compare(range);
		co_await remove(range);
		bool stored = inserts_.empty();
		if (!stored) {
			PointRows rows(inserts_);
			const NewBars bars {index_bar_table(), shared_, rows};
			stored = co_await insert_bars(db_, bars);
		}
		if (!stored) {
			// Another session computed the same minutes meanwhile: compare with what it stored.
			co_await compare(range);
			co_await put(inserts_);
		}
		co_await put(updates_);
		counts_.inserted += static_cast<int64_t>(inserts_.size());
		counts_.rewritten += static_cast<int64_t>(updates_.size());
		counts_.unchanged += static_cast<int64_t>(points_.size() - inserts_.size() - updates_.size());
	}

	/// Splits points_ by what has to be done about them.
	Op<void> compare(Range range) {
		inserts_.clear();
		updates_.clear();
		incomplete_.clear();
		auto next = points_.begin();
		auto take = [&](const Row &row) {
			for (; next != points_.end() && next->time < row.timestamp(0); ++next)
				inserts_.push_back(*next);
			if (next == points_.end() || next->time != row.timestamp(0)) {
				if (!row.boolean(6) && !kept_.holds(row.timestamp(0)))
					incomplete_.push_back(row.timestamp(0));
				return Flow::more;
			}
			bool same = row.boolean(5);
			for (const size_t column : {1, 2, 3, 4})
				same = same && same_bits(row.maybe_real(column), next->value);
			const bool keep = order_.stored == StoredMinutes::kept && row.boolean(6);
			if (!same && !keep)
				updates_.push_back(*next);
			++next;
			return Flow::more;
		};
		auto list = parameters(text_parameter(index_.symbol), timestamp_parameter(range.from), timestamp_parameter(range.to),
		                       Parameter(AGG_TEXT, order_.stored == StoredMinutes::kept ? null_cell() : cell(std::string_view(version_))));
		co_await db_.query(read_stored(), std::move(list), take);
		inserts_.insert(inserts_.end(), next, points_.end());
	}

	Op<void> remove(Range range) {
		if (incomplete_.empty() || order_.incomplete == IncompleteMinutes::kept)
			co_return;
		std::vector<agg_cell> times;
		for (const Timestamp time : incomplete_)
			times.push_back(cell(time));
		auto list = parameters(text_parameter(index_.symbol), timestamp_parameter(range.from), timestamp_parameter(range.to),
		                       Parameter(AGG_TIMESTAMPTZ, std::move(times)));
		const uint64_t in_chunks = co_await db_.rows_in_chunks();
		co_await db_.execute(delete_minutes(in_chunks > 0), std::move(list));
		counts_.deleted += static_cast<int64_t>(incomplete_.size());
	}

	Op<void> put(const std::vector<IndexPoint> &points) {
		if (points.empty())
			co_return;
		PointRows rows(points);
		const NewBars bars {index_bar_table(), shared_, rows};
		co_await put_bars(db_, bars);
	}

	Database &db_;
	IndexOrder order_;
	const GeometricIndex &index_;
	std::string version_;
	std::string raw_;
	std::vector<agg_cell> shared_;
	std::vector<std::string_view> symbols_;
	SymbolSet elsewhere_;         // of these
	std::vector<Segment> sealed_; // where seals are looked for: each component and the index
	RangeSet kept_;               // the sealed minutes of the stretch
	SeriesMerge merge_;
	std::vector<Last> last_;     // of each component, up to the row that is looked at
	std::vector<double> prices_; // and what counts there
	std::vector<IndexPoint> points_;
	std::vector<IndexPoint> inserts_;
	std::vector<IndexPoint> updates_;
	std::vector<Timestamp> incomplete_; // stored synthetic minutes that cannot be computed
	IndexCounts counts_;
};

} // namespace

Op<void> lock_index_minutes(Database &db) {
	co_await db.execute(lock_minutes(), {});
}

Op<std::optional<IndexCounts>> compute_index(Database &db, const std::string symbol, Timestamp from, Timestamp to, IndexOrder order) {
	IndexMinutes minutes(db);
	const GeometricIndex *index = co_await minutes.begin(symbol);
	if (index == nullptr)
		co_return std::nullopt;
	const Range range {from, to};
	co_await minutes.compute_parts(*index, from, to, order.version);
	IndexRange work(db, *index, order);
	co_return co_await work.run(range);
}

Op<const GeometricIndex *> IndexMinutes::begin(const std::string &symbol) {
	if (!indexes_) {
		co_await lock_index_minutes(db_);
		indexes_ = co_await read_indexes(db_); // as they are now that nobody changes them any more
		std::vector<std::string> symbols;
		for (const auto &[name, index] : indexes_->all())
			symbols.push_back(name);
		elsewhere_ = co_await symbols_elsewhere(db_, std::move(symbols));
	}
	co_return indexes_->find(symbol);
}

Op<void> IndexMinutes::compute_parts(const GeometricIndex &index, Timestamp from, Timestamp to, int64_t version) {
	const auto below = indexes_->indexes_below(index.symbol);
	for (const auto &part : below) {
		if (!elsewhere_.contains(part.symbol)) // that group makes them
			co_await compute_missing(*indexes_->find(part.symbol), from - part.reach, to, version);
	}
}

/// What was changed while this range of the index was made.
Op<void> IndexMinutes::take_changes(const std::string &index, const TimeRange range) {
	if (!taking_)
		co_return;
	ChangeSet changes;
	co_await db_.take_changes(changes);
	const auto list = changes.list();
	for (const auto &change : list) {
		const bool made = *change.symbol == index && change.range.from >= range.from && change.range.to <= range.to;
		(made ? made_.made : made_.beside).add_range(*change.symbol, change.range);
	}
}

/// True if there are minutes now.
Op<bool> IndexMinutes::compute_missing(const GeometricIndex &index, Timestamp from, Timestamp to, int64_t version) {
	RangeSet missing;
	missing.add({from, to});
	RangeSet &computed = computed_[index.symbol];
	missing.subtract(computed);
	bool any = false;
	for (const auto &range : missing.ranges()) {
		IndexRange work(db_, index, on_the_way(version));
		const Range part {range.from, range.to};
		const auto counts = co_await work.run(part);
		co_await take_changes(index.symbol, range);
		any = any || counts.inserted + counts.rewritten + counts.unchanged > 0;
		computed.add(range);
	}
	co_return any;
}

Op<bool> IndexMinutes::compute(const std::string symbol, Timestamp from, Timestamp to, int64_t version) {
	const GeometricIndex *index = co_await begin(symbol);
	if (index == nullptr)
		co_return false;
	co_await compute_parts(*index, from, to, version);
	const bool any = co_await compute_missing(*index, from, to, version);
	if (any)
		co_return true;
	const std::vector<SourceProbe> probe {{index->symbol, minutes(), from, to}};
	const auto last = co_await last_bars(db_, probe);
	co_return last.front().has_value();
}

int64_t windows_at_once(const Grid &target, const std::vector<Dependent> &index_parts, int64_t most) {
	const int64_t minutes_of_window = target.timeframe().width().us / Duration::minutes(1).us;
	const int64_t bars_of_window = minutes_of_window * std::max<int64_t>(1, static_cast<int64_t>(index_parts.size()));
	return index_parts.empty() ? most : std::clamp<int64_t>(most_bars_read / bars_of_window, 1, most);
}

// The first minute of each part is looked for once, early enough for whatever is made of it; then that of each index follows from those of
// its components.
Op<std::optional<Timestamp>> next_index_minute(Database &db, const Indexes &indexes, const GeometricIndex &index, Timestamp from) {
	const auto parts = indexes.parts_of(index.symbol);
	std::vector<SourceProbe> probes;
	for (const auto &part : parts)
		probes.push_back({part.symbol, minutes(), from - part.reach});
	const auto stored = co_await first_part_bars(db, probes);
	std::map<std::string_view, std::optional<Timestamp>> first;
	for (size_t i = 0; i < parts.size(); ++i)
		first.emplace(parts[i].symbol, stored[i]);
	const auto first_of = [&](const GeometricIndex &of, Timestamp earliest) -> std::optional<Timestamp> {
		for (const auto &component : of.components) {
			const auto time = first.at(component.symbol);
			if (!time)
				return std::nullopt;
			earliest = std::max(earliest, *time);
		}
		return earliest;
	};
	const auto below = indexes.indexes_below(index.symbol);
	for (const auto &part : below) {
		const auto computed = first_of(*indexes.find(part.symbol), from - part.reach);
		auto &known = first.at(part.symbol);
		if (computed && (!known || *computed < *known))
			known = computed;
	}
	co_return first_of(index, from);
}

} // namespace aggregation
