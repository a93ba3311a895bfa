// agg_partition_by_month: has a table of bars partitioned by month, now and in the months to come. It acts with its caller's rights, as
// agg_setup() does.
#include "ops/functions/functions.hpp"

#include "ops/bars/monthly_partitions.hpp"
#include "ops/boundary/filled_in.hpp"
#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/boundary/subtransaction.hpp"
#include "ops/functions/setup.hpp"
#include "ops/setup/setup_plan.hpp"

#include <optional>

namespace aggregation {

namespace {

constexpr int64_t most_months = 120;
constexpr Duration longest_history = Duration::minutes(int64_t {100} * 366 * 24 * 60); // each month is a partition

// clang-format off

const Statement &look_at_table() {
	static const Statement statement {nullptr, R"sql(
SELECT c.relkind::text, COALESCE(pg_get_partkeydef(c.oid) = 'RANGE (ts_utc)', false), c.relhassubclass AND c.relkind = 'r',
	c.relkind = 'p' AND EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partdefid <> 0)
FROM pg_catalog.pg_class c
WHERE c.relname = $1::text AND c.relnamespace = (SELECT e.extnamespace FROM pg_catalog.pg_extension e WHERE e.extname = 'aggregation'))sql",
		{AGG_TEXT, AGG_BOOL, AGG_BOOL, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

/// The table's definition goes over to a partitioned one of its name: columns, checks and comments with LIKE; keys, indexes, triggers and rights as PostgreSQL
/// prints them. Triggers of the extension come back with agg_setup(). A CHECK called like the partition of the old rows says how far these go: so
/// PostgreSQL need not read them, and it ends there.
constexpr std::string_view turn_into_partitioned = R"sql(
DO $turn$
DECLARE
	home constant text := (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'aggregation');
	old constant oid := (home || '.{table}')::regclass;
	old_name constant text := home || '.{table}_before';
	first constant timestamptz := NULLIF('{from}', '')::timestamptz;
	messages constant text := current_setting('client_min_messages');
	commands text[];
	command text;
	has_rows boolean;
BEGIN
	EXECUTE format('LOCK TABLE %s.%I IN ACCESS EXCLUSIVE MODE', home, '{table}');
	EXECUTE format('SELECT EXISTS (SELECT FROM %s.%I)', home, '{table}') INTO has_rows;
	IF has_rows AND NOT {given} THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'table "{table}" has rows',
			HINT = 'Pass p_from_utc, the first month that gets a partition of its own: the rows before it stay where they are, in one partition. Add a CHECK first, so that the table is not read under a lock (docs/storage.md).';
	END IF;
	IF has_rows AND first AT TIME ZONE 'UTC' <> date_trunc('month', first AT TIME ZONE 'UTC') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'p_from_utc is not the beginning of a month in UTC ({table}), but {from}',
			HINT = format('Pass one, such as ''%s-01 00:00+00''.', to_char(first AT TIME ZONE 'UTC' + '15 days'::interval, 'YYYY-MM'));
	END IF;
	IF has_rows AND first > now() + '62 days'::interval THEN
		RAISE NOTICE 'all bars before {from} are in one partition of "{table}"; months have partitions of their own from then on';
	END IF;
	PERFORM set_config('client_min_messages', 'warning', true); -- until the end: of constraints that are not there
	IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = old) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'table "{table}" has row security',
			HINT = 'Disable it, and create the policies on the partitioned table.';
	END IF;
	SELECT array_agg(x.command ORDER BY x.n, x.command) INTO commands FROM (
		SELECT 1 AS n, format('ALTER TABLE %s.%I ADD CONSTRAINT %I %s', home, '{table}', k.conname, pg_get_constraintdef(k.oid)) AS command
		FROM pg_constraint k WHERE k.conrelid = old AND k.contype IN ('p', 'u', 'f')
		UNION ALL
		SELECT 2, pg_get_indexdef(i.indexrelid) FROM pg_index i
		WHERE i.indrelid = old AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = old)
		UNION ALL
		SELECT 3, pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = old AND NOT t.tgisinternal AND t.tgname NOT LIKE 'aggregation\_capture%'
		UNION ALL
		SELECT 4, format('ALTER TRIGGER %I ON %s.%I DEPENDS ON EXTENSION aggregation', t.tgname, home, '{table}') FROM pg_trigger t
		WHERE t.tgrelid = old AND NOT t.tgisinternal AND t.tgname LIKE 'aggregation\_%' AND t.tgname NOT LIKE 'aggregation\_capture%'
		UNION ALL
		SELECT 5, format('GRANT %s ON %s.%I TO %s%s', a.privilege_type, home, '{table}',
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE c.oid = old AND a.grantee <> c.relowner
	) x;
	IF has_rows THEN
		FOR command IN
			SELECT format('DROP TRIGGER %I ON %s.%I', t.tgname, home, '{table}') FROM pg_trigger t WHERE t.tgrelid = old AND NOT t.tgisinternal
			UNION ALL
			SELECT format('ALTER INDEX %s.%I RENAME TO %I', home, c.relname, left(c.relname, 56) || '_before') FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = old
		LOOP
			EXECUTE command;
		END LOOP;
		EXECUTE format('ALTER TABLE %s.%I RENAME TO %I', home, '{table}', '{table}_before');
		EXECUTE format('CREATE TABLE %s.%I (LIKE %s INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (ts_utc)', home, '{table}', old_name);
		EXECUTE format('ALTER TABLE %s.%I DROP CONSTRAINT IF EXISTS %I', home, '{table}', '{table}_before');
	ELSE
		EXECUTE format('CREATE TABLE %s (LIKE %s.%I INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (ts_utc)', old_name, home, '{table}');
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', old_name, '{table}_before');
		EXECUTE format('DROP TABLE %s.%I', home, '{table}');
		EXECUTE format('ALTER TABLE %s RENAME TO %I', old_name, '{table}');
	END IF;
	FOREACH command IN ARRAY COALESCE(commands, '{}') LOOP
		EXECUTE command;
	END LOOP;
	IF has_rows THEN
		BEGIN
			EXECUTE format('ALTER TABLE %s.%I ATTACH PARTITION %s FOR VALUES FROM (MINVALUE) TO (%L)', home, '{table}', old_name, '{from}');
		EXCEPTION WHEN check_violation THEN
			RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = 'table "{table}" has bars from {from} on, or without a time',
				HINT = 'Pass a p_from_utc that lies after all of them: the first of the next month, mostly.';
		END;
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', old_name, '{table}_before');
	END IF;
	PERFORM set_config('client_min_messages', messages, true);
END
$turn$)sql";

const Statement &list_table() {
	static const Statement statement {"agg_partitions", R"sql(
INSERT INTO @agg_partitions AS p (table_name, months_ahead) VALUES ($1::text, $2::int4)
ON CONFLICT (table_name) DO UPDATE SET months_ahead = excluded.months_ahead, next_look_at = '-infinity', last_error = NULL, failing_since = NULL)sql"};
	return statement;
}

const Statement &forget_table() {
	static const Statement statement {"agg_partitions", "DELETE FROM @agg_partitions p WHERE p.table_name = $1::text"};
	return statement;
}

// clang-format on

struct TableNow {
	bool is_there = false;
	bool is_plain = false;
	bool is_partitioned = false; // by range of ts_utc
	bool is_managed = false;     // by another extension
	bool has_default = false;
};

Op<TableNow> look_at(Database &db, const std::string table) {
	TableNow now;
	auto take = [&](const Row &row) {
		now = {true, row.text(0) == "r", row.text(0) == "p" && row.boolean(1), row.boolean(2), row.boolean(3)};
		return Flow::enough;
	};
	co_await db.query(look_at_table(), parameters(text_parameter(table)), take);
	co_return now;
}

Error not_to_be_partitioned(const std::string &table, const char *why, const char *hint) {
	return Error(sqlstate::object_not_in_prerequisite_state, "table \"" + table + "\" " + why, hint);
}

/// Views read the table by its identity: agg_setup() makes them again.
Op<void> drop_views(Database &db) {
	std::string sql = "DROP VIEW IF EXISTS ";
	const char *separator = "";
	for (const auto &view : wanted_views()) {
		sql += std::string(separator) + "@" + view.name;
		separator = ", ";
	}
	const Statement statement {nullptr, sql.c_str(), {}, Planning::by_statistics};
	co_await db.execute(statement, {});
}

Op<void> turn(Database &db, const std::string table, std::optional<Timestamp> from) {
	const std::string end = from ? to_iso8601(*from) : "";
	const std::pair<std::string_view, std::string_view> words[] {{"{table}", table}, {"{given}", from ? "true" : "false"}, {"{from}", end}};
	const std::string sql = filled_in(std::string(turn_into_partitioned), words);
	co_await drop_views(db);
	const Statement statement {table.c_str(), sql.c_str(), {}, Planning::by_statistics, Tracking::off};
	co_await db.execute(statement, {});
	const std::string rest = "CREATE TABLE @" + table + "_default PARTITION OF @" + table + " DEFAULT";
	const Statement make_rest {table.c_str(), rest.c_str(), {}, Planning::by_statistics, Tracking::off};
	co_await db.execute(make_rest, {});
}

} // namespace

