-- The proof can fail: whatever is wrong with a bar is found, column by column. And agg_why() knows every reason.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '15m', '1h', '4h', '1d', '1w']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-01 00:00+00', 14 * 1440);
DELETE FROM data_bars WHERE extract(minute FROM ts_utc) IN (7, 8, 33, 51, 52, 53);
UPDATE data_bars SET vwap = 'NaN' WHERE extract(minute FROM ts_utc) = 11;
UPDATE data_bars SET vol = NULL WHERE extract(minute FROM ts_utc) BETWEEN 20 AND 24;
UPDATE data_bars SET vol = '-0' WHERE extract(minute FROM ts_utc) BETWEEN 25 AND 29;
UPDATE data_bars SET close = 'NaN' WHERE extract(minute FROM ts_utc) = 40;
UPDATE data_bars SET vol = 1e308 WHERE ts_utc BETWEEN '2025-07-03 04:00+00' AND '2025-07-03 04:02+00';
SELECT pg_typeof(trade_count) = 'bigint'::regtype AS wide FROM data_bars LIMIT 1 \gset
\if :wide
	UPDATE data_bars SET trade_count = 9e18 WHERE ts_utc BETWEEN '2025-07-03 04:00+00' AND '2025-07-03 04:02+00';
\endif
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'nothing is wrong');

-- One thing after another is broken, found, and repaired.
CREATE FUNCTION found(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	BEGIN
		EXECUTE 'UPDATE derived_data_bars SET ' || change || ' WHERE timeframe = ''4h'' AND ts_utc = ''2025-07-02 04:00+00'' AND deleted_at IS NULL';
		said := (SELECT string_agg(concat_ws(' ', v.difference, v.column_name), ', ' ORDER BY v.column_name) FROM agg_verify('EURUSD', '4h', '2025-07-02', '2025-07-03') AS v);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN RETURN said;
	END;
END
$$;
SELECT is(found(c || ' = ' || c || ' + 1'), 'differs ' || c, 'a wrong ' || c || ' is found') FROM unnest(ARRAY['open', 'high', 'low', 'close', 'vol', 'vwap', 'trade_count', 'source_candles', 'expected_candles']) AS c;
SELECT is(found('close = close + 3e-13'), 'differs close', 'to the last bit');
SELECT is(found('vwap = NULL, vol = NULL'), 'differs vol, differs vwap', 'NULLs too');
SELECT is(found('quality_score = -1'), 'differs quality_score', 'a wrong score');
SELECT is(found('source_timeframe = ''5m'''), 'differs source_timeframe', 'a wrong source');
SELECT is(found('derivation_version = 0'), 'stale_version derivation_version', 'an old version');
SELECT is(found('deleted_at = now()'), 'missing', 'a missing bar');
SELECT is(found('ts_utc = ''2025-07-02 05:00+00'''), 'missing, surplus', 'and one where none should be');
BEGIN;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, is_partial, source, ingested_at, created_at, updated_at, raw) VALUES ('EURUSD', '1d', '2025-07-01 12:00+00', 1, 1, 1, 1, false, 'agg', now(), now(), now(), '{}');
SELECT results_eq($$SELECT timeframe, ts_utc, difference, explanation FROM agg_verify('EURUSD', '1d')$$, $$VALUES ('1d', '2025-07-01 12:00+00'::timestamptz, 'surplus', NULL)$$, 'a surplus bar between windows');
ROLLBACK;
SELECT results_eq($$SELECT stored, expected FROM agg_verify('EURUSD', '4h') $$, $$SELECT NULL::text, NULL::text WHERE false$$, 'correct again');

