-- agg_run and agg_run_batch: due tasks are run, narrow timeframes before those that are built from them, and recorded.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION state(p_symbol text, tf text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', to_char(last_agg_bar_ts_utc AT TIME ZONE 'UTC', 'DD HH24:MI'), 'next ' || to_char(next_run_at AT TIME ZONE 'UTC', 'DD HH24:MI:SS'), status)
	FROM data_agg_state WHERE canonical_symbol = p_symbol AND timeframe = tf
$$;

-- One call brings every timeframe of several symbols up to date.
SELECT world.task(s, tf) FROM unnest(ARRAY['EURUSD', 'GBPUSD', 'USDJPY']) AS s, unnest(ARRAY['5m', '15m', '30m', '1h', '4h', '1d', '1w']) AS tf;
SELECT world.minutes(s, '2025-07-01 00:00+00', 14 * 1440) FROM unnest(ARRAY['EURUSD', 'GBPUSD', 'USDJPY']) AS s;
CALL agg_run(p_now_utc => '2025-07-15 00:01+00');
SELECT results_eq($$SELECT timeframe, count(*) FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' GROUP BY timeframe ORDER BY timeframe$$,
	$$VALUES ('15m', 1344::bigint), ('1d', 14), ('1h', 336), ('1w', 1), ('30m', 672), ('4h', 84), ('5m', 4032)$$, 'all windows of all timeframes are there');
SELECT is(count(DISTINCT last_agg_bar_ts_utc), 1::bigint, 'the cursors stand at the end') FROM data_agg_state WHERE timeframe <> '1w';
SELECT is(state('EURUSD', '5m'), '15 00:00 next 15 00:05:30 idle', 'the next run is when the next window can be confirmed');
SELECT is(state('EURUSD', '1h'), '15 00:00 next 15 01:00:30 idle', 'for hours, too');
SELECT is(total_bars_created, 4032::bigint, 'totals count the bars') FROM data_agg_state WHERE canonical_symbol = 'EURUSD' AND timeframe = '5m';

-- The bars are those of single catch-ups.
CREATE TABLE by_runner AS SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source_candles, quality_score FROM derived_data_bars;
TRUNCATE derived_data_bars;
DO $$
DECLARE
	task record;
BEGIN
	UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL;
	FOR task IN SELECT * FROM data_agg_state ORDER BY run_interval_minutes LOOP
		PERFORM agg_finish(task.canonical_symbol, task.timeframe, true,
			(catchup_aggregation_range(task.canonical_symbol, task.timeframe, '2025-07-01', 100000, '2025-07-15 00:01+00') ->> 'cursor_advanced_to')::timestamptz,
			p_now_utc => '2025-07-15 00:01+00');
	END LOOP;
END
$$;
SELECT set_eq($$SELECT canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count, source_candles, quality_score FROM derived_data_bars$$,
	'TABLE by_runner', 'the same bars as catch-ups one by one');

-- Nothing is due, once what the calls by hand left has been looked at: nothing is written.
CALL agg_run(p_now_utc => '2025-07-15 00:01+00');
SELECT probe.fingerprint() AS before \gset
CALL agg_run(p_now_utc => '2025-07-15 00:01+00');
SELECT is(probe.fingerprint(), :'before', 'nothing due, nothing written');
SELECT probe.answers(agg_run_batch(p_now_utc => '2025-07-15 00:01+00'), '{"success": true, "continue": false, "tasks": 0, "failures": []}', 'nor by a batch');

-- An optional 5m task comes after the mandatory hour that reads it, and yet the hour is there at the end of the call.
SELECT world.task('LATE', '5m', mandatory => false), world.task('LATE', '1h'), world.minutes('LATE', '2025-07-01 00:00+00', 60);
SELECT results_eq($$SELECT timeframe FROM agg_get_due_tasks('prod', '2025-07-01 01:01+00', 10) WHERE canonical_symbol = 'LATE'$$, $$VALUES ('1h'), ('5m')$$, 'mandatory comes first');
CALL agg_run(p_now_utc => '2025-07-01 01:01+00', p_batch => 1);
SELECT is(state('LATE', '1h'), '01 01:00 next 01 02:00:30 idle', 'who had to wait for others'' bars is run once more');
SELECT is((world.bar('LATE', '1h', '2025-07-01 00:00+00')).source_candles, 12, 'from all of its parts');

-- How much is done in one call.
SELECT world.task(s, '5m'), world.minutes(s, '2025-07-01 00:00+00', 600) FROM unnest(ARRAY['A', 'B', 'C']) AS s;
CALL agg_run(p_max_tasks => 2, p_max_windows => 10, p_time_budget => '0', p_batch => 1, p_now_utc => '2025-07-01 10:01+00');
SELECT is(string_agg(state(s, '5m'), ', ' ORDER BY s), '01 00:50 next 01 00:55:30 idle, idle, idle', 'no time: one batch of one task, ten windows')
FROM unnest(ARRAY['A', 'B', 'C']) AS s;
CALL agg_run(p_max_tasks => 2, p_max_windows => 10, p_now_utc => '2025-07-01 10:01+00');
SELECT is(string_agg(state(s, '5m'), ', ' ORDER BY s), '01 00:50 next 01 00:55:30 idle, 01 10:00 next 01 10:05:30 idle, 01 10:00 next 01 10:05:30 idle',
	'two different tasks, those that never ran first, to their end') FROM unnest(ARRAY['A', 'B', 'C']) AS s;
SELECT probe.answers(agg_run_batch(p_max_tasks => 1, p_max_windows => 7, p_now_utc => '2025-07-01 10:01+00'),
	'{"success": true, "continue": true, "tasks": 1, "task_runs": 1, "windows_processed": 7, "bars_created": 7, "bars_inserted": 7}', 'one batch in the caller''s transaction');
CALL agg_run(p_now_utc => '2025-07-01 10:01+00');
SELECT is(state('A', '5m'), '01 10:00 next 01 10:05:30 idle', 'the rest resumes where it stopped');

-- Which environment.
SELECT world.task('TESTED', '5m'), world.minutes('TESTED', '2025-07-01 00:00+00', 10);
UPDATE core_asset_registry_all SET active = false, test_active = true WHERE canonical_symbol = 'TESTED';
CALL agg_run(p_now_utc => '2025-07-01 00:11+00');
SELECT is(state('TESTED', '5m'), 'idle', 'an asset that is not active is left alone');
CALL agg_run('Test', p_now_utc => '2025-07-01 00:11+00');
SELECT is(state('TESTED', '5m'), '01 00:10 next 01 00:15:30 idle', 'but by a test''s runner');

-- What is claimed, switched off or parked is left alone.
SELECT world.task(s, '5m'), world.minutes(s, '2025-07-01 00:00+00', 10) FROM unnest(ARRAY['CLAIMED', 'OFF', 'PARKED', 'LATER']) AS s;
SELECT agg_start('CLAIMED', '5m', '2025-07-01 00:00+00') \g /dev/null
UPDATE data_agg_state SET enabled = false WHERE canonical_symbol = 'OFF';
UPDATE data_agg_state SET status = 'hard_failed' WHERE canonical_symbol = 'PARKED';
UPDATE data_agg_state SET next_run_at = '2025-07-01 00:12+00' WHERE canonical_symbol = 'LATER';
CALL agg_run(p_now_utc => '2025-07-01 00:11+00');
SELECT is_empty($$SELECT * FROM data_agg_state WHERE canonical_symbol IN ('CLAIMED', 'OFF', 'PARKED', 'LATER') AND total_runs <> 0$$, 'claimed, off, parked, not due: all left alone');
CALL agg_run(p_now_utc => '2025-07-01 00:12+00');
SELECT is(state('LATER', '5m'), '01 00:10 next 01 00:15:30 idle', 'until it is due');

-- The dollar index: its minutes are made before its bars.
SELECT world.task(s, '5m'), world.minutes(s, '2025-07-01 00:00+00', 60, 2) FROM unnest(ARRAY['USDCAD', 'USDSEK', 'USDCHF']) AS s;
SELECT world.task('DXY', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('DXY', '1m', '2025-07-01 00:03+00', 99, 99, 99, 99);
SELECT calc_dxy_range_1m('2025-07-01 00:10+00', '2025-07-01 00:12+00', 7) \g /dev/null
CALL agg_run(p_now_utc => '2025-07-01 01:01+00');
SELECT is(count(*), 60::bigint, 'sixty minutes of the index') FROM data_bars WHERE canonical_symbol = 'DXY';
SELECT is(close, 99::float8, 'what a feed of the index delivered is kept') FROM data_bars WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 00:03+00';
SELECT is(count(*), 2::bigint, 'and so is the version of a minute that is right') FROM data_bars WHERE canonical_symbol = 'DXY' AND raw ->> 'version' = '7';
SELECT is(state('DXY', '1h'), '01 01:00 next 01 02:00:30 idle', 'and its hour');
SELECT is((world.bar('DXY', '5m', '2025-07-01 00:55+00')).close, (SELECT close FROM data_bars WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 00:59+00'), 'made of them');
-- One pair stops, then comes back half a year later.
SELECT world.minutes(s, '2026-01-01 00:00+00', 10, 2) FROM unnest(ARRAY['EURUSD', 'GBPUSD', 'USDJPY', 'USDCAD', 'USDSEK']) AS s;
CALL agg_run(p_now_utc => '2026-01-01 00:11+00');
SELECT is(state('DXY', '5m'), '01 01:00 next 01 00:16:00 idle', 'without one of the six there is nothing to do');
SELECT world.minutes('USDCHF', '2026-01-01 00:00+00', 10, 2);
CALL agg_run(p_now_utc => '2026-01-01 00:16+00');
SELECT is(state('DXY', '5m'), '01 00:10 next 01 00:16:15 idle', 'with all of them the gap is jumped');

-- The registry in the loop.
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('NEW');
CALL agg_run(p_now_utc => '2026-01-01 00:20+00');
SELECT is_empty($$SELECT * FROM data_agg_state WHERE canonical_symbol = 'NEW'$$, 'without the option nothing is synced');
CALL agg_run(p_now_utc => '2026-01-01 00:20+00', p_sync_minutes => 10);
SELECT is((SELECT count(*) FROM data_agg_state WHERE canonical_symbol = 'NEW'), 2::bigint, 'with it an active asset gets its tasks');
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('NEWER');
CALL agg_run(p_now_utc => '2026-01-01 00:29+00', p_sync_minutes => 10);
SELECT is_empty($$SELECT * FROM data_agg_state WHERE canonical_symbol = 'NEWER'$$, 'at most every so many minutes');
CALL agg_run(p_now_utc => '2026-01-01 00:30+00', p_sync_minutes => 10);
SELECT isnt_empty($$SELECT * FROM data_agg_state WHERE canonical_symbol = 'NEWER'$$, 'but then');
SELECT sync_agg_state_from_registry('prod', '2025-12-01') \g /dev/null
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('NEWEST');
CALL agg_run(p_sync_minutes => 0);
SELECT is(agg_start_utc, '2025-12-01 00:00+00', 'with the start that was given last') FROM data_agg_state WHERE canonical_symbol = 'NEWEST' AND timeframe = '5m';

-- A feed that stops is looked at ever more rarely; when it comes back, the next call of the runner knows.
SELECT world.task('BACK', '5m'), world.task('BACK', '1h'), world.minutes('BACK', '2025-07-01 00:00+00', 60);
CALL agg_run(p_now_utc => '2025-07-01 01:00:40+00');
UPDATE data_agg_state SET next_run_at = '2099-01-01' WHERE canonical_symbol <> 'BACK';
SELECT is(state('BACK', '5m'), '01 01:00 next 01 01:05:30 idle', 'the feed is there');
CALL agg_run(p_now_utc => '2025-07-01 01:05:31+00');
SELECT is(state('BACK', '5m'), '01 01:00 next 01 01:05:36 idle', 'late: tried again after five seconds');
CALL agg_run(p_now_utc => '2025-07-01 02:05:30+00');
SELECT is(state('BACK', '5m'), '01 01:00 next 01 02:10:30 idle', 'and at last after its run interval');
SELECT is(state('BACK', '1h'), '01 01:00 next 01 02:08:00 idle', 'the hour, too, waits');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES ('BACK', '1m', '2099-01-01', 1, 1, 1, 1);
SELECT probe.fingerprint() AS before \gset
CALL agg_run(p_now_utc => '2025-07-01 02:06:30+00');
SELECT is(probe.fingerprint(), :'before', 'a look at a dead feed writes nothing, and a bar ahead of the clock is no feed');
DELETE FROM data_bars WHERE ts_utc = '2099-01-01';
SELECT world.minutes('BACK', '2025-07-01 01:00+00', 60);
BEGIN;
SELECT string_agg(agg_run_batch(p_now_utc => '2025-07-01 02:07:30+00') ->> 'continue', ' ')::text AS said FROM generate_series(1, 3) \gset batches_
SELECT is(state('BACK', '5m') || ', ' || state('BACK', '1h'), '01 02:00 next 01 02:08:30 idle, 01 02:00 next 01 03:00:30 idle', 'a batch looks, too');
SELECT is(:'batches_said'::text, 'true false false', 'and says so');
ROLLBACK;
CALL agg_run(p_now_utc => '2025-07-01 02:07:30+00');
SELECT is(state('BACK', '5m'), '01 02:00 next 01 02:08:30 idle', 'the feed is back: run though it was not due');
SELECT is(state('BACK', '1h'), '01 02:00 next 01 03:00:30 idle', 'and so is what is built on it, in the same call');
SELECT is_empty('SELECT * FROM data_agg_state WHERE canonical_symbol = ''BACK'' AND timeframe = ''1h'' AND waiting_since_utc IS NOT NULL', 'it waits no more');

-- However many timeframes wait for one another: they began before the first minute came.
SELECT world.task('CHAIN', timeframe) FROM unnest('{5m,1h,1d,1w}'::text[]) AS timeframe \g /dev/null
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'CHAIN';
CALL agg_run(p_now_utc => '2025-07-20 00:00+00');
SELECT is(count(*), 4::bigint, 'all wait') FROM data_agg_state WHERE canonical_symbol = 'CHAIN' AND waiting_since_utc IS NOT NULL AND next_run_at > '2025-07-20 00:00+00';
SELECT world.minutes('CHAIN', '2025-07-06 00:00+00', 11 * 1440);
CREATE FUNCTION made() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(timeframe || ' ' || n, ', ' ORDER BY n DESC) FROM (SELECT timeframe, count(*) AS n FROM derived_data_bars WHERE canonical_symbol = 'CHAIN' GROUP BY timeframe) b
$$;
BEGIN;
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'CHAIN' AND timeframe = '5m';
SELECT string_agg(agg_run_batch(p_now_utc => '2025-07-20 00:01+00') ->> 'continue', ' ') FROM generate_series(1, 4) \gset batches_
SELECT is(made(), '5m 3168, 1h 264, 1d 11, 1w 1', 'batch after batch');
ROLLBACK;
CALL agg_run(p_now_utc => '2025-07-20 00:01+00');
SELECT is(made(), '5m 3168, 1h 264, 1d 11, 1w 1', 'in one call');

-- A task that waits for its source is tried again when others have got on. A window that is looked at again in every run, because it is not
-- over by the clock, and stays as it is, is no progress.
UPDATE data_agg_state SET next_run_at = '2099-01-01';
SELECT date_trunc('hour', clock_timestamp()) AS hour \gset
SELECT world.task('SPIN', '5m', :'hour'::timestamptz - interval '2 hours'), world.task('SPIN', '1h', :'hour'::timestamptz - interval '2 hours') \g /dev/null
SELECT world.minutes('SPIN', :'hour'::timestamptz - interval '2 hours', 191) \g /dev/null
CALL agg_run(p_now_utc => :'hour'::timestamptz + interval '4 hours');
SELECT isnt_empty($$SELECT * FROM agg_dirty_ranges WHERE canonical_symbol = 'SPIN'$$, 'a bar that was made before its window is over by the clock is looked at again');
UPDATE data_agg_state SET next_run_at = NULL, running_started_at_utc = now(), status = CASE timeframe WHEN '5m' THEN 'running' ELSE 'idle' END WHERE canonical_symbol = 'SPIN';
SELECT world.minutes('SPIN', :'hour'::timestamptz + interval '2 hours', 10) \g /dev/null
CALL agg_run(p_now_utc => :'hour'::timestamptz + interval '5 hours', p_time_budget => '3 seconds');
SELECT cmp_ok((stats ->> 'task_runs')::int, '<=', 2, 'but not as long as the time lasts') FROM ops_runlog ORDER BY started_at DESC LIMIT 1;
UPDATE data_agg_state SET next_run_at = '2099-01-01', status = 'idle' WHERE canonical_symbol = 'SPIN';

-- Bad input.
SELECT probe.refuses(format('SELECT agg_run_batch(%s)', a), state, message, '%', 'agg_run_batch(' || a || ')') FROM (VALUES
	('NULL', '22004', '%p_env_name%'), ('p_max_tasks => 0', '22023', '%p_max_tasks%'), ('p_max_tasks => NULL', '22004', '%p_max_tasks%'),
	('p_max_windows => -1', '22023', '%p_max_windows%'), ('p_now_utc => ''infinity''', '22008', '%p_now_utc%')) AS v (a, state, message);
SELECT probe.refuses('DO $x$ BEGIN CALL agg_run(); COMMIT; END $x$', '2D000', '%transaction block%', '%agg_run_batch%', 'not inside a transaction of somebody else');
\set ON_ERROR_STOP 0
CALL agg_run(NULL);
SELECT is(:'SQLSTATE'::text, '22004', 'a NULL environment');
CALL agg_run(p_max_tasks => 0);
SELECT is(:'SQLSTATE'::text, '22023', 'no tasks');
CALL agg_run(p_max_windows => -1);
SELECT is(:'SQLSTATE'::text, '22023', 'fewer than no windows');
CALL agg_run(p_batch => 0);
SELECT is(:'SQLSTATE'::text, '22023', 'empty batches');
CALL agg_run(p_time_budget => '-1 second');
SELECT is(:'SQLSTATE'::text, '22023', 'a budget in the past');
CALL agg_run(p_time_budget => NULL);
SELECT is(:'SQLSTATE'::text, '22004', 'no budget');
CALL agg_run(p_sync_minutes => -1);
SELECT is(:'SQLSTATE'::text, '22023', 'a sync in the future');
CALL agg_run(p_now_utc => 'infinity');
SELECT is(:'SQLSTATE'::text, '22008', 'the end of time');
\set ON_ERROR_STOP 1
CALL agg_run(p_time_budget => '178000000 years', p_now_utc => '2025-07-01 00:00+00');
SELECT pass('a budget of ages');
SELECT * FROM finish();
