#include "ops/bars/bar_writer.hpp"

#include "ops/boundary/subtransaction.hpp"

#include <optional>

namespace aggregation {

namespace {

/// Counts the rows on their way, and remembers the keys of the first and of the last one.
class WatchedRows : public RowSource {
public:
	explicit WatchedRows(const NewBars &bars) : bars_(bars) {
	}

	bool next(agg_cell *row) override {
		if (!bars_.rows.next(row))
			return false;
		last_ = {key(bars_.table.symbol, row), key(bars_.table.start, row)};
		if (count_++ == 0)
			first_ = last_;
		return true;
	}

	uint64_t count() const {
		return count_;
	}
	/// Symbols and starts.
	std::vector<Parameter> sample() const {
		std::vector<agg_cell> symbols {first_.symbol};
		std::vector<agg_cell> starts {first_.start};
		if (count_ > 1) {
			symbols.push_back(last_.symbol);
			starts.push_back(last_.start);
		}
		std::vector<Parameter> list;
		list.emplace_back(AGG_TEXT, std::move(symbols));
		list.emplace_back(AGG_TIMESTAMPTZ, std::move(starts));
		list.emplace_back(AGG_TEXT, key(bars_.table.timeframe, nullptr));
		return list;
	}

private:
	struct Key {
		agg_cell symbol;
		agg_cell start;
	};

	agg_cell key(size_t column, const agg_cell *row) const {
		const size_t varying = bars_.table.columns.varying();
		return column < varying ? row[column] : bars_.shared[column - varying];
	}

	const NewBars &bars_;
	uint64_t count_ = 0;
	Key first_ {};
	Key last_ {};
};

/// A trigger may swallow what is written. The statement then succeeds, and its count of rows tells.
void check_all_taken(const NewBars &bars, uint64_t given, uint64_t taken) {
	if (taken == given)
		return;
	throw Error(sqlstate::object_not_in_prerequisite_state,
	            std::string("table \"") + bars.table.relation + "\" took " + std::to_string(taken) + " of " + std::to_string(given) +
	                " bars",
	            "Look for a trigger on the table that discards rows, and remove it.", "The write was rolled back.");
}

/// What was written must be visible to an ordinary query: an extension may keep the table's rows elsewhere, and not have seen
/// ours. Two index probes for a bulk write.
Op<void> check_can_be_read(Database &db, const NewBars &bars, const WatchedRows &rows) {
	const int64_t wanted = rows.count() > 1 ? 2 : 1;
	int64_t found = 0;
	auto take = [&](const Row &row) {
		found = row.integer(0);
		return Flow::more;
	};
	const Statement statement {bars.table.relation, bars.table.count_stored.c_str(), {AGG_INT8}};
	auto sample = rows.sample();
	co_await db.query(statement, std::move(sample), take);
	if (found != wanted)
		throw Error(sqlstate::object_not_in_prerequisite_state,
		            std::string("bars that were written to table \"") + bars.table.relation + "\" cannot be read from it",
		            "Look for a trigger, or for an extension that keeps the table's rows elsewhere.",
		            "Of the first and the last of " + std::to_string(rows.count()) + " bars, " + std::to_string(found) +
		                " can be seen. The write was rolled back.");
}

} // namespace

Op<bool> insert_bars(Database &db, const NewBars &bars) {
	WatchedRows rows(bars);
	uint64_t taken = 0;
	const auto fault = co_await in_subtransaction(db, IfDone::keep, [&]() -> Op<void> {
		taken = co_await db.insert_rows(bars.table.relation, bars.table.columns, bars.shared, rows);
	});
	if (!fault) {
		check_all_taken(bars, rows.count(), taken);
		if (taken > 0)
			co_await check_can_be_read(db, bars, rows);
		co_return true;
	}
	if (fault->error().sqlstate != sqlstate::unique_violation)
		fault->raise();
	co_return false;
}

Op<void> put_bars(Database &db, const NewBars &bars) {
	WatchedRows rows(bars);
	const uint64_t taken = co_await db.put_rows(bars.table.relation, bars.table.columns, bars.shared, rows);
	check_all_taken(bars, rows.count(), taken);
}

} // namespace aggregation
