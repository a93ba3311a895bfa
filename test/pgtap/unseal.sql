-- A seal that is taken away: everything that was sealed there is looked at again, in every timeframe, and nothing else.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE FUNCTION high(tf text, at timestamptz, s text DEFAULT 'A') RETURNS float8 LANGUAGE sql AS $$ SELECT (world.bar(s, tf, at)).high $$;
CREATE FUNCTION correct(at timestamptz) RETURNS void LANGUAGE sql AS $$ UPDATE data_bars SET high = 1e6 WHERE ts_utc = at $$;
CREATE VIEW refused AS SELECT canonical_symbol AS s, timeframe AS tf, from_utc, to_utc FROM agg_refused_ranges;
SELECT world.task(s, tf) FROM unnest('{A,B}'::text[]) AS s, unnest('{5m,1h,4h,1d}'::text[]) AS tf \g /dev/null
SELECT world.minutes('A', '2025-07-01 00:00+00', 3 * 1440), world.minutes('B', '2025-07-01 00:00+00', 3 * 1440) \g /dev/null
SELECT run();

-- Sealed at its own timeframe, and the bars removed.
INSERT INTO agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) VALUES ('A', '1h', '2025-07-01 10:00', '2025-07-01 12:00', 'x');
DELETE FROM derived_data_bars WHERE canonical_symbol = 'A' AND timeframe = '1h' AND ts_utc IN ('2025-07-01 10:00', '2025-07-01 11:00');
SELECT run();
SELECT is(agg_unseal_range('A', '2025-07-01 00:00', '2025-07-01 11:00'), '{"success": true, "ranges_unsealed": 1}', 'half of what is sealed at 1h is unsealed');
SELECT set_eq('SELECT canonical_symbol, timeframe, from_utc, to_utc FROM agg_dirty_ranges', $$VALUES ('A', '5m', '2025-07-01 10:00'::timestamptz, '2025-07-01 11:00'::timestamptz),
	('A', '1h', '2025-07-01 10:00', '2025-07-01 11:00'), ('A', '4h', '2025-07-01 08:00', '2025-07-01 12:00'), ('A', '1d', '2025-07-01 00:00', '2025-07-02 00:00')$$, 'the windows that it touches are marked, no more');
SELECT run();
SELECT ok(high('1h', '2025-07-01 10:00') IS NOT NULL, 'its bar is made');
SELECT is(high('1h', '2025-07-01 11:00'), NULL, 'the other one not');
SELECT agg_unseal_range('A', '2025-07-01 00:00', '2025-07-02 00:00') \g /dev/null
SELECT run();
SELECT ok(high('1h', '2025-07-01 11:00') IS NOT NULL, 'until its half is unsealed');
SELECT is_empty('TABLE refused', 'nothing is refused');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- A correction while it was sealed.
INSERT INTO agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) VALUES ('A', '1h', '2025-07-02 10:00', '2025-07-02 12:00', 'x');
SELECT correct('2025-07-02 10:30') \g /dev/null
SELECT run();
SELECT set_eq('TABLE refused', $$VALUES ('A', '1h', '2025-07-02 10:00'::timestamptz, '2025-07-02 11:00'::timestamptz)$$, 'a correction of what is sealed is refused');
SELECT agg_unseal_range('A', '2025-07-02 10:00', '2025-07-02 12:00') \g /dev/null
SELECT run();
SELECT is(ARRAY[high('1h', '2025-07-02 10:00'), high('4h', '2025-07-02 08:00'), high('1d', '2025-07-02 00:00')], ARRAY[1e6, 1e6, 1e6]::float8[], 'and made good when it is unsealed, up to the day');
SELECT is_empty('TABLE refused', 'nothing is refused any more');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Windows made of sealed bars of another timeframe.
INSERT INTO agg_sealed_ranges (timeframe, from_utc, to_utc, reason) VALUES ('5m', '2025-07-03 10:05', '2025-07-03 10:10', 'of all symbols');
DELETE FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-03 10:05';
SELECT correct('2025-07-03 10:30') \g /dev/null
SELECT run();
SELECT is(ARRAY[high('1h', '2025-07-03 10:00'), high('1h', '2025-07-03 10:00', 'B')] @> ARRAY[1e6]::float8[], false, 'an hour made of sealed bars stays');
SELECT is(agg_unseal_range('A', '2025-07-03 10:07', '2025-07-04'), '{"success": true, "ranges_unsealed": 1}', 'one symbol leaves the seal of all');
SELECT set_eq('SELECT canonical_symbol, timeframe, from_utc, to_utc, reason FROM agg_sealed_ranges', $$VALUES (NULL, '5m', '2025-07-03 10:05'::timestamptz, '2025-07-03 10:07'::timestamptz, 'of all symbols'),
	('B', '5m', '2025-07-03 10:07', '2025-07-03 10:10', 'of all symbols')$$, 'the others stay in it');
SELECT agg_unseal_range('A', '2025-07-03', '2025-07-04') \g /dev/null
SELECT set_eq('SELECT canonical_symbol, timeframe, from_utc, to_utc, reason FROM agg_sealed_ranges', $$VALUES ('B', '5m', '2025-07-03 10:05'::timestamptz, '2025-07-03 10:07'::timestamptz, 'of all symbols'),
	('B', '5m', '2025-07-03 10:07', '2025-07-03 10:10', 'of all symbols')$$, 'and when it has left, nothing is sealed of all');