Op<Answer> agg_partition_by_month(Database &db, Arguments arguments) {
	const std::string table = arguments.text("p_table");
	const auto ahead = arguments.maybe_integer("p_months_ahead");
	const auto from = arguments.maybe_timestamp("p_from_utc");
	if (table != "data_bars" && table != "derived_data_bars")
		throw Error(sqlstate::invalid_parameter_value, "there are no bars in table \"" + shortened(table) + "\"",
		            "Pass data_bars or derived_data_bars.");
	if (ahead && (*ahead < 1 || *ahead > most_months))
		throw Error(sqlstate::invalid_parameter_value, "p_months_ahead must be from 1 to 120 (" + table + ")",
		            "Pass how many months ahead partitions are made, such as 4, or NULL for no more of them.");
	const Timestamp now = db.transaction_start();
	if (from && *from < now - longest_history)
		throw Error(sqlstate::invalid_parameter_value, "p_from_utc is more than 100 years ago (" + table + "): " + to_iso8601(*from),
		            "Pass the first month that gets a partition of its own.");
	const auto before = co_await look_at(db, table);
	if (!before.is_there)
		throw not_to_be_partitioned(table, "is not there", "Run agg_setup() first.");
	if (before.is_managed)
		throw not_to_be_partitioned(table, "is managed by another extension",
		                            "Its rows lie in tables of that extension; leave it to that.");
	if (!before.is_plain && !before.is_partitioned)
		throw not_to_be_partitioned(table, "is not partitioned by range of ts_utc",
		                            "Only tables that are plain, or PARTITION BY RANGE (ts_utc), get partitions by month.");
	if (!ahead) {
		co_await db.execute(forget_table(), parameters(text_parameter(table)));
		co_return Answer::json(JsonObject().add("success", true).add("converted", false).add("partitions_made", 0).text());
	}
	int64_t made = 0;
	auto work = [&]() -> Op<void> {
		if (before.is_plain)
			co_await turn(db, table, from);
		made = co_await make_partitions(db, table, std::min(from.value_or(now), now), now + Duration::minutes(*ahead * 31 * 24 * 60),
		                                Waiting::as_set);
		if (before.is_plain)
			co_await mend_tables(db);
	};
	const auto fault = co_await in_subtransaction(db, IfDone::keep, work);
	if (fault) // without the pages of SQL in which it came about
		throw Error(fault->error());
	co_await db.execute(list_table(), parameters(text_parameter(table), Parameter(AGG_INT4, cell(*ahead))));
	co_return Answer::json(JsonObject().add("success", true).add("converted", before.is_plain).add("partitions_made", made).text());
}

} // namespace aggregation
