-- The contract: names, argument names, types, order, defaults and results of every function. Workers call by name; new optional arguments
-- may come behind these, nothing else may change.
\ir include/tap.psql
SET TimeZone = 'UTC';
SELECT no_plan();

CREATE TABLE contract (name text, arguments text, result text);
INSERT INTO contract VALUES
	('agg_bootstrap_cursor', 'p_symbol text, p_to_tf text, p_now_utc timestamp with time zone DEFAULT now()', 'timestamp with time zone'),
	('catchup_aggregation_range', 'p_symbol text, p_to_tf text, p_start_cursor_utc timestamp with time zone, p_max_windows integer DEFAULT 100, p_now_utc timestamp with time zone DEFAULT NULL::timestamp with time zone, p_derivation_version integer DEFAULT 1, p_ignore_confirmation boolean DEFAULT false', 'jsonb'),
	('agg_get_due_tasks', 'p_env_name text, p_now_utc timestamp with time zone DEFAULT now(), p_limit integer DEFAULT 20, p_running_stale_seconds integer DEFAULT 900', 'TABLE(canonical_symbol text, timeframe text, source_timeframe text, run_interval_minutes integer, aggregation_delay_seconds integer, last_agg_bar_ts_utc timestamp with time zone, status text, hard_fail_streak integer, task_priority integer, is_mandatory boolean)'),
	('agg_start', 'p_symbol text, p_tf text, p_now_utc timestamp with time zone DEFAULT now()', 'jsonb'),
	('agg_finish', 'p_symbol text, p_tf text, p_success boolean, p_new_cursor_utc timestamp with time zone DEFAULT NULL::timestamp with time zone, p_stats jsonb DEFAULT NULL::jsonb, p_fail_kind text DEFAULT NULL::text, p_error text DEFAULT NULL::text, p_now_utc timestamp with time zone DEFAULT now(), p_auto_disable_hard_fail_threshold integer DEFAULT 3, p_claim_token uuid DEFAULT NULL::uuid', 'jsonb'),
	('sync_agg_state_from_registry', 'p_env_name text DEFAULT ''prod''::text, p_agg_start_utc timestamp with time zone DEFAULT ''2025-07-01 00:00:00+00''::timestamp with time zone', 'jsonb'),
	('calc_dxy_range_1m', 'p_from_utc timestamp with time zone, p_to_utc timestamp with time zone, p_derivation_version integer DEFAULT 1', 'jsonb'),
	('aggregate_1m_to_5m_window', 'p_symbol text, p_from_utc timestamp with time zone, p_to_utc timestamp with time zone, p_derivation_version integer DEFAULT 1', 'jsonb'),
	('aggregate_5m_to_1h_window', 'p_symbol text, p_from_utc timestamp with time zone, p_to_utc timestamp with time zone, p_derivation_version integer DEFAULT 1', 'jsonb'),
	('aggregate_window', 'p_symbol text, p_to_tf text, p_from_utc timestamp with time zone, p_to_utc timestamp with time zone, p_derivation_version integer DEFAULT 1', 'jsonb'),
	('agg_aggregate_tasks', 'p_symbols text[], p_timeframes text[], p_max_windows integer DEFAULT 1000, p_now_utc timestamp with time zone DEFAULT NULL::timestamp with time zone, p_derivation_version integer DEFAULT 1',
		'TABLE(canonical_symbol text, timeframe text, windows_processed bigint, bars_created bigint, bars_inserted bigint, bars_updated bigint, bars_unchanged bigint, bars_deleted bigint, bars_quality_poor bigint, bars_skipped bigint, source_rows_refused bigint, last_agg_bar_ts_utc timestamp with time zone, reason text, continue boolean)'),
	('agg_setup', 'dry_run boolean DEFAULT false', 'TABLE(object text, action text, detail text)');

SELECT is(count(p.oid), 1::bigint, 'there is one ' || c.name) FROM contract AS c LEFT JOIN pg_proc AS p ON p.proname = c.name GROUP BY c.name ORDER BY c.name;
SELECT is(left(pg_get_function_arguments(p.oid), length(c.arguments)), c.arguments, 'arguments of ' || c.name)
FROM contract AS c JOIN pg_proc AS p ON p.proname = c.name ORDER BY c.name;
SELECT is(pg_get_function_result(p.oid), c.result, 'result of ' || c.name) FROM contract AS c JOIN pg_proc AS p ON p.proname = c.name ORDER BY c.name;
SELECT ok(p.pronargs - p.pronargdefaults <= 1 + length(c.arguments) - length(replace(c.arguments, ',', '')) - (length(c.arguments) - length(replace(c.arguments, 'DEFAULT', ''))) / 7,
	'whatever comes behind is optional: ' || c.name)
FROM contract AS c JOIN pg_proc AS p ON p.proname = c.name ORDER BY c.name;
SELECT ok(coalesce(length(obj_description(p.oid, 'pg_proc')), 0) > 20, 'a comment says what it does: ' || c.name)
FROM contract AS c JOIN pg_proc AS p ON p.proname = c.name ORDER BY c.name;

-- Called by name, as over RPC, on a system without a task or a bar.
DO $$ BEGIN PERFORM agg_setup(dry_run => false); END $$;
SELECT is_empty($$SELECT * FROM agg_get_due_tasks(p_env_name => 'prod', p_now_utc => '2025-08-01', p_limit => 5, p_running_stale_seconds => 60)$$, 'agg_get_due_tasks by name');
SELECT is(agg_start(p_symbol => 'X', p_tf => '5m', p_now_utc => '2025-08-01') - 'message', '{"success": false, "error": "not_idle_or_missing"}', 'agg_start by name');
SELECT is(agg_finish(p_symbol => 'X', p_tf => '5m', p_success => true, p_new_cursor_utc => NULL, p_stats => NULL, p_fail_kind => NULL, p_error => NULL,
	p_now_utc => '2025-08-01', p_auto_disable_hard_fail_threshold => 3, p_claim_token => NULL) - 'message', '{"success": false, "error": "not_found"}', 'agg_finish by name');
SELECT is(calc_dxy_range_1m(p_from_utc => '2025-08-01', p_to_utc => '2025-08-02', p_derivation_version => 7) - 'unchanged',
	'{"success": true, "inserted": 0, "updated": 0, "skipped": 0, "version": 7}', 'calc_dxy_range_1m by name');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('X');
SELECT is(aggregate_1m_to_5m_window(p_symbol => 'X', p_from_utc => '2025-08-01 00:00+00', p_to_utc => '2025-08-01 00:05+00', p_derivation_version => 1) - 'refused',
	'{"success": true, "stored": false, "source_count": 0, "reason": "insufficient_source_bars"}', 'aggregate_1m_to_5m_window by name');
SELECT is(aggregate_5m_to_1h_window(p_symbol => 'X', p_from_utc => '2025-08-01 00:00+00', p_to_utc => '2025-08-01 01:00+00', p_derivation_version => 1) - 'refused',
	'{"success": true, "stored": false, "source_count": 0, "reason": "insufficient_source_bars"}', 'aggregate_5m_to_1h_window by name');

SELECT * FROM finish();
