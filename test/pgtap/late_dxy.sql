-- The dollar index when its pairs change: late, corrected and deleted minutes of a pair reach the index's minutes, and those its bars. What a
-- feed of the index itself has delivered is kept.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
\ir include/market.psql
SELECT no_plan();
\ir include/seeds.psql
SET timezone = 'UTC';

CREATE TABLE parts (symbol text PRIMARY KEY, level float8);
INSERT INTO parts VALUES ('EURUSD', 1.08), ('USDJPY', 150), ('GBPUSD', 1.27), ('USDCAD', 1.36), ('USDSEK', 10.5), ('USDCHF', 0.88);
CREATE FUNCTION quote(p_symbol text, at timestamptz, factor float8) RETURNS void LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT symbol, '1m', at, level * factor, level * factor, level * factor, level * factor FROM parts WHERE symbol = p_symbol
	ON CONFLICT (canonical_symbol, timeframe, ts_utc) DO UPDATE SET open = EXCLUDED.open, high = EXCLUDED.high, low = EXCLUDED.low, close = EXCLUDED.close
$$;
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_now_utc => '2025-07-02 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
-- Index minutes that are not what the reference makes of the pairs, but for those that a feed delivered.
CREATE VIEW wrong_minutes AS
SELECT ts_utc, stored.close, expected.price
FROM (SELECT ts_utc, close, source FROM data_bars WHERE canonical_symbol = 'DXY' AND timeframe = '1m') AS stored
FULL JOIN (SELECT * FROM oracle.dxy('2025-07-01 00:00+00', '2025-07-02 00:00+00')) AS expected USING (ts_utc)
WHERE stored.source IS DISTINCT FROM 'ingest' AND NOT COALESCE(abs(stored.close - expected.price) <= 1.000001e-8, false);
CREATE FUNCTION index_minute(at timestamptz) RETURNS data_bars LANGUAGE sql AS $$ SELECT b FROM data_bars AS b WHERE canonical_symbol = 'DXY' AND timeframe = '1m' AND ts_utc = at $$;

SELECT quote(symbol, t, 1) FROM parts, generate_series('2025-07-01 00:00+00'::timestamptz, '2025-07-01 01:59+00', interval '1 min') AS t WHERE t NOT BETWEEN '2025-07-01 01:30+00' AND '2025-07-01 01:34+00' \g /dev/null
SELECT world.task('DXY', '5m'), world.task('DXY', '1h'), world.task('EURUSD', '5m') \g /dev/null
UPDATE data_agg_state SET agg_start_utc = '2025-07-01 00:00+00';
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'the index''s minutes');
SELECT is_empty('SELECT * FROM agg_verify()', 'and its bars are right');
SELECT is((world.bar('DXY', '1h', '2025-07-01 01:00+00')).source_candles, 11, 'five minutes are missing');

SELECT quote('USDJPY', '2025-07-01 00:07+00', 1.02);
SELECT is((SELECT count(*) FROM agg_verify('DXY')) > 0, true, 'a correction of a pair makes the index wrong');
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'until the next run');
SELECT is((world.bar('DXY', '5m', '2025-07-01 00:05+00')).high, (index_minute('2025-07-01 00:07+00')).close, 'the minute is the highest of its five');
SELECT is((world.bar('DXY', '1h', '2025-07-01 00:00+00')).high, (index_minute('2025-07-01 00:07+00')).close, 'and of its hour');
SELECT is((index_minute('2025-07-01 00:06+00')).updated_at < (index_minute('2025-07-01 00:07+00')).updated_at, true, 'its neighbours are not touched');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

DELETE FROM data_bars WHERE canonical_symbol = 'USDSEK' AND ts_utc BETWEEN '2025-07-01 00:10+00' AND '2025-07-01 00:13+00';
SELECT run();
SELECT is(index_minute('2025-07-01 00:12+00'), NULL, 'a minute that has lost a part is gone');
SELECT is(world.bar('DXY', '5m', '2025-07-01 00:10+00'), NULL, 'and the bar of too few minutes');
SELECT is((world.bar('DXY', '1h', '2025-07-01 00:00+00')).source_candles, 11, 'and the hour knows');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');
SELECT quote('USDSEK', t, 1) FROM generate_series('2025-07-01 00:10+00'::timestamptz, '2025-07-01 00:13+00', interval '1 min') AS t \g /dev/null
SELECT run();
SELECT is((world.bar('DXY', '1h', '2025-07-01 00:00+00')).source_candles, 12, 'they come again');
SELECT is_empty('TABLE wrong_minutes', 'all of them');

