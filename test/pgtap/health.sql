-- Lag against a target, alarms, and one row that says whether all is well: each alarm comes when its condition does, and goes with it.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();

-- A market that is up to date.
SELECT date_bin('5 minutes', now(), '2000-01-01 00:00+00') - interval '2 hours' AS start \gset
SELECT world.task(s, tf, :'start') FROM unnest('{A,B}'::text[]) AS s, unnest('{5m,15m}'::text[]) AS tf;
SELECT world.minutes(s, :'start', (extract(epoch FROM now() - :'start'::timestamptz) / 60)::int) FROM unnest('{A,B}'::text[]) AS s;
CREATE FUNCTION alarms() RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(alert || ' ' || severity || COALESCE(' ' || canonical_symbol || '/' || timeframe, ''), ', ' ORDER BY alert, canonical_symbol, timeframe), 'none') FROM v_aggregation_alerts
$$;
CREATE FUNCTION health() RETURNS text LANGUAGE sql AS $$ SELECT status FROM agg_health() $$;
SELECT is(health(), 'red', 'nothing has been made yet');
SELECT is((SELECT DISTINCT verdict FROM v_aggregation_lag WHERE timeframe = '5m'), 'LATE', 'and it is late');
CALL agg_run();
SELECT is(alarms(), 'none', 'after a run there is no alarm');
SELECT results_eq('SELECT status, reasons, remedies, late, failing, stopped, orphaned FROM agg_health()', $$VALUES ('green', '', '', 0::bigint, 0::bigint, 0::bigint, 0::bigint)$$, 'all is well');
SELECT results_eq('SELECT DISTINCT verdict, lag_seconds::int, target_seconds FROM v_aggregation_lag', $$VALUES ('OK', 0, 3600)$$, 'nobody is late');
SELECT results_eq('SELECT canonical_symbol, timeframe, good_bars = bars, good_percent FROM v_aggregation_quality ORDER BY 1, 2', $$VALUES ('A', '15m', true, 100.00), ('A', '5m', true, 100.00), ('B', '15m', true, 100.00), ('B', '5m', true, 100.00)$$, 'quality of the last day');

-- Late: a window that is over has source and no bar for longer than the target. An outage of the feed, or a weekend, is no lag.
UPDATE data_agg_state SET last_agg_bar_ts_utc = last_agg_bar_ts_utc - interval '30 minutes' WHERE canonical_symbol = 'A' AND timeframe = '5m';
SELECT is(alarms(), 'none', 'half an hour is not late');
SELECT is((SELECT lag_seconds BETWEEN 1400 AND 2200 FROM v_aggregation_lag WHERE canonical_symbol = 'A' AND timeframe = '5m'), true, 'but it is told');
SELECT is(agg_set_freshness_target('A', '5m', 600), '{"success": true, "changed": true}', 'a target of its own');
SELECT is(agg_set_freshness_target('A', '5m', 600) -> 'changed', 'false', 'is set once');
SELECT is(alarms(), 'late red A/5m', 'ten minutes were allowed');
SELECT is((SELECT remedy FROM v_aggregation_alerts), format('SELECT * FROM agg_why(''A'', ''5m'', %L)', (SELECT source_from FROM v_aggregation_lag WHERE canonical_symbol = 'A' AND timeframe = '5m')), 'what says why');
SELECT matches((SELECT reasons FROM agg_health()), '^late: A/5m: a window that is over has not been made for [0-9.]+ seconds \(600 are allowed\)$', 'in words');
UPDATE data_agg_state SET is_mandatory = false WHERE canonical_symbol = 'A' AND timeframe = '5m';
SELECT is(alarms() || ' ' || health(), 'late yellow A/5m yellow', 'an optional task is not red');
UPDATE data_agg_state SET is_mandatory = true WHERE canonical_symbol = 'A' AND timeframe = '5m';
DELETE FROM data_bars WHERE canonical_symbol = 'A' AND ts_utc >= (SELECT last_agg_bar_ts_utc FROM data_agg_state WHERE canonical_symbol = 'A' AND timeframe = '5m');
SELECT is((SELECT lag_seconds::int || verdict FROM v_aggregation_lag WHERE canonical_symbol = 'A' AND timeframe = '5m'), '0OK', 'without source nobody is late');
SELECT is((SELECT agg_set_freshness_target('A', '5m', NULL) -> 'changed'), 'true', 'back to an hour');
SELECT throws_ok($$SELECT agg_set_freshness_target('A', '5m', 0)$$, '22023', NULL, 'no time at all is no target');
SELECT is(agg_set_freshness_target('A', '4h', 60) ->> 'error', 'not_found', 'a task that is not there');
CALL agg_run();

