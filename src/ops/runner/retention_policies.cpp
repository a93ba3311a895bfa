#include "ops/runner/retention_policies.hpp"

#include "core/failure.hpp"
#include "ops/bars/sealed_ranges.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/runner/kept_bars.hpp"
#include "ops/runner/policy_rows.hpp"
#include "ops/runner/retention_bounds.hpp"
#include "ops/runner/whole_partitions.hpp"
#include "ops/tasks/tasks.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace aggregation {

namespace {

/// Bounds a step: the length of its transaction, and how many tasks it keeps from being run meanwhile.
constexpr int64_t most_rows = 50'000;
constexpr size_t most_symbols = 200;

constexpr Duration between_looks = Duration::minutes(60);
constexpr Duration after_failure = Duration::minutes(10);
constexpr Duration while_others_work = Duration::minutes(1);

// clang-format off

const Statement &claim_policy() {
	static const Statement statement {"agg_retention", R"sql(
SELECT r.canonical_symbol, r.timeframe, (EXTRACT(epoch FROM r.keep) * 1000000)::int8, r.at_symbol
FROM @agg_retention r
WHERE r.next_look_at <= $1::timestamptz AND r.shards = $2::text
ORDER BY r.next_look_at, r.timeframe, r.canonical_symbol
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED)sql",
		{AGG_TEXT, AGG_TEXT, AGG_INT8, AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

// A pass over the symbols begins its count anew.
const Statement &note_step() {
	static const Statement statement {"agg_retention", R"sql(
UPDATE @agg_retention r
SET next_look_at = $3::timestamptz, at_symbol = $4::text, rows_removed = r.rows_removed + $5::int8, looked_at = $6::timestamptz, last_error = NULL, failing_since = NULL,
	waiting_symbols = CASE WHEN r.at_symbol IS NULL THEN 0 ELSE r.waiting_symbols END + $7::int8,
	waits_for = COALESCE(CASE WHEN r.at_symbol IS NOT NULL THEN r.waits_for END, $8::text)
WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text AND r.timeframe = $2::text AND r.shards = $9::text)sql",
		{}, Planning::once_by_statistics};
	return statement;
}

const Statement &note_failure() {
	static const Statement statement {"agg_retention", R"sql(
UPDATE @agg_retention r
SET next_look_at = $3::timestamptz, looked_at = $4::timestamptz, last_error = $5::text, failing_since = COALESCE(r.failing_since, $4::timestamptz)
WHERE r.canonical_symbol IS NOT DISTINCT FROM $1::text AND r.timeframe = $2::text AND r.shards = $6::text)sql",
		{}, Planning::once_by_statistics};
	return statement;
}

const Statement &first_look() {
	static const Statement statement {"agg_retention", "SELECT min(r.next_look_at) FROM @agg_retention r WHERE r.shards = $1::text", {AGG_TIMESTAMPTZ}, Planning::once_by_statistics};
	return statement;
}

/// What is told apart where bars of a table are looked for and removed. What has no time (-infinity) is left alone.
#define AGG_OLD_BARS(b, symbol, before) \
	b ".canonical_symbol = " symbol " AND " b ".timeframe = $3::text AND " b ".ts_utc < " before " AND " b ".ts_utc > '-infinity'"

#define AGG_OLDEST(table, is_live) \
	"SELECT t.ord, o.ts_utc FROM unnest($1::text[]) WITH ORDINALITY AS t(symbol, ord) CROSS JOIN LATERAL (" \
	"SELECT b.ts_utc FROM @" table " b WHERE " AGG_OLD_BARS("b", "t.symbol", "$2::timestamptz") is_live " ORDER BY b.ts_utc LIMIT 1) o"
#define AGG_CUT(table, is_live) \
	"SELECT b.ts_utc FROM @" table " b WHERE " AGG_OLD_BARS("b", "$1::text", "$2::timestamptz") is_live " ORDER BY b.ts_utc OFFSET $4::int8 LIMIT 1"
#define AGG_REMOVE(table, is_live) "DELETE FROM @" table " b WHERE " AGG_OLD_BARS("b", "$1::text", "$2::timestamptz") is_live

#define AGG_LIVE " AND b.deleted_at IS NULL"
#define AGG_DELETED " AND b.deleted_at IS NOT NULL"

// clang-format on

/// What is asked of the table that holds bars of a timeframe.
struct TableOfBars {
	std::string name;
	Statement oldest;
	Statement cut;
	std::vector<Statement> remove; // the live ones first
	Statement remove_from_chunks;
};

const TableOfBars &table_of_bars(const std::string &timeframe) {
	static const std::vector<agg_type> oldest {AGG_INT8, AGG_TIMESTAMPTZ};
	static const std::vector<agg_type> cut {AGG_TIMESTAMPTZ};
	static const TableOfBars ingested {"data_bars",
	                                   {"data_bars", AGG_OLDEST("data_bars", ""), oldest},
	                                   {"data_bars", AGG_CUT("data_bars", ""), cut},
	                                   {{"data_bars", AGG_REMOVE("data_bars", ""), {}, Planning::by_index, Tracking::off}},
	                                   {"data_bars", AGG_REMOVE("data_bars", ""), {}, Planning::by_statistics, Tracking::off}};
	static const TableOfBars derived {
	    "derived_data_bars",
	    {"derived_data_bars", AGG_OLDEST("derived_data_bars", AGG_LIVE), oldest},
	    {"derived_data_bars", AGG_CUT("derived_data_bars", AGG_LIVE), cut},
	    {{"derived_data_bars", AGG_REMOVE("derived_data_bars", AGG_LIVE), {}, Planning::by_index, Tracking::off},
	     {"derived_data_bars", AGG_REMOVE("derived_data_bars", AGG_DELETED), {}, Planning::by_index, Tracking::off}},
	    {"derived_data_bars", AGG_REMOVE("derived_data_bars", ""), {}, Planning::by_statistics, Tracking::off}};
	return timeframe == minutes().name() ? ingested : derived;
}

struct OldSymbol {
	std::string name;
	Timestamp oldest;
};

} // namespace

