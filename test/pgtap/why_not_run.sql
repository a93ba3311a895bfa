-- Why a task is not run: its row, its asset, what is below its source. And calls that are refused say why.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';

SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h', '4h']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 480);
CREATE FUNCTION why(tf text, at timestamptz DEFAULT '2025-07-01 04:00+00') RETURNS text LANGUAGE sql AS $$ SELECT state || ': ' || explanation FROM agg_why('EURUSD', tf, at, '2025-07-02') $$;

-- The asset.
SELECT is(why('5m'), 'due: the cursor is at 2025-07-01T00:00:00+00:00; the task is due', 'nothing is in the way');
UPDATE core_asset_registry_all SET active = false, test_active = true;
SELECT is(why('5m'), 'due: the cursor is at 2025-07-01T00:00:00+00:00; the task is due, but only in DEV and TEST: EURUSD is not active in core_asset_registry_all', 'an asset of DEV and TEST');
UPDATE core_asset_registry_all SET test_active = false;
SELECT is(why('5m'), 'disabled: no run takes tasks of EURUSD, which is not active in core_asset_registry_all: set active there (test_active for DEV and TEST), then call sync_agg_state_from_registry()', 'an asset that is not active');
SELECT is(count(*), 0::bigint, 'indeed nobody gets it') FROM agg_get_due_tasks('prod');
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT ok(why('5m') LIKE '%not active%' AND why('5m') NOT LIKE '%agg_enable_task%', 'once the sync has switched the task off, too: the asset comes first');
UPDATE core_asset_registry_all SET active = true, metadata = '{"agg": {"enabled": false}}';
SELECT sync_agg_state_from_registry() \g /dev/null
SELECT ok(why('5m') LIKE 'disabled: the task is switched off, not by agg_disable_task(): look at "enabled" and the lists in metadata.agg%', 'switched off by the registry');
UPDATE core_asset_registry_all SET metadata = '{"agg": {"optional": ["4h"]}}';
SELECT sync_agg_state_from_registry() \g /dev/null
ALTER TABLE core_asset_registry_all RENAME TO hidden;
CREATE TABLE core_asset_registry_all (LIKE hidden INCLUDING ALL);
SELECT ok(why('5m') LIKE 'disabled: no run takes tasks of EURUSD, which is not in core_asset_registry_all: add it there%', 'no asset at all');
DROP TABLE core_asset_registry_all;
ALTER TABLE hidden RENAME TO core_asset_registry_all;

-- The status.
UPDATE data_agg_state SET status = 'paused' WHERE timeframe = '5m';
SELECT is(why('5m'), 'disabled: the task''s status is "paused", which no run takes; agg_reset_task() sets it to idle', 'a status that nobody knows');
UPDATE data_agg_state SET status = NULL WHERE timeframe = '5m';
SELECT is(why('5m'), 'disabled: the task''s status is NULL, which no run takes; agg_reset_task() sets it to idle', 'none');
SELECT agg_reset_task('EURUSD', '5m') \g /dev/null
SELECT ok(why('5m') LIKE 'due:%', 'and so it does');

-- Down the chain: 4h reads 1h, 1h reads 5m.
SELECT agg_disable_task('EURUSD', '5m') \g /dev/null
SELECT is(why(tf), 'waiting_for_source: ' || says || '; EURUSD/5m: the task is switched off; agg_enable_task() switches it on', tf || ' waits for a task that is switched off')
FROM (VALUES ('1h', 'task EURUSD/5m has unprocessed source from 2025-07-01T00:00:00+00:00 on'),
	('4h', 'task EURUSD/1h, or one that it reads, has unprocessed source from 2025-07-01T00:00:00+00:00 on')) AS v (tf, says);
