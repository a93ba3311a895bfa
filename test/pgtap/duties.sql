-- agg_grant() and agg_revoke(): each duty gets what it needs, and everything else is refused.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- Roles belong to the server: names of this database's own.
CREATE FUNCTION role_of(duty text) RETURNS text LANGUAGE sql AS $$ SELECT 'duty "' || current_database() || '" ' || duty $$;
CREATE TABLE duties (duty text PRIMARY KEY, functions text[], tables text[]);
-- What is asked for, written once more: functions, and privileges on tables and views.
INSERT INTO duties VALUES
('worker', '{agg_aggregate_tasks,agg_bootstrap_cursor,agg_compute_index,agg_finish,agg_get_due_tasks,agg_heartbeat,agg_refresh_calendars,agg_run,agg_run_batch,agg_start,agg_wake,aggregate_1m_to_5m_window,aggregate_5m_to_1h_window,aggregate_window,calc_dxy_range_1m,catchup_aggregation_range,ops_runlog_checkpoint,ops_runlog_finish,ops_runlog_prune,ops_runlog_start,sync_agg_state_from_registry}',
	'{SELECT v_aggregation_progress}'),
('monitor', '{agg_calendar_windows,agg_completeness,agg_gaps,agg_health,agg_metrics,agg_rows_of_nodes,agg_trading_days,agg_why}',
	'{SELECT agg_audit,SELECT agg_calendar_days,SELECT agg_calendar_exceptions,SELECT agg_calendar_sessions,SELECT agg_calendars,SELECT agg_indexes,SELECT agg_refused_ranges,SELECT agg_registry_sync,SELECT agg_sealed_ranges,SELECT core_asset_registry_all,SELECT data_agg_state,SELECT ops_runlog,SELECT v_aggregation_alerts,SELECT v_aggregation_completeness,SELECT v_aggregation_consumers,SELECT v_aggregation_frontier_health,SELECT v_aggregation_lag,SELECT v_aggregation_metrics,SELECT v_aggregation_progress,SELECT v_aggregation_quality,SELECT v_aggregation_retention,SELECT v_aggregation_tick_sources,SELECT v_aggregation_truth,SELECT v_aggregation_unread_bars}'),
('reader', '{agg_anchored_vwap,agg_bars,agg_bars,agg_calendar_windows,agg_chart,agg_completeness,agg_gaps,agg_latest,agg_trading_days,agg_why}',
	'{SELECT agg_calendar_days,SELECT agg_calendar_exceptions,SELECT agg_calendar_sessions,SELECT agg_calendars,SELECT agg_indexes,SELECT core_asset_registry_all,SELECT data_bars,SELECT derived_data_bars}'),
('consumer', '{agg_ack,agg_poll,agg_subscribe,agg_unsubscribe}', '{SELECT derived_data_bars}'),
('feed', '{agg_mark_changed,agg_wake}', '{INSERT data_bars,SELECT data_bars,UPDATE data_bars}');
-- The operator: everything but the feed, the setup and what triggers call.
INSERT INTO duties SELECT 'operator', array_agg(p.proname ORDER BY p.proname),
	(SELECT array_agg(DISTINCT t ORDER BY t) FROM duties, unnest(tables || ARRAY['DELETE agg_calendar_exceptions', 'DELETE agg_calendar_sessions', 'DELETE agg_calendars', 'DELETE agg_indexes',
		'INSERT agg_calendar_exceptions', 'INSERT agg_calendar_sessions', 'INSERT agg_calendars', 'INSERT agg_indexes', 'INSERT core_asset_registry_all',
		'UPDATE agg_calendar_exceptions', 'UPDATE agg_calendar_sessions', 'UPDATE agg_calendars', 'UPDATE agg_indexes', 'UPDATE core_asset_registry_all']) AS t WHERE t !~ '^(INSERT|UPDATE) data_bars$')
FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aggregation') AND p.provolatile <> 'i' AND p.prorettype <> 'trigger'::regtype
	AND p.proname NOT IN ('agg_setup', 'agg_adopt', 'agg_distribute', 'agg_partition_by_month', 'agg_grant', 'agg_revoke') AND p.proname NOT LIKE 'agg\_note\_%' AND p.proname NOT IN ('agg_watch_partitions');

CREATE FUNCTION functions_of(who text) RETURNS text[] LANGUAGE sql AS $$
	SELECT COALESCE(array_agg(p.proname::text ORDER BY p.proname), '{}') FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'aggregation') AND p.provolatile <> 'i' AND has_function_privilege(who, p.oid, 'EXECUTE')
$$;
CREATE FUNCTION tables_of(who text) RETURNS text[] LANGUAGE sql AS $$
	SELECT COALESCE(array_agg(x ORDER BY x), '{}') FROM pg_class AS c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege, LATERAL (SELECT privilege || ' ' || c.relname) AS t(x)
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND c.relname ~ '^(agg_|data_|derived_|ops_|core_|v_agg)' AND has_table_privilege(who, c.oid, privilege)
$$;

