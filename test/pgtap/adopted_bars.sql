-- Bars that were here before the extension: minutes are kept for some months, bars for years. What cannot be made again stays as it is, and
-- what somebody takes away afterwards takes its bars along.
\ir include/tap.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
SELECT no_plan();

CREATE FUNCTION live(p_tf text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM derived_data_bars WHERE timeframe = p_tf AND deleted_at IS NULL
$$;
-- Bars as somebody else made them, raw without a rule and no counts.
CREATE PROCEDURE old_bars(p_symbol text, p_tf text, p_from timestamptz, p_to timestamptz, p_step interval) LANGUAGE sql AS $$
	INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, source, raw)
	SELECT p_symbol, p_tf, t, 1, 2, 0.5, 1.5, 3, 'agg', '{"from": "the old system"}' FROM generate_series(p_from, p_to - p_step, p_step) AS t
$$;
CREATE PROCEDURE minutes(p_symbol text, p_from timestamptz, p_to timestamptz) LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
	SELECT p_symbol, '1m', t, 1, 2, 0.5, 1.5, 3 FROM generate_series(p_from, p_to - interval '1 min', '1 min') AS t ON CONFLICT DO NOTHING
$$;

-- The old system kept minutes from 10 July on, 5m bars from 1 July, hours from 1 June, and a lone hour long ago.
CALL old_bars('EURUSD', '5m', '2025-07-01 00:00+00', '2025-07-12 00:00+00', '5 min');
CALL old_bars('EURUSD', '1h', '2025-06-01 00:00+00', '2025-07-12 00:00+00', '1 hour');
CALL old_bars('EURUSD', '1h', '2024-01-05 10:00+00', '2024-01-05 11:00+00', '1 hour');
CALL minutes('EURUSD', '2025-07-10 00:00+00', '2025-07-12 00:00+00');
-- A hole of one hour among the minutes, of which the bars are there.
DELETE FROM data_bars WHERE ts_utc >= '2025-07-11 06:00+00' AND ts_utc < '2025-07-11 07:00+00';
INSERT INTO core_asset_registry_all (canonical_symbol, metadata) VALUES ('EURUSD', '{"agg": {"optional": ["4h"]}}');
SET client_min_messages = error;
SELECT ok((sync_agg_state_from_registry('prod') ->> 'success')::boolean, 'the asset gets its tasks');
SET client_min_messages = warning;
SELECT results_eq($$SELECT timeframe, from_utc, to_utc FROM agg_sealed_ranges WHERE reason = 'adopted' AND canonical_symbol = 'EURUSD' ORDER BY 1 NULLS FIRST, 2$$,
	$$VALUES (NULL::text, '2025-07-01 00:00+00'::timestamptz, '2025-07-10 00:00+00'::timestamptz), (NULL, '2025-07-11 06:00+00', '2025-07-11 07:00+00'),
		('5m', '2024-01-05 10:00+00', '2025-07-01 00:00+00')$$, 'source that is not there counts as retired');
CREATE TABLE counts AS SELECT live('5m') AS five, live('1h') AS hours;
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is(live('5m'), five, 'no 5m bar is lost') FROM counts;
SELECT is(live('1h'), hours, 'nor an hour') FROM counts;
SELECT cmp_ok((SELECT count(*) FROM derived_data_bars WHERE timeframe = '5m' AND source_candles = 5), '=', 47 * 12::bigint, 'bars with minutes have their counts now');
SELECT cmp_ok(live('4h'), '>', 50::bigint, 'and wider bars are made of bars that were here');
SELECT is_empty('SELECT * FROM agg_verify() WHERE explanation IS NULL OR explanation <> ''pending''', 'the proof finds nothing');