-- The audit.
SELECT probe.answers(agg_verify_sample(1, '1 hour', 7), '{"success": true, "differences": 0, "complete": true, "seed": 7, "tasks": 6}', 'a whole sample');
SELECT is(audit_status, 'OK', 'is good for the view') FROM v_aggregation_truth;
UPDATE derived_data_bars SET close = 1 WHERE timeframe = '5m';
SELECT probe.answers(agg_verify_sample(0.1, '1 hour', 7), '{"success": true, "complete": true}', 'and a small one');
SELECT cmp_ok((agg_verify_sample(0.1, '1 hour', 7) ->> 'differences')::int, '>', 0, 'finds what is wrong everywhere');
SELECT is(agg_verify_sample(0.1, '1 hour', 7) -> 'windows', agg_verify_sample(0.1, '1 hour', 7) -> 'windows', 'a seed repeats it');
SELECT is(audit_status, 'RED', 'then the view is red') FROM v_aggregation_truth;
SELECT cmp_ok(count(*), '>', 4::bigint, 'all is recorded') FROM agg_audit;
SELECT is(jsonb_array_length(audit_details) BETWEEN 1 AND 20, true, 'with examples') FROM v_aggregation_truth;
SELECT is(agg_verify_sample(1, '1 microsecond') -> 'complete', 'false', 'a budget that is too short says so');
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-01', '2025-08-01', false) \g /dev/null
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all is correct again');
SELECT probe.refuses('SELECT agg_verify_sample(0)', '22023', 'p_fraction%', 'Pass%', 'no part');
SELECT probe.refuses('SELECT agg_verify_sample(1.5)', '22023', 'p_fraction%', 'Pass%', 'more than all');
SELECT probe.refuses('SELECT agg_verify_sample(''NaN'')', '22023', 'p_fraction%', 'Pass%', 'no number');
SELECT probe.refuses('SELECT agg_verify_sample(1, ''-1 s'')', '22023', 'p_time_budget%', 'Pass%', 'no time');
SELECT probe.refuses($$SELECT * FROM agg_verify('EURUSD', '5m', '2025-07-02', '2025-07-01')$$, '22023', 'invalid range for EURUSD/5m%', '%', 'an inverted range');
SELECT probe.refuses($$SELECT * FROM agg_verify('NOBODY', '5m')$$, 'P0002', 'Missing agg config NOBODY/5m', '%', 'a task that is not there');
SELECT probe.refuses($$SELECT * FROM agg_verify('EURUSD', 'x')$$, '22023', '%', '%', 'no timeframe');
SELECT probe.refuses($$SELECT * FROM agg_verify('EURUSD', '5m', '-infinity')$$, '22008', '%', '%', 'an infinite time');
SELECT probe.refuses($$SELECT * FROM agg_verify('NOBODY')$$, 'P0002', 'symbol "NOBODY" does not exist', '%', 'a symbol that is not there is no proof');

