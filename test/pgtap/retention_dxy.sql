-- Retention of the dollar index's pairs: minutes of the index of which a part was retired or sealed stay as they are, and so do its bars.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SET timezone = 'UTC';
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
CREATE VIEW index_minutes AS SELECT ts_utc, open, high, low, close, vol, trade_count, source, raw, updated_at FROM data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '1m';
CREATE VIEW index_bars AS SELECT timeframe, ts_utc, open, high, low, close, source_candles FROM derived_data_bars WHERE canonical_symbol = 'DXY' AND deleted_at IS NULL;
SELECT world.task('DXY', '5m'), world.task('DXY', '1h'), world.task('USDCAD', '5m'), world.task('EURUSD', '5m') \g /dev/null
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT p, '1m', t, 1, 1, 1, 1 FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS p, generate_series('2025-07-01 00:00'::timestamptz, '2025-07-01 11:59', '1 min') AS t;
SELECT run();
SELECT is(count(*), 720::bigint, 'twelve hours') FROM index_minutes;
CREATE TABLE minutes_before AS TABLE index_minutes;
CREATE TABLE bars_before AS TABLE index_bars;

SELECT agg_seal_range('USDCAD', '2025-07-01 02:00', '2025-07-01 03:00') \g /dev/null
DELETE FROM data_bars WHERE canonical_symbol = 'USDCAD' AND ts_utc >= '2025-07-01 02:00' AND ts_utc < '2025-07-01 03:00';
SELECT run();
SELECT set_eq('TABLE index_minutes', 'TABLE minutes_before', 'a pair is sealed and its minutes removed: those of the index stay');
SELECT set_eq('TABLE index_bars', 'TABLE bars_before', 'and its bars');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT agg_retire_source('2025-07-01 01:00', 'GBPUSD') \g /dev/null
UPDATE data_bars SET close = 1.5, high = 1.5 WHERE canonical_symbol = 'EURUSD' AND ts_utc IN ('2025-07-01 00:30', '2025-07-01 02:30');
SELECT run();
SELECT set_eq('TABLE index_minutes', 'TABLE minutes_before', 'a pair is retired and another one corrected: the same');
SELECT set_eq('TABLE index_bars', 'TABLE bars_before', 'and its bars');
SELECT is((world.bar('EURUSD', '5m', '2025-07-01 00:30')).high, 1.5::float8, 'the corrected pair''s own bars follow');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT probe.answers(agg_seal_range(NULL, '2025-07-01 04:00', '2025-07-01 05:00'), '{"success": true, "symbols": 7}', 'all symbols: the pairs are sealed without tasks of their own');
UPDATE data_bars SET close = 1.5, high = 1.5 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 04:30';
SELECT run();
SELECT set_eq('TABLE index_minutes', 'TABLE minutes_before', 'what can be computed is not rewritten where a part is sealed');
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 00:00', '2025-07-01 12:00', 2), '{"success": true, "inserted": 0, "updated": 540, "unchanged": 0, "skipped": 180}', 'nor by hand: it counts as skipped');
SELECT set_eq($$SELECT ts_utc FROM index_minutes WHERE raw ->> 'version' = '1'$$, $$SELECT t FROM generate_series('2025-07-01 00:00'::timestamptz, '2025-07-01 11:59', '1 min') AS t WHERE extract(hour FROM t) IN (0, 2, 4)$$, 'the sealed hours keep their version');
SELECT probe.answers(derived_rebuild_range('DXY', '5m', '2025-07-01', '2025-07-02', false), '{"success": true, "bars_deleted": 0, "bars_updated": 0}', 'nor by a rebuild of the index''s bars');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc >= '2025-07-01 02:55' AND ts_utc < '2025-07-01 03:05';
SELECT run();
SELECT is(count(*), 715::bigint, 'where nothing is sealed a minute that has lost a part goes') FROM index_minutes;
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- The index's own minutes retired: nobody makes them again.
SELECT agg_retire_source('2025-07-01 06:00', 'DXY') \g /dev/null
UPDATE data_bars SET close = 2, high = 2 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 05:30';
SELECT run();
SELECT is(min(ts_utc), '2025-07-01 06:00+00', 'minutes of the index that were retired stay away') FROM index_minutes;
SELECT is((world.bar('DXY', '5m', '2025-07-01 05:30')).close, (SELECT close FROM bars_before WHERE timeframe = '5m' AND ts_utc = '2025-07-01 05:30'), 'and their bars stay');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

SELECT * FROM finish();