struct RetentionRunner::Policy {
	std::optional<std::string> symbol;
	std::string timeframe;
	Duration keep;
	std::optional<std::string> at; // the last symbol that is done
};

/// What a step has come to.
struct RetentionRunner::Progress {
	std::optional<std::string> at; // nullopt: all symbols are done
	int64_t rows = 0;
	int64_t partitions = 0; // dropped
	int64_t waiting = 0;
	std::optional<std::string> waits_for;
	bool busy = false;

	void wait(const std::string &reason, int64_t count = 1) {
		waiting += count;
		if (!waits_for)
			waits_for = reason;
	}
	/// The next step begins where this one began.
	void same_again(const std::optional<std::string> &behind) {
		at = behind.value_or("");
		waiting = 0;
		waits_for.reset();
	}
};

namespace {

/// Those that have bars of before a time.
Op<std::vector<OldSymbol>> with_old_bars(Database &db, const std::vector<std::string> symbols, const std::string timeframe,
                                         Timestamp before) {
	std::vector<OldSymbol> found;
	auto take = [&](const Row &row) {
		found.push_back({symbols.at(static_cast<size_t>(row.integer(0) - 1)), row.timestamp(1)});
		return Flow::more;
	};
	auto list = parameters(text_array(symbols), timestamp_parameter(before), text_parameter(timeframe));
	co_await db.query(table_of_bars(timeframe).oldest, std::move(list), take);
	std::sort(found.begin(), found.end(), [](const OldSymbol &a, const OldSymbol &b) { return a.name < b.name; });
	co_return std::move(found);
}

/// As many bars as a symbol can have between two times.
int64_t bars_between(Timestamp from, Timestamp to, const std::string &timeframe) {
	const auto parsed = Timeframe::parse(timeframe);
	const Duration width = parsed ? parsed->width() : Duration::minutes(1);
	return (to - from).us / std::max<int64_t>(width.us, 1) + 1;
}

/// Where a step ends that removes so many bars of a symbol; `before` where there are no more.
Op<Timestamp> cut_of(Database &db, const std::string symbol, const std::string timeframe, Timestamp before) {
	Timestamp cut = before;
	auto take = [&](const Row &row) {
		cut = row.timestamp(0);
		return Flow::enough;
	};
	auto list =
	    parameters(text_parameter(symbol), timestamp_parameter(before), text_parameter(timeframe), Parameter(AGG_INT8, cell(most_rows)));
	co_await db.query(table_of_bars(timeframe).cut, std::move(list), take);
	co_return cut;
}

/// A symbol at a time, and in chunks with a plan for its values: so TimescaleDB drops compressed batches as they are, and opens no others.
Op<int64_t> remove_bars(Database &db, const std::vector<Seal> old, const std::string timeframe) {
	const TableOfBars &table = table_of_bars(timeframe);
	const uint64_t in_chunks = co_await db.rows_in_chunks();
	uint64_t removed = 0;
	for (const auto &bars : old) {
		const auto list = parameters(text_parameter(bars.symbol), timestamp_parameter(bars.to), text_parameter(timeframe));
		if (in_chunks > 0) {
			removed += co_await db.execute(table.remove_from_chunks, list);
			continue;
		}
		removed += co_await db.execute(table.remove.front(), list);
		for (size_t i = 1; i < table.remove.size(); ++i)
			co_await db.execute(table.remove[i], list);
	}
	co_return static_cast<int64_t>(removed);
}

} // namespace

