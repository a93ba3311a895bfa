#include "ops/marks/dirty_ranges.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/boundary/worth_asking.hpp"

#include <array>
#include <numeric>
#include <string_view>

namespace aggregation {

namespace {

const Statement &look_at_task() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "SELECT 1 FROM @agg_dirty_ranges d WHERE d.canonical_symbol = $1::text AND d.timeframe = $2::text LIMIT 1",
	    {AGG_INT4}};
	return statement;
}

#define AGG_DELETE_TAKEN "taken WHERE d.ctid = taken.place RETURNING taken.ord, d.from_utc, d.to_utc, d.row_count, d.due"
#define AGG_TAKEN_TYPES AGG_INT8, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_INT8, AGG_TEXT

#define AGG_SIDE(which, order)                                                                                                             \
	"SELECT m.place, t.ord FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, cursor, ord) "   \
	"CROSS JOIN LATERAL (SELECT c.ctid AS place FROM @agg_dirty_ranges c WHERE c.canonical_symbol = t.symbol "                             \
	"AND c.timeframe = t.timeframe AND " which " ORDER BY c.from_utc " order " LIMIT $4::int8 FOR UPDATE SKIP LOCKED) m"

// What lies before the cursors and what a run may pass are limited apart: the one must not keep the other waiting.
const Statement &take() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "DELETE FROM @agg_dirty_ranges d USING (" AGG_SIDE("c.from_utc < t.cursor", "DESC") " UNION ALL " AGG_SIDE(
	        "c.from_utc >= t.cursor", "ASC") ") " AGG_DELETE_TAKEN,
	    {AGG_TAKEN_TYPES}};
	return statement;
}

const Statement &take_reasons() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "DELETE FROM @agg_dirty_ranges d USING (" AGG_SIDE("c.from_utc < t.cursor AND c.due <> 'next_run'", "DESC") ") " AGG_DELETE_TAKEN,
	    {AGG_TAKEN_TYPES}};
	return statement;
}

// The marks that new ones touch: of each the last one that begins at or before its end. (Others that lie in it are covered by it soon.)
const Statement &take_touching() {
	static const Statement statement {
	    "agg_dirty_ranges",
	    "DELETE FROM @agg_dirty_ranges d USING (SELECT m.place, t.ord FROM unnest($1::text[], $2::text[], $3::timestamptz[], "
	    "$4::timestamptz[]) WITH ORDINALITY AS t(symbol, timeframe, from_utc, to_utc, ord) CROSS JOIN LATERAL (SELECT c.ctid AS place, c.to_utc "
	    "FROM @agg_dirty_ranges c WHERE c.canonical_symbol = t.symbol AND c.timeframe = t.timeframe AND c.from_utc <= t.to_utc "
	    "ORDER BY c.from_utc DESC LIMIT 1 FOR UPDATE SKIP LOCKED) m WHERE m.to_utc >= t.from_utc) " AGG_DELETE_TAKEN,
	    {AGG_TAKEN_TYPES}};
	return statement;
}

const Statement &insert() {
	static const Statement statement {
	    "agg_dirty_ranges", "INSERT INTO @agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc, row_count, due) "
	                        "SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::int8[], $6::text[])"};
	return statement;
}

const Statement &hold_covering() {
	static const Statement statement {"agg_dirty_ranges",
	                                  R"sql(
SELECT t.ord
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[]) WITH ORDINALITY
	AS t(symbol, timeframe, from_utc, to_utc, due, ord)
CROSS JOIN LATERAL (
	SELECT c.ctid AS place
	FROM @agg_dirty_ranges c
	WHERE c.canonical_symbol = t.symbol
		AND c.timeframe = t.timeframe
		AND c.from_utc <= t.from_utc
	ORDER BY c.from_utc DESC
	LIMIT 1
) near
JOIN @agg_dirty_ranges d ON d.ctid = near.place
	AND d.to_utc >= t.to_utc
	AND d.due IN (t.due, 'now')
FOR KEY SHARE OF d SKIP LOCKED)sql",
	                                  {AGG_INT8}};
	return statement;
}

