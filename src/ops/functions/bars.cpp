// agg_bars, agg_latest: bars for whoever wants to look at them, compute with them or draw them. Both are parts of somebody's query: the
// bars are read with the caller's rights, tasks and calendars, which say how bars are made, with those of the tables' owner.
//
// Rows go out by the thousand; what is not out yet never holds more than some thousand bars.
#include "ops/functions/functions.hpp"

#include "ops/boundary/row_buffer.hpp"
#include "ops/functions/too_many_windows.hpp"
#include "ops/reading/bar_reader.hpp"
#include "ops/reading/bars_as_of.hpp"
#include "ops/reading/visible_bars.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace aggregation {

namespace {

enum class Fill { none, null, close };

struct Asked {
	std::optional<Timestamp> from;
	std::optional<Timestamp> to;
	std::optional<int64_t> limit;
	Fill fill = Fill::none;
	bool forming = true;
	Timestamp now;
	bool as_of = false; // and not as they are now
};

/// Where the rows go.
class Output {
public:
	Output(Database &db, bool with_symbol) : db_(db), rows_(db, with_symbol ? columns + 1 : columns), with_symbol_(with_symbol) {
	}
	/// Rows from here on are those of this symbol, at most `most`.
	void begin(const std::string &symbol, std::optional<int64_t> most) {
		symbol_ = &symbol;
		left_ = most;
	}
	bool wants_more() const {
		return !left_ || *left_ > 0;
	}
	/// At most this many rows are wanted at once; then flush().
	int64_t room() const {
		constexpr int64_t most_at_once = 8'192;
		return std::min(most_at_once, left_.value_or(most_at_once));
	}
	void add(const BarRow &row) {
		if (!wants_more())
			return;
		if (left_)
			--*left_;
		const SourceBar &bar = row.bar;
		if (with_symbol_)
			rows_.add({cell(std::string_view(*symbol_))});
		rows_.add({cell(bar.start), cell(bar.open), cell(bar.high), cell(bar.low), cell(bar.close), cell(bar.vol), cell(bar.vwap),
		           cell(bar.trade_count), cell(row.quality), cell(name_of(row.state)), cell(row.revision)});
	}
	/// The stored bars of a range, none of which is anything but final.
	Op<void> add_final(const StoredRange &range) {
		co_await rows_.flush();
		const int64_t added = co_await put_out_stored(db_, range, with_symbol_, left_);
		if (left_)
			*left_ -= added;
	}
	bool full() const {
		return rows_.full();
	}
	Op<void> flush() {
		co_await rows_.flush();
	}

private:
	static constexpr size_t columns = 11;

	Database &db_;
	RowBuffer rows_;
	bool with_symbol_;
	const std::string *symbol_ = nullptr;
	std::optional<int64_t> left_;
};

/// Some bars of a stream.
class Some : public BarRowSink {
public:
	explicit Some(int64_t most) : most_(most) {
	}
	Flow take(const BarRow &row) override {
		rows.push_back(row);
		return full() ? Flow::enough : Flow::more;
	}
	bool full() const {
		return static_cast<int64_t>(rows.size()) >= most_;
	}
	std::vector<BarRow> rows;

private:
	int64_t most_;
};

/// Counts bars outside of the sessions.
class CountOutside : public BarRowSink {
public:
	explicit CountOutside(const Grid &bars) : bars_(bars), sessions_(bars.calendar()) {
	}
	Flow take(const BarRow &row) override {
		count += sessions_.touches(row.bar.start, bars_.next(bars_.floor(row.bar.start))) ? 0 : 1;
		return Flow::more;
	}
	int64_t count = 0;

private:
	const Grid &bars_;
	SessionScan sessions_;
};

/// The bars of one symbol.
class SymbolBars {
public:
	SymbolBars(Database &db, const Ladder &ladder, const Asked &asked, StoredBars &stored, Output &output)
	    : ladder_(ladder), bars_(ladder.bars()), asked_(asked), reader_(db, ladder, asked.now, stored), output_(output),
	      from_(asked.from.value_or(Timestamp::range_begin())), to_(end_of(asked, bars_)) {
	}
	/// Behind which nothing is read.
	static Timestamp end_of(const Asked &asked, const Grid &bars) {
		return std::min(asked.to.value_or(Timestamp::range_end()), asked.forming ? asked.now + Duration {1} : bars.floor(asked.now));
	}

