#include "ops/marks/change_log.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/marks/dirty_ranges.hpp"
#include "ops/marks/parts_elsewhere.hpp"
#include "ops/tasks/calendars.hpp"
#include "ops/tasks/indexes.hpp"
#include "ops/tasks/task_columns.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

namespace aggregation {

namespace {

constexpr int64_t log_rows_at_once = 1000;

const Statement &take_entries() {
	static const Statement statement {
	    "agg_change_log",
	    "WITH gone AS (DELETE FROM @agg_change_log l WHERE l.ctid = ANY (ARRAY(SELECT c.ctid FROM @agg_change_log c LIMIT $1::int8 FOR UPDATE "
	    "SKIP LOCKED)) RETURNING l.symbols, l.from_utc, l.to_utc, l.row_counts) "
	    "SELECT u.symbol, u.from_utc, u.to_utc, u.row_count FROM gone AS l " AGG_LOGGED_ENTRIES,
	    {AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_INT8}};
	return statement;
}

const Statement &tasks_that_read() {
	static const Statement statement {
	    "data_agg_state",
	    "SELECT t.ord, s.timeframe, s.agg_start_utc, s.last_agg_bar_ts_utc, COALESCE(s.status = 'running', false), s.calendar FROM unnest($1::text[]) "
	    "WITH ORDINALITY AS t(symbol, ord) JOIN @data_agg_state s ON s.canonical_symbol = t.symbol WHERE " AGG_SOURCE_TIMEFRAME(
	        "s.") " = '1m'",
	    {AGG_INT8, AGG_TEXT, AGG_TIMESTAMPTZ, AGG_TIMESTAMPTZ, AGG_BOOL, AGG_TEXT}};
	return statement;
}

/// A task that reads 1m bars.
struct Reader {
	TaskKey key;
	Grid target;
	Timestamp cursor; // where it goes on
	bool claimed;     // a worker outside the database may be reading for it
};

Op<int64_t> take_log(Database &db, ChangeSet &changes) {
	int64_t entries = 0;
	auto receive = [&](const Row &row) {
		++entries;
		if (!row.is_null(0) && !row.is_null(1) && !row.is_null(2))
			changes.add_range(row.text(0), {row.timestamp(1), row.timestamp(2), row.maybe_integer(3).value_or(0)});
		return Flow::more;
	};
	co_await db.query(take_entries(), parameters(Parameter(AGG_INT8, cell(log_rows_at_once))), receive);
	co_return entries;
}

Timestamp finite(const std::optional<Timestamp> &time, Timestamp otherwise) {
	return std::clamp(time.value_or(otherwise), Timestamp::range_begin(), Timestamp::range_end());
}

Op<std::deque<Reader>> readers_of(Database &db, const std::vector<std::string> &symbols) {
	struct Found {
		TaskKey key;
		std::optional<Timestamp> start;
		std::optional<Timestamp> cursor;
		bool claimed;
		std::optional<std::string> calendar;
	};
	std::vector<Found> found;
	std::set<std::string> names;
	auto receive = [&](const Row &row) {
		found.push_back({{symbols.at(static_cast<size_t>(row.integer(0) - 1)), std::string(row.text(1))},
		                 row.maybe_timestamp(2),
		                 row.maybe_timestamp(3),
		                 row.boolean(4),
		                 row.maybe_text(5)});
		if (found.back().calendar)
			names.insert(*found.back().calendar);
		return Flow::more;
	};
	const Statement statement = for_keys(tasks_that_read(), symbols.size());
	co_await db.query(statement, parameters(text_array(symbols)), receive);
	const auto calendars = co_await read_calendars(db, names);
	std::deque<Reader> readers;
	for (auto &task : found) {
		const auto timeframe = Timeframe::parse(task.key.timeframe);
		const auto calendar = calendars.find(task.calendar);
		if (!timeframe || !calendar)
			continue; // it cannot run, so it has derived nothing
		const Grid target(*timeframe, *calendar);
		const Timestamp start = target.ceil(finite(task.start, default_start));
		const Timestamp cursor = target.ceil(finite(task.cursor, start));
		readers.push_back({std::move(task.key), target, std::max(start, cursor), task.claimed});
	}
	co_return readers;
}

enum class Unread { dropped, kept };

/// Marks what a change means for a task. What is not before the cursor may be dropped where the run that gets there will read it.
void note(const Reader &reader, const TimeRange &change, Unread unread, DirtyRanges &marks) {
	const Timestamp from = reader.target.floor(change.from);
	const Timestamp to = reader.target.ceil(change.to);
	if (from < reader.cursor) {
		// Of a range across the cursor no more rows can be late than it has minutes before the cursor.
		const int64_t minutes = (std::min(change.to, reader.cursor) - change.from).us / Duration::minutes(1).us;
		marks.now.add({from, std::min(to, reader.cursor), std::min(change.rows, minutes)});
	}
	if (to > reader.cursor && unread == Unread::kept)
		marks.now.add({std::max(from, reader.cursor), to, 0});
}

/// The same for what of the change does not lie in `read`. No part has more rows than minutes.
void note_rest(const Reader &reader, const TimeRange &change, const RangeSet &read, DirtyRanges &marks) {
	RangeSet rest;
	rest.add(change);
	rest.subtract(read);
	for (const auto &part : rest.ranges()) {
		const int64_t minutes = (part.to - part.from).us / Duration::minutes(1).us;
		note(reader, {part.from, part.to, std::min(part.rows, minutes)}, Unread::kept, marks);
	}
}

enum class Whose { others, own };

/// `read`: see mark_own_changes().
Op<bool> mark_changes(Database &db, const ChangeSet &changes, Whose whose, const std::vector<ReadSince> &read) {
	const auto list = changes.list();
	const auto indexes = co_await read_indexes(db);
	const bool told = co_await tell_other_groups(db, list, indexes);
	std::vector<std::string> symbols;
	std::map<std::string, RangeSet> of_indexes; // what changes by way of their parts
	for (const auto &change : list) {
		if (symbols.empty() || symbols.back() != *change.symbol)
			symbols.push_back(*change.symbol);
		for (const auto &index : indexes.made_of(*change.symbol))
			of_indexes[index.symbol].add({change.range.from, change.range.to + index.reach, change.range.rows});
	}
	const std::set<std::string_view> changed(symbols.begin(), symbols.end());
	std::vector<std::string> others_made_of;
	for (const auto &[index, ranges] : of_indexes) {
		if (!changed.contains(index))
			others_made_of.push_back(index);
	}
	symbols.insert(symbols.end(), others_made_of.begin(), others_made_of.end());
	// In this order: see change_log.hpp.
	const Derivers others = co_await db.others_deriving();
	const auto readers = co_await readers_of(db, symbols);

	std::unordered_map<std::string_view, std::vector<const Reader *>> by_symbol;
	for (const auto &reader : readers)
		by_symbol[reader.key.symbol].push_back(&reader);
	std::map<TaskKey, const RangeSet *> read_of;
	for (const auto &task : read)
		read_of.emplace(task.key, &task.windows);
	const auto note_for = [&](const Reader &reader, const TimeRange &change, Unread unread, DirtyRanges &marks) {
		const auto known = read_of.empty() ? read_of.end() : read_of.find(reader.key);
		if (known == read_of.end())
			note(reader, change, unread, marks);
		else
			note_rest(reader, change, *known->second, marks);
	};
	std::unordered_map<const Reader *, DirtyRanges> marked;
	for (const auto &change : list) {
		const auto found = by_symbol.find(*change.symbol);
		if (found == by_symbol.end())
			continue;
		for (const Reader *reader : found->second) {
			DirtyRanges marks;
			const bool certain = !others.any && !reader->claimed && whose == Whose::others;
			note_for(*reader, change.range, certain ? Unread::dropped : Unread::kept, marks);
			if (marks.empty())
				continue;
			marked[reader].add(marks);
		}
	}
	for (const auto &[index, ranges] : of_indexes) {
		for (const Reader *reader : by_symbol[index]) {
			for (const auto &range : ranges.ranges())
				note_for(*reader, range, Unread::kept, marked[reader]);
		}
	}
	std::vector<TaskMark> marks;
	marks.reserve(marked.size());
	for (auto &[reader, ranges] : marked)
		marks.push_back({&reader->key, std::move(ranges)});
	co_await merge_dirty(db, std::move(marks));
	co_return told;
}

} // namespace

Op<bool> absorb_changes(Database &db) {
	bool told_others = false;
	if (db.snapshot() == Database::Snapshot::of_transaction)
		co_return told_others;
	const bool settled = co_await rules_are_settled(db);
	if (!settled)
		co_return told_others;
	// Before it looks for tasks: a run of one that it cannot see then knows that it may not be told of the changes.
	if (db.has_own_changes())
		co_await db.begin_absorbing_own();
	const std::vector<ReadSince> none_read;
	for (;;) {
		ChangeSet changes;
		const int64_t entries = co_await take_log(db, changes);
		const Whose whose = db.has_own_changes() ? Whose::own : Whose::others;
		if (!changes.empty()) {
			const bool told = co_await mark_changes(db, changes, whose, none_read);
			told_others = told_others || told;
		}
		if (entries < log_rows_at_once)
			co_return told_others;
	}
}

Op<void> mark_own_changes(Database &db, const ChangeSet &changes, const std::vector<ReadSince> &read) {
	if (changes.empty())
		co_return;
	co_await db.begin_absorbing_own(); // as in absorb_changes()
	co_await mark_changes(db, changes, Whose::own, read);
}

} // namespace aggregation