-- Failures, parked tasks, claims that nobody finishes, tasks whose asset is gone.
SELECT agg_finish('B', '5m', false, NULL, NULL, 'hard', 'no such thing') \g /dev/null
SELECT is(alarms(), 'failing yellow B/5m', 'a failure');
SELECT matches((SELECT reasons FROM agg_health()), 'failing: B/5m: 1 failures in a row: no such thing', 'with its error');
SELECT agg_finish('B', '5m', false, NULL, NULL, 'hard', 'no such thing') FROM generate_series(1, 2) \g /dev/null
SELECT is(alarms(), 'stopped red B/5m', 'three of a mandatory task');
SELECT remedy AS remedy FROM v_aggregation_alerts \gset
SELECT is(:'remedy'::text, $$SELECT agg_reset_task('B', '5m')$$, 'what helps');
:remedy \g /dev/null
CALL agg_run();
SELECT is(alarms(), 'none', 'does help');
-- What resetting the task does not mend.
UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_error = 'x', last_agg_bar_ts_utc = 'infinity' WHERE canonical_symbol = 'B' AND timeframe = '5m';
SELECT is(agg_reset_task('B', '5m') ->> 'note', 'last_agg_bar_ts_utc of task B/5m is infinite. Call agg_reset_cursor(), or set last_agg_bar_ts_utc in data_agg_state to a finite timestamp before 290000-01-01 00:00:00+00.', 'a reset says what it does not mend');
SELECT is(alarms(), 'none', 'before it fails again');
UPDATE data_agg_state SET status = 'hard_failed', hard_fail_streak = 3, last_error = 'x' WHERE canonical_symbol = 'B' AND timeframe = '5m';
SELECT remedy AS remedy FROM v_aggregation_alerts \gset
SELECT is(:'remedy'::text, $$SELECT agg_reset_cursor('B', '5m')$$, 'an infinite cursor goes back');
:remedy \g /dev/null
SELECT remedy AS remedy FROM v_aggregation_alerts \gset
SELECT is(:'remedy'::text, $$SELECT agg_reset_task('B', '5m')$$, 'then the task is reset');
:remedy \g /dev/null
CALL agg_run();
SELECT is(alarms(), 'none', 'and all is well');
INSERT INTO data_agg_state (canonical_symbol, timeframe) VALUES ('B', 'no''ne'), ('B', '101y');
SET client_min_messages = warning;
CALL agg_run();
RESET client_min_messages;
SELECT is(alarms(), 'failing yellow B/101y, failing yellow B/no''ne', 'timeframes that are none');
SELECT remedy AS remedy FROM v_aggregation_alerts WHERE timeframe = 'no''ne' \gset
SELECT is(:'remedy'::text, $$DELETE FROM data_agg_state WHERE canonical_symbol = 'B' AND timeframe = 'no''ne'$$, 'are no tasks');
:remedy;
SELECT remedy AS remedy FROM v_aggregation_alerts \gset
:remedy;
SELECT is(alarms(), 'none', 'and go');
SELECT agg_start('B', '5m', now() - interval '31 minutes') \g /dev/null
SELECT is(alarms(), 'claimed yellow B/5m', 'a claim that is half an hour old');
CALL agg_run();
SELECT is(alarms(), 'none', 'a run releases it');
DELETE FROM core_asset_registry_all WHERE canonical_symbol = 'B';
SELECT is(alarms(), 'orphaned yellow B/15m, orphaned yellow B/5m', 'tasks without an asset');
SELECT is((SELECT orphaned FROM agg_health()), 2::bigint, 'are counted');
SELECT is((SELECT DISTINCT verdict FROM v_aggregation_lag WHERE canonical_symbol = 'B'), 'ORPHANED', 'and told');
INSERT INTO core_asset_registry_all (canonical_symbol, active) VALUES ('B', false);
SELECT is(alarms(), 'none', 'an asset that is switched off is nobody''s alarm');
SELECT is((SELECT DISTINCT verdict FROM v_aggregation_lag WHERE canonical_symbol = 'B'), 'INACTIVE', 'but told');
UPDATE core_asset_registry_all SET active = true;