-- Reasons.
CREATE FUNCTION why(tf text, at timestamptz, clock timestamptz DEFAULT '2025-09-01 00:00+00') RETURNS text LANGUAGE sql AS $$ SELECT state || ': ' || explanation FROM agg_why('EURUSD', tf, at, clock) $$;
SELECT is(why('5m', '2025-07-02 00:02+00'), 'stored: stored with 5 of 5 source bars, score 2', 'stored');
BEGIN;
UPDATE data_bars SET ts_utc = ts_utc + interval '12 seconds' WHERE ts_utc = '2025-07-05 00:01+00';
SELECT ok(why('5m', '2025-07-05 00:00+00') LIKE '%; 1 source bars are not on a whole 1m: ts_utc must be the start of the bar%', 'a source bar between minutes');
ROLLBACK;
SELECT is(why('5m', '2025-07-02 00:05+00'), 'stored: stored with 3 of 5 source bars, score 0', 'poor');
SELECT results_eq($$SELECT missing_source FROM agg_why('EURUSD', '5m', '2025-07-02 00:05+00')$$, $$VALUES ('["2025-07-02T00:07:00+00:00", "2025-07-02T00:08:00+00:00"]'::jsonb)$$, 'which minutes are missing');
SELECT is(why('5m', '2025-07-02 00:50+00'), 'too_few_source_bars: 2 of 5 source bars; more than half are needed', 'too few');
UPDATE data_bars SET open = 'NaN' WHERE ts_utc = '2025-07-02 00:50+00';
SELECT run();
SELECT is(why('5m', '2025-07-02 00:50+00'), 'too_few_source_bars: 1 of 5 source bars, 1 without usable prices; more than half are needed', 'unusable ones');
SELECT is(why('5m', '2025-06-30 00:00+00'), 'before_start: the task makes no bars before 2025-07-01T00:00:00+00:00; for an earlier start, set "start_utc" (a time, or "first_bar") in metadata.agg of EURUSD in core_asset_registry_all, then call sync_agg_state_from_registry(); agg_set_start() lasts only until the next sync', 'before the start');
SELECT is(why('5m', '2025-07-20 00:00+00'), 'no_source: there is no source bar in this window; EURUSD has no 1m bar in it, its last one is at 2025-07-14T23:59:00+00:00', 'no source');
SELECT is(why('1d', '2025-07-20 00:00+00', '2025-07-20 12:00+00'), 'not_confirmed: it will be confirmed at 2025-07-21T00:00:30+00:00', 'not yet');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-15 00:00+00'::timestamptz, '2025-07-15 00:59+00', '1 minute') AS t;
UPDATE data_agg_state SET next_run_at = '2025-09-02';
SELECT is(why('5m', '2025-07-15 00:00+00'), 'due: the cursor is at 2025-07-15T00:00:00+00:00; the task runs at 2025-09-02T00:00:00+00:00', 'due, and when');
SELECT is(why('1h', '2025-07-15 00:00+00'), 'waiting_for_source: task EURUSD/5m has unprocessed source from 2025-07-15T00:00:00+00:00 on', 'waiting for whom');
SELECT agg_disable_task('EURUSD', '5m') \g /dev/null
SELECT is(why('5m', '2025-07-15 00:00+00'), 'disabled: the task is switched off; agg_enable_task() switches it on', 'switched off');
SELECT agg_enable_task('EURUSD', '5m') \g /dev/null
UPDATE data_agg_state SET status = 'hard_failed', last_error = 'boom' WHERE timeframe = '5m';
SELECT is(why('5m', '2025-07-15 00:00+00'), 'hard_failed: the task is hard_failed: boom; agg_reset_task() puts it back to work', 'failed, and at what');
SELECT agg_reset_task('EURUSD', '5m') \g /dev/null
SELECT agg_start('EURUSD', '5m', '2025-08-31 00:00+00') \g /dev/null
SELECT matches(why('5m', '2025-07-15 00:00+00'), '^running: the task has been claimed since 2025-08-31T00:00:00\+00:00, claim [0-9a-f-]{36}$', 'leased, since when and by which claim');
SELECT agg_reset_task('EURUSD', '5m') \g /dev/null
UPDATE data_bars SET close = 3 WHERE ts_utc = '2025-07-03 00:00+00';
SELECT matches(why('5m', '2025-07-03 00:00+00'), '^dirty: its source changed \(noticed .*\); the next run recomputes it$', 'dirty');
SELECT run();
DELETE FROM data_bars WHERE ts_utc >= '2025-07-05 00:00+00' AND ts_utc < '2025-07-05 01:00+00';
SELECT run();
SELECT matches(why('5m', '2025-07-05 00:00+00'), '^deleted: deleted at .*: source_removed \(0 of 5 source bars are there\)$', 'deleted, when and why');
DELETE FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-04 00:00+00';
SELECT is(split_part(why('5m', '2025-07-04 00:00+00'), ':', 1), 'missing', 'what nothing explains');
SELECT derived_rebuild_range('EURUSD', '5m', '2025-07-04', '2025-07-05', false) \g /dev/null
SELECT run();
-- No bar, and it is known why.
INSERT INTO agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) VALUES ('EURUSD', '1h', '2025-07-04 03:00+00', '2025-07-04 04:00+00', 'archived');
DELETE FROM derived_data_bars WHERE timeframe = '1h' AND ts_utc = '2025-07-04 03:00+00';
SELECT run();
SELECT is_empty($$SELECT * FROM agg_verify('EURUSD', '1h')$$, 'the proof does not miss a bar that was sealed and removed');
SELECT is(why('1h', '2025-07-04 03:00+00'), 'sealed: its source or its bar was retired, so none is made; agg_unseal_range() has it recomputed', 'sealed at its own timeframe');
SELECT agg_set_late_policy('EURUSD', '5m', 'freeze') \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'EURUSD', '1m', t, 1, 1, 1, 1 FROM generate_series('2025-07-04 00:51+00'::timestamptz, '2025-07-04 00:53+00', '1 minute') AS t;
SELECT run();
SELECT results_eq($$SELECT ts_utc, difference, explanation FROM agg_verify('EURUSD', '5m')$$, $$VALUES ('2025-07-04 00:50+00'::timestamptz, 'missing', 'refused')$$, 'source that came late for a frozen task, and a window without a bar');
SELECT matches(why('5m', '2025-07-04 00:50+00'), '^frozen: its source came late \(5 of 5 source bars are there\), which the task''s late_policy refused \(.*\); derived_rebuild_range\(\) makes it$', 'frozen');
SELECT agg_set_late_policy('EURUSD', '5m', 'recompute') \g /dev/null
SELECT run();
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
-- Bars at no time.
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('NOBODY') ON CONFLICT DO NOTHING;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, is_partial, source, ingested_at, created_at, updated_at, raw) SELECT s, '1h', t, 1, 1, 1, 1, false, 'agg', now(), now(), now(), '{}' FROM unnest('{EURUSD,NOBODY}'::text[]) AS s, unnest('{-infinity,infinity}'::timestamptz[]) AS t;
SELECT results_eq('SELECT canonical_symbol, timeframe, ts_utc, difference, stored, explanation FROM agg_verify()', $$VALUES ('EURUSD', '1h', '-infinity'::timestamptz, 'surplus', NULL, NULL), ('EURUSD', '1h', 'infinity', 'surplus', NULL, NULL), ('NOBODY', '1h', '-infinity', 'no_task', '2', 'no_task')$$, 'bars at the infinities are surplus');
SELECT results_eq($$SELECT ts_utc FROM agg_verify('EURUSD', '1h', '2025-07-01')$$, $$VALUES ('infinity'::timestamptz)$$, 'from a time on');
SELECT results_eq($$SELECT ts_utc FROM agg_verify('EURUSD', NULL, NULL, '2025-07-10')$$, $$VALUES ('-infinity'::timestamptz)$$, 'up to a time');
SELECT is_empty($$SELECT * FROM agg_verify(NULL, NULL, '2025-07-01', '2025-07-10')$$, 'and in no range');
SELECT is(agg_verify_sample(1, '1 hour') -> 'differences', '2', 'a sample sees them');
DELETE FROM derived_data_bars WHERE NOT isfinite(ts_utc);
SELECT is((agg_why('NOBODY', '5m', '2025-07-04')).state, 'no_task', 'no task');
SELECT is(count(*), 1::bigint, 'always one row') FROM agg_why('NOBODY', '1w', '2025-07-04');
SELECT probe.refuses($$SELECT * FROM agg_why('EURUSD', '1m', '2025-07-04')$$, '22023', '%', '%', '1m is ingested');
SELECT probe.refuses($$SELECT * FROM agg_why('EURUSD', '5m', NULL)$$, '22004', '%EURUSD/5m%', '%', 'no time');
SELECT probe.refuses($$SELECT * FROM agg_why('EURUSD', '5m', 'infinity')$$, '22008', '%', '%', 'no finite time');

SELECT * FROM finish();
