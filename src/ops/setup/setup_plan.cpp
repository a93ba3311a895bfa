#include "ops/setup/setup_plan.hpp"

#include "ops/setup/capture_triggers.h"
#include "ops/setup/dollar_index.hpp"
#include "ops/setup/own_tables.h"
#include "ops/tasks/task_columns.h"

namespace aggregation {

namespace {

// Rows come and go: what is gone must be cleaned away soon, however few rows there are.
#define AGG_QUEUE_STORAGE "autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000"

// Every tick writes a new version of each task's row, which finds room on the same page.
#define AGG_TASK_STORAGE "fillfactor = 45"

#define AGG_PART_OF_CALENDAR "FOREIGN KEY (calendar) REFERENCES @agg_calendars ON UPDATE CASCADE ON DELETE CASCADE"

#define AGG_RULES_TRIGGER(table, name, event, function)                                                                                    \
	{ table, "aggregation_" name, event " FOR EACH STATEMENT EXECUTE FUNCTION @" function "()", false, false }
// What a row says by itself is looked at before CHECKs and indexes, which refuse it in PostgreSQL's words.
#define AGG_RULES_ROW_TRIGGER(table, rules, function)                                                                                      \
	{                                                                                                                                      \
		table, "aggregation_" rules "_checked", "BEFORE INSERT OR UPDATE ON @" table " FOR EACH ROW EXECUTE FUNCTION @" function "()",     \
		    false, false                                                                                                                   \
	}
#define AGG_RULES_TRIGGERS(table, rules, function)                                                                                         \
	AGG_RULES_TRIGGER(table, rules "_made", "AFTER INSERT ON @" table " REFERENCING NEW TABLE AS fresh", function),                        \
	    AGG_RULES_TRIGGER(table, rules "_changed", "AFTER UPDATE ON @" table " REFERENCING OLD TABLE AS gone NEW TABLE AS fresh",          \
	                      function),                                                                                                       \
	    AGG_RULES_TRIGGER(table, rules "_removed", "AFTER DELETE ON @" table " REFERENCING OLD TABLE AS gone", function),                  \
	    AGG_RULES_TRIGGER(table, rules "_truncated", "BEFORE TRUNCATE ON @" table, function)

#define AGG_BAR_COLUMNS(price, source_default)                                                                                             \
	{"canonical_symbol", "text", "text NOT NULL"}, {"timeframe", "text", "text NOT NULL"},                                                 \
	    {"ts_utc", "timestamp with time zone", "timestamptz NOT NULL"}, {"provider_ticker", "text", "text"},                               \
	    {"open", "double precision", price}, {"high", "double precision", price}, {"low", "double precision", price},                      \
	    {"close", "double precision", price}, {"vol", "double precision", "double precision"},                                             \
	    {"vwap", "double precision", "double precision"}, {"trade_count", "bigint", "bigint"},                                             \
	    {"is_partial", "boolean", "boolean NOT NULL DEFAULT false"}, {"source", "text", "text NOT NULL DEFAULT '" source_default "'"},     \
	    {"ingested_at", "timestamp with time zone", "timestamptz DEFAULT now()"}, {"raw", "jsonb", "jsonb DEFAULT '{}'::jsonb"},           \
	    {"created_at", "timestamp with time zone", "timestamptz DEFAULT now()"}, {                                                         \
		"updated_at", "timestamp with time zone", "timestamptz DEFAULT now()"                                                              \
	}

#define AGG_EVENT_COLUMNS(state)                                                                                                           \
	{state "open", "double precision", "double precision"}, {state "high", "double precision", "double precision"},                        \
	    {state "low", "double precision", "double precision"}, {state "close", "double precision", "double precision"},                    \
	    {state "vol", "double precision", "double precision"}, {state "vwap", "double precision", "double precision"},                     \
	    {state "trade_count", "bigint", "bigint"}, {                                                                                       \
		state "quality_score", "bigint", "bigint"                                                                                          \
	}

} // namespace

const std::vector<WantedTable> &wanted_tables() {
	static const std::string first_index = insert_dollar_index();
	static const std::vector<WantedTable> tables {
	    {"core_asset_registry_all",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"asset_class", "text", "text"},
	      {"description", "text", "text"},
	      {"active", "boolean", "boolean NOT NULL DEFAULT true"},
	      {"test_active", "boolean", "boolean NOT NULL DEFAULT false"},
	      {"metadata", "jsonb", "jsonb DEFAULT '{}'::jsonb"},
	      {"created_at", "timestamp with time zone", "timestamptz DEFAULT now()"},
	      {"updated_at", "timestamp with time zone", "timestamptz DEFAULT now()"}},
	     "PRIMARY KEY (canonical_symbol)"},
	    {"data_bars",
	     {AGG_BAR_COLUMNS("double precision", "ingest")},
	     "CONSTRAINT data_bars_unique_idx PRIMARY KEY (canonical_symbol, timeframe, ts_utc), "
	     "CONSTRAINT data_bars_source_check CHECK (source IN ('massive_api', 'ingest', 'synthetic'))"},
	    {"derived_data_bars",
	     {AGG_BAR_COLUMNS("double precision NOT NULL", "agg"),
	      {"source_timeframe", "text", "text"},
	      {"source_candles", "integer", "integer"},
	      {"expected_candles", "integer", "integer"},
	      {"quality_score", "integer", "integer"},
	      {"derivation_version", "integer", "integer DEFAULT 1"},
	      {"deleted_at", "timestamp with time zone", "timestamptz"},
	      {"revision", "integer", "integer NOT NULL DEFAULT 1"}},
	     nullptr},
	    {"data_agg_state",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"source_timeframe", "text", "text"},
	      {"run_interval_minutes", "integer", "integer"},
	      {"aggregation_delay_seconds", "integer", "integer"},
	      {"last_agg_bar_ts_utc", "timestamp with time zone", "timestamptz"},
	      {"status", "text", "text DEFAULT 'idle'"},
	      {"next_run_at", "timestamp with time zone", "timestamptz"},
	      {"running_started_at_utc", "timestamp with time zone", "timestamptz"},
	      {"is_mandatory", "boolean", "boolean NOT NULL DEFAULT false"},
	      {"hard_fail_streak", "integer", "integer DEFAULT 0"},
	      {"total_runs", "bigint", "bigint DEFAULT 0"},
	      {"total_bars_created", "bigint", "bigint DEFAULT 0"},
	      {"total_bars_quality_poor", "bigint", "bigint DEFAULT 0"},
	      {"last_successful_at_utc", "timestamp with time zone", "timestamptz"},
	      {"last_attempted_at_utc", "timestamp with time zone", "timestamptz"},
	      {"last_error", "text", "text"},
	      {"updated_at", "timestamp with time zone", "timestamptz DEFAULT now()"},
	      {"agg_start_utc", "timestamp with time zone", "timestamptz NOT NULL DEFAULT '2025-07-01 00:00:00+00'"},
	      {"enabled", "boolean", "boolean NOT NULL DEFAULT true"},
	      {"task_priority", "integer", "integer NOT NULL DEFAULT 100"},
	      {"claim_token", "uuid", "uuid"},
	      {"disabled_by_operator", "boolean", "boolean NOT NULL DEFAULT false"},
	      {"waiting_since_utc", "timestamp with time zone", "timestamptz"},
	      {"late_policy", "text", "text NOT NULL DEFAULT 'recompute' CHECK (late_policy IN ('recompute', 'freeze'))"},
	      {"late_rows", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"refused_rows", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"derivation_version", "integer", "integer NOT NULL DEFAULT 1"},
	      {"total_windows_skipped", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"total_source_rows_refused", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"calendar", "text", "text"},
	      {"freshness_target_seconds", "integer", "integer"},
	      {"keep_revisions", "boolean", "boolean NOT NULL DEFAULT false"}},
	     "PRIMARY KEY (canonical_symbol, timeframe)",
	     AGG_TASK_STORAGE},
	    {"agg_change_log",
	     {{"logged_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"symbols", "text[]", "text[] NOT NULL"},
	      {"from_utc", "timestamp with time zone[]", "timestamptz[] NOT NULL"},
	      {"to_utc", "timestamp with time zone[]", "timestamptz[] NOT NULL"},
	      {"row_counts", "bigint[]", "bigint[] NOT NULL"}},
	     nullptr,
	     AGG_QUEUE_STORAGE},
	    {"agg_dirty_ranges",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"from_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"to_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"row_count", "bigint", "bigint NOT NULL DEFAULT 0"},
	      // once_passed is a word of 1.0, whose library may still be loaded in some session. It means now.
	      {"due", "text", "text NOT NULL DEFAULT 'now' CHECK (due IN ('now', 'once_passed', 'next_run'))"},
	      {"marked_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"}},
	     nullptr,
	     AGG_QUEUE_STORAGE},
	    {"agg_recent_tasks",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"known_since", "timestamp with time zone", "timestamptz NOT NULL DEFAULT 'infinity'"}},
	     "PRIMARY KEY (canonical_symbol, timeframe)",
	     AGG_QUEUE_STORAGE},
	    {"agg_next_due",
	     {{"due_at", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"looked_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT clock_timestamp()"}},
	     nullptr,
	     AGG_QUEUE_STORAGE},
	    {"agg_refused_ranges",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"from_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"to_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"row_count", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"refused_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"}},
	     nullptr},
	    {"agg_sealed_ranges",
	     {{"canonical_symbol", "text", "text"},
	      {"from_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"to_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"reason", "text", "text"},
	      {"sealed_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"timeframe", "text", "text"}},
	     nullptr},
	    {"agg_audit",
	     {{"started_at", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"finished_at", "timestamp with time zone", "timestamptz"},
	      {"fraction", "double precision", "double precision"},
	      {"tasks", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"windows", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"differences", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"complete", "boolean", "boolean NOT NULL DEFAULT true"},
	      {"details", "jsonb", "jsonb NOT NULL DEFAULT '[]'::jsonb"}},
	     nullptr},
	    {"agg_timeframes",
	     {{"timeframe", "text", "text NOT NULL"}, {"source_timeframe", "text", "text NOT NULL DEFAULT ''"}},
	     "PRIMARY KEY (timeframe, source_timeframe)"},
	    {"agg_calendars",
	     {{"calendar", "text", "text NOT NULL CHECK (calendar <> '')"},
	      {"time_zone", "text", "text NOT NULL"},
	      {"day_start", "time without time zone", "time NOT NULL DEFAULT '00:00'"},
	      {"week_start", "smallint", "smallint NOT NULL DEFAULT 1 CHECK (week_start BETWEEN 1 AND 7)"},
	      {"outside_sessions", "text", "text NOT NULL DEFAULT 'counted' CHECK (outside_sessions IN ('counted', 'left_out'))"},
	      {"shipped", "boolean", "boolean NOT NULL DEFAULT false"},
	      {"changed_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT clock_timestamp()"}},
	     "PRIMARY KEY (calendar)"},
	    {"agg_calendar_sessions",
	     {{"calendar", "text", "text NOT NULL"},
	      {"weekday", "smallint", "smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7)"},
	      {"opens", "time without time zone", "time NOT NULL"},
	      {"closes", "time without time zone", "time NOT NULL"}},
	     "PRIMARY KEY (calendar, weekday, opens), " AGG_PART_OF_CALENDAR},
	    {"agg_calendar_exceptions",
	     {{"calendar", "text", "text NOT NULL"},
	      {"trading_date", "date", "date NOT NULL"},
	      {"closed", "boolean", "boolean NOT NULL DEFAULT true"},
	      {"opens", "time without time zone", "time"},
	      {"closes", "time without time zone", "time"},
	      {"note", "text", "text"},
	      {"shipped", "boolean", "boolean NOT NULL DEFAULT false"}},
	     "UNIQUE NULLS NOT DISTINCT (calendar, trading_date, opens), " AGG_PART_OF_CALENDAR},
	    {"agg_calendar_days",
	     {{"calendar", "text", "text NOT NULL"},
	      {"trading_date", "date", "date NOT NULL"},
	      {"starts_at", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"opens", "timestamp with time zone[]", "timestamptz[] NOT NULL DEFAULT '{}'"},
	      {"closes", "timestamp with time zone[]", "timestamptz[] NOT NULL DEFAULT '{}'"}},
	     "PRIMARY KEY (calendar, trading_date)"},
	    {"agg_indexes",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"constant", "double precision", "float8 NOT NULL DEFAULT 1"},
	      {"components", "text[]", "text[] NOT NULL"},
	      {"exponents", "double precision[]", "float8[] NOT NULL"},
	      {"decimals", "integer", "int NOT NULL DEFAULT 8"},
	      {"carry_minutes", "integer", "int NOT NULL DEFAULT 0"}},
	     "PRIMARY KEY (canonical_symbol)",
	     nullptr,
	     first_index.c_str()},
	    {"agg_consumers",
	     {{"consumer", "text", "text NOT NULL"},
	      {"role_name", "text", "text NOT NULL"},
	      {"symbols", "text[]", "text[]"},
	      {"timeframes", "text[]", "text[]"},
	      // NULL: events were lost
	      {"acked", "bigint", "bigint"},
	      {"polled", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"subscribed_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"polled_at", "timestamp with time zone", "timestamptz"}},
	     "PRIMARY KEY (consumer)",
	     AGG_QUEUE_STORAGE},
	    {"agg_event_batches",
	     {{"batch", "uuid", "uuid NOT NULL"},
	      {"first_id", "bigint", "bigint NOT NULL"},
	      {"last_id", "bigint", "bigint NOT NULL"},
	      {"made_at", "timestamp with time zone", "timestamptz NOT NULL"}},
	     "PRIMARY KEY (last_id)",
	     AGG_QUEUE_STORAGE},
	    {"agg_events",
	     {{"batch", "uuid", "uuid NOT NULL"},
	      {"ordinal", "bigint", "bigint NOT NULL"},
	      {"kind", "text", "text NOT NULL"},
	      {"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"ts_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      AGG_EVENT_COLUMNS("old_"),
	      AGG_EVENT_COLUMNS("new_"),
	      {"old_revision", "integer", "integer"},
	      {"new_revision", "integer", "integer"},
	      {"wanted", "boolean", "boolean NOT NULL DEFAULT true"},
	      {"kept_since", "timestamp with time zone", "timestamptz"}},
	     "PRIMARY KEY (batch, ordinal)",
	     AGG_QUEUE_STORAGE},
	    {"agg_kept_revisions",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"began_at", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"readable_since", "timestamp with time zone", "timestamptz NOT NULL"}},
	     "PRIMARY KEY (canonical_symbol, timeframe)"},
	    {"agg_bar_revisions",
	     {{"canonical_symbol", "text", "text NOT NULL"},
	      {"timeframe", "text", "text NOT NULL"},
	      {"ts_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"made_at", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"revision", "integer", "integer NOT NULL"},
	      {"deleted", "boolean", "boolean NOT NULL DEFAULT false"},
	      AGG_EVENT_COLUMNS("")},
	     "PRIMARY KEY (canonical_symbol, timeframe, ts_utc, made_at)"},
	    {"agg_tick_sources",
	     {{"tick_source", "text", "text NOT NULL"},
	      {"table_oid", "oid", "oid NOT NULL"},
	      {"table_owner", "text", "text NOT NULL"},
	      {"has_size", "boolean", "boolean NOT NULL"},
	      // NULL: there is no column of conditions
	      {"excluded", "text[]", "text[]"},
	      {"delay_seconds", "integer", "integer NOT NULL DEFAULT 2"},
	      {"registered_by", "text", "text NOT NULL"},
	      {"registered_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"minutes_kept", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"last_kept", "text", "text"},
	      {"last_error", "text", "text"},
	      {"failed_at", "timestamp with time zone", "timestamptz"}},
	     "PRIMARY KEY (tick_source)",
	     AGG_QUEUE_STORAGE},
	    {"agg_tick_log",
	     {{"logged_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"tick_source", "text", "text NOT NULL"},
	      {"first_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"symbols", "text[]", "text[] NOT NULL"},
	      {"from_utc", "timestamp with time zone[]", "timestamptz[] NOT NULL"},
	      {"to_utc", "timestamp with time zone[]", "timestamptz[] NOT NULL"},
	      // ticks are known to have left
	      {"gone", "boolean", "boolean NOT NULL DEFAULT false"}},
	     nullptr,
	     AGG_QUEUE_STORAGE},
	    {"agg_retention",
	     // NULL: all symbols that have no policy of their own for the timeframe
	     {{"canonical_symbol", "text", "text"},
	      {"timeframe", "text", "text NOT NULL"},
	      // '': the policy. On a node of many each group of shards has a row of its own besides, which says how far it has got (policy_rows.hpp)
	      {"shards", "text", "text NOT NULL DEFAULT ''"},
	      {"keep", "interval", "interval NOT NULL"},
	      {"set_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"next_look_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT '-infinity'"},
	      // in the middle of a pass over the symbols: the last one that is done
	      {"at_symbol", "text", "text"},
	      {"looked_at", "timestamp with time zone", "timestamptz"},
	      {"rows_removed", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"waiting_symbols", "bigint", "bigint NOT NULL DEFAULT 0"},
	      {"waits_for", "text", "text"},
	      {"last_error", "text", "text"},
	      {"failing_since", "timestamp with time zone", "timestamptz"}},
	     "UNIQUE NULLS NOT DISTINCT (canonical_symbol, timeframe, shards)",
	     AGG_QUEUE_STORAGE},
	    {"agg_chunks",
	     {{"table_name", "text", "text NOT NULL"},
	      {"chunk", "text", "text NOT NULL"},
	      {"from_utc", "timestamp with time zone", "timestamptz NOT NULL"},
	      {"to_utc", "timestamp with time zone", "timestamptz NOT NULL"}},
	     "PRIMARY KEY (chunk)"},
	    {"agg_partitions",
	     {{"table_name", "text", "text NOT NULL"},
	      {"months_ahead", "integer", "integer NOT NULL"},
	      {"next_look_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT '-infinity'"},
	      {"last_error", "text", "text"},
	      {"failing_since", "timestamp with time zone", "timestamptz"}},
	     "PRIMARY KEY (table_name)"},
	    {"agg_registry_sync",
	     {{"env_name", "text", "text NOT NULL"},
	      {"agg_start_utc", "timestamp with time zone", "timestamptz"},
	      {"synced_at_utc", "timestamp with time zone", "timestamptz"},
	      {"assets_skipped", "jsonb", "jsonb NOT NULL DEFAULT '[]'::jsonb"},
	      {"unknown_keys", "jsonb", "jsonb NOT NULL DEFAULT '[]'::jsonb"}},
	     "PRIMARY KEY (env_name)"},
	    {"ops_runlog",
	     {{"run_id", "uuid", "uuid NOT NULL"},
	      {"job_name", "text", "text NOT NULL"},
	      {"trigger", "text", "text NOT NULL"},
	      {"env_name", "text", "text"},
	      {"started_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"},
	      {"finished_at", "timestamp with time zone", "timestamptz"},
	      {"status", "text", "text NOT NULL DEFAULT 'running'"},
	      {"checkpoints", "jsonb", "jsonb NOT NULL DEFAULT '[]'::jsonb"},
	      {"events", "jsonb", "jsonb NOT NULL DEFAULT '[]'::jsonb"},
	      {"stats", "jsonb", "jsonb NOT NULL DEFAULT '{}'::jsonb"},
	      {"created_at", "timestamp with time zone", "timestamptz NOT NULL DEFAULT now()"}},
	     "PRIMARY KEY (run_id)"}};
	return tables;
}

const std::vector<std::string> &wanted_table_names() {
	static const std::vector<std::string> names = [] {
		std::vector<std::string> all;
		for (const auto &table : wanted_tables())
			all.emplace_back(table.name);
		return all;
	}();
	return names;
}

const std::vector<WantedIndex> &wanted_indexes() {
	static const std::vector<WantedIndex> indexes {
	    {"core_asset_registry_all", "core_asset_registry_all_symbol_idx", "canonical_symbol", nullptr, true},
	    {"data_bars", "data_bars_unique_idx", "canonical_symbol, timeframe, ts_utc", nullptr, true},
	    // What all symbols have of a moment is read by it in one pass. A feed does not feel it: it is written once for 32 pages.
	    {"data_bars", "data_bars_time_idx", "ts_utc", nullptr, false, true, "brin", "pages_per_range = 32, autosummarize = on"},
	    {"derived_data_bars", "derived_data_bars_live_idx", "canonical_symbol, timeframe, ts_utc", "deleted_at IS NULL", true},
	    {"data_agg_state", "data_agg_state_task_idx", "canonical_symbol, timeframe", nullptr, true},
	    {"agg_registry_sync", "agg_registry_sync_env_idx", "env_name", nullptr, true},
	    {"agg_timeframes", "agg_timeframes_idx", "timeframe, source_timeframe", nullptr, true},
	    {"agg_calendars", "agg_calendars_idx", "calendar", nullptr, true},
	    {"agg_calendar_sessions", "agg_calendar_sessions_idx", "calendar, weekday, opens", nullptr, true},
	    {"agg_calendar_days", "agg_calendar_days_idx", "calendar, trading_date", nullptr, true},
	    {"agg_indexes", "agg_indexes_idx", "canonical_symbol", nullptr, true},
	    {"agg_consumers", "agg_consumers_idx", "consumer", nullptr, true},
	    {"agg_event_batches", "agg_event_batches_idx", "last_id", nullptr, true},
	    {"agg_events", "agg_events_idx", "batch, ordinal", nullptr, true},
	    {"agg_kept_revisions", "agg_kept_revisions_idx", "canonical_symbol, timeframe", nullptr, true},
	    {"agg_bar_revisions", "agg_bar_revisions_idx", "canonical_symbol, timeframe, ts_utc, made_at", nullptr, true},
	    {"agg_tick_sources", "agg_tick_sources_idx", "tick_source", nullptr, true},
	    {"agg_tick_log", "agg_tick_log_due_idx", "tick_source, first_utc", nullptr, false},
	    {"agg_recent_tasks", "agg_recent_tasks_idx", "canonical_symbol, timeframe", nullptr, true},
	    {"agg_dirty_ranges", "agg_dirty_ranges_task_idx", "canonical_symbol, timeframe, from_utc", nullptr, false},
	    {"agg_refused_ranges", "agg_refused_ranges_task_idx", "canonical_symbol, timeframe", nullptr, false},
	    {"agg_sealed_ranges", "agg_sealed_ranges_end_idx", "to_utc", nullptr, false},
	    {"agg_sealed_ranges", "agg_sealed_ranges_symbol_idx", "canonical_symbol, to_utc", nullptr, false},
	    // Not paid for by live bars: soft-deleted ones are found by agg_why(), restored, purged.
	    {"derived_data_bars", "derived_data_bars_deleted_idx", "canonical_symbol, timeframe, ts_utc", "deleted_at IS NOT NULL", false},
	    // All tasks that can be due, by urgency as far as that lasts. No index holds what a run changes, next_run_at above all: so
	    // thousands of rows are updated without touching an index, which saves more than looking at all tasks costs. Who finds none due
	    // keeps in agg_next_due from when on that is worth it again.
	    {"data_agg_state", "idx_agg_state_due_priority", "is_mandatory, timeframe, task_priority, canonical_symbol", AGG_CLAIMABLE(""),
	     false},
	    {"ops_runlog", "ops_runlog_job_idx", "job_name, trigger, started_at", nullptr, false},
	    {"data_agg_state", "idx_agg_state_waiting", "waiting_since_utc", "waiting_since_utc IS NOT NULL", false},
	    {"data_agg_state", "idx_agg_state_running", "running_started_at_utc", "status = 'running'", false}};
	return indexes;
}

const std::vector<WantedTrigger> &wanted_triggers() {
	static const std::vector<WantedTrigger> triggers {
	    {"data_bars", AGG_CAPTURE_TRIGGER_NAME,
	     "AFTER INSERT OR DELETE OR UPDATE ON @data_bars FOR EACH ROW EXECUTE FUNCTION @agg_capture_changes()", false, false},
	    {"data_bars", AGG_CAPTURE_TRUNCATE_TRIGGER_NAME,
	     "BEFORE TRUNCATE ON @data_bars FOR EACH STATEMENT EXECUTE FUNCTION @agg_capture_changes()", false, true},
	    {"data_agg_state", "aggregation_timeframes",
	     "AFTER INSERT OR UPDATE OF timeframe, source_timeframe ON @data_agg_state FOR EACH ROW EXECUTE FUNCTION @agg_note_timeframe()",
	     true, false},
	    {"data_agg_state", "aggregation_tasks_made",
	     "AFTER INSERT ON @data_agg_state REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION @agg_note_task_change()",
	     false, false, true},
	    {"data_agg_state", "aggregation_tasks_changed",
	     "AFTER UPDATE OF canonical_symbol, timeframe, source_timeframe, agg_start_utc, late_policy, calendar ON @data_agg_state "
	     "FOR EACH ROW WHEN (("
	     "(old.canonical_symbol IS DISTINCT FROM new.canonical_symbol) OR "
	     "(old.timeframe IS DISTINCT FROM new.timeframe) OR "
	     "(old.source_timeframe IS DISTINCT FROM new.source_timeframe) OR "
	     "(old.agg_start_utc IS DISTINCT FROM new.agg_start_utc) OR "
	     "(old.late_policy IS DISTINCT FROM new.late_policy) OR "
	     "(old.calendar IS DISTINCT FROM new.calendar)"
	     ")) EXECUTE FUNCTION @agg_note_task_change()",
	     false, false},
	    {"data_agg_state", "aggregation_due",
	     "AFTER INSERT OR UPDATE OF next_run_at, status, enabled ON @data_agg_state FOR EACH STATEMENT EXECUTE FUNCTION @agg_note_due()",
	     false, false},
	    AGG_RULES_ROW_TRIGGER("agg_calendars", "calendars", AGG_CALENDAR_TRIGGER),
	    AGG_RULES_TRIGGERS("agg_calendars", "calendars", AGG_CALENDAR_TRIGGER),
	    AGG_RULES_ROW_TRIGGER("agg_calendar_sessions", "sessions", AGG_CALENDAR_TRIGGER),
	    AGG_RULES_TRIGGERS("agg_calendar_sessions", "sessions", AGG_CALENDAR_TRIGGER),
	    AGG_RULES_TRIGGERS("agg_calendar_exceptions", "exceptions", AGG_CALENDAR_TRIGGER),
	    AGG_RULES_ROW_TRIGGER("agg_indexes", "indexes", AGG_INDEX_TRIGGER),
	    AGG_RULES_TRIGGERS("agg_indexes", "indexes", AGG_INDEX_TRIGGER)};
	return triggers;
}

const std::vector<const char *> &wanted_sources() {
	static const std::vector<const char *> sources {"massive_api", "ingest", "synthetic"};
	return sources;
}

} // namespace aggregation
