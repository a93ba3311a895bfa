#include "ops/bars/derived_bars.hpp"

#include "core/same_bits.hpp"
#include "ops/bars/bar_writer.hpp"
#include "ops/bars/source_bars.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <string>

namespace aggregation {

namespace {

constexpr const char *table = "derived_data_bars";

// Two shapes of the same read, as for source bars: one range without a join, many ranges by an array.
#define AGG_STORED_COLUMNS                                                                                                                 \
	"d.ts_utc, d.open, d.high, d.low, d.close, d.vol, d.vwap, d.trade_count::int8, d.source_candles::int4, d.expected_candles::int4, "     \
	"d.quality_score::int4, d.derivation_version::int4"
#define AGG_STORED_TYPES                                                                                                                   \
	AGG_TIMESTAMPTZ, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_FLOAT8, AGG_INT8, AGG_INT4, AGG_INT4, AGG_INT4,       \
	    AGG_INT4, AGG_BOOL
constexpr size_t range_column = 13;

const Statement &read_one_range() {
	static const Statement statement {
	    table,
	    "SELECT " AGG_STORED_COLUMNS ", COALESCE(d.source_timeframe = $5::text, false) FROM @derived_data_bars d "
	    "WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz "
	    "AND d.deleted_at IS NULL ORDER BY d.ts_utc",
	    {AGG_STORED_TYPES}};
	return statement;
}

const Statement &read_many_ranges() {
	static const Statement statement {
	    table,
	    "SELECT b.*, t.ord FROM unnest($1::text[], $2::text[], $5::text[]) WITH ORDINALITY "
	    "AS t(symbol, timeframe, source, ord) "
	    "CROSS JOIN LATERAL (SELECT " AGG_STORED_COLUMNS ", COALESCE(d.source_timeframe = t.source, false) FROM @derived_data_bars d "
	    "WHERE d.canonical_symbol = t.symbol AND d.timeframe = t.timeframe AND d.ts_utc >= ($3::timestamptz[])[t.ord] AND d.ts_utc < ($4::timestamptz[])[t.ord] "
	    "AND d.deleted_at IS NULL ORDER BY d.ts_utc OFFSET 0) b",
	    {AGG_STORED_TYPES, AGG_INT8}};
	return statement;
}

// The last column: whether this transaction has deleted it.
const Statement &read_deleted() {
	static const Statement statement {table,
	                                  AGG_MANY_RANGES("derived_data_bars",
	                                                  ", d.quality_score::int4, d.revision::int4, d.deleted_at = now()",
	                                                  " AND d.deleted_at IS NOT NULL"),
	                                  {AGG_SOURCE_TYPES, AGG_INT4, AGG_INT4, AGG_BOOL, AGG_INT8}};
	return statement;
}

#define AGG_DELETED(reason)                                                                                                                \
	"'deleted_at', now(), 'raw', COALESCE((g.bar).raw, '{}'::jsonb) || jsonb_build_object('deleted', " reason "::text)"

// The range finds the bars in the index; the list of times only filters it.
const Statement &soft_delete() {
	static const Statement statement {table,
	                                  R"sql(
UPDATE @derived_data_bars d
SET deleted_at = now(), updated_at = now(), raw = COALESCE(d.raw, '{}'::jsonb) || jsonb_build_object('deleted', $6::text)
WHERE d.canonical_symbol = $1::text
	AND d.timeframe = $2::text
	AND d.ts_utc >= $3::timestamptz
	AND d.ts_utc < $4::timestamptz
	AND d.deleted_at IS NULL
	AND (d.ts_utc IN (SELECT n.t FROM unnest($5::timestamptz[]) AS n(t))) IS TRUE)sql"};
	return statement;
}

const Statement &soft_delete_range() {
	static const Statement statement {table,
	                                  R"sql(
UPDATE @derived_data_bars d
SET deleted_at = now(), updated_at = now(), raw = COALESCE(d.raw, '{}'::jsonb) || jsonb_build_object('deleted', $5::text)
WHERE d.canonical_symbol = $1::text
	AND d.timeframe = $2::text
	AND d.ts_utc >= $3::timestamptz
	AND d.ts_utc < $4::timestamptz
	AND d.deleted_at IS NULL
RETURNING d.ts_utc)sql",
	                                  {AGG_TIMESTAMPTZ}};
	return statement;
}

// The same where rows lie in chunks: only with a plan for its values TimescaleDB opens no more of a compressed chunk than they concern.
const Statement &soft_delete_in_chunks() {
	static const Statement statement {
	    table,
	    "WITH gone AS (DELETE FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz AND d.deleted_at IS NULL "
	    "AND (d.ts_utc IN (SELECT n.t FROM unnest($5::timestamptz[]) AS n(t))) IS TRUE RETURNING d AS bar)" AGG_ADD_AGAIN(
	        AGG_DELETED("$6")),
	    {AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

const Statement &soft_delete_range_in_chunks() {
	static const Statement statement {
	    table,
	    "WITH gone AS (DELETE FROM @derived_data_bars d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text "
	    "AND d.ts_utc >= $3::timestamptz AND d.ts_utc < $4::timestamptz AND d.deleted_at IS NULL RETURNING d AS bar)" AGG_ADD_AGAIN(
	        AGG_DELETED("$5")),
	    {AGG_TIMESTAMPTZ},
	    Planning::by_statistics};
	return statement;
}

/// How the bars of a pair of timeframes come to be; the same for all of them, so that it is worth nothing to compare.
std::string provenance(const Segment &segment) {
	return JsonObject()
	    .add("rule", "ohlcv")
	    .add("source", table_of(*segment.source))
	    .add("source_timeframe", std::string_view(segment.source->name()))
	    .add("window", std::string_view(segment.target->name()))
	    .text();
}

/// Windows of one pair of timeframes, one version and one revision as rows of cells.
class BarRows : public RowSource {
public:
	BarRows(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows, std::span<const size_t> which)
	    : segments_(segments), windows_(windows), which_(which), shared_(segments[windows[which.front()].segment]),
	      raw_(provenance(shared_)) {
	}

	bool next(agg_cell *row) override {
		if (position_ == which_.size())
			return false;
		const ComputedWindow &window = windows_[which_[position_++]];
		const BarValues &bar = window.values;
		const agg_cell cells[] {cell(segments_[window.segment].symbol),
		                        cell(window.start),
		                        cell(bar.open),
		                        cell(bar.high),
		                        cell(bar.low),
		                        cell(bar.close),
		                        cell(bar.vol),
		                        cell(bar.vwap),
		                        cell(bar.trade_count),
		                        cell(bar.candles),
		                        cell(window.expected),
		                        cell(static_cast<int64_t>(*window.quality))};
		std::copy(std::begin(cells), std::end(cells), row);
		return true;
	}

	/// timeframe, source, raw, source_timeframe, derivation_version, revision, is_partial, deleted_at, provider_ticker
	std::vector<agg_cell> shared() const {
		return {cell(std::string_view(shared_.target->name())),
		        cell(std::string_view("agg")),
		        cell(std::string_view(raw_)),
		        cell(std::string_view(shared_.source->name())),
		        cell(shared_.derivation_version),
		        cell(windows_[which_.front()].revision),
		        cell(false),
		        null_cell(),
		        null_cell()};
	}

private:
	const std::vector<Segment> &segments_;
	const std::vector<ComputedWindow> &windows_;
	std::span<const size_t> which_;
	const Segment &shared_;
	std::string raw_;
	size_t position_ = 0;
};

/// The windows by timeframes, version and revision: what is the same in all rows of a write. Mostly there is one kind.
std::vector<std::vector<size_t>> by_kind(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                                         const std::vector<size_t> &which) {
	std::vector<std::vector<size_t>> kinds;
	const auto alike = [&](const ComputedWindow &x, const ComputedWindow &y) {
		const Segment &a = segments[x.segment];
		const Segment &b = segments[y.segment];
		return x.revision == y.revision && a.derivation_version == b.derivation_version && *a.source == *b.source && *a.target == *b.target;
	};
	size_t segment = std::numeric_limits<size_t>::max();
	int64_t revision = 0;
	size_t kind = 0;
	for (const size_t i : which) {
		if (windows[i].segment != segment || windows[i].revision != revision) {
			segment = windows[i].segment;
			revision = windows[i].revision;
			const auto found = std::find_if(kinds.begin(), kinds.end(),
			                                [&](const std::vector<size_t> &known) { return alike(windows[known.front()], windows[i]); });
			kind = static_cast<size_t>(found - kinds.begin());
			if (found == kinds.end())
				kinds.emplace_back();
		}
		kinds[kind].push_back(i);
	}
	return kinds;
}

/// Whether prices, volumes and trades of a bar, as all reads here give it, are what the window came to.
bool same_values(const Row &row, const BarValues &bar) {
	return same_bits(row.maybe_real(1), bar.open) && same_bits(row.maybe_real(2), bar.high) && same_bits(row.maybe_real(3), bar.low) &&
	       same_bits(row.maybe_real(4), bar.close) && same_bits(row.maybe_real(5), bar.vol) && same_bits(row.maybe_real(6), bar.vwap) &&
	       row.maybe_integer(7) == bar.trade_count;
}

/// Whether a stored bar, as the two reads above give it, is what the window came to.
bool same_bar(const Row &row, const ComputedWindow &window, const Segment &segment) {
	return same_values(row, window.values) && row.maybe_integer(8) == window.values.candles && row.maybe_integer(9) == window.expected &&
	       row.maybe_integer(10) == *window.quality && row.maybe_integer(11) >= segment.derivation_version && row.boolean(12);
}

/// Takes stored bars in the order of the windows and sorts the windows by what has to be done about them.
class Comparison {
public:
	Comparison(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) : segments_(segments), windows_(windows) {
	}

	Flow take(size_t segment, const Row &stored) {
		const Timestamp start = stored.timestamp(0);
		while (position_ < windows_.size() && before(windows_[position_], segment, start))
			not_stored();
		if (position_ == windows_.size() || windows_[position_].segment != segment || windows_[position_].start != start)
			return without_source(segment, start);
		const auto &window = windows_[position_];
		if (segments_[segment].sealed.holds(start))
			;
		else if (!window.quality)
			changes_.insufficient.push_back({segment, start});
		else if (same_bar(stored, window, segments_[segment]))
			changes_.unchanged.push_back(position_);
		else
			changes_.updates.push_back(position_);
		++position_;
		return Flow::more;
	}

	BarChanges finish() {
		while (position_ < windows_.size())
			not_stored();
		return std::move(changes_);
	}

private:
	static bool before(const ComputedWindow &window, size_t segment, Timestamp start) {
		return window.segment < segment || (window.segment == segment && window.start < start);
	}
	Flow without_source(size_t segment, Timestamp start) {
		if (segments_[segment].empty_windows != EmptyWindows::ignored && !segments_[segment].sealed.holds(start))
			changes_.without_source.push_back({segment, start});
		return Flow::more;
	}
	void not_stored() {
		const ComputedWindow &window = windows_[position_];
		const Segment &segment = segments_[window.segment];
		if (window.quality && window.start >= segment.nothing_new_before && !segment.sealed.holds(window.start))
			changes_.inserts.push_back(position_);
		++position_;
	}

	const std::vector<Segment> &segments_;
	const std::vector<ComputedWindow> &windows_;
	BarChanges changes_;
	size_t position_ = 0; // the first window that has not been compared
};

/// What has to be looked at of one segment.
struct Span {
	size_t segment;
	Timestamp from;
	Timestamp to;
};

/// From the first to the last window that had source rows; from where windows without source count, from there.
std::vector<Span> spans_of(const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	std::vector<Span> spans;
	size_t next = 0;
	for (size_t i = 0; i < segments.size(); ++i) {
		const Segment &segment = segments[i];
		const size_t first = next;
		while (next < windows.size() && windows[next].segment == i)
			++next;
		if (segment.empty_windows == EmptyWindows::all)
			spans.push_back({i, segment.from, segment.to});
		else if (next > first)
			spans.push_back({i, segment.empty_windows == EmptyWindows::in_between ? segment.from : windows[first].start,
			                 segment.target->next(windows[next - 1].start)});
	}
	return spans;
}

/// Hands the live bars of the spans to `take(segment, row)`, in order.
template <class Take>
Op<void> read_stored(Database &db, const std::vector<Segment> &segments, const std::vector<Span> spans, Take take) {
	if (spans.size() == 1) {
		const Span span = spans.front();
		const Segment &segment = segments[span.segment];
		auto take_row = [&](const Row &row) { return take(span.segment, row); };
		auto list = parameters(text_parameter(segment.symbol), text_parameter(segment.target->name()), timestamp_parameter(span.from),
		                       timestamp_parameter(span.to), text_parameter(segment.source->name()));
		co_await db.query(read_one_range(), std::move(list), take_row);
		co_return;
	}
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	std::vector<agg_cell> sources;
	for (const auto &span : spans) {
		const Segment &segment = segments[span.segment];
		symbols.push_back(cell(segment.symbol));
		timeframes.push_back(cell(std::string_view(segment.target->name())));
		from.push_back(cell(span.from));
		to.push_back(cell(span.to));
		sources.push_back(cell(std::string_view(segment.source->name())));
	}
	auto take_row = [&](const Row &row) { return take(spans.at(static_cast<size_t>(row.integer(range_column) - 1)).segment, row); };
	auto list = parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(from)), Parameter(AGG_TIMESTAMPTZ, std::move(to)),
	                       Parameter(AGG_TEXT, std::move(sources)));
	co_await db.query(read_many_ranges(), std::move(list), take_row);
}

} // namespace

Op<BarChanges> compare_with_stored(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	auto spans = spans_of(segments, windows);
	Comparison comparison(segments, windows);
	auto take = [&](size_t segment, const Row &row) { return comparison.take(segment, row); };
	co_await read_stored(db, segments, std::move(spans), take);
	co_return comparison.finish();
}

Op<bool> nothing_stored_in_holes(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows) {
	std::vector<Span> holed;
	size_t next = 0;
	for (const auto &span : spans_of(segments, windows)) {
		int64_t with_source = 0;
		for (; next < windows.size() && windows[next].segment <= span.segment; ++next)
			++with_source;
		const Segment &segment = segments[span.segment];
		if (segment.empty_windows != EmptyWindows::ignored && segment.target->count(span.from, span.to) != with_source)
			holed.push_back(span);
	}
	if (holed.empty())
		co_return true;
	bool nothing = true;
	auto take = [&](size_t, const Row &) {
		nothing = false;
		return Flow::enough;
	};
	co_await read_stored(db, segments, std::move(holed), take);
	co_return nothing;
}

Op<void> number_new_bars(Database &db, const std::vector<Segment> &segments, std::vector<ComputedWindow> &windows,
                         const std::vector<size_t> &which) {
	constexpr size_t quality_column = 8;
	constexpr size_t revision_column = 9;
	constexpr size_t deleted_now_column = 10;
	constexpr size_t deleted_range_column = 11;
	ManyRanges ranges;
	std::vector<std::span<const size_t>> places; // of the windows of each range
	for (size_t i = 0; i < which.size();) {
		const size_t first = i;
		const Segment &segment = segments[windows[which[first]].segment];
		while (i < which.size() && windows[which[i]].segment == windows[which[first]].segment &&
		       windows[which[i]].start < segment.made_until)
			++i;
		if (i > first) {
			ranges.add(segment.symbol, segment.target->name(), windows[which[first]].start,
			           segment.target->next(windows[which[i - 1]].start));
			places.emplace_back(which.data() + first, i - first);
		}
		while (i < which.size() && windows[which[i]].segment == windows[which[first]].segment)
			++i;
	}
	if (places.empty())
		co_return;
	std::vector<int64_t> newest(windows.size(), 0); // of the deleted bars of each window
	auto take = [&](const Row &row) {
		const auto windows_of_range = places.at(static_cast<size_t>(row.integer(deleted_range_column) - 1));
		const auto place = std::lower_bound(windows_of_range.begin(), windows_of_range.end(), row.timestamp(0),
		                                    [&](size_t window, Timestamp time) { return windows[window].start < time; });
		if (place == windows_of_range.end() || windows[*place].start != row.timestamp(0) || row.integer(revision_column) < newest[*place])
			return Flow::more;
		ComputedWindow &window = windows[*place];
		newest[*place] = row.integer(revision_column);
		const bool as_it_was =
		    row.boolean(deleted_now_column) && same_values(row, window.values) && row.maybe_integer(quality_column) == *window.quality;
		window.revision = newest[*place] + (as_it_was ? 0 : 1);
		return Flow::more;
	};
	co_await db.query(read_deleted(), std::move(ranges).parameters(), take);
}

namespace {

enum class Stored { nothing, perhaps };

/// Writes the windows, those with equal columns together; false if one of them was stored although nothing was to be.
Op<bool> write_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                    const std::vector<size_t> &which, Stored stored) {
	for (const auto &kind : by_kind(segments, windows, which)) {
		BarRows rows(segments, windows, kind);
		const auto shared = rows.shared();
		const NewBars bars {derived_bar_table(), shared, rows};
		bool written = true;
		if (stored == Stored::nothing)
			written = co_await insert_bars(db, bars);
		else
			co_await put_bars(db, bars);
		if (!written)
			co_return false;
	}
	co_return true;
}

} // namespace