const Statement &take_refused() {
	static const Statement statement {"agg_refused_ranges",
	                                  "DELETE FROM @agg_refused_ranges r WHERE r.canonical_symbol = $1::text AND r.timeframe = $2::text "
	                                  "RETURNING r.from_utc, r.to_utc, r.row_count",
	                                  {AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_INT8}};
	return statement;
}

const Statement &take_refused_touching() {
	static const Statement statement {
	    "agg_refused_ranges",
	    "DELETE FROM @agg_refused_ranges r USING unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY "
	    "AS t(symbol, timeframe, from_utc, to_utc, ord) WHERE r.canonical_symbol = t.symbol AND r.timeframe = t.timeframe "
	    "AND r.from_utc < t.to_utc AND r.to_utc > t.from_utc RETURNING t.ord, r.from_utc, r.to_utc, r.row_count",
	    {AGG_INT8, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_INT8},
	    Planning::by_statistics};
	return statement;
}

const Statement &insert_refused() {
	static const Statement statement {"agg_refused_ranges",
	                                  "INSERT INTO @agg_refused_ranges (canonical_symbol, timeframe, from_utc, to_utc, row_count) "
	                                  "SELECT $1::text, $2::text, n.* FROM unnest($3::timestamptz[], $4::timestamptz[], $5::int8[]) AS n"};
	return statement;
}

} // namespace

RangeSet DirtyRanges::all() const {
	RangeSet both = now;
	both.add(next_run);
	return both;
}

void DirtyRanges::add(const DirtyRanges &other) {
	now.add(other.now);
	next_run.add(other.next_run);
}

namespace {

/// The kinds of marks: how the column `due` calls each, and where it is kept.
struct MarkKind {
	const char *due;
	RangeSet DirtyRanges::*ranges;
};
constexpr std::array<MarkKind, 2> mark_kinds {{{"now", &DirtyRanges::now}, {"next_run", &DirtyRanges::next_run}}};

/// Any other word counts as the more urgent one.
RangeSet &ranges_called(DirtyRanges &ranges, std::string_view due) {
	return due == "next_run" ? ranges.next_run : ranges.now;
}

void take_row(const Row &row, DirtyRanges &ranges) {
	ranges_called(ranges, row.text(4)).add({row.timestamp(1), row.timestamp(2), row.maybe_integer(3).value_or(0)});
}

std::vector<Parameter> of_tasks(const std::vector<TaskKey> &keys, const std::vector<Timestamp> &cursors, const std::vector<size_t> &tasks,
                                int64_t most) {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> cells;
	for (const size_t task : tasks) {
		symbols.push_back(cell(std::string_view(keys[task].symbol)));
		timeframes.push_back(cell(std::string_view(keys[task].timeframe)));
		cells.push_back(cell(cursors.at(task)));
	}
	return parameters(Parameter(AGG_TEXT, std::move(symbols)), Parameter(AGG_TEXT, std::move(timeframes)),
	                  Parameter(AGG_TIMESTAMPTZ, std::move(cells)), Parameter(AGG_INT8, cell(most)));
}

} // namespace

Op<bool> is_dirty(Database &db, const TaskKey &key) {
	bool found = false;
	auto see = [&](const Row &) {
		found = true;
		return Flow::enough;
	};
	co_await db.query(look_at_task(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe)), see);
	co_return found;
}

