/*
 * The triggers by which a table of ticks is a tick source. They are the registration's link to the table and to its columns: PostgreSQL
 * lets them follow what is renamed, guards the columns, clones them for partitions, and takes them along in a dump.
 *
 *   aggregation_ticks          AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW: notes the minutes that change. Its argument is the source's name
 *   aggregation_tick_columns   AFTER UPDATE OF time, symbol, price, size, condition: never fires; its columns, in this order, are the ticks'
 */
#ifndef AGGREGATION_TICK_TRIGGERS_H
#define AGGREGATION_TICK_TRIGGERS_H

#define AGG_TICK_FUNCTION "agg_capture_ticks"
#define AGG_TICK_TRIGGER "aggregation_ticks"
#define AGG_TICK_COLUMNS_TRIGGER "aggregation_tick_columns"

/* Time, symbol and price are always there. */
#define AGG_FEWEST_TICK_COLUMNS 3

/*
 * Where source s of agg_tick_sources is, as a row or none: relid, enabled (pg_trigger.tgenabled), columns (attribute numbers). The table
 * is the one that was registered; or, in a restored copy, one that was its owner's. A table above it may have the triggers, but not a
 * table above that (chunks of a table that another extension keeps have triggers of their own).
 */
#define AGG_TICK_TABLE(s)                                                                                                                  \
	"(SELECT g.tgrelid AS relid, g.tgenabled::text AS enabled, k.tgattr::int2[] AS columns "                                               \
	"FROM pg_catalog.pg_trigger g "                                                                                                        \
	"JOIN pg_catalog.pg_trigger k ON k.tgrelid = g.tgrelid AND k.tgname = '" AGG_TICK_COLUMNS_TRIGGER "' AND k.tgargs = g.tgargs "         \
	"JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid AND f.oid = k.tgfoid AND f.proname = '" AGG_TICK_FUNCTION "' "                          \
	"JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid "                                                                                     \
	"WHERE g.tgname = '" AGG_TICK_TRIGGER "' AND g.tgargs = convert_to(" s                                                                 \
	"tick_source, getdatabaseencoding()) || '\\x00'::bytea "                                                                               \
	"AND (g.tgrelid = " s "table_oid OR pg_get_userbyid(c.relowner) = " s "table_owner) "                                                  \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_trigger p ON p.tgrelid = i.inhparent "                        \
	"WHERE i.inhrelid = g.tgrelid AND p.tgname = g.tgname AND p.tgargs = g.tgargs) "                                                       \
	"ORDER BY g.tgrelid = " s "table_oid DESC, g.tgrelid LIMIT 1)"

/* Whether the table of source s is there, whatever has become of its triggers. What else has its name now is not it. */
#define AGG_TICK_TABLE_EXISTS(s)                                                                                                           \
	"EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = " s "table_oid "     \
	"OR quote_ident(n.nspname) || '.' || quote_ident(c.relname) = " s "tick_source AND c.relkind IN ('r', 'p'))"

#endif