SELECT format('CREATE ROLE %I', role_of(duty)) FROM duties \gexec
SELECT format('CREATE ROLE %I', role_of('nobody')) \gexec
SELECT isnt_empty(format('SELECT * FROM agg_grant(%L, %L)', duty, role_of(duty)), duty || ': was granted its rights') FROM duties ORDER BY duty;
SELECT is_empty(format('SELECT * FROM agg_grant(%L, %L)', duty, role_of(duty)), duty || ': had them all the second time') FROM duties ORDER BY duty;
SELECT is(functions_of(role_of(duty)), functions, duty || ': these functions and no others') FROM duties ORDER BY duty;
SELECT is(tables_of(role_of(duty)), tables, duty || ': these tables and views and no others') FROM duties ORDER BY duty;
SELECT is(functions_of(role_of('nobody')) || tables_of(role_of('nobody')), '{}', 'who has no duty has nothing');

-- Each does its work with it.
SELECT date_bin('1 hour', now(), '2000-01-01 00:00+00') - interval '3 hours' AS start \gset
SELECT set_config('role', role_of('operator'), false) \gset
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', jsonb_build_object('agg', jsonb_build_object('start_utc', :'start'::timestamptz)));
SELECT is(sync_agg_state_from_registry('prod') ->> 'tasks_created', '2', 'the operator registers a symbol');
SELECT is(agg_set_freshness_target('EURUSD', '5m', 600) ->> 'changed', 'true', 'and sets a target');
RESET ROLE;
SELECT set_config('role', role_of('feed'), false) \gset
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT 'EURUSD', '1m', t, 1.08, 1.09, 1.07, 1.08, 10 FROM generate_series(:'start'::timestamptz, now() - interval '1 minute', '1 minute') AS t
ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET close = excluded.close;
SELECT throws_ok('DELETE FROM data_bars', '42501', NULL, 'the feed deletes nothing');
SELECT throws_ok('SELECT * FROM derived_data_bars', '42501', NULL, 'and reads no derived bar');
RESET ROLE;
SELECT set_config('role', role_of('worker'), false) \gset
CALL agg_run();
SELECT throws_ok('SELECT * FROM data_agg_state', '42501', NULL, 'the worker needs no table');
SELECT throws_ok($$SELECT agg_set_start('EURUSD', '5m', now())$$, '42501', NULL, 'and sets nothing');
SELECT throws_ok($$SELECT agg_retire_source(now())$$, '42501', NULL, 'and retires nothing');
RESET ROLE;
SELECT set_config('role', role_of('reader'), false) \gset
SELECT cmp_ok(count(*), '>', 30::bigint, 'the reader reads') FROM agg_bars('EURUSD', '5m', :'start', now());
SELECT cmp_ok(count(*), '>', 3::bigint, 'other widths, too') FROM agg_bars('EURUSD', '45m', :'start', now());
SELECT isnt_empty($$SELECT * FROM agg_latest('{EURUSD}', '5m')$$, 'and the latest');
SELECT isnt_empty($$SELECT * FROM agg_chart('EURUSD', '5m', 10)$$, 'and a chart');
SELECT throws_ok('UPDATE derived_data_bars SET close = 1', '42501', NULL, 'the reader writes nothing');
SELECT throws_ok('SELECT * FROM agg_health()', '42501', NULL, 'and does not watch');
RESET ROLE;
SELECT set_config('role', role_of('monitor'), false) \gset
SELECT is((SELECT status FROM agg_health()), 'green', 'the monitor sees that all is well');
SELECT is_empty('SELECT * FROM v_aggregation_alerts', 'and no alarm');
SELECT is((SELECT count(*) FROM v_aggregation_lag), 2::bigint, 'and each task');
SELECT throws_ok('SELECT * FROM derived_data_bars', '42501', NULL, 'the monitor reads no bar');
SELECT throws_ok($$SELECT * FROM agg_bars('EURUSD', '5m')$$, '42501', NULL, 'by no function');
SELECT throws_ok('CALL agg_run()', '42501', NULL, 'and runs nothing');
RESET ROLE;
SELECT set_config('role', role_of('consumer'), false) \gset
SELECT is(agg_subscribe('duties') ->> 'success', 'true', 'a consumer subscribes');
SELECT is_empty($$SELECT * FROM agg_poll('duties')$$, 'and polls');
SELECT is(agg_unsubscribe('duties') ->> 'success', 'true', 'and goes');
RESET ROLE;
SELECT set_config('role', role_of('operator'), false) \gset
SELECT is_empty('SELECT * FROM agg_verify()', 'the operator has it proved');
SELECT throws_ok('SELECT * FROM agg_setup()', '42501', NULL, 'sets nothing up');
SELECT throws_ok(format('SELECT * FROM agg_grant(%L, %L)', 'reader', role_of('nobody')), '42501', NULL, 'gives no duty away');
SELECT throws_ok($$INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('X', '1m', now(), 1, 1, 1, 1)$$, '42501', NULL, 'and feeds nothing');
SELECT throws_ok('UPDATE data_agg_state SET enabled = false', '42501', NULL, 'nor edits tasks past the functions');
RESET ROLE;