Op<bool> bulk_insert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                          const std::vector<size_t> &which) {
	co_return co_await write_bars(db, segments, windows, which, Stored::nothing);
}

Op<void> upsert_bars(Database &db, const std::vector<Segment> &segments, const std::vector<ComputedWindow> &windows,
                     const std::vector<size_t> &which) {
	co_await write_bars(db, segments, windows, which, Stored::perhaps);
}

Op<std::vector<Timestamp>> soft_delete_live(Database &db, std::string_view symbol, const Grid &target, const TimeRange range,
                                            std::string_view reason) {
	std::vector<Timestamp> deleted;
	auto receive = [&](const Row &row) {
		deleted.push_back(row.timestamp(0));
		return Flow::more;
	};
	auto list = parameters(text_parameter(symbol), text_parameter(target.name()), timestamp_parameter(range.from),
	                       timestamp_parameter(range.to), text_parameter(reason));
	const uint64_t in_chunks = co_await db.rows_in_chunks();
	co_await db.query(in_chunks > 0 ? soft_delete_range_in_chunks() : soft_delete_range(), std::move(list), receive);
	co_return deleted;
}

Op<std::vector<BarPlace>> soft_delete_all(Database &db, const Segment &segment, const std::string &reason) {
	std::vector<BarPlace> places;
	RangeSet open;
	open.add({segment.from, segment.to});
	open.subtract(segment.sealed);
	for (const auto &range : open.ranges()) {
		const auto deleted = co_await soft_delete_live(db, segment.symbol, *segment.target, range, reason);
		for (const Timestamp start : deleted)
			places.push_back({0, start});
	}
	co_return places;
}

Op<void> soft_delete_bars(Database &db, const std::vector<Segment> &segments, const std::vector<BarPlace> &bars, const char *reason) {
	for (size_t next = 0; next < bars.size();) {
		// One statement for the windows of a segment.
		const size_t index = bars[next].segment;
		const Segment &segment = segments[index];
		const Timestamp from = bars[next].start;
		Timestamp last = from;
		std::vector<agg_cell> times;
		for (; next < bars.size() && bars[next].segment == index; ++next) {
			last = bars[next].start;
			times.push_back(cell(last));
		}
		auto list = parameters(text_parameter(segment.symbol), text_parameter(segment.target->name()), timestamp_parameter(from),
		                       timestamp_parameter(segment.target->next(last)), Parameter(AGG_TIMESTAMPTZ, std::move(times)),
		                       text_parameter(reason));
		const uint64_t in_chunks = co_await db.rows_in_chunks();
		co_await db.execute(in_chunks > 0 ? soft_delete_in_chunks() : soft_delete(), std::move(list));
	}
}

} // namespace aggregation
