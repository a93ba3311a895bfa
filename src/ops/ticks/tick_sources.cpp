#include "ops/ticks/tick_sources.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/ticks/tick_triggers.h"

#include <array>
#include <set>
#include <string_view>

namespace aggregation {

namespace {

// clang-format off

// The one that has waited longest comes first: what a batch leaves is logged anew.
const Statement &all_sources() {
	static const Statement statement {"agg_tick_sources", R"sql(
SELECT s.tick_source, s.delay_seconds::int8, s.has_size, s.excluded IS NOT NULL, s.last_error IS NOT NULL,
	COALESCE(o.first_utc <= $1::timestamptz - make_interval(secs => s.delay_seconds + 60.0), false),
	t.relid::int8, t.enabled, )sql" AGG_TICK_TABLE_EXISTS("s.") R"sql(
FROM @agg_tick_sources s
LEFT JOIN LATERAL )sql" AGG_TICK_TABLE("s.") R"sql( t ON true
LEFT JOIN LATERAL (
	SELECT l.first_utc, l.logged_at FROM @agg_tick_log l WHERE l.tick_source = s.tick_source ORDER BY l.first_utc LIMIT 1
) o ON true
ORDER BY o.logged_at, s.tick_source)sql",
		{AGG_TEXT, AGG_INT8, AGG_BOOL, AGG_BOOL, AGG_BOOL, AGG_BOOL, AGG_INT8, AGG_TEXT, AGG_BOOL}, Planning::once_by_statistics};
	return statement;
}

const Statement &lock_source() {
	static const Statement statement {"agg_tick_sources",
		"SELECT 1 FROM @agg_tick_sources s WHERE s.tick_source = $1::text FOR NO KEY UPDATE SKIP LOCKED", {AGG_INT4}};
	return statement;
}

const Statement &lock_sources() {
	static const Statement statement {"agg_tick_sources",
		"SELECT 1 FROM @agg_tick_sources s ORDER BY s.tick_source FOR NO KEY UPDATE", {AGG_INT4}};
	return statement;
}

const Statement &note_source() {
	static const Statement statement {"agg_tick_sources", R"sql(
UPDATE @agg_tick_sources s
SET minutes_kept = s.minutes_kept + $2::int8, last_kept = COALESCE($3::text, s.last_kept), last_error = $4::text,
	failed_at = CASE WHEN $4::text IS NULL THEN s.failed_at ELSE now() END
FROM (SELECT c.tick_source FROM @agg_tick_sources c WHERE c.tick_source = $1::text FOR NO KEY UPDATE SKIP LOCKED) free
WHERE s.tick_source = free.tick_source)sql"};
	return statement;
}

const Statement &remove_source() {
	static const Statement statement {"agg_tick_sources", "DELETE FROM @agg_tick_sources s WHERE s.tick_source = $1::text"};
	return statement;
}

const Statement &remove_entries() {
	static const Statement statement {"agg_tick_log", "DELETE FROM @agg_tick_log l WHERE l.tick_source = $1::text"};
	return statement;
}

const Statement &columns_of_source() {
	static const Statement statement {"agg_tick_sources", R"sql(
SELECT k.n::int8, a.attname::text, format_type(COALESCE(NULLIF(b.typbasetype, 0), b.oid), NULL), n.nspname::text, c.relname::text, s.excluded::text
FROM @agg_tick_sources s
CROSS JOIN LATERAL )sql" AGG_TICK_TABLE("s.") R"sql( t
JOIN pg_catalog.pg_class c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(t.columns) WITH ORDINALITY AS k(attnum, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.relid AND a.attnum = k.attnum
JOIN pg_catalog.pg_type b ON b.oid = a.atttypid
WHERE s.tick_source = $1::text
ORDER BY k.n)sql",
		{AGG_INT8, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT}, Planning::once_by_statistics};
	return statement;
}

// clang-format on

constexpr const char *add_again = "Call agg_add_tick_source() again, with p_from the time since when ticks may have been missed; or "
                                  "agg_remove_tick_source().";

std::optional<Error> problem_of(const TickSource &source, const std::optional<std::string> &enabled, bool table_exists) {
	const std::string subject = "tick source \"" + shortened(source.name) + "\"";
	if (!source.table && table_exists)
		return Error(sqlstate::object_not_in_prerequisite_state, subject + " has lost its triggers", add_again,
		             "One of \"" AGG_TICK_TRIGGER "\" and \"" AGG_TICK_COLUMNS_TRIGGER
		             "\" is missing on the table; it goes where a column of the ticks is dropped.");
	if (source.table && *enabled != "O" && *enabled != "A")
		return Error(sqlstate::object_not_in_prerequisite_state, subject + " has a trigger that is disabled", add_again,
		             "\"" AGG_TICK_TRIGGER "\" on the table notes no changes.");
	return std::nullopt;
}

struct ReadColumn {
	std::string name;
	std::string type;
};

/// As double precision. What a numeric holds that no double does is none.
std::string number(const ReadColumn &column) {
	const std::string name = "t." + quoted_identifier(column.name);
	if (column.type == "numeric")
		return "CASE WHEN " + name + " = 0 OR abs(" + name + ") BETWEEN 2.4703282292062328e-324 AND 1.7976931348623158e308 THEN " + name +
		       "::float8 END";
	return name + "::float8";
}

} // namespace

