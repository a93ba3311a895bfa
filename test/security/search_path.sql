-- Every statement of the extension finds PostgreSQL's own functions, operators and types, whatever lies in the extension's schema, in public and in
-- a schema on the caller's path, and whoever calls: each SQL function, each trigger, the event triggers, a writer's commit, CREATE EXTENSION.
\ir ../pgtap/include/tap.psql
-- pgTAP would fall into them.
DROP EXTENSION pgtap;
CREATE SCHEMA tap;
CREATE EXTENSION pgtap SCHEMA tap;
SET search_path = pg_catalog, tap;
SELECT no_plan();
\ir include/traps.psql
DROP EXTENSION aggregation;
CREATE SCHEMA agg;
CREATE SCHEMA evil;
CREATE ROLE aggregation_path_owner;
CREATE ROLE aggregation_path_worker;
GRANT USAGE ON SCHEMA evil, agg TO PUBLIC;
GRANT CREATE ON SCHEMA agg TO aggregation_path_owner;
SELECT format('CALL trap.%s_in(%L)', kind, s) FROM unnest('{functions,operators}'::text[]) AS kind, unnest('{agg,evil,public}'::text[]) AS s \gexec
SET track_functions = 'all';
SET aggregation.change_log_size = '64 kB';

-- What a superuser installs, where others could create before him.
SET search_path = evil, pg_catalog;
SELECT pg_catalog.unnest('{a}'::text[]), unnest('{a}'::text[]) \g /dev/null
SET search_path = pg_catalog, tap;
SELECT is((SELECT count(*) FROM trap.diary), 1::bigint, 'the traps work where their schema is on the path');
TRUNCATE trap.diary;
CREATE EXTENSION aggregation SCHEMA agg;
ALTER SCHEMA agg OWNER TO aggregation_path_owner;

-- An owner makes the tables; everybody's path is a hostile one.
SELECT pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO aggregation_path_owner, aggregation_path_worker', d.objid::pg_catalog.regprocedure)
FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid AND e.extname OPERATOR(pg_catalog.=) 'aggregation'
WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype OPERATOR(pg_catalog.=) 'e' \gexec
SET search_path = evil, public, agg, pg_catalog;
SET ROLE aggregation_path_owner;
CREATE TABLE agg.data_bars (canonical_symbol text, timeframe text, ts_utc timestamptz, PRIMARY KEY (canonical_symbol, timeframe, ts_utc)) PARTITION BY RANGE (ts_utc);
DO $$ BEGIN PERFORM pg_catalog.count(*) FROM agg.agg_setup(); END $$;
RESET ROLE;
CREATE TABLE agg.path_ticks (ts timestamptz, symbol text, price numeric, size float8, cond text[]) PARTITION BY RANGE (ts);
CREATE TABLE agg.path_ticks_part PARTITION OF agg.path_ticks DEFAULT;
ALTER TABLE agg.path_ticks OWNER TO aggregation_path_worker;
ALTER TABLE agg.path_ticks_part OWNER TO aggregation_path_worker;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA agg TO aggregation_path_worker;

-- Partitions come and go, by their owner.
SET ROLE aggregation_path_owner;
CREATE TABLE agg.bars_of_july PARTITION OF agg.data_bars FOR VALUES FROM ('2025-07-01 00:00+00') TO ('2025-08-01 00:00+00');
CREATE TABLE agg.bars_of_june PARTITION OF agg.data_bars FOR VALUES FROM ('2025-06-01 00:00+00') TO ('2025-07-01 00:00+00');
CREATE TABLE agg.bars_of_may PARTITION OF agg.data_bars FOR VALUES FROM ('2025-05-01 00:00+00') TO ('2025-06-01 00:00+00');
RESET ROLE;