	Op<void> put_out() {
		if (from_ >= to_)
			co_return;
		if (asked_.fill != Fill::none) {
			co_await put_out_filled();
			co_return;
		}
		if (asked_.limit && !asked_.from) {
			const auto newest = co_await reader_.newest(from_, to_, *asked_.limit);
			if (newest.kept) {
				for (auto row = newest.rows.rbegin(); row != newest.rows.rend(); ++row)
					output_.add(*row);
				co_return;
			}
			from_ = newest.first;
		}
		if (asked_.as_of || !reader_.all_stored_is_final()) {
			co_await put_out(from_, to_);
			co_return;
		}
		for (const auto &stretch : reader_.stretches(from_, to_)) {
			if (!output_.wants_more())
				break;
			if (stretch.computed)
				co_await put_out(stretch.from, stretch.to);
			else
				co_await output_.add_final({ladder_.symbol, &bars_, stretch.from, stretch.to});
		}
	}

private:
	Op<void> put_out(Timestamp from, Timestamp to) {
		while (output_.wants_more()) {
			Some some(output_.room());
			co_await reader_.read(from, to, some);
			for (const auto &row : some.rows)
				output_.add(row);
			if (output_.full())
				co_await output_.flush();
			if (!some.full())
				break;
			from = some.rows.back().bar.start + Duration {1};
		}
	}
	/// What the filled rows begin with: nothing before the first bar, unless the caller says from when on.
	Op<bool> begin_filled() {
		if (asked_.from && *asked_.from > Timestamp::range_begin()) {
			from_ = bars_.ceil(from_);
			co_return true;
		}
		Some first(1);
		co_await reader_.read(from_, to_, first);
		if (first.rows.empty())
			co_return false;
		from_ = bars_.floor(first.rows.front().bar.start);
		co_return true;
	}
	/// Leaves the newest windows that touch a session, as many as are asked for.
	void keep_newest() {
		int64_t windows = 0;
		Timestamp begin = bars_.ceil(to_);
		while (begin > from_ && windows < *asked_.limit) {
			begin = bars_.after(begin, -1);
			windows += SessionScan(bars_.calendar()).touches(begin, bars_.next(begin)) ? 1 : 0;
		}
		from_ = std::max(from_, begin);
	}
	Op<void> put_out_filled() {
		const bool any = co_await begin_filled();
		if (!any || from_ >= to_)
			co_return;
		refuse_too_many_windows(bars_, shortened(named(ladder_.symbol)), from_, to_);
		int64_t left_out = 0;
		if (asked_.limit && !asked_.from) {
			keep_newest();
			CountOutside outside(bars_);
			if (bars_.calendar() != nullptr)
				co_await reader_.read(from_, to_, outside);
			left_out = outside.count;
		}
		std::optional<double> close;
		if (asked_.fill == Fill::close) {
			const auto before = co_await reader_.newest(Timestamp::range_begin(), from_, 1);
			if (before.found > 0)
				close = before.rows.front().bar.close;
		}
		SessionScan sessions(bars_.calendar());
		Timestamp window = from_;
		bool more = true;
		while (more && output_.wants_more()) {
			Some some(output_.room() + left_out);
			co_await reader_.read(from_, to_, some);
			more = some.full();
			for (size_t i = 0; i <= some.rows.size(); ++i) {
				const bool at_end = i == some.rows.size();
				if (at_end && more)
					break;
				const Timestamp until = at_end ? to_ : some.rows[i].bar.start;
				for (; bars_.next(window) <= until || (at_end && window < until); window = bars_.next(window)) {
					if (!output_.wants_more())
						co_return;
					if (!sessions.touches(window, bars_.next(window)))
						continue;
					const BarRow filled {
					    .bar = {window, close, close, close, close, {}, {}, {}}, .quality = {}, .state = BarState::filled, .revision = {}};
					if (left_out > 0)
						--left_out;
					else
						output_.add(filled);
					if (output_.full())
						co_await output_.flush();
				}
				if (at_end)
					break;
				const BarRow &row = some.rows[i];
				if (asked_.fill == Fill::close)
					close = row.bar.close;
				window = std::max(window, bars_.next(bars_.floor(row.bar.start)));
				if (left_out > 0)
					--left_out;
				else
					output_.add(row);
				if (output_.full())
					co_await output_.flush();
			}
			if (more)
				from_ = some.rows.back().bar.start + Duration {1};
		}
	}