Op<std::vector<TickSource>> read_tick_sources(Database &db, Timestamp now) {
	std::vector<TickSource> sources;
	const bool none = co_await db.surely_empty("agg_tick_sources");
	if (none)
		co_return std::move(sources);
	auto take = [&](const Row &row) {
		auto &source = sources.emplace_back();
		source.name = row.text(0);
		source.delay = Duration::seconds(row.integer(1));
		source.has_size = row.boolean(2);
		source.has_condition = row.boolean(3);
		source.failing = row.boolean(4);
		source.due = row.boolean(5);
		if (!row.is_null(6))
			source.table = static_cast<uint32_t>(row.integer(6));
		source.dropped = row.is_null(6) && !row.boolean(8);
		source.problem = problem_of(source, row.maybe_text(7), row.boolean(8));
		return Flow::more;
	};
	co_await db.query(all_sources(), parameters(timestamp_parameter(now)), take);
	co_return std::move(sources);
}

std::string raw_of_minutes(const TickSource &source) {
	return JsonObject().add("kind", "ticks").add("table", std::string_view(source.name)).text();
}

Timestamp over_until(const TickSource &source, Timestamp now) {
	return minute_of(now - source.delay);
}

Op<bool> lock_tick_source(Database &db, const std::string name) {
	bool locked = false;
	auto take = [&](const Row &) {
		locked = true;
		return Flow::more;
	};
	co_await db.query(lock_source(), parameters(text_parameter(name)), take);
	co_return locked;
}

Op<void> lock_tick_sources(Database &db) {
	auto take = [](const Row &) { return Flow::more; };
	co_await db.query(lock_sources(), {}, take);
}

Op<void> note_on_tick_source(Database &db, const std::string name, const TickNote note) {
	const auto last_kept = note.last_kept.empty() ? std::nullopt : std::optional(note.last_kept);
	auto list = parameters(text_parameter(name), Parameter(AGG_INT8, cell(note.kept)), Parameter(AGG_TEXT, cell(last_kept)),
	                       Parameter(AGG_TEXT, cell(note.error)));
	co_await db.execute(note_source(), std::move(list));
}

Op<void> forget_tick_source(Database &db, const std::string name) {
	co_await db.execute(remove_source(), parameters(text_parameter(name)));
	co_await db.execute(remove_entries(), parameters(text_parameter(name)));
}