-- A feed and a worker.
SET ROLE aggregation_path_worker;
INSERT INTO agg.core_asset_registry_all (canonical_symbol) VALUES ('EURUSD'), ('DXY');
SELECT agg.sync_agg_state_from_registry('prod', '2025-05-01 00:00+00') \g /dev/null
INSERT INTO agg.data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count)
SELECT s, '1m', m, 1, 1, 1, 1, 1, 1, 1 FROM pg_catalog.unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s,
	LATERAL (SELECT pg_catalog.generate_series(d, d OPERATOR(pg_catalog.+) interval '2 hours', interval '1 minute') FROM (VALUES (timestamptz '2025-05-05 00:00+00'), (timestamptz '2025-06-05 00:00+00'), (timestamptz '2025-07-01 00:00+00')) AS v(d)) AS t(m);
SELECT agg.agg_bootstrap_cursor('EURUSD', '5m') \g /dev/null
SELECT agg.agg_start('EURUSD', '5m', '2025-07-02') \g /dev/null
SELECT agg.agg_heartbeat('EURUSD', '5m', '00000000-0000-0000-0000-000000000000', '2025-07-02') \g /dev/null
SELECT agg.catchup_aggregation_range('EURUSD', '5m', '2025-05-05 00:00+00', 100, '2025-07-02') \g /dev/null
SELECT agg.agg_finish('EURUSD', '5m', true, '2025-05-05 02:00+00', '{"windows_processed": 1}', NULL, NULL, '2025-07-02') \g /dev/null
SELECT agg.agg_start('EURUSD', '1h', '2025-07-02') \g /dev/null
SELECT agg.agg_finish('EURUSD', '1h', false, NULL, NULL, 'hard', 'no', '2025-07-02') \g /dev/null
SELECT * FROM agg.agg_get_due_tasks('prod', '2025-07-03') \g /dev/null
SELECT * FROM agg.agg_aggregate_tasks('{EURUSD,EURUSD}', '{5m,1h}', 100, '2025-07-02') \g /dev/null
SELECT agg.aggregate_window('EURUSD', '5m', '2025-07-01 00:00+00', '2025-07-01 00:05+00') \g /dev/null
SELECT agg.aggregate_1m_to_5m_window('EURUSD', '2025-07-01 00:05+00', '2025-07-01 00:10+00') \g /dev/null
SELECT agg.aggregate_5m_to_1h_window('EURUSD', '2025-05-05 00:00+00', '2025-05-05 01:00+00') \g /dev/null
SELECT agg.calc_dxy_range_1m('2025-05-05 00:00+00', '2025-05-05 00:30+00') \g /dev/null
SELECT agg.agg_run_batch(p_now_utc => '2025-07-02') \g /dev/null
CALL agg.agg_run(p_now_utc => '2025-07-03', p_sync_minutes => 0);
SELECT agg.agg_wake() \g /dev/null
SELECT agg.ops_runlog_start('00000000-0000-0000-0000-000000000001', 'j', 'cron', 'prod') \g /dev/null
SELECT agg.ops_runlog_checkpoint('00000000-0000-0000-0000-000000000001', 'c', '{"a": 1}') \g /dev/null
SELECT agg.ops_runlog_finish('00000000-0000-0000-0000-000000000001', 'success', '{"a": 1}') \g /dev/null
SELECT agg.ops_runlog_prune('j', 'cron', 0) \g /dev/null
-- Late bars, one in each kind of statement, and the log drained by the writer.
UPDATE agg.data_bars SET close = 1.5 WHERE canonical_symbol OPERATOR(pg_catalog.=) 'EURUSD' AND ts_utc OPERATOR(pg_catalog.=) timestamptz '2025-05-05 00:03+00';
DELETE FROM agg.data_bars WHERE canonical_symbol OPERATOR(pg_catalog.=) 'USDJPY' AND ts_utc OPERATOR(pg_catalog.<) timestamptz '2025-05-05 00:04+00';
CALL agg.agg_run(p_now_utc => '2025-07-04');
SELECT agg.agg_set_late_policy('EURUSD', '1h', 'freeze') \g /dev/null
UPDATE agg.data_bars SET close = 1.7 WHERE canonical_symbol OPERATOR(pg_catalog.=) 'EURUSD' AND ts_utc OPERATOR(pg_catalog.=) timestamptz '2025-05-05 00:03+00';
CALL agg.agg_run(p_now_utc => '2025-07-04');
SELECT agg.agg_set_late_policy('EURUSD', '1h', 'recompute') \g /dev/null
SELECT agg.derived_rebuild_range('EURUSD', '5m', '2025-05-05 00:00+00', '2025-05-05 01:00+00') \g /dev/null
SELECT agg.derived_rebuild_range('EURUSD', '5m', '2025-05-05 00:00+00', '2025-05-05 01:00+00', false) \g /dev/null
SELECT agg.derived_soft_delete_range('EURUSD', '5m', '2025-05-05 00:00+00', '2025-05-05 01:00+00') \g /dev/null
SELECT agg.derived_restore_range('EURUSD', '5m', '2025-05-05 00:00+00', '2025-05-05 01:00+00') \g /dev/null
SELECT agg.derived_purge_deleted('0 days') \g /dev/null
SELECT agg.agg_mark_changed(NULL, '2025-05-05 00:00+00', '2025-05-05 01:00+00') \g /dev/null
SELECT agg.agg_seal_range('EURUSD', '2025-05-05 01:00+00', '2025-05-05 01:30+00') \g /dev/null
SELECT agg.agg_unseal_range('EURUSD', '2025-05-05 01:10+00', '2025-05-05 01:20+00') \g /dev/null
SELECT * FROM agg.agg_verify() \g /dev/null
SELECT agg.agg_verify_sample(1) \g /dev/null
SELECT * FROM agg.agg_why('EURUSD', '5m', '2025-05-05 00:00+00', '2025-07-03') \g /dev/null
INSERT INTO agg.agg_calendars (calendar, time_zone, day_start) VALUES ('mine', 'Asia/Kolkata', '09:00');
INSERT INTO agg.agg_calendar_sessions VALUES ('mine', 1, '09:15', '12:00'), ('mine', 1, '13:00', '15:30');
SELECT agg.agg_set_calendar('EURUSD', 'mine') \g /dev/null
SELECT agg.agg_set_source('EURUSD', 'exact') \g /dev/null
SELECT agg.agg_set_source('EURUSD', 'chain') \g /dev/null
INSERT INTO agg.agg_calendar_exceptions (calendar, trading_date, closed, opens, closes) VALUES ('mine', '2025-05-05', false, '10:00', '11:00');
UPDATE agg.agg_calendar_exceptions SET closes = '12:00' WHERE calendar OPERATOR(pg_catalog.=) 'mine';
DELETE FROM agg.agg_calendar_exceptions WHERE calendar OPERATOR(pg_catalog.=) 'mine';
SELECT agg.agg_refresh_calendars() \g /dev/null
SELECT * FROM agg.agg_trading_days('mine', '2025-05-05', '2025-05-06') \g /dev/null
SELECT * FROM agg.agg_trading_days('fx', '2025-05-05', '2025-05-06') \g /dev/null
SELECT * FROM agg.agg_calendar_windows('mine', '4h', '2025-05-05', '2025-05-06') \g /dev/null
INSERT INTO agg.agg_indexes (canonical_symbol, components, exponents, carry_minutes) VALUES ('CROSS', '{EURUSD,USDJPY}', '{1,1}', 2);
SELECT agg.agg_compute_index('CROSS', '2025-05-05 00:00+00', '2025-05-06 00:00+00') \g /dev/null
SELECT * FROM agg.agg_gaps('EURUSD', '2025-05-05 00:00+00', '2025-05-06 00:00+00') \g /dev/null
SELECT * FROM agg.agg_completeness('2025-05-05', '2025-05-06') \g /dev/null
SELECT * FROM agg.agg_bars('EURUSD', '45m', '2025-05-05 00:00+00', '2025-05-06 00:00+00', 'close') \g /dev/null
SELECT * FROM agg.agg_bars(ARRAY['EURUSD', 'USDJPY'], '5m', p_limit => 10) \g /dev/null
SELECT * FROM agg.agg_latest(ARRAY['EURUSD', 'USDJPY'], '1h') \g /dev/null
SELECT * FROM agg.agg_anchored_vwap('EURUSD', '2025-05-05 00:00+00', '2025-05-06 00:00+00', '5m') \g /dev/null
SELECT agg.agg_chart('EURUSD', '1h') \g /dev/null
SELECT agg.agg_subscribe('path', ARRAY['EURUSD'], ARRAY['5m', '1h']) \g /dev/null
SELECT agg.agg_set_keep_revisions('EURUSD', '5m', true) \g /dev/null
UPDATE agg.derived_data_bars SET close = open WHERE deleted_at IS NULL;
DELETE FROM agg.derived_data_bars WHERE ts_utc OPERATOR(pg_catalog.<) '2025-05-05 00:10+00';
SELECT * FROM agg.agg_poll('path') \g /dev/null
SELECT agg.agg_ack('path', pg_catalog.max(p.event_id)) FROM agg.agg_poll('path') AS p \g /dev/null
TABLE agg.v_aggregation_consumers \g /dev/null
TABLE agg.v_aggregation_lag \g /dev/null
TABLE agg.v_aggregation_quality \g /dev/null
TABLE agg.v_aggregation_alerts \g /dev/null
TABLE agg.v_aggregation_metrics \g /dev/null
SELECT * FROM agg.agg_health() \g /dev/null
SELECT agg.agg_metrics() \g /dev/null
SELECT * FROM agg.agg_rows_of_nodes('minutes_of_indexes') AS r(node text, canonical_symbol text, symbol text, newest timestamptz, has_tasks boolean) \g /dev/null
SELECT agg.agg_set_freshness_target('EURUSD', '5m', 60) \g /dev/null
SELECT agg.agg_unsubscribe('path') \g /dev/null
SELECT * FROM agg.agg_bars('EURUSD', '5m', p_limit => 10, p_as_of => pg_catalog.clock_timestamp()) \g /dev/null
SELECT * FROM agg.agg_bars('EURUSD', '15m', p_as_of => pg_catalog.clock_timestamp()) \g /dev/null
SELECT agg.agg_purge_revisions('0') \g /dev/null
SELECT agg.agg_set_keep_revisions('EURUSD', '5m', false) \g /dev/null
SELECT agg.agg_add_tick_source('agg.path_ticks', p_condition => 'cond', p_excluded => '{X}', p_from => '-infinity') \g /dev/null
INSERT INTO agg.path_ticks SELECT '2025-05-05 00:00+00'::pg_catalog.timestamptz OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => i), 'TICK', 1, 1 FROM pg_catalog.generate_series(1, 300) AS i;
SELECT agg.agg_run_batch() \g /dev/null
UPDATE agg.path_ticks SET price = 2 WHERE ts OPERATOR(pg_catalog.>) '2025-05-05 00:03+00';
DELETE FROM agg.path_ticks WHERE ts OPERATOR(pg_catalog.<) '2025-05-05 00:01+00';
SELECT agg.agg_mark_ticks('agg.path_ticks') \g /dev/null
SELECT agg.agg_mark_ticks('agg.path_ticks', '2025-05-05 00:00+00', '2025-05-05 01:00+00', 'TICK') \g /dev/null
CALL agg.agg_run();
CALL agg.agg_run();
TABLE agg.v_aggregation_tick_sources \g /dev/null
SELECT agg.agg_remove_tick_source('agg.path_ticks') \g /dev/null
SELECT agg.agg_set_calendar('EURUSD', 'utc') \g /dev/null
DELETE FROM agg.agg_calendars WHERE calendar OPERATOR(pg_catalog.=) 'mine';
SELECT agg.agg_set_start('EURUSD', '5m', '2025-04-01 00:00+00') \g /dev/null
SELECT agg.agg_reset_cursor() \g /dev/null
SELECT agg.agg_reset_task('EURUSD', '5m') \g /dev/null
SELECT agg.agg_disable_task('EURUSD', '5m') \g /dev/null
SELECT agg.agg_enable_task('EURUSD', '5m') \g /dev/null
INSERT INTO agg.agg_change_log (symbols, from_utc, to_utc, row_counts) SELECT '{NOBODY}', '{2025-05-05}', '{2025-05-06}', '{1}' FROM pg_catalog.generate_series(1, 2000);
DO $$
BEGIN
	FOR i IN 1 .. 70 LOOP
		BEGIN
			UPDATE agg.data_bars SET close = i WHERE canonical_symbol OPERATOR(pg_catalog.=) 'EURUSD' AND ts_utc OPERATOR(pg_catalog.=) timestamptz '2025-05-05 00:03+00';
			PERFORM agg.agg_wake(); -- logs what was changed
		END;
	END LOOP;
