#include "ops/bars/monthly_partitions.hpp"

#include "core/failure.hpp"
#include "ops/bars/partition_bounds.h"
#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"

#include <optional>

namespace aggregation {

namespace {

constexpr Duration between_looks = Duration::minutes(6 * 60);
constexpr Duration after_failure = Duration::minutes(10);

// clang-format off

/// A table is made first and attached then: that does not keep anybody from reading or writing the others. Only bars in the DEFAULT partition are kept
/// waiting, which mostly has none.
constexpr std::string_view make_months = R"sql(
DO $make$
DECLARE
	whole constant oid := (SELECT c.oid FROM pg_class c WHERE c.relname = '{table}' AND c.relnamespace = (SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'aggregation'));
	home constant text := (SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = whole);
	rest constant oid := (SELECT NULLIF(p.partdefid, 0) FROM pg_partitioned_table p WHERE p.partrelid = whole);
	columns constant text := (SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a WHERE a.attrelid = whole AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
	month timestamptz;
	following timestamptz;
	part text;
BEGIN
	IF {bounded} THEN
		PERFORM set_config('lock_timeout', '200ms', true);
	END IF;
	PERFORM set_config('TimeZone', 'UTC', true);
	month := date_trunc('month', '{from}'::timestamptz);
	WHILE month < '{to}'::timestamptz LOOP
		following := month + '1 month'::interval;
		IF NOT EXISTS (
			SELECT FROM pg_inherits i
			JOIN pg_class c ON c.oid = i.inhrelid
			CROSS JOIN LATERAL )sql" AGG_PARTITION_BOUNDS("c") R"sql( AS b(bound)
			WHERE i.inhparent = whole AND b.bound IS NOT NULL
				AND )sql" AGG_PARTITION_FROM("b.bound") R"sql( < following AND )sql" AGG_PARTITION_TO("b.bound") R"sql( > month
		) THEN
			part := home || '.' || quote_ident('{table}_p' || to_char(month, 'YYYYMMDD'));
			IF to_regclass(part) IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = format('table %s is there, and is no partition of "{table}"', part),
					HINT = 'Attach it again, rename it or drop it.';
			END IF;
			EXECUTE format('CREATE TABLE %s (LIKE %s.%I INCLUDING ALL)', part, home, '{table}');
			IF rest IS NOT NULL THEN
				EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE ts_utc >= %2$L AND ts_utc < %3$L RETURNING %4$s) INSERT INTO %5$s (%4$s) SELECT %4$s FROM moved',
					rest::regclass, month, following, columns, part);
			END IF;
			EXECUTE format('ALTER TABLE %s.%I ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', home, '{table}', part, month, following);
		END IF;
		month := following;
	END LOOP;
END
$make$)sql";

const Statement &count_partitions() {
	static const Statement statement {"agg_partitions", R"sql(
SELECT count(*) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relname = $1::text AND p.relnamespace = (SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'aggregation'))sql",
		{AGG_INT8}, Planning::by_statistics};
	return statement;
}

const Statement &claim_table() {
	static const Statement statement {"agg_partitions", R"sql(
SELECT p.table_name, p.months_ahead::int8 FROM @agg_partitions p
WHERE p.next_look_at <= $1::timestamptz
ORDER BY p.next_look_at, p.table_name
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED)sql",
		{AGG_TEXT, AGG_INT8}, Planning::once_by_statistics};
	return statement;
}

const Statement &note_look() {
	static const Statement statement {"agg_partitions", R"sql(
UPDATE @agg_partitions p
SET next_look_at = $3::timestamptz, last_error = $4::text, failing_since = CASE WHEN $4::text IS NOT NULL THEN COALESCE(p.failing_since, $2::timestamptz) END
WHERE p.table_name = $1::text)sql",
		{}, Planning::once_by_statistics};
	return statement;
}

// clang-format on

Op<int64_t> partitions_of(Database &db, const std::string table) {
	int64_t count = 0;
	auto take = [&](const Row &row) {
		count = row.integer(0);
		return Flow::enough;
	};
	co_await db.query(count_partitions(), parameters(text_parameter(table)), take);
	co_return count;
}

} // namespace

Op<int64_t> make_partitions(Database &db, const std::string table, Timestamp from, Timestamp to, Waiting waiting) {
	const std::string first = to_iso8601(from);
	const std::string end = to_iso8601(to);
	const std::pair<std::string_view, std::string_view> words[] {
	    {"{table}", table}, {"{from}", first}, {"{to}", end}, {"{bounded}", waiting == Waiting::for_a_moment ? "true" : "false"}};
	const std::string sql = filled_in(std::string(make_months), words);
	const int64_t before = co_await partitions_of(db, table);
	// Bars may move, which runs the code of whoever has put some there.
	co_await db.check_strangers(table.c_str());
	// Bars that move from one partition to another have not changed.
	const Statement statement {table.c_str(), sql.c_str(), {}, Planning::by_statistics, Tracking::off};
	co_await db.execute(statement, {});
	const int64_t after = co_await partitions_of(db, table);
	co_return after - before;
}

Op<bool> make_partitions_ahead(Database &db, Timestamp now) {
	const bool none = co_await db.surely_empty(claim_table().relation);
	if (none)
		co_return false;
	std::optional<std::string> table;
	int64_t months = 0;
	auto take = [&](const Row &row) {
		table = row.text(0);
		months = row.integer(1);
		return Flow::enough;
	};
	co_await db.query(claim_table(), parameters(timestamp_parameter(now)), take);
	if (!table)
		co_return false;
	auto work = [&]() -> Op<void> {
		co_await make_partitions(db, *table, now, now + Duration::minutes(months * 31 * 24 * 60), Waiting::for_a_moment);
	};
	const auto fault = co_await in_subtransaction(db, IfDone::keep, work);
	if (fault && failure_kind(fault->error()) == FailureKind::everything)
		fault->raise();
	std::optional<std::string> error;
	if (fault)
		error = fault->error().sqlstate + " " + fault->error().message;
	auto list = parameters(text_parameter(*table), timestamp_parameter(now),
	                       timestamp_parameter(now + (fault ? after_failure : between_looks)), Parameter(AGG_TEXT, cell(error)));
	co_await db.execute(note_look(), std::move(list));
	co_return true;
}

} // namespace aggregation