	const Ladder &ladder_;
	const Grid &bars_;
	const Asked &asked_;
	BarReader reader_;
	Output &output_;
	Timestamp from_;
	Timestamp to_;
};

Fill fill_of(const std::string &word, const std::string &subject) {
	if (word == "none")
		return Fill::none;
	if (word == "null")
		return Fill::null;
	if (word == "close")
		return Fill::close;
	throw Error(sqlstate::invalid_parameter_value, "p_fill must be none, null or close, not \"" + shortened(word) + "\" (" + subject + ")",
	            "none leaves out windows without a bar, null gives a row without prices, close one with the last close.");
}

/// Of p_symbol or p_symbols, each once.
std::vector<std::string> symbols_of(const Arguments &arguments) {
	if (arguments.has("p_symbol"))
		return {arguments.text("p_symbol")};
	std::vector<std::string> symbols;
	std::set<std::string> known;
	for (auto &symbol : arguments.texts("p_symbols")) {
		if (known.insert(symbol).second)
			symbols.push_back(std::move(symbol));
	}
	return symbols;
}

Timestamp clock_of(const Database &db, const Arguments &arguments) {
	return arguments.maybe_timestamp("p_now_utc").value_or(db.clock());
}

Op<void> put_out_symbol(Database &db, const Ladder &ladder, const Asked &asked, StoredBars &stored, Output &output) {
	output.begin(ladder.symbol, asked.limit);
	SymbolBars bars(db, ladder, asked, stored, output);
	co_await bars.put_out();
}

/// The bars as they were.
Op<void> put_out_as_of(Database &db, const std::vector<std::string> symbols, const std::string timeframe, const Asked asked, Timestamp time,
                       Output &output) {
	const auto as_of = co_await read_as_of(db, symbols, time);
	auto ladders = co_await read_ladders_as_of(db, symbols, timeframe, as_of);
	const bool some_rows_only = co_await sees_some_rows_only(db);
	BarsAsOf stored(db, as_of, some_rows_only);
	for (auto &ladder : ladders) {
		co_await stored.find_unfinished(ladder);
		co_await put_out_symbol(db, ladder, asked, stored, output);
	}
	co_await output.flush();
}

/// Fetches what the newest bars of many symbols are made of, in a few statements for all of them.
Op<void> fetch_newest(Database &db, std::span<const Ladder> ladders, const Asked &asked, StoredBars &stored) {
	std::vector<StoredRange> ranges;
	std::vector<std::pair<size_t, size_t>> places; // of each ladder in `ranges`
	for (const auto &ladder : ladders) {
		const BarReader reader(db, ladder, asked.now, stored);
		const auto foreseen = reader.foreseen(SymbolBars::end_of(asked, ladder.bars()));
		places.emplace_back(ranges.size(), ranges.size() + foreseen.size());
		ranges.insert(ranges.end(), foreseen.begin(), foreseen.end());
	}
	co_await stored.fetch(ranges);
	std::vector<StoredRange> below;
	for (size_t i = 0; i < ladders.size(); ++i) {
		const std::span<const StoredRange> read(ranges.data() + places[i].first, ranges.data() + places[i].second);
		if (!std::all_of(read.begin(), read.end(), [&](const StoredRange &range) { return stored.surely_empty(range); }))
			continue;
		const BarReader reader(db, ladders[i], asked.now, stored);
		if (const auto range = reader.foreseen_below(SymbolBars::end_of(asked, ladders[i].bars())))
			below.push_back(*range);
	}
	co_await stored.fetch_newest(below);
}

} // namespace

Op<Answer> agg_bars(Database &db, Arguments arguments) {
	const auto symbols = symbols_of(arguments);
	const std::string timeframe = arguments.text("p_timeframe");
	const std::string subject = (arguments.has("p_symbol") ? shortened(named(symbols.front())) + "/" : "") + shortened(timeframe);
	arguments.concern(subject);
	Asked asked {.from = arguments.maybe_bound("p_from"),
	             .to = arguments.maybe_bound("p_to"),
	             .limit = arguments.maybe_integer("p_limit"),
	             .fill = fill_of(arguments.text("p_fill"), subject),
	             .forming = arguments.boolean("p_forming"),
	             .now = clock_of(db, arguments)};
	if (const auto as_of = arguments.maybe_timestamp("p_as_of")) {
		asked.as_of = true;
		asked.forming = false; // nobody knows what was there of it
		asked.now = arguments.maybe_timestamp("p_now_utc").value_or(*as_of);
	}
	if (asked.limit)
		arguments.check_positive("p_limit", "Pass NULL for all bars.");
	if (asked.from && asked.to && *asked.to < *asked.from)
		throw Error(sqlstate::invalid_parameter_value,
		            "p_to " + to_iso8601(*asked.to) + " lies before p_from " + to_iso8601(*asked.from) + " (" + subject + ")",
		            "Swap them.");
	Output output(db, arguments.has("p_symbols"));
	if (const auto as_of = arguments.maybe_timestamp("p_as_of")) {
		co_await put_out_as_of(db, symbols, timeframe, asked, *as_of, output);
		co_return Answer::rows();
	}
	const auto ladders = co_await read_ladders(db, symbols, timeframe, asked.from.value_or(Timestamp::minus_infinity()), asked.now);
	StoredBars stored(db);
	for (const auto &ladder : ladders)
		co_await put_out_symbol(db, ladder, asked, stored, output);
	co_await output.flush();
	co_return Answer::rows();
}

Op<Answer> agg_latest(Database &db, Arguments arguments) {
	const auto symbols = symbols_of(arguments);
	const std::string timeframe = arguments.text("p_timeframe");
	arguments.concern(shortened(timeframe));
	const Asked asked {
	    .from = {}, .to = {}, .limit = 1, .fill = Fill::none, .forming = arguments.boolean("p_forming"), .now = clock_of(db, arguments)};
	const auto ladders = co_await read_ladders(db, symbols, timeframe, Timestamp::minus_infinity(), asked.now);
	Output output(db, true);
	constexpr size_t at_once = 1'000; // symbols
	for (std::span<const Ladder> left(ladders); !left.empty();) {
		const auto some = left.first(std::min(at_once, left.size()));
		left = left.subspan(some.size());
		StoredBars stored(db);
		co_await fetch_newest(db, some, asked, stored);
		for (const auto &ladder : some)
			co_await put_out_symbol(db, ladder, asked, stored, output);
	}
	co_await output.flush();
	co_return Answer::rows();
}

} // namespace aggregation