-- Taken away again. What another duty needs, too, goes with it, and comes back with that duty.
SELECT * FROM agg_grant('monitor', role_of('reader')) \g /dev/null
SELECT isnt_empty(format('SELECT * FROM agg_revoke(%L, %L)', 'reader', role_of('reader')), 'a duty of two is taken');
SELECT is(functions_of(role_of('reader')), '{agg_health,agg_metrics,agg_rows_of_nodes}', 'what both need is gone');
SELECT * FROM agg_grant('monitor', role_of('reader')) \g /dev/null
SELECT is(functions_of(role_of('reader')), (SELECT functions FROM duties WHERE duty = 'monitor'), 'and comes back');
SELECT * FROM agg_revoke('monitor', role_of('reader')) \g /dev/null
SELECT * FROM duties, agg_revoke(duty, role_of(duty)) \g /dev/null
SELECT is_empty(format('SELECT * FROM agg_revoke(%L, %L)', duty, role_of(duty)), duty || ': there was nothing left to take') FROM duties ORDER BY duty;
SELECT is(functions_of(role_of(duty)) || tables_of(role_of(duty)), '{}', duty || ': nothing is left') FROM duties ORDER BY duty;
-- Nothing keeps the roles from being dropped.
SELECT format('DROP ROLE %I', role_of(duty)) FROM duties \gexec
SELECT pass('the roles could be dropped');

-- What a role owns is not its duty's: the extension acts with it.
SELECT format('CREATE ROLE %I', role_of('landlord')) \gexec
SELECT format('ALTER TABLE %I OWNER TO %I', t, role_of('landlord')) FROM unnest('{data_bars,derived_data_bars,data_agg_state}'::text[]) AS t \gexec
SELECT format('GRANT USAGE, CREATE ON SCHEMA public TO %I', role_of('landlord')) \gexec
SELECT * FROM agg_grant('operator', role_of('landlord')) \g /dev/null
SELECT is_empty(format('SELECT * FROM agg_revoke(%L, %L) WHERE object ~ %L', 'operator', role_of('landlord'), 'data_bars|data_agg_state'), 'the owner keeps his rights');
SELECT is((SELECT bool_and(has_table_privilege(role_of('landlord'), t, 'SELECT')) FROM unnest('{data_bars,derived_data_bars,data_agg_state}'::text[]) AS t), true, 'all of them');
CALL agg_run();
SELECT format('ALTER TABLE %I OWNER TO %I', t, current_user) FROM unnest('{data_bars,derived_data_bars,data_agg_state}'::text[]) AS t \gexec
SELECT format('DROP OWNED BY %I', role_of('landlord')), format('DROP ROLE %I', role_of('landlord')) \gexec

-- What default privileges give away is taken back from functions.
SELECT format('CREATE ROLE %I', role_of('anybody')) \gexec
SELECT format('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO %I', role_of('anybody')) \gexec
DROP EXTENSION aggregation;
CREATE EXTENSION aggregation;
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT is(functions_of(role_of('anybody')), '{}', 'default privileges give nobody a function');
SELECT format('DROP OWNED BY %I', role_of('anybody')), format('DROP ROLE %I', role_of('anybody')) \gexec

-- Refused.
SELECT throws_ok(format('SELECT * FROM agg_grant(%L, %L)', 'king', role_of('nobody')), '22023', 'there is no duty "king"', 'another duty');
SELECT throws_ok($$SELECT * FROM agg_grant('reader', 'no such role')$$, '42704', 'role "no such role" does not exist', 'no such role');
SELECT throws_ok($$SELECT * FROM agg_grant('reader', NULL)$$, '22004', NULL, 'no role');
SELECT throws_ok($$SELECT * FROM agg_revoke(NULL, 'x')$$, '22004', NULL, 'no duty');
-- Who may not grant: told what, and nothing is granted.
SELECT format('CREATE ROLE %I', role_of('clerk')) \gexec
SELECT format('GRANT EXECUTE ON FUNCTION agg_grant, agg_revoke TO %I', role_of('clerk')) \gexec
SELECT set_config('role', role_of('clerk'), false) \gset
SELECT throws_ok(format('SELECT * FROM agg_grant(%L, %L)', 'reader', role_of('nobody')), '42501', NULL, 'a clerk cannot');
RESET ROLE;
SELECT is(functions_of(role_of('nobody')) || tables_of(role_of('nobody')), '{}', 'and has not');
DROP VIEW v_aggregation_alerts;
SELECT throws_ok(format('SELECT * FROM agg_grant(%L, %L)', 'monitor', role_of('nobody')), '42P01', NULL, 'what is not there must be set up first');
SELECT lives_ok(format('SELECT * FROM agg_revoke(%L, %L)', 'monitor', role_of('nobody')), 'and is no matter for who takes');
SELECT format('DROP OWNED BY %I', role_of(r)), format('DROP ROLE %I', role_of(r)) FROM unnest('{nobody,clerk}'::text[]) AS r \gexec
SELECT * FROM finish();