SELECT run();
SELECT is(ARRAY[high('1h', '2025-07-03 10:00'), high('1h', '2025-07-03 10:00', 'B')] = ARRAY[1e6, 1e6]::float8[], false, 'the other one is as it was');
SELECT is(high('1h', '2025-07-03 10:00'), 1e6::float8, 'the first is made of what is there');
SELECT is(agg_unseal_range(NULL, '2025-07-03', '2025-07-04'), '{"success": true, "ranges_unsealed": 2}', 'all symbols: every seal in the range, of whatever symbol');
SELECT run();
SELECT is(ARRAY[high('1h', '2025-07-03 10:00'), high('1h', '2025-07-03 10:00', 'B')], ARRAY[1e6, 1e6]::float8[], 'of both symbols');
SELECT is((world.bar('B', '1h', '2025-07-03 10:00')).source_candles, 12, 'and the retired bar is there again');
SELECT is_empty('TABLE refused', 'nothing is refused any more');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- What a policy has refused is none of it.
SELECT agg_set_late_policy('A', '1h', 'freeze') \g /dev/null
SELECT correct(at) FROM unnest('{2025-07-01 10:30,2025-07-01 12:30,2025-07-01 14:30}'::timestamptz[]) AS at \g /dev/null
SELECT agg_seal_range('A', '2025-07-01 02:00', '2025-07-01 03:00') \g /dev/null
SELECT run();
SELECT agg_unseal_range('A', '2025-07-01 00:00', '2025-07-02 00:00') \g /dev/null
SELECT run();
SELECT bag_hasnt('TABLE refused', $$VALUES ('A', '5m', '2025-07-01 02:00'::timestamptz, '2025-07-01 03:00'::timestamptz)$$, 'what was sealed is not refused any more');
SELECT is(count(*), 3::bigint, 'what a policy refused beside it is') FROM refused WHERE tf = '1h' AND from_utc IN ('2025-07-01 10:00', '2025-07-01 12:00', '2025-07-01 14:00');
SELECT is(count(*) FILTER (WHERE explanation IS DISTINCT FROM 'refused'), 0::bigint, 'the proof can explain it') FROM agg_verify();
-- And where a policy and a seal refuse the same, the policy still does.
INSERT INTO agg_sealed_ranges (canonical_symbol, timeframe, from_utc, to_utc, reason) VALUES ('A', '1h', '2025-07-01 12:00', '2025-07-01 13:00', 'x');
SELECT agg_unseal_range('A', '2025-07-01 00:00', '2025-07-02 00:00') \g /dev/null
SELECT run();
SELECT is(count(*), 3::bigint, 'refused by both: by one') FROM refused WHERE tf = '1h' AND from_utc IN ('2025-07-01 10:00', '2025-07-01 12:00', '2025-07-01 14:00');
SELECT is(count(*) FILTER (WHERE explanation IS DISTINCT FROM 'refused'), 0::bigint, 'the proof can explain it') FROM agg_verify();
SELECT agg_set_late_policy('A', '1h', 'recompute') \g /dev/null
SELECT run();
SELECT is_empty('TABLE refused', 'without the policy nothing is refused');
SELECT is_empty('SELECT * FROM agg_verify()', 'and all is made good');

-- A pair of the dollar index.
SELECT world.task('DXY', '5m'), world.task('DXY', '1h') \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT p, '1m', t, 1, 1, 1, 1 FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS p, generate_series('2025-07-01 00:00'::timestamptz, '2025-07-01 11:59', '1 min') AS t;
SELECT run();
CREATE TABLE kept AS SELECT * FROM data_bars WHERE canonical_symbol = 'USDSEK' AND ts_utc >= '2025-07-01 02:00' AND ts_utc < '2025-07-01 03:00';
SELECT agg_seal_range('USDSEK', '2025-07-01 02:00', '2025-07-01 03:00') \g /dev/null
DELETE FROM data_bars WHERE canonical_symbol = 'USDSEK' AND ts_utc >= '2025-07-01 02:00' AND ts_utc < '2025-07-01 03:00';
SELECT run();
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT canonical_symbol, timeframe, ts_utc, 2, 2, 2, 2 FROM kept;
SELECT run();
SELECT is((world.bar('DXY', '1h', '2025-07-01 02:00')).high, (world.bar('DXY', '1h', '2025-07-01 01:00')).high, 'a sealed pair that comes back in another form changes no minute of the index');
SELECT agg_unseal_range('USDSEK', '2025-07-01 02:30', '2025-07-01 03:00') \g /dev/null
SELECT run();
SELECT is(high('5m', '2025-07-01 02:25', 'DXY'), high('5m', '2025-07-01 01:25', 'DXY'), 'until it is unsealed: not before');
SELECT isnt(high('5m', '2025-07-01 02:30', 'DXY'), high('5m', '2025-07-01 01:25', 'DXY'), 'but from there on');
SELECT is(high('1h', '2025-07-01 02:00', 'DXY'), high('5m', '2025-07-01 02:30', 'DXY'), 'and the hour');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT * FROM finish();
