#include "ops/setup/setup_catalog.hpp"

#include "ops/boundary/parameters.hpp"
#include "ops/setup/setup_plan.hpp"

#include <string_view>

namespace aggregation {

namespace {

const Statement &present_columns() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT c.relname::text, c.relkind::text, a.attname::text, format_type(a.atttypid, NULL),
	COALESCE(array_to_string(c.reloptions, ' ') ~ 'fillfactor=', false)
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY ($2::text[]) AND c.relkind NOT IN ('i', 'I'))sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_TEXT, AGG_BOOL},
	                                  Planning::by_statistics};
	return statement;
}

const Statement &present_indexes() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT t.relname::text, i.relname::text, x.indisunique AND x.indisvalid AND x.indimmediate AS serves_as_key,
	(SELECT string_agg(COALESCE(a.attname::text, '(' || pg_get_indexdef(x.indexrelid, k.n::int4, true) || ')'), ', ' ORDER BY k.n)
	FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
	LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum > 0
	WHERE k.n <= x.indnkeyatts) AS keys,
	pg_get_expr(x.indpred, x.indrelid, true) AS predicate,
	pg_get_indexdef(x.indexrelid) AS definition
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = $1::text::regnamespace AND t.relname = ANY ($2::text[]))sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_TEXT, AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

// The checks over data_bars.source alone.
const Statement &present_source_checks() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT quote_ident(k.conname::text), pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'source' AND k.conkey = ARRAY[a.attnum]
WHERE k.contype = 'c' AND c.relname = 'data_bars' AND c.relnamespace = $1::text::regnamespace)sql",
	                                  {AGG_TEXT, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

// The triggers of the tables and of their partitions. Names are quoted as SQL needs them.
const Statement &present_triggers() {
	static const Statement statement {nullptr,
	                                  R"sql(
SELECT r.relname::text, p.relid::regclass::text, p.relid = r.oid AS is_table, t.tgname::text, p.relid::oid::int8,
	regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER \S+ ', '') AS definition
FROM pg_catalog.pg_class r
CROSS JOIN LATERAL (SELECT r.oid AS relid UNION SELECT x.relid FROM pg_partition_tree(r.oid) x) p
LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = p.relid AND NOT t.tgisinternal
WHERE r.relnamespace = $1::text::regnamespace AND r.relname = ANY ($2::text[]) AND r.relkind IN ('r', 'p')
ORDER BY 1, 3 DESC, 2)sql",
	                                  {AGG_TEXT, AGG_TEXT, AGG_BOOL, AGG_TEXT, AGG_INT8, AGG_TEXT},
	                                  Planning::by_statistics};
	return statement;
}

} // namespace

Op<Catalog> read_catalog(Database &db) {
	Catalog catalog;
	const std::string schema = db.schema();

	auto take_column = [&](const Row &row) {
		const std::string table(row.text(0));
		catalog.kinds[table] = row.text(1);
		if (row.boolean(4))
			catalog.has_storage.insert(table);
		if (!row.is_null(2))
			catalog.columns[table][std::string(row.text(2))] = row.text(3);
		return Flow::more;
	};
	co_await db.query(present_columns(), parameters(text_parameter(schema), text_array(wanted_table_names())), take_column);

	auto take_index = [&](const Row &row) {
		catalog.indexes.push_back({std::string(row.text(0)), std::string(row.text(1)), row.boolean(2), row.maybe_text(3).value_or(""),
		                           row.maybe_text(4).value_or(""), row.maybe_text(5).value_or("")});
		return Flow::more;
	};
	co_await db.query(present_indexes(), parameters(text_parameter(schema), text_array(wanted_table_names())), take_index);

	auto take_check = [&](const Row &row) {
		catalog.source_checks.push_back({std::string(row.text(0)), std::string(row.text(1))});
		return Flow::more;
	};
	co_await db.query(present_source_checks(), parameters(text_parameter(schema)), take_check);

	auto take_trigger = [&](const Row &row) {
		auto &holders = catalog.trigger_holders;
		if (holders.empty() || holders.back().name != row.text(1))
			holders.push_back(
			    {std::string(row.text(0)), std::string(row.text(1)), row.boolean(2), static_cast<uint32_t>(row.integer(4)), {}});
		if (!row.is_null(3))
			holders.back().triggers[std::string(row.text(3))] = row.text(5);
		return Flow::more;
	};
	co_await db.query(present_triggers(), parameters(text_parameter(schema), text_array(wanted_table_names())), take_trigger);
	co_return catalog;
}

} // namespace aggregation