SELECT quote(symbol, t, 1) FROM parts, generate_series('2025-07-01 01:30+00'::timestamptz, '2025-07-01 01:34+00', interval '1 min') AS t WHERE symbol <> 'GBPUSD' \g /dev/null
SELECT run();
SELECT is(world.bar('DXY', '5m', '2025-07-01 01:30+00'), NULL, 'five of six pairs are late: not yet');
SELECT quote('GBPUSD', t, 1) FROM generate_series('2025-07-01 01:30+00'::timestamptz, '2025-07-01 01:34+00', interval '1 min') AS t \g /dev/null
SELECT run();
SELECT is((world.bar('DXY', '5m', '2025-07-01 01:30+00')).source_candles, 5, 'the sixth brings the bar');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- A feed of the index.
UPDATE data_bars SET high = 200, close = 199, source = 'ingest' WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 00:20+00';
SELECT run();
SELECT is((world.bar('DXY', '5m', '2025-07-01 00:20+00')).high, 200::float8, 'what it delivers is made into bars');
SELECT quote('EURUSD', '2025-07-01 00:20+00', 1.01), quote('EURUSD', '2025-07-01 00:21+00', 1.01);
DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc = '2025-07-01 00:20+00';
SELECT run();
SELECT is((index_minute('2025-07-01 00:20+00')).close, 199::float8, 'and kept, whatever its pairs do');
SELECT is_empty('TABLE wrong_minutes', 'the minute beside it follows them');
SELECT is_empty('SELECT * FROM agg_verify()', 'all right');

-- Minutes that were computed ahead of the cursor and lose a part before it gets there: whoever passes them, in whatever way.
CREATE FUNCTION absorb() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM agg_get_due_tasks('prod', '2025-07-01 02:00:10+00', 0) $$;
SELECT quote(symbol, t + h, 1) FROM parts, generate_series('2025-07-01 02:00+00'::timestamptz, '2025-07-01 02:04+00', interval '1 min') AS t, unnest('{0,1 hour,2 hours,3 hours}'::interval[]) AS h \g /dev/null
SELECT calc_dxy_range_1m('2025-07-01 02:00+00', '2025-07-01 06:00+00') ->> 'inserted';
SELECT absorb() \g /dev/null
DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc BETWEEN '2025-07-01 02:00+00' AND '2025-07-01 02:04+00';
SELECT absorb() \g /dev/null
UPDATE data_agg_state SET next_run_at = NULL;
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'a runner looks at minutes before the next one that it can compute');
SELECT is_empty('SELECT * FROM agg_verify()', 'and at the bars made of them');
SELECT quote(symbol, t + h, 1) FROM parts, generate_series('2025-07-01 06:00+00'::timestamptz, '2025-07-01 06:04+00', interval '1 min') AS t, unnest('{0,1 hour}'::interval[]) AS h \g /dev/null
SELECT calc_dxy_range_1m('2025-07-01 06:00+00', '2025-07-01 08:00+00') ->> 'inserted';
SELECT absorb() \g /dev/null
DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc BETWEEN '2025-07-01 06:00+00' AND '2025-07-01 06:02+00';
SELECT absorb() \g /dev/null
UPDATE data_agg_state SET next_run_at = NULL;
SELECT agg_start('DXY', '5m', '2025-07-01 12:00+00') ->> 'claim_token' AS token, last_agg_bar_ts_utc AS cursor FROM data_agg_state WHERE canonical_symbol = 'DXY' AND timeframe = '5m' \gset
SELECT agg_finish('DXY', '5m', true, (catchup_aggregation_range('DXY', '5m', :'cursor', 1000, '2025-07-01 12:00+00') ->> 'cursor_advanced_to')::timestamptz, p_claim_token => :'token', p_now_utc => '2025-07-01 12:00+00') ->> 'success';
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'and behind a worker that made bars of what had been computed');
SELECT is_empty('SELECT * FROM agg_verify()', 'too');