END
$$;
SELECT pg_catalog.count(*) AS entries FROM agg.agg_change_log \gset
SELECT agg.agg_retire_source('2025-05-05 00:30+00', 'EURUSD') \g /dev/null
SELECT agg.agg_set_retention('EURUSD', '1m', '1 hour'), agg.agg_set_retention('EURUSD', '5m', '1 hour') \g /dev/null
CALL agg.agg_run();
TABLE agg.v_aggregation_retention \g /dev/null
SELECT agg.agg_set_retention('EURUSD', '1m', NULL), agg.agg_set_retention('EURUSD', '5m', NULL) \g /dev/null
SELECT * FROM agg.v_aggregation_truth \g /dev/null
SELECT * FROM agg.v_aggregation_frontier_health \g /dev/null
SELECT * FROM agg.v_aggregation_progress \g /dev/null
RESET ROLE;

SET ROLE aggregation_path_owner;
BEGIN;
TRUNCATE agg.bars_of_may;
ROLLBACK;
ALTER TABLE agg.data_bars DETACH PARTITION agg.bars_of_may;
ALTER TABLE agg.data_bars ATTACH PARTITION agg.bars_of_may FOR VALUES FROM ('2025-05-01 00:00+00') TO ('2025-06-01 00:00+00');
DROP TABLE agg.bars_of_june;
RESET ROLE;
-- A superuser drops what somebody else made.
DROP TABLE agg.bars_of_may;
DO $$ BEGIN PERFORM pg_catalog.count(*) FROM agg.agg_setup(true); END $$;
SELECT * FROM agg.agg_adopt(mend_cursors => true) \g /dev/null
SELECT agg.agg_partition_by_month('derived_data_bars', 1, '2200-01-01') \g /dev/null
SELECT agg.agg_partition_by_month('derived_data_bars', NULL) \g /dev/null
SELECT agg.agg_retire_old_minutes(), agg.agg_mend() \g /dev/null
-- Citus is not here: it says so.
DO $$ BEGIN PERFORM agg.agg_distribute(true); EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $$;
SELECT * FROM agg.agg_rollback_report() \g /dev/null
SELECT * FROM agg.agg_grant('operator', 'aggregation_path_worker'), agg.agg_revoke('operator', 'aggregation_path_worker') \g /dev/null
SET search_path = pg_catalog, tap;

SELECT is_empty($$SELECT DISTINCT trap, who, is_superuser FROM trap.diary ORDER BY 1$$, 'nobody fell into a trap');
SELECT cmp_ok(:entries, '<', 100, 'a writer worked the log off');
SELECT cmp_ok(count(*), '>', 50::bigint, 'bars were made') FROM agg.derived_data_bars;
SELECT cmp_ok(count(*), '>', 6::bigint, 'retention was noticed') FROM agg.agg_sealed_ranges;
SELECT is_empty($$
	SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'aggregation'
	WHERE coalesce(pg_stat_get_function_calls(p.oid), 0) + coalesce(pg_stat_get_xact_function_calls(p.oid), 0) = 0
		AND p.proname NOT IN ('agg_schedule', 'agg_unschedule', 'agg_distribute') AND p.provolatile <> 'i'$$, 'each entry point was called');
SELECT * FROM finish();
ALTER SCHEMA agg OWNER TO postgres;
DROP OWNED BY aggregation_path_owner, aggregation_path_worker CASCADE;
DROP ROLE aggregation_path_owner, aggregation_path_worker;