-- Nobody runs; the log and late work wait.
UPDATE data_agg_state SET next_run_at = now() - interval '6 minutes' WHERE canonical_symbol = 'B';
SELECT is(alarms(), 'no_runner red', 'tasks are due and nobody runs them');
CALL agg_run();
SELECT is(alarms(), 'none', 'somebody does');
INSERT INTO agg_change_log (logged_at, symbols, from_utc, to_utc, row_counts) VALUES (now() - interval '11 minutes', ARRAY['B'], ARRAY[:'start'::timestamptz], ARRAY[:'start'::timestamptz + interval '1 minute'], ARRAY[1]);
SELECT is(alarms(), 'log_grows yellow', 'changes wait for ten minutes');
CALL agg_run();
INSERT INTO agg_dirty_ranges (canonical_symbol, timeframe, from_utc, to_utc, marked_at) VALUES ('B', '5m', :'start', :'start'::timestamptz + interval '5 minutes', now() - interval '61 minutes');
SELECT is(alarms(), 'late_work yellow', 'late work waits for an hour');
CALL agg_run();
SELECT is(alarms(), 'none', 'done');

-- The index, the proof, a consumer that was left behind.
INSERT INTO core_asset_registry_all (canonical_symbol) SELECT unnest('{DXY,EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]);
SELECT world.task('DXY', '5m', :'start');
SELECT world.minutes(s, :'start', 60) FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS s;
SELECT is(alarms(), 'index_stale red DXY/1m', 'the components have minutes that the index lacks');
CALL agg_run();
SELECT is(alarms(), 'none', 'a run computes them');
UPDATE derived_data_bars SET high = 9999 WHERE canonical_symbol = 'A' AND timeframe = '5m' AND ts_utc = :'start';
SELECT agg_verify_sample(1) \g /dev/null
SELECT is(alarms(), 'proof red', 'the proof has found a difference');
SELECT agg_mend() \g /dev/null
CALL agg_run();
SELECT agg_verify_sample(1) \g /dev/null
SELECT is(alarms(), 'none', 'which agg_mend() has mended');
-- What nobody notices is no late work: as after a restore that has disabled triggers and not enabled them again.
ALTER TABLE data_bars DISABLE TRIGGER ALL;
SELECT results_eq('SELECT alert, severity, detail, remedy FROM v_aggregation_alerts ORDER BY remedy', $$VALUES
	('capture', 'red', 'changes of data_bars go unnoticed: trigger aggregation_capture is disabled', 'ALTER TABLE data_bars ENABLE TRIGGER aggregation_capture'),
	('capture', 'red', 'changes of data_bars go unnoticed: trigger aggregation_capture_truncate is disabled', 'ALTER TABLE data_bars ENABLE TRIGGER aggregation_capture_truncate')$$, 'triggers that are disabled');
SELECT remedy FROM v_aggregation_alerts \gexec
ALTER TABLE data_bars ENABLE ALWAYS TRIGGER aggregation_capture;
SELECT is(alarms(), 'none', 'or enabled');
DROP TRIGGER aggregation_capture ON data_bars;
SELECT is(alarms(), 'capture red', 'one that is missing');
SELECT is((SELECT remedy FROM v_aggregation_alerts), 'SELECT * FROM agg_setup()', 'is made again');
SELECT agg_setup() \g /dev/null
SELECT is(alarms(), 'none', 'done');
SELECT agg_subscribe('slow') \g /dev/null
UPDATE agg_consumers SET acked = NULL;
SELECT is(alarms(), 'consumer yellow', 'a consumer has lost events');
SELECT is((SELECT remedy FROM v_aggregation_alerts), $$SELECT agg_subscribe('slow', p_restart => true)$$, 'and is told what to do');
SELECT agg_unsubscribe('slow') \g /dev/null
SELECT is(health(), 'green', 'all is well');

-- Many of a kind are one line.
INSERT INTO data_agg_state (canonical_symbol, timeframe, source_timeframe) SELECT 'Z' || n, '5m', '1m' FROM generate_series(1, 20) AS n;
SELECT is((SELECT reasons FROM agg_health()), 'orphaned: Z1/5m, Z10/5m, Z11/5m and 17 more: its symbol is not in core_asset_registry_all, so it is never due', 'the first three, and how many more');
-- ---- what monitoring reads every few seconds ----
CREATE FUNCTION cost_of(p_view text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT * FROM %I', p_view) INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;
SELECT cmp_ok(cost_of(v), '<', 100000::float8, v || ' is so cheap that PostgreSQL does not compile it first')
FROM unnest('{v_aggregation_alerts,v_aggregation_metrics,v_aggregation_lag,v_aggregation_truth}'::text[]) AS v;
SELECT * FROM finish();