Op<std::vector<TakenMarks>> take_dirty(Database &db, const std::vector<TaskKey> &keys, const std::vector<Timestamp> &cursors,
                                       int64_t most) {
	std::vector<TakenMarks> taken(keys.size());
	const bool any = co_await worth_asking(db, "agg_dirty_ranges", keys.size());
	if (!any)
		co_return taken;
	std::vector<int64_t> reasons(keys.size()); // to run, before the cursor
	std::vector<int64_t> others(keys.size());
	std::vector<size_t> asked(keys.size());
	std::iota(asked.begin(), asked.end(), size_t {0});
	auto receive = [&](const Row &row) {
		const size_t task = asked.at(static_cast<size_t>(row.integer(0) - 1));
		take_row(row, taken[task].ranges);
		if (row.timestamp(1) < cursors.at(task))
			++(row.text(4) == "next_run" ? others : reasons)[task];
		return Flow::more;
	};
	co_await db.query(take(), of_tasks(keys, cursors, asked, most), receive);
	// What is no reason to run must not keep what is one from being taken.
	std::erase_if(asked, [&](size_t task) { return others[task] == 0 || others[task] + reasons[task] < most; });
	if (!asked.empty())
		co_await db.query(take_reasons(), of_tasks(keys, cursors, asked, most), receive);
	for (size_t i = 0; i < taken.size(); ++i)
		taken[i].reasons_left = reasons[i] >= most;
	co_return taken;
}

namespace {

/// Marks as the columns of their table.
struct MarkColumns {
	std::vector<agg_cell> symbols;
	std::vector<agg_cell> timeframes;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	std::vector<agg_cell> rows;
	std::vector<agg_cell> due;

	void add(const TaskKey &key, const TimeRange &range, const char *is_due) {
		symbols.push_back(cell(std::string_view(key.symbol)));
		timeframes.push_back(cell(std::string_view(key.timeframe)));
		from.push_back(cell(range.from));
		to.push_back(cell(range.to));
		rows.push_back(cell(range.rows));
		due.push_back(cell(std::string_view(is_due)));
	}
};

/// One mark of one range.
struct SingleMark {
	const TaskKey *key;
	TimeRange range;
	const char *due;
};

std::vector<SingleMark> single_marks(const std::vector<TaskMark> &marks) {
	std::vector<SingleMark> list;
	for (const auto &mark : marks) {
		for (const auto &kind : mark_kinds) {
			for (const auto &range : (mark.ranges.*kind.ranges).ranges())
				list.push_back({mark.key, range, kind.due});
		}
	}
	return list;
}

Op<void> store(Database &db, const std::vector<SingleMark> &marks) {
	if (marks.empty())
		co_return;
	MarkColumns columns;
	for (const auto &mark : marks)
		columns.add(*mark.key, mark.range, mark.due);
	auto list = parameters(Parameter(AGG_TEXT, std::move(columns.symbols)), Parameter(AGG_TEXT, std::move(columns.timeframes)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(columns.from)), Parameter(AGG_TIMESTAMPTZ, std::move(columns.to)),
	                       Parameter(AGG_INT8, std::move(columns.rows)), Parameter(AGG_TEXT, std::move(columns.due)));
	co_await db.execute(insert(), std::move(list));
}

} // namespace

Op<void> mark_dirty(Database &db, const std::vector<TaskMark> &marks) {
	const auto list = single_marks(marks);
	co_await store(db, list);
}

Op<void> mark_uncovered(Database &db, std::vector<TaskMark> marks) {
	auto list = single_marks(marks);
	if (list.empty())
		co_return;
	const bool any = co_await worth_asking(db, "agg_dirty_ranges", list.size());
	if (any) {
		MarkColumns columns;
		for (const auto &mark : list)
			columns.add(*mark.key, mark.range, mark.due);
		std::vector<bool> covered(list.size());
		auto receive = [&](const Row &row) {
			covered.at(static_cast<size_t>(row.integer(0) - 1)) = true;
			return Flow::more;
		};
		auto cells = parameters(Parameter(AGG_TEXT, std::move(columns.symbols)), Parameter(AGG_TEXT, std::move(columns.timeframes)),
		                        Parameter(AGG_TIMESTAMPTZ, std::move(columns.from)), Parameter(AGG_TIMESTAMPTZ, std::move(columns.to)),
		                        Parameter(AGG_TEXT, std::move(columns.due)));
		co_await db.query(hold_covering(), std::move(cells), receive);
		std::vector<SingleMark> uncovered;
		for (size_t i = 0; i < list.size(); ++i) {
			if (!covered[i])
				uncovered.push_back(list[i]);
		}
		list = std::move(uncovered);
	}
	co_await store(db, list);
}