Op<TickReading> tick_reading(Database &db, const TickSource &source) {
	std::vector<ReadColumn> columns;
	std::string schema;
	std::string table;
	std::string excluded;
	auto take = [&](const Row &row) {
		columns.push_back({std::string(row.text(1)), std::string(row.text(2))});
		schema = row.text(3);
		table = row.text(4);
		excluded = row.maybe_text(5).value_or("{}");
		return Flow::more;
	};
	const std::string name = source.name;
	co_await db.query(columns_of_source(), parameters(text_parameter(name)), take);
	const size_t wanted = AGG_FEWEST_TICK_COLUMNS + (source.has_size ? 1 : 0) + (source.has_condition ? 1 : 0);
	if (columns.size() != wanted)
		throw Error(sqlstate::object_not_in_prerequisite_state,
		            "tick source \"" + shortened(name) + "\" has other columns than were registered", add_again);
	std::vector<const char *> roles {"p_time", "p_symbol", "p_price"};
	if (source.has_size)
		roles.push_back("p_size");
	if (source.has_condition)
		roles.push_back("p_condition");
	for (size_t i = 0; i < columns.size(); ++i)
		check_tick_column(name, roles[i], columns[i].name, columns[i].type);

	const std::string time = "t." + quoted_identifier(columns[0].name);
	const std::string symbol = "t." + quoted_identifier(columns[1].name);
	std::string price = number(columns[2]);
	if (source.has_condition) {
		const ReadColumn &last = columns.back();
		const std::string condition = "t." + quoted_identifier(last.name);
		const std::string list = quoted_text(excluded) + "::text[]";
		price = "CASE WHEN (" +
		        (last.type.ends_with("[]") ? condition + "::text[] && " + list : condition + "::text = ANY (" + list + ")") +
		        ") IS NOT TRUE THEN " + price + " END";
	}
	const std::string sql = "SELECT " + symbol + "::text, " + time + "::timestamptz, " + price + ", " +
	                        (source.has_size ? number(columns[3]) : "NULL::float8") + " FROM " + quoted_identifier(schema) + "." +
	                        quoted_identifier(table) + " AS t WHERE " + time + " >= $1::timestamptz AND " + time + " < $2::timestamptz";
	co_return TickReading {.table = *source.table,
	                       .of_symbols = sql + " AND " + symbol + " = ANY ($3::text[])",
	                       .of_all = sql + " AND " + symbol + " IS NOT NULL"};
}

void check_tick_column(const std::string &table, const char *role, const std::string &column, const std::string &type) {
	static const std::set<std::string_view> times {"timestamp with time zone"};
	static const std::set<std::string_view> texts {"text", "character varying"};
	static const std::set<std::string_view> numbers {"double precision", "real", "numeric", "smallint", "integer", "bigint"};
	static const std::set<std::string_view> conditions {"text",     "character varying", "character", "\"char\"",
	                                                    "smallint", "integer",           "bigint"};
	const std::string_view asked = role;
	const auto &allowed = asked == "p_time" ? times : asked == "p_symbol" ? texts : asked == "p_condition" ? conditions : numbers;
	std::string_view element = type;
	if (asked == "p_condition" && element.ends_with("[]"))
		element.remove_suffix(2);
	if (allowed.contains(element))
		return;
	const std::string hint = asked == "p_time"        ? "Ticks need a column of type timestamp with time zone."
	                         : asked == "p_symbol"    ? "Symbols are text; a generated column can make them of something else."
	                         : asked == "p_condition" ? "Conditions are text or integers, or arrays of them."
	                                                  : "Prices and sizes are numbers.";
	throw Error("42804",
	            "column \"" + shortened(column) + "\" of table " + table + " is of type " + type + ", which " + role + " cannot be", hint);
}

std::string quoted_identifier(const std::string &name) {
	std::string quoted = "U&\"";
	for (const char c : name) {
		if (c == '"' || c == '\\')
			quoted += c;
		quoted += c == '@' ? std::string("\\0040") : std::string(1, c);
	}
	return quoted + "\"";
}

std::string quoted_text(const std::string &text) {
	std::string quoted = "E'";
	for (const char c : text) {
		if (c == '\'' || c == '\\')
			quoted += c;
		quoted += c == '@' ? std::string("\\x40") : std::string(1, c);
	}
	return quoted + "'";
}

} // namespace aggregation