-- A task that goes and comes back while the pairs change, and nobody takes note.
CREATE FUNCTION without_tasks(change text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMPORARY TABLE gone ON COMMIT DROP AS SELECT * FROM data_agg_state WHERE canonical_symbol = 'DXY';
	DELETE FROM data_agg_state WHERE canonical_symbol = 'DXY';
	EXECUTE change;
	PERFORM run();
	INSERT INTO data_agg_state SELECT * FROM gone;
	UPDATE data_agg_state SET last_agg_bar_ts_utc = NULL, next_run_at = NULL WHERE canonical_symbol = 'DXY';
END
$$;
CREATE FUNCTION steps(windows int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => windows, p_now_utc => '2025-07-02 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
SELECT without_tasks($$DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc BETWEEN '2025-07-01 00:00+00' AND '2025-07-01 00:29+00'$$);
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'minutes at the start have lost a part while there was no task');
SELECT is_empty('SELECT * FROM agg_verify()', 'and their bars go');
SELECT without_tasks($$DELETE FROM data_bars WHERE canonical_symbol = 'USDSEK' AND ts_utc BETWEEN '2025-07-01 00:40+00' AND '2025-07-01 00:59+00' OR canonical_symbol = 'USDJPY' AND ts_utc BETWEEN '2025-07-01 01:05+00' AND '2025-07-01 01:08+00'$$);
UPDATE data_bars SET close = close * 1.1, high = high * 1.1 WHERE canonical_symbol = 'GBPUSD' AND ts_utc BETWEEN '2025-07-01 01:10+00' AND '2025-07-01 01:12+00';
SELECT steps(3);
UPDATE data_agg_state SET next_run_at = NULL;
SELECT steps(3);
SELECT is_empty('TABLE wrong_minutes', 'or later ones, and a run makes few windows at a time');
SELECT is_empty('SELECT * FROM agg_verify()', 'likewise');
SELECT without_tasks($$DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF'$$);
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'or all of them');
SELECT is_empty('SELECT * FROM agg_verify()', 'likewise');
SELECT quote('USDCHF', ts_utc, 1) FROM data_bars WHERE canonical_symbol = 'EURUSD' \g /dev/null
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'until they come again');

-- At random.
CREATE PROCEDURE change_at_random() LANGUAGE plpgsql AS $$
DECLARE
	s text;
	at timestamptz;
BEGIN
	FOR i IN 1 .. 60 LOOP
		s := (SELECT symbol FROM parts ORDER BY random() LIMIT 1);
		at := '2025-07-01 00:00+00'::timestamptz + floor(random() * 140) * interval '1 min';
		CASE floor(random() * 4)
			WHEN 0 THEN DELETE FROM data_bars WHERE canonical_symbol = s AND ts_utc BETWEEN at AND at + floor(random() * 9) * interval '1 min';
			WHEN 1 THEN UPDATE data_bars SET ts_utc = ts_utc + interval '1 day' WHERE canonical_symbol = s AND ts_utc = at;
			WHEN 2 THEN UPDATE data_bars SET close = oracle.pick(ARRAY[NULL, 'NaN', 0, -1]::float8[]) WHERE canonical_symbol = s AND ts_utc = at;
			ELSE PERFORM quote(s, at + n * interval '1 min', 0.9 + random() / 5) FROM generate_series(0, floor(random() * 9)::int) AS n;
		END CASE;
		COMMIT;
		IF random() < 0.2 THEN
			PERFORM agg_run_batch(p_max_windows => 1 + floor(random() * 5)::int, p_now_utc => '2025-07-02 00:00+00');
			COMMIT;
		END IF;
	END LOOP;
END
$$;
SELECT start_of_random(max(seed)) FROM seeds;
CALL change_at_random();
SELECT run();
SELECT is_empty('TABLE wrong_minutes', 'sixty random changes: the minutes');
SELECT is_empty('SELECT * FROM agg_verify()', 'and the bars');

SELECT * FROM finish();