Op<Timestamp> RetentionRunner::retire_whole(const std::string table, const std::vector<TimePartition> partitions, const KeptBars &kept,
                                            Timestamp now, Timestamp wanted, Progress &progress) {
	const auto whole = co_await oldest_whole(db_, table, partitions, kept, now, wanted, verdicts_);
	if (!whole)
		co_return wanted;
	const bool first_look = waiting_partitions_.insert(whole->id).second;
	if (!first_look)
		co_return whole->from;
	const auto retired = co_await retire_partition(db_, table, *whole, kept, now);
	progress.partitions = retired.dropped ? 1 : 0;
	progress.busy = retired.busy;
	if (!retired.waits_for.empty() && !retired.busy)
		progress.wait(retired.waits_for, retired.waiting);
	co_return whole->from;
}

Op<void> RetentionRunner::carry_out(const Policy &policy, Timestamp now, Progress &progress) {
	const std::string &table = table_of_bars(policy.timeframe).name;
	std::vector<TimePartition> partitions;
	if (!db_.is_group()) // what is dropped of a shard would be missed by Citus
		partitions = co_await time_partitions(db_, table);
	const Timestamp kept_since = std::max(now - policy.keep, Timestamp::range_begin());
	Timestamp wanted = partition_start(partitions, kept_since);
	std::set<std::string> all;
	KeptBars kept;
	if (policy.symbol) {
		all.insert(*policy.symbol);
	} else {
		kept = co_await read_kept_bars(db_);
		all = kept.symbols_of_all(policy.timeframe);
	}
	std::vector<std::string> next;
	for (auto symbol = policy.at ? all.upper_bound(*policy.at) : all.begin(); symbol != all.end() && next.size() < most_symbols; ++symbol)
		next.push_back(*symbol);
	if (next.empty())
		co_return;
	const bool is_last = next.back() == *all.rbegin();
	if (!is_last)
		progress.at = next.back();
	auto old = co_await with_old_bars(db_, next, policy.timeframe, wanted);
	if (!old.empty() && !partitions.empty()) {
		if (policy.symbol)
			kept = co_await read_kept_bars(db_);
		wanted = co_await retire_whole(table, partitions, kept, now, wanted, progress);
		if (progress.partitions > 0) {
			progress.same_again(policy.at);
			co_return;
		}
		std::erase_if(old, [&](const OldSymbol &symbol) { return symbol.oldest >= wanted; });
	}

	std::vector<std::string> symbols;
	int64_t most = 0; // bars
	for (const auto &symbol : old) {
		const int64_t bars = bars_between(symbol.oldest, wanted, policy.timeframe);
		if (most + bars > most_rows && !symbols.empty()) {
			progress.at = symbols.back();
			break;
		}
		most += bars;
		symbols.push_back(symbol.name);
	}
	if (symbols.empty())
		co_return;
	const auto bounds = co_await retention_bounds(db_, symbols, policy.timeframe, kept_since);
	std::vector<Seal> seals;
	for (size_t i = 0; i < symbols.size(); ++i) {
		progress.busy = progress.busy || bounds[i].busy;
		if (bounds[i].before < wanted && !bounds[i].waits_for.empty() && !bounds[i].busy)
			progress.wait(bounds[i].waits_for);
		const Timestamp before = std::min(wanted, bounds[i].before);
		if (before > old[i].oldest)
			seals.push_back({symbols[i], Timestamp::range_begin(), before});
	}
	if (seals.empty())
		co_return;
	co_await put_seals(db_, seals, policy.timeframe, "retired");
	if (most > most_rows) {
		Seal &only = seals.front();
		const Timestamp cut = co_await cut_of(db_, only.symbol, policy.timeframe, only.to);
		// The rest of this symbol is the next step's, which begins behind the one before it.
		if (cut < only.to)
			progress.same_again(policy.at);
		only.to = cut;
	}
	progress.rows = co_await remove_bars(db_, seals, policy.timeframe);
}