-- Taking minutes away now takes the bars along, whoever made them.
DELETE FROM data_bars WHERE ts_utc >= '2025-07-11 09:00+00' AND ts_utc < '2025-07-11 10:00+00';
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is(live('5m'), five - 12, 'minutes that are taken away take their bars along') FROM counts;
-- And minutes that come back are said to have been refused until somebody unseals them.
CALL minutes('EURUSD', '2025-07-11 06:00+00', '2025-07-11 07:00+00');
UPDATE data_bars SET close = 1.75 WHERE ts_utc = '2025-07-11 06:04+00';
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is((SELECT close FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-11 06:00+00' AND deleted_at IS NULL), 1.5::float8, 'sealed');
SELECT is((SELECT count(*) FROM agg_refused_ranges WHERE timeframe = '5m'), 1::bigint, 'and listed as refused');
SELECT ok((agg_unseal_range('EURUSD', '2025-07-11 06:00+00', '2025-07-11 07:00+00') ->> 'success')::boolean, 'until it is unsealed');
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is((SELECT close FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-11 06:00+00' AND deleted_at IS NULL), 1.75::float8, 'then it is made again');

-- A source task that is switched off, or fails, is waited for: the wider bars stay.
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('GBPUSD');
SELECT ok((sync_agg_state_from_registry('prod') ->> 'success')::boolean, 'another asset');
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, source, raw)
VALUES ('GBPUSD', '1h', '2025-07-02 10:00+00', 1, 1, 1, 1, 'agg', '{"rule": "ohlcv"}');
CALL minutes('GBPUSD', '2025-07-02 00:00+00', '2025-07-03 00:00+00');
SELECT ok((agg_disable_task('GBPUSD', '5m') ->> 'success')::boolean, 'its 5m bars are not made');
SELECT is((catchup_aggregation_range('GBPUSD', '1h', '2025-07-01 00:00+00', p_now_utc => '2025-07-05') ->> 'bars_deleted')::int, 0, 'an hour that waits');
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is((SELECT deleted_at FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '1h'), NULL, 'keeps its bar');
SELECT ok((agg_enable_task('GBPUSD', '5m') ->> 'success')::boolean, 'when they are made again');
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'GBPUSD';
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
UPDATE data_agg_state SET next_run_at = NULL WHERE canonical_symbol = 'GBPUSD';
DO $$ BEGIN FOR i IN 1 .. 20 LOOP EXIT WHEN NOT (agg_run_batch('prod', 1000, 100000, p_now_utc => '2025-07-12 12:00+00') ->> 'continue')::boolean; END LOOP; END $$;
SELECT is((SELECT close FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '1h' AND ts_utc = '2025-07-02 10:00+00' AND deleted_at IS NULL), 1.5::float8, 'the hour is made of them');
SELECT is_empty('SELECT * FROM agg_verify(''GBPUSD'') WHERE explanation IS NULL OR explanation <> ''pending''', 'and the proof finds nothing');

-- The index's minutes are computed: its bars have a source where all six pairs have.
CALL old_bars('DXY', '5m', '2025-07-10 00:00+00', '2025-07-10 02:00+00', '5 min');
DO $$ BEGIN FOR i IN 1 .. 5 LOOP CALL minutes((ARRAY['USDJPY', 'USDCAD', 'USDSEK', 'USDCHF', 'GBPUSD'])[i], '2025-07-10 01:00+00', '2025-07-10 02:00+00'); END LOOP; END $$;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY');
SET client_min_messages = error;
SELECT ok((sync_agg_state_from_registry('prod') ->> 'success')::boolean, 'the index');
SET client_min_messages = warning;
SELECT results_eq($$SELECT timeframe, from_utc, to_utc FROM agg_sealed_ranges WHERE reason = 'adopted' AND canonical_symbol = 'DXY'$$,
	$$VALUES (NULL::text, '2025-07-10 00:00+00'::timestamptz, '2025-07-10 01:00+00'::timestamptz)$$, 'has no source where a pair has none');

-- Tasks that were there before the triggers: agg_setup() adopts their bars.
DROP TRIGGER aggregation_tasks_made ON data_agg_state;
CALL old_bars('USDJPY', '5m', '2025-07-09 00:00+00', '2025-07-10 01:00+00', '5 min');
INSERT INTO data_agg_state (canonical_symbol, timeframe, agg_start_utc, last_agg_bar_ts_utc) VALUES ('USDJPY', '5m', '2025-01-01', '2025-07-10 02:00+00');
SELECT is_empty($$SELECT * FROM agg_sealed_ranges WHERE canonical_symbol = 'USDJPY'$$, 'nobody has seen this task');
SET client_min_messages = error;
SELECT isnt_empty('SELECT * FROM agg_setup()', 'agg_setup() makes the trigger');
SET client_min_messages = warning;
SELECT results_eq($$SELECT timeframe, from_utc, to_utc, reason FROM agg_sealed_ranges WHERE canonical_symbol = 'USDJPY'$$,
	$$VALUES (NULL::text, '2025-07-09 00:00+00'::timestamptz, '2025-07-10 01:00+00'::timestamptz, 'adopted')$$, 'and adopts its bars');
SELECT is((SELECT count(*) FROM agg_sealed_ranges WHERE canonical_symbol = 'DXY'), 1::bigint, 'nothing is sealed twice');
SELECT * FROM finish();