Op<void> merge_dirty(Database &db, std::vector<TaskMark> marks) {
	constexpr size_t most_at_once = 1000;
	std::vector<size_t> owners; // of the columns' rows
	MarkColumns columns;
	for (size_t i = 0; i < marks.size(); ++i) {
		for (const auto &kind : mark_kinds) {
			RangeSet &ranges = marks[i].ranges.*kind.ranges;
			ranges.coarsen(most_at_once);
			for (const auto &range : ranges.ranges()) {
				columns.add(*marks[i].key, range, kind.due);
				owners.push_back(i);
			}
		}
	}
	if (owners.empty())
		co_return;
	const bool any = co_await worth_asking(db, "agg_dirty_ranges", owners.size());
	if (any) {
		auto receive = [&](const Row &row) {
			take_row(row, marks[owners.at(static_cast<size_t>(row.integer(0) - 1))].ranges);
			return Flow::more;
		};
		auto list = parameters(Parameter(AGG_TEXT, std::move(columns.symbols)), Parameter(AGG_TEXT, std::move(columns.timeframes)),
		                       Parameter(AGG_TIMESTAMPTZ, std::move(columns.from)), Parameter(AGG_TIMESTAMPTZ, std::move(columns.to)));
		co_await db.query(take_touching(), std::move(list), receive);
	}
	co_await mark_dirty(db, marks);
}

namespace {

Op<void> store_refused(Database &db, const TaskKey &key, const RangeSet &refused) {
	if (refused.empty())
		co_return;
	std::vector<agg_cell> from;
	std::vector<agg_cell> to;
	std::vector<agg_cell> rows;
	for (const auto &range : refused.ranges()) {
		from.push_back(cell(range.from));
		to.push_back(cell(range.to));
		rows.push_back(cell(range.rows));
	}
	auto list = parameters(text_parameter(key.symbol), text_parameter(key.timeframe), Parameter(AGG_TIMESTAMPTZ, std::move(from)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(to)), Parameter(AGG_INT8, std::move(rows)));
	co_await db.execute(insert_refused(), std::move(list));
}

} // namespace

Op<void> list_refused(Database &db, const TaskKey &key, const RangeSet &refused) {
	RangeSet all = refused;
	auto receive = [&](const Row &row) {
		all.add({row.timestamp(0), row.timestamp(1), row.maybe_integer(2).value_or(0)});
		return Flow::more;
	};
	co_await db.query(take_refused(), parameters(text_parameter(key.symbol), text_parameter(key.timeframe)), receive);
	co_await store_refused(db, key, all);
}

Op<std::vector<RangeSet>> forget_refused(Database &db, const std::vector<TaskMark> &looked_at) {
	std::vector<size_t> owners; // of the columns' rows
	MarkColumns columns;
	for (size_t i = 0; i < looked_at.size(); ++i) {
		const RangeSet windows = looked_at[i].ranges.all();
		for (const auto &range : windows.ranges()) {
			columns.add(*looked_at[i].key, range, "");
			owners.push_back(i);
		}
	}
	std::vector<RangeSet> listed(looked_at.size());
	auto receive = [&](const Row &row) {
		listed[owners.at(static_cast<size_t>(row.integer(0) - 1))].add(
		    {row.timestamp(1), row.timestamp(2), row.maybe_integer(3).value_or(0)});
		return Flow::more;
	};
	auto list = parameters(Parameter(AGG_TEXT, std::move(columns.symbols)), Parameter(AGG_TEXT, std::move(columns.timeframes)),
	                       Parameter(AGG_TIMESTAMPTZ, std::move(columns.from)), Parameter(AGG_TIMESTAMPTZ, std::move(columns.to)));
	co_await db.query(take_refused_touching(), std::move(list), receive);
	for (size_t i = 0; i < looked_at.size(); ++i) {
		RangeSet beside = listed[i];
		beside.subtract(looked_at[i].ranges.all());
		co_await store_refused(db, *looked_at[i].key, beside);
		listed[i].subtract(beside);
	}
	co_return std::move(listed);
}

} // namespace aggregation