Op<bool> RetentionRunner::step(Timestamp now) {
	const bool none = co_await db_.surely_empty(claim_policy().relation);
	if (none || db_.snapshot() == Database::Snapshot::of_transaction)
		co_return false;
	const std::string shards = co_await provide_policies(db_);
	std::optional<Policy> policy;
	auto take = [&](const Row &row) {
		policy = Policy {row.maybe_text(0), std::string(row.text(1)), Duration {row.integer(2)}, row.maybe_text(3)};
		return Flow::enough;
	};
	co_await db_.query(claim_policy(), parameters(timestamp_parameter(now), text_parameter(shards)), take);
	if (!policy)
		co_return false;
	++steps_;
	Progress progress;
	auto work = [&]() -> Op<void> { co_await carry_out(*policy, now, progress); };
	const auto fault = co_await in_subtransaction(db_, IfDone::keep, work);
	const Parameter symbol(AGG_TEXT, cell(policy->symbol));
	if (fault) {
		if (failure_kind(fault->error()) == FailureKind::everything)
			fault->raise();
		++failure_count_;
		const std::string error = fault->error().sqlstate + " " + fault->error().message;
		const Timestamp next = now + (another_try_may_do(fault->error()) ? while_others_work : after_failure);
		auto list = parameters(symbol, text_parameter(policy->timeframe), timestamp_parameter(next), timestamp_parameter(now),
		                       text_parameter(error), text_parameter(shards));
		co_await db_.execute(note_failure(), std::move(list));
		co_return true;
	}
	rows_removed_ += progress.rows;
	partitions_dropped_ += progress.partitions;
	const Timestamp next = progress.at ? now : now + (progress.busy ? while_others_work : between_looks);
	auto list = parameters(symbol, text_parameter(policy->timeframe), timestamp_parameter(next), Parameter(AGG_TEXT, cell(progress.at)),
	                       Parameter(AGG_INT8, cell(progress.rows)), timestamp_parameter(now), Parameter(AGG_INT8, cell(progress.waiting)),
	                       Parameter(AGG_TEXT, cell(progress.waits_for)), text_parameter(shards));
	co_await db_.execute(note_step(), std::move(list));
	co_return true;
}

Op<Timestamp> RetentionRunner::next_look() {
	Timestamp next = Timestamp::infinity();
	const bool none = co_await db_.surely_empty(first_look().relation);
	if (none)
		co_return next;
	auto take = [&](const Row &row) {
		next = row.maybe_timestamp(0).value_or(next);
		return Flow::enough;
	};
	const std::string shards = co_await provide_policies(db_);
	co_await db_.query(first_look(), parameters(text_parameter(shards)), take);
	co_return next;
}

} // namespace aggregation
