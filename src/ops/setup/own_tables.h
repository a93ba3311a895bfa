/*
 * SQL about what is the extension's own: its tables (agg_...) and views. For statements, and for the text of a view.
 */
#pragma once

/* The tables, each given to `of`, with `between` in between. */
#define AGG_OWN_TABLES(of, between)                                                                                                        \
	of("agg_change_log") between of("agg_dirty_ranges") between of("agg_recent_tasks") between of("agg_refused_ranges")                    \
	    between of("agg_sealed_ranges") between of("agg_audit") between of("agg_timeframes") between of("agg_registry_sync")               \
	        between of("agg_calendars") between of("agg_calendar_sessions") between of("agg_calendar_exceptions")                          \
	            between of("agg_calendar_days") between of("agg_indexes") between of("agg_consumers") between of("agg_event_batches")      \
	                between of("agg_events") between of("agg_kept_revisions") between of("agg_bar_revisions") between of("agg_next_due")   \
	                    between of("agg_tick_sources") between of("agg_tick_log") between of("agg_retention") between of("agg_chunks")     \
	                        between of("agg_partitions")
#define AGG_NAME(table) table
#define AGG_QUOTED_NAME(table) "'" table "'"
#define AGG_COMMA ,

/* The trigger functions of calendars and indexes: the only ones that are at home on tables of ours. */
#define AGG_CALENDAR_TRIGGER "agg_note_calendar_change"
#define AGG_INDEX_TRIGGER "agg_note_index_change"

/* Whose objects are as good as the extension's: a superuser's, the extension's owner's, and those of who has the rights of either. */
#define AGG_TRUSTED(owner)                                                                                                                 \
	"EXISTS (SELECT FROM pg_catalog.pg_roles t WHERE (t.rolsuper OR t.oid = (SELECT e.extowner FROM pg_catalog.pg_extension e "            \
	"WHERE e.extname = 'aggregation')) AND pg_has_role(" owner ", t.oid, 'USAGE'))"

/* Whoever owns the tables that table c serves may own it as well: an application's role that has run agg_setup(). */
#define AGG_OWNS_THE_REST                                                                                                                  \
	"(SELECT count(*) FROM pg_catalog.pg_class u WHERE u.relnamespace = c.relnamespace AND u.relowner = c.relowner "                       \
	"AND u.relname IN ('data_bars', 'derived_data_bars', 'data_agg_state')) = 3"

/* A role's name as a statement of a setup step may hold it: `@` stands for the schema there, and "; " ends a statement. */
#define AGG_QUOTED_ROLE(name)                                                                                                              \
	"CASE WHEN strpos(" name ", chr(64)) + strpos(" name ", ';') = 0 THEN quote_ident(" name ") ELSE 'U&\"' || "                           \
	"replace(replace(replace(replace(" name ", '\\', '\\\\'), '\"', '\"\"'), chr(64), '\\0040'), ';', '\\003B') || '\"' END"

/*
 * What of somebody's hangs on a table c of the extension's own, as kind and name. himself: an OID of one more role that is trusted. The
 * checks that are ours are known by their text; no index of ours has an expression, a predicate or an operator class
 * that is not PostgreSQL's.
 */
/* clang-format off */
#define AGG_INTRUDERS(himself) \
	"(SELECT 'owner' AS kind, pg_get_userbyid(c.relowner)::text AS name " \
	"WHERE c.relowner <> " himself " AND NOT " AGG_OWNS_THE_REST " AND NOT " AGG_TRUSTED("c.relowner") " " \
	"UNION ALL SELECT 'trigger' AS kind, t.tgname::text AS name FROM pg_catalog.pg_trigger t " \
	"WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND NOT (t.tgqual IS NULL AND EXISTS (SELECT FROM pg_catalog.pg_proc f " \
	"WHERE f.oid = t.tgfoid AND f.proname IN ('" AGG_CALENDAR_TRIGGER "', '" AGG_INDEX_TRIGGER "') AND f.pronamespace = c.relnamespace)) " \
	"UNION ALL SELECT 'rule' AS kind, r.rulename::text AS name FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid " \
	"UNION ALL SELECT 'policy' AS kind, p.polname::text AS name FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid " \
	"UNION ALL SELECT 'index' AS kind, i.relname::text AS name FROM pg_catalog.pg_index x " \
	"JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid " \
	"WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL OR EXISTS (" \
	"SELECT FROM pg_catalog.pg_opclass o WHERE o.oid = ANY (x.indclass) AND o.opcnamespace <> 'pg_catalog'::regnamespace)) " \
	"UNION ALL SELECT 'constraint' AS kind, k.conname::text AS name FROM pg_catalog.pg_constraint k " \
	"WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'x') AND c.relname || ' ' || pg_get_constraintdef(k.oid) <> ALL (ARRAY[" \
	"'agg_dirty_ranges CHECK ((due = ANY (ARRAY[''now''::text, ''once_passed''::text, ''next_run''::text])))', " \
	"'agg_calendars CHECK ((calendar <> ''''::text))', " \
	"'agg_calendars CHECK (((week_start >= 1) AND (week_start <= 7)))', " \
	"'agg_calendars CHECK ((outside_sessions = ANY (ARRAY[''counted''::text, ''left_out''::text])))', " \
	"'agg_calendar_sessions CHECK (((weekday >= 1) AND (weekday <= 7)))']) " \
	"AND NOT (k.contype = 'f' AND c.relname IN ('agg_calendar_sessions', 'agg_calendar_exceptions') AND k.confrelid = (SELECT r.oid " \
	"FROM pg_catalog.pg_class r WHERE r.relnamespace = c.relnamespace AND r.relname = 'agg_calendars')) " \
	"UNION ALL SELECT 'generated column' AS kind, a.attname::text AS name FROM pg_catalog.pg_attribute a " \
	"WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped " \
	"UNION ALL SELECT 'row security' AS kind, 'enabled' AS name WHERE c.relrowsecurity) AS x(kind, name)"
/* clang-format on */