SELECT agg_enable_task('EURUSD', '5m') \g /dev/null
CALL agg_run(p_now_utc => '2025-07-02');
SELECT is(why('4h', '2025-07-01 08:00+00'), 'no_source: there is no source bar in this window; EURUSD has no 1m bar in it, its last one is at 2025-07-01T07:59:00+00:00', 'where the ingested bars end');
DELETE FROM data_agg_state WHERE timeframe = '5m';
SELECT is(why('4h', '2025-07-01 08:00+00'), 'no_source: there is no source bar in this window; there is no task EURUSD/5m, which would make its source', 'a task that is missing');
SELECT world.task('EURUSD', '5m');

-- The index: which pair is missing.
SELECT world.task('DXY', '5m');
SELECT world.minutes(pair, '2025-07-01 00:00+00', 10, 1) FROM unnest(ARRAY['USDJPY', 'GBPUSD', 'USDCAD', 'USDCHF']) AS pair;
SELECT world.minutes('USDSEK', '2025-07-01 00:00+00', 6, 1);
SELECT is(state || ': ' || explanation, 'no_source: there is no source bar in this window; component USDSEK has 1 of 5 minutes of the window, its last one is at 2025-07-01T00:05:00+00:00',
	'the pair that lacks minutes') FROM agg_why('DXY', '5m', '2025-07-01 00:05+00', '2025-07-02');
DELETE FROM data_bars WHERE canonical_symbol = 'USDSEK';
SELECT ok(explanation LIKE '%; component USDSEK has 0 of 5 minutes of the window, and none before', 'the pair that has none') FROM agg_why('DXY', '5m', '2025-07-01 00:05+00', '2025-07-02');

-- A claim that is refused says why.
SELECT probe.answers(agg_start(s, tf), jsonb_build_object('success', false, 'error', 'not_idle_or_missing'), 'refused: ' || s || '/' || tf) FROM (VALUES ('NOBODY', '5m'), ('EURUSD', '7m')) AS v (s, tf);
SELECT ok(agg_start('eurusd', '5m') ->> 'message' LIKE 'there is no task eurusd/5m. Did you mean "EURUSD"?%', 'a task that is not there');
SELECT agg_start('DXY', '5m', '2025-07-01 10:00+00') ->> 'claim_token' AS token \gset
SELECT is(agg_start('DXY', '5m') ->> 'message', 'DXY/5m: the task has been claimed since 2025-07-01T10:00:00+00:00', 'claimed, and by whom is nobody''s business');
SELECT ok(agg_finish('NOBODY', '5m', true) ->> 'message' LIKE 'there is no task NOBODY/5m.%', 'a finish');
SELECT ok(agg_heartbeat('NOBODY', '5m', :'token') ->> 'message' LIKE 'there is no task NOBODY/5m.%', 'a heartbeat');
SELECT ok(answer ->> 'message' LIKE 'run 00000000-0000-0000-0000-000000000000 was not started%', 'a run')
FROM (VALUES (ops_runlog_finish('00000000-0000-0000-0000-000000000000', 'success')), (ops_runlog_checkpoint('00000000-0000-0000-0000-000000000000', 'x'))) AS v (answer);
SELECT is(agg_reset_cursor(NULL, '7m'), '{"success": false, "error": "not_found", "message": "no symbol has a task for 7m"}', 'a timeframe that nobody has');

-- A cursor goes no further than the windows that are over.
SELECT date_bin('5 minutes', now(), '2000-01-01') AS over \gset
SELECT probe.refuses(format($$SELECT agg_finish('DXY', '5m', true, %L)$$, at), '22023', 'p_new_cursor_utc % of DXY/5m is ahead of the last window that is over, which ends at %', '%cursor_advanced_to%', 'a cursor at ' || what)
FROM (VALUES ('the end of the open window', date_bin('5 minutes', now(), '2000-01-01') + interval '10 minutes'), ('the end of time', '289999-01-01'::timestamptz)) AS v (what, at);
SELECT probe.answers(agg_finish('DXY', '5m', true, :'over'), '{"success": true}', 'the end of the last window that is over');
UPDATE data_agg_state SET last_agg_bar_ts_utc = '2098-01-01' WHERE canonical_symbol = 'DXY';
SELECT probe.answers(agg_finish('DXY', '5m', true, '2098-01-01'), '{"success": true}', 'a cursor that is ahead already, and stays');
SELECT probe.answers(agg_finish('DXY', '5m', true, '2099-01-01', p_now_utc => '2099-01-01'), '{"success": true}', 'a clock of the caller''s');

