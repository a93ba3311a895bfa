// agg_add_tick_source, agg_remove_tick_source, agg_mark_ticks. A table of ticks becomes a source by two triggers (tick_triggers.h), which
// its owner makes: so whoever writes ticks from then on notes their minutes. What was written before is made on demand.
#include "ops/functions/functions.hpp"

#include "ops/boundary/json.hpp"
#include "ops/boundary/parameters.hpp"
#include "ops/ticks/tick_log.hpp"
#include "ops/ticks/tick_sources.hpp"
#include "ops/ticks/tick_triggers.h"

#include <algorithm>
#include <set>

namespace aggregation {

namespace {

// clang-format off

// $1: the table; $2: the extension's schema.
const Statement &ask_table() {
	static const Statement statement {nullptr, R"sql(
SELECT c.oid::int8, c.relkind IN ('r', 'p') AND c.relpersistence <> 't', pg_has_role(current_user, c.relowner, 'USAGE'),
	quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_get_userbyid(c.relowner)::text, n.nspname::text, c.relname::text,
	c.relnamespace = $2::text::regnamespace AND (c.relname ~ '^agg_' OR c.relname IN
		('data_bars', 'derived_data_bars', 'data_agg_state', 'core_asset_registry_all', 'ops_runlog')),
	current_user::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1::text))sql",
		{AGG_INT8, AGG_BOOL, AGG_BOOL, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

const Statement &ask_columns() {
	static const Statement statement {nullptr, R"sql(
SELECT k.n::int8, format_type(COALESCE(NULLIF(b.typbasetype, 0), b.oid), NULL)
FROM unnest($2::text[]) WITH ORDINALITY AS k(name, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::int8::oid AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type b ON b.oid = a.atttypid)sql",
		{AGG_INT8, AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// The source that a table is, whatever it was called when it was registered; and one of its name ($2) whose table is another one now ($1 is
// not). $3 to $6: whether it is registered so.
const Statement &ask_source() {
	static const Statement statement {"agg_tick_sources", R"sql(
SELECT s.tick_source, COALESCE(t.relid = $1::int8::oid, false), t.relid::regclass::text,
	COALESCE(t.enabled IN ('O', 'A') AND s.has_size = $3::bool AND s.delay_seconds = $4::int4
		AND s.excluded IS NOT DISTINCT FROM CASE WHEN $5::bool THEN $6::text[] END
		AND ARRAY(
			SELECT a.attname::text FROM unnest(t.columns) WITH ORDINALITY AS k(attnum, n)
			JOIN pg_catalog.pg_attribute a ON a.attrelid = t.relid AND a.attnum = k.attnum ORDER BY k.n
		) = $7::text[], false)
FROM @agg_tick_sources s
LEFT JOIN LATERAL )sql" AGG_TICK_TABLE("s.") R"sql( t ON true
WHERE t.relid = $1::int8::oid OR s.tick_source = $2::text
ORDER BY 2 DESC)sql",
		{AGG_TEXT, AGG_BOOL, AGG_TEXT, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

const Statement &store_source() {
	static const Statement statement {"agg_tick_sources", R"sql(
INSERT INTO @agg_tick_sources AS s (tick_source, table_oid, table_owner, has_size, excluded, delay_seconds, registered_by, registered_at)
VALUES ($1::text, $2::int8::oid, $3::text, $4::bool, CASE WHEN $6::bool THEN $7::text[] END, $5::int4, $8::text, now())
ON CONFLICT (tick_source) DO UPDATE SET table_oid = excluded.table_oid, table_owner = excluded.table_owner, has_size = excluded.has_size,
	excluded = excluded.excluded, delay_seconds = excluded.delay_seconds, registered_by = excluded.registered_by,
	registered_at = excluded.registered_at, last_error = NULL, failed_at = NULL)sql",
		{}, Planning::by_statistics};
	return statement;
}

const Statement &heirs_without_trigger() {
	static const Statement statement {nullptr, R"sql(
SELECT i.inhrelid::regclass::text
FROM pg_catalog.pg_inherits i
WHERE i.inhparent = $1::int8::oid AND NOT EXISTS (
	SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = i.inhrelid AND g.tgname = ')sql" AGG_TICK_TRIGGER R"sql('
)
LIMIT 1)sql",
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// A source whose table holds the ticks of the table $1, or some of them; partitions share the triggers of the table above them.
const Statement &ask_related() {
	static const Statement statement {"agg_tick_sources", R"sql(
SELECT t.relid::regclass::text, above.relid IS NOT NULL
FROM @agg_tick_sources s
CROSS JOIN LATERAL )sql" AGG_TICK_TABLE("s.") R"sql( t
LEFT JOIN pg_catalog.pg_partition_ancestors($1::int8::oid) above ON above.relid = t.relid
LEFT JOIN pg_catalog.pg_partition_tree($1::int8::oid) below ON below.relid = t.relid
WHERE t.relid <> $1::int8::oid AND (above.relid IS NOT NULL OR below.relid IS NOT NULL)
LIMIT 1)sql",
		{AGG_TEXT, AGG_BOOL}, Planning::by_statistics};
	return statement;
}

// The role $1, quoted, if it may execute the triggers' function because it was let to, and has no table any more that has such triggers. (Where
// the owner of the extension's tables does not own its functions, it keeps that right.)
const Statement &needless_right() {
	static const Statement statement {"agg_tick_sources", R"sql(
SELECT quote_ident(u.rolname)
FROM pg_catalog.pg_roles u
JOIN pg_catalog.pg_extension e ON e.extname = 'aggregation'
JOIN pg_catalog.pg_proc p ON p.pronamespace = e.extnamespace AND p.proname = ')sql" AGG_TICK_FUNCTION R"sql(' AND p.proowner <> u.oid
	AND pg_has_role(p.proowner, 'USAGE')
WHERE u.rolname = $1::text AND EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = u.oid)
	AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid WHERE g.tgfoid = p.oid AND c.relowner = u.oid
	))sql",
		{AGG_TEXT}, Planning::by_statistics};
	return statement;
}

// clang-format on

struct TickTable {
	int64_t oid = 0;
	bool is_table = false;
	bool is_callers = false;
	std::string name; // with its schema, quoted where needed
	std::string owner;
	std::string relation; // as a statement of ours may hold it
	bool is_ours = false;
	std::string caller;

	Statement statement(const std::string &sql, std::vector<agg_type> columns = {}) const {
		return {nullptr, sql.c_str(), std::move(columns), Planning::by_statistics, Tracking::as_set, static_cast<uint32_t>(oid)};
	}
};

Op<TickTable> find_table(Database &db, const std::string given) {
	std::optional<TickTable> found;
	auto take = [&](const Row &row) {
		found = TickTable {.oid = row.integer(0),
		                   .is_table = row.boolean(1),
		                   .is_callers = row.boolean(2),
		                   .name = std::string(row.text(3)),
		                   .owner = std::string(row.text(4)),
		                   .relation = quoted_identifier(std::string(row.text(5))) + "." + quoted_identifier(std::string(row.text(6))),
		                   .is_ours = row.boolean(7),
		                   .caller = std::string(row.text(8))};
		return Flow::more;
	};
	const std::string schema = db.schema();
	co_await db.query(ask_table(), parameters(text_parameter(given), text_parameter(schema)), take);
	if (!found)
		throw Error(sqlstate::undefined_table, "table " + given + " does not exist", "Pass the table of ticks.");
	co_return std::move(*found);
}

void check_may(const TickTable &table) {
	if (!table.is_callers)
		throw Error(sqlstate::insufficient_privilege, "must be owner of table " + table.name,
		            "Have the table's owner or a superuser do it.");
}

/// What a table is to be registered with.
struct Registration {
	std::vector<std::string> columns; // time, symbol, price; size and condition where there are any
	std::vector<const char *> roles;
	bool has_size = false;
	std::optional<std::vector<std::string>> excluded;
	int64_t delay = 0;
};

Registration registration_of(const Arguments &arguments) {
	Registration wanted;
	const auto add = [&](const char *role) {
		wanted.columns.push_back(arguments.text(role));
		wanted.roles.push_back(role);
	};
	add("p_time");
	add("p_symbol");
	add("p_price");
	wanted.has_size = !arguments.is_null("p_size");
	if (wanted.has_size)
		add("p_size");
	if (arguments.is_null("p_condition") != arguments.is_null("p_excluded"))
		throw Error(sqlstate::invalid_parameter_value, "p_condition and p_excluded go together",
		            "Pass the column of conditions, and the conditions whose ticks make no bars; or neither.");
	if (!arguments.is_null("p_condition")) {
		add("p_condition");
		wanted.excluded = arguments.texts("p_excluded");
		std::sort(wanted.excluded->begin(), wanted.excluded->end());
	}
	const std::set<std::string> different(wanted.columns.begin(), wanted.columns.end());
	if (different.size() < wanted.columns.size())
		throw Error(sqlstate::invalid_parameter_value, "a column of ticks cannot be two things", "Name different columns.");
	constexpr int64_t longest_delay = 3600;
	wanted.delay = arguments.integer("p_delay_seconds");
	if (wanted.delay < 0 || wanted.delay > longest_delay)
		throw Error(sqlstate::invalid_parameter_value, "p_delay_seconds must be between 0 and 3600, not " + std::to_string(wanted.delay),
		            "Pass how long after its end a minute is made.");
	return wanted;
}

Op<void> check_columns(Database &db, const TickTable &table, const Registration &wanted) {
	std::vector<std::string> types(wanted.columns.size());
	auto take = [&](const Row &row) {
		types.at(static_cast<size_t>(row.integer(0) - 1)) = row.text(1);
		return Flow::more;
	};
	co_await db.query(ask_columns(), parameters(Parameter(AGG_INT8, cell(table.oid)), text_array(wanted.columns)), take);
	for (size_t i = 0; i < types.size(); ++i) {
		const std::string role = wanted.roles[i];
		if (types[i].empty())
			throw Error("42703", "column \"" + shortened(wanted.columns[i]) + "\" of table " + table.name + " does not exist",
			            "Pass the column's name as " + role + (role == "p_size" ? ", or NULL where ticks have no size." : "."));
		check_tick_column(table.name, wanted.roles[i], wanted.columns[i], types[i]);
	}
}

struct Registered {
	std::string name;
	bool same = false; // as is wanted
};

Parameter list_of(const std::vector<std::string> &texts) {
	return text_array(texts);
}

/// The source that the table is; nullopt: it is none.
Op<std::optional<Registered>> find_source(Database &db, const TickTable &table, const Registration &wanted) {
	std::optional<Registered> found;
	std::string other;
	auto take = [&](const Row &row) {
		if (row.boolean(1) || (row.is_null(2) && !found))
			found = Registered {std::string(row.text(0)), row.boolean(3)};
		else if (!row.is_null(2) && !found)
			other = row.text(2);
		return Flow::more;
	};
	static const std::vector<std::string> none;
	auto list = parameters(Parameter(AGG_INT8, cell(table.oid)), text_parameter(table.name), Parameter(AGG_BOOL, cell(wanted.has_size)),
	                       Parameter(AGG_INT4, cell(wanted.delay)), Parameter(AGG_BOOL, cell(wanted.excluded.has_value())),
	                       list_of(wanted.excluded ? *wanted.excluded : none), list_of(wanted.columns));
	co_await db.query(ask_source(), std::move(list), take);
	if (!other.empty())
		throw Error("42710", "tick source \"" + shortened(table.name) + "\" is another table now, " + other,
		            "Rename the table, or call agg_remove_tick_source() for the other one.");
	co_return found;
}

Op<Registered> source_or_throw(Database &db, const TickTable &table) {
	const Registration any;
	auto found = co_await find_source(db, table, any);
	if (!found)
		throw Error(sqlstate::no_data_found, "table " + table.name + " is no tick source",
		            "Call agg_add_tick_source(); v_aggregation_tick_sources lists those that are.");
	co_return std::move(*found);
}

Op<void> make_triggers(Database &db, const TickTable &table, const std::string name, const Registration &wanted) {
	std::string columns;
	for (const auto &column : wanted.columns)
		columns += (columns.empty() ? "" : ", ") + quoted_identifier(column);
	const std::string on = " ON " + table.relation;
	const std::string call = " EXECUTE FUNCTION @" AGG_TICK_FUNCTION "(" + quoted_text(name) + ")";
	const std::vector<std::string> statements {
	    "CREATE OR REPLACE TRIGGER " AGG_TICK_COLUMNS_TRIGGER " AFTER UPDATE OF " + columns + on + " FOR EACH ROW WHEN (false)" + call,
	    "CREATE OR REPLACE TRIGGER " AGG_TICK_TRIGGER " AFTER INSERT OR UPDATE OR DELETE" + on + " FOR EACH ROW" + call,
	    "ALTER TABLE " + table.relation + " ENABLE TRIGGER " AGG_TICK_TRIGGER,
	    "ALTER TRIGGER " AGG_TICK_COLUMNS_TRIGGER + on + " DEPENDS ON EXTENSION aggregation",
	    "ALTER TRIGGER " AGG_TICK_TRIGGER + on + " DEPENDS ON EXTENSION aggregation"};
	for (const auto &sql : statements) {
		const Statement statement = table.statement(sql);
		co_await db.execute(statement, {});
	}
	std::string heir;
	auto take = [&](const Row &row) {
		heir = row.text(0);
		return Flow::more;
	};
	co_await db.query(heirs_without_trigger(), parameters(Parameter(AGG_INT8, cell(table.oid))), take);
	if (!heir.empty())
		throw Error("0A000", "table " + heir + " inherits from " + table.name + " without being a partition",
		            "Use partitions (PARTITION BY RANGE).", "Changes of the ticks in it would go unnoticed.");
}

Op<void> check_related(Database &db, const TickTable &table) {
	std::string other;
	bool is_above = false;
	auto take = [&](const Row &row) {
		other = row.text(0);
		is_above = row.boolean(1);
		return Flow::more;
	};
	co_await db.query(ask_related(), parameters(Parameter(AGG_INT8, cell(table.oid))), take);
	if (other.empty())
		co_return;
	throw Error(sqlstate::object_not_in_prerequisite_state,
	            is_above ? "table " + table.name + " is a partition of " + other + ", which is a tick source"
	                     : "table " + table.name + " has the partition " + other + ", which is a tick source",
	            "A table and its partitions are one source. Call agg_remove_tick_source() for " + other + " first.");
}

Op<void> store(Database &db, const TickTable &table, const std::string name, const Registration &wanted) {
	static const std::vector<std::string> none;
	auto list = parameters(text_parameter(name), Parameter(AGG_INT8, cell(table.oid)), text_parameter(table.owner),
	                       Parameter(AGG_BOOL, cell(wanted.has_size)), Parameter(AGG_INT4, cell(wanted.delay)),
	                       Parameter(AGG_BOOL, cell(wanted.excluded.has_value())), list_of(wanted.excluded ? *wanted.excluded : none),
	                       text_parameter(table.caller));
	co_await db.execute(store_source(), std::move(list));
}

/// The time of the first tick from `from` on.
Op<std::optional<Timestamp>> first_tick(Database &db, const TickTable &table, const std::string name, Timestamp from) {
	const auto sources = co_await read_tick_sources(db, db.clock());
	const auto source = std::find_if(sources.begin(), sources.end(), [&](const TickSource &one) { return one.name == name; });
	if (source == sources.end() || source->problem || !source->table)
		co_return std::nullopt;
	const auto reading = co_await tick_reading(db, *source);
	std::optional<Timestamp> first;
	auto take = [&](const Row &row) {
		first = row.maybe_timestamp(0);
		return Flow::more;
	};
	const std::string sql = "SELECT min(r.t) FROM (" + reading.of_all + ") AS r(s, t, p, v)";
	const Statement statement = table.statement(sql, {AGG_TIMESTAMPTZ});
	co_await db.query(statement, parameters(timestamp_parameter(from), timestamp_parameter(Timestamp::range_end())), take);
	co_return first;
}

/// Has the minutes that touch a range made anew by the next runs. Where the range is open, it begins with the first tick.
Op<std::optional<TimeRange>> mark(Database &db, const TickTable &table, const std::string name, const TickRange wanted) {
	Timestamp from = wanted.from;
	if (from <= Timestamp::range_begin()) {
		const auto first = co_await first_tick(db, table, name, from);
		if (!first)
			co_return std::nullopt;
		from = *first;
	}
	const Timestamp end = minute_of(wanted.to - Duration {1}) + Duration::minutes(1);
	const TimeRange range {minute_of(from), end};
	if (range.from >= range.to)
		co_return std::nullopt;
	const std::vector<TickRange> ranges {{wanted.symbol, range.from, range.to, wanted.gone}};
	co_await log_ticks(db, name, ranges);
	co_return range;
}

/// Whoever has no source any more needs no right to the triggers' function.
Op<void> take_back_right(Database &db, const std::string role) {
	std::string quoted;
	auto take = [&](const Row &row) {
		quoted = row.text(0);
		return Flow::more;
	};
	co_await db.query(needless_right(), parameters(text_parameter(role)), take);
	if (quoted.empty())
		co_return;
	const std::string sql = "REVOKE EXECUTE ON FUNCTION @" AGG_TICK_FUNCTION "() FROM " + quoted;
	const Statement statement {"agg_tick_sources", sql.c_str()};
	co_await db.execute(statement, {});
}

void tell(JsonObject &answer, const std::optional<TimeRange> &range) {
	answer.add("from_utc", range ? std::optional(range->from) : std::nullopt)
	    .add("to_utc", range ? std::optional(range->to) : std::nullopt);
}

} // namespace

Op<Answer> agg_add_tick_source(Database &db, Arguments arguments) {
	const std::string given = arguments.text("p_table");
	arguments.concern("table " + shortened(given));
	const Registration wanted = registration_of(arguments);
	const auto from = arguments.maybe_bound("p_from");
	const TickTable table = co_await find_table(db, given);
	if (table.is_ours)
		throw Error(sqlstate::invalid_parameter_value, "table " + table.name + " is the extension's own, and holds no ticks",
		            "Keep ticks in a table of yours.");
	if (!table.is_table)
		throw Error("42809", table.name + " is not a table that can be a tick source",
		            "Ticks are in a plain or a partitioned table that is not temporary.");
	check_may(table);
	co_await check_columns(db, table, wanted);
	const auto present = co_await find_source(db, table, wanted);
	const std::string name = present ? present->name : table.name;
	if (!present || !present->same) {
		co_await check_related(db, table);
		co_await store(db, table, name, wanted); // first: it is the registration that lets the owner have the triggers
		co_await make_triggers(db, table, name, wanted);
	}
	std::optional<TimeRange> range;
	if (from) {
		const TickRange wanted {std::nullopt, *from, minute_of(db.clock()) + Duration::minutes(1)};
		range = co_await mark(db, table, name, wanted);
	}
	co_await db.wake_worker();
	JsonObject answer;
	answer.add("success", true).add("tick_source", std::string_view(name)).add("created", !present);
	tell(answer, range);
	co_return Answer::json(answer.text());
}

Op<Answer> agg_remove_tick_source(Database &db, Arguments arguments) {
	const std::string given = arguments.text("p_table");
	const TickTable table = co_await find_table(db, given);
	check_may(table);
	const auto source = co_await source_or_throw(db, table);
	const std::string name = source.name;
	co_await forget_tick_source(db, name);
	std::vector<std::string> triggers {AGG_TICK_TRIGGER, AGG_TICK_COLUMNS_TRIGGER};
	if (!table.is_table) // it was dropped, and this only has its name
		triggers.clear();
	for (const auto &trigger : triggers) {
		const std::string sql = "DROP TRIGGER IF EXISTS " + trigger + " ON " + table.relation;
		const Statement statement = table.statement(sql);
		co_await db.execute(statement, {});
	}
	co_await forget_tick_source(db, name); // what was logged until nobody wrote ticks any more
	co_await take_back_right(db, table.owner);
	co_return Answer::json(JsonObject().add("success", true).add("tick_source", std::string_view(name)).text());
}

Op<Answer> agg_mark_ticks(Database &db, Arguments arguments) {
	const std::string given = arguments.text("p_table");
	const auto symbol = arguments.maybe_text("p_symbol");
	arguments.concern("table " + shortened(given));
	const auto from = arguments.maybe_bound("p_from_utc");
	const auto to = arguments.maybe_bound("p_to_utc");
	const Timestamp begin = from.value_or(Timestamp::range_begin());
	const Timestamp now = minute_of(db.clock()) + Duration::minutes(1);
	const Timestamp end = std::min(to.value_or(now), now);
	const TickRange wanted {symbol, begin, end, arguments.boolean("p_delete")};
	if (from && to && *to < *from)
		throw Error(sqlstate::invalid_parameter_value, "p_to_utc must not be before p_from_utc",
		            "Pass a range of time, [p_from_utc, p_to_utc).");
	if (wanted.gone && begin <= Timestamp::range_begin())
		throw Error(sqlstate::invalid_parameter_value, "p_delete needs a beginning",
		            "Pass the time from which minutes without ticks are to lose their bars as p_from_utc.");
	const TickTable table = co_await find_table(db, given);
	const auto source = co_await source_or_throw(db, table);
	const auto range = co_await mark(db, table, source.name, wanted);
	co_await db.wake_worker();
	JsonObject answer;
	answer.add("success", true).add("tick_source", std::string_view(source.name));
	tell(answer, range);
	co_return Answer::json(answer.text());
}

} // namespace aggregation