-- Messages name what the call is about, also where nobody would see it.
SELECT probe.refuses(call, '22008', '% must be a finite timestamp % (EURUSD%)', '%', call)
FROM unnest(ARRAY[$$SELECT agg_mark_changed('EURUSD', 'infinity', 'infinity')$$, $$SELECT agg_seal_range('EURUSD', '2025-01-01', 'infinity')$$,
	$$SELECT agg_unseal_range('EURUSD', '2025-01-01', 'infinity')$$, $$SELECT agg_retire_source('infinity', 'EURUSD')$$, $$SELECT * FROM agg_verify('EURUSD', '5m', 'infinity')$$,
	$$SELECT agg_reset_cursor('EURUSD', '5m', 'infinity')$$, $$SELECT aggregate_1m_to_5m_window('EURUSD', 'infinity', '2025-01-01')$$]) AS call;
SELECT probe.refuses($$SELECT agg_bootstrap_cursor('', '5m')$$, 'P0002', 'Missing config in data_agg_state for ""/5m', '%', 'an empty symbol');
SELECT probe.refuses($$SELECT agg_bootstrap_cursor(' EURUSD', '5m')$$, 'P0002', 'Missing config in data_agg_state for " EURUSD"/5m', 'Did you mean "EURUSD"?%', 'a blank before it');
SELECT probe.refuses($$SELECT agg_start('', 'x')$$, '22023', 'unknown timeframe "x" ("")', '%', 'an empty symbol, and no timeframe');
SELECT probe.refuses(format($$SELECT %s, '2025-07-01 00:00+00', '2025-07-01 00:05+00')$$, call), 'P0002', 'symbol "NOBODY" does not exist', '%', call)
FROM unnest(ARRAY['aggregate_window(''NOBODY'', ''5m''', 'aggregate_1m_to_5m_window(''NOBODY''']) AS call;

-- The index's version.
SELECT is(calc_dxy_range_1m('2025-07-01', '2025-07-02', version), jsonb_build_object('success', false, 'error', format('p_derivation_version must be at least 1, not %s (DXY/1m)', version), 'sqlstate', '22023', 'hint', 'Pass the version of the formula, such as 1.'), 'version ' || version)
FROM unnest(ARRAY[0, -1]) AS version;
SELECT ok(calc_dxy_range_1m('infinity', 'infinity') ->> 'error' LIKE '%(DXY/1m)', 'and what it is about');

-- Ranges of bars mean the windows that they touch, whoever takes them.
SELECT is(agg_unseal_range(NULL, '2025-07-01', '2025-07-02') ->> 'success', 'true', 'nothing is sealed');
SELECT probe.answers(derived_rebuild_range('EURUSD', '1h', '2025-07-01 01:30+00', '2025-07-01 02:01+00'), '{"from_utc": "2025-07-01T01:00:00+00:00", "to_utc": "2025-07-01T03:00:00+00:00", "bars_replaced": 2}', 'rebuilt');
SELECT probe.answers(derived_soft_delete_range('EURUSD', '1h', '2025-07-01 01:30+00', '2025-07-01 02:01+00'), '{"bars_deleted": 2}', 'deleted');
SELECT probe.answers(derived_restore_range('EURUSD', '1h', '2025-07-01 01:30+00', '2025-07-01 02:01+00'), '{"bars_restored": 2}', 'restored');
SELECT * FROM finish();
