-- What a proof must not overlook: columns of provenance, absurd numbers, rows outside of start and cursor, bars of nobody, bars that are
-- there twice, minutes of the index, and the ends of time. agg_verify() and agg_verify_sample(1) say the same of the same rows.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-09-01 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;
-- What both of them say while a statement is done, which is undone afterwards.
CREATE FUNCTION told(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	counted bigint;
	sampled bigint;
BEGIN
	BEGIN
		EXECUTE what;
		SELECT string_agg(concat_ws(' ', v.timeframe, v.difference, v.column_name, '(' || v.explanation || ')'), ', ' ORDER BY v.timeframe, v.ts_utc, v.column_name), count(*) FILTER (WHERE v.explanation IS NULL)
			INTO said, counted FROM agg_verify() AS v;
		sampled := agg_verify_sample(1, '1 hour', 1) ->> 'differences';
		IF sampled <> counted THEN
			said := said || format(' BUT THE SAMPLE COUNTS %s', sampled);
		END IF;
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN RETURN coalesce(said, 'nothing');
	END;
END
$$;
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h']) AS tf;
SELECT world.minutes('EURUSD', '2025-07-02 00:00+00', 1440);
SELECT run();
SELECT is(told('SELECT'), 'nothing', 'nothing is wrong');

-- Where a bar comes from.
CREATE FUNCTION wrong(change text) RETURNS text LANGUAGE sql AS $$ SELECT told('UPDATE derived_data_bars SET ' || change || ' WHERE timeframe = ''1h'' AND ts_utc = ''2025-07-02 04:00+00''') $$;
SELECT is(wrong('is_partial = true'), '1h differs is_partial', 'a bar that calls itself partial');
SELECT is(wrong('source = ''manual'''), '1h differs source', 'one that somebody else has made');
SELECT is(wrong('provider_ticker = ''C:EURUSD'''), '1h differs provider_ticker', 'one with a provider''s name');
SELECT is(wrong('raw = raw || ''{"source": "data_bars"}'''), '1h differs raw', 'one that names another source');
SELECT is(wrong('raw = raw || ''{"deleted": "by hand"}'''), '1h differs raw', 'one that calls itself deleted');
SELECT is(wrong('raw = raw || ''{"note": "checked"}'''), 'nothing', 'more than that may be said');
SELECT is(wrong('raw = ''{"job": 7}'', source = ''pipeline'', provider_ticker = ''C:EURUSD'''), 'nothing', 'an older system''s bar keeps its provenance');
SELECT is(wrong('raw = NULL, close = 1'), '1h differs close', 'but not its values');

-- Numbers at the edge of what the types hold.
SELECT is(told($$UPDATE data_bars SET trade_count = CASE extract(minute FROM ts_utc)::int % 5 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN 10 WHEN 2 THEN -10 ELSE 0 END;
	SELECT run()$$), 'nothing', 'a sum of counts that fits, although one on the way to it did not');
BEGIN;
UPDATE data_bars SET trade_count = CASE extract(minute FROM ts_utc)::int % 5 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN 10 WHEN 2 THEN -10 ELSE 0 END;
SELECT run();
SELECT is((world.bar('EURUSD', '5m', '2025-07-02 00:00+00')).trade_count, 9223372036854775807, 'is there');
SELECT is((world.bar('EURUSD', '1h', '2025-07-02 00:00+00')).trade_count, NULL, 'and one that does not fit is not');
SELECT is(wrong('trade_count = 9223372036854775807'), '1h differs trade_count', 'which the proof says too');
ROLLBACK;
SELECT is(told($$UPDATE data_bars SET vol = 1e308 WHERE ts_utc = '2025-07-02 04:00+00'; SELECT run()$$), 'nothing', 'a volume that dwarfs all others');
SELECT is(told($$UPDATE data_bars SET vol = 1e308 WHERE ts_utc = '2025-07-02 04:00+00'; SELECT run(); UPDATE derived_data_bars SET vol = 1.0000000000000002e308 WHERE timeframe = '1h' AND vol > 1e300$$), '1h differs vol', 'to the last bit');
SELECT is(told($$UPDATE data_bars SET vol = 1e308 WHERE ts_utc < '2025-07-02 00:03+00'; SELECT run()$$), 'nothing', 'volumes whose sum is none');
SELECT is(told($$UPDATE data_bars SET vol = 1e308 WHERE ts_utc < '2025-07-02 00:03+00'; SELECT run(); UPDATE derived_data_bars SET vol = 1e307 WHERE timeframe = '5m' AND vol IS NULL; SELECT run()$$), '1h differs vol, 5m differs vol', 'nobody may make one up');
SELECT is(told($$UPDATE data_bars SET vol = 4.9e-324, vwap = 1e-300; SELECT run()$$), 'nothing', 'volumes of next to nothing');
SELECT is(told($$UPDATE data_bars SET vol = 1e200, vwap = 1e200; SELECT run()$$), 'nothing', 'products beyond the range');
SELECT is(told($$UPDATE data_bars SET vol = CASE extract(minute FROM ts_utc)::int % 3 WHEN 0 THEN 1.7e308 WHEN 1 THEN -1.7e308 ELSE 1e-300 END; SELECT run()$$), 'nothing', 'and what cannot be added in any order');

-- What a value is shows in whatever way the session writes numbers.
SET extra_float_digits = -15;
CREATE FUNCTION texts() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	BEGIN
		UPDATE derived_data_bars SET close = 340.5000000000001 WHERE timeframe = '1h' AND ts_utc = '2025-07-02 04:00+00';
		said := (SELECT v.stored || ' instead of ' || v.expected FROM agg_verify('EURUSD', '1h') AS v);
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN RETURN said;
	END;
END
$$;
SELECT alike(texts(), '340.5000000000001 instead of %', 'to the last one');
RESET extra_float_digits;

-- Behind the start, and ahead of the cursor.
SELECT is(told($$SELECT agg_set_start('EURUSD', '5m', '2025-07-02 12:00+00')$$), 'nothing', 'bars before a start that was moved stay');
CREATE FUNCTION moved(change text) RETURNS text LANGUAGE sql AS $$
	SELECT told('UPDATE data_agg_state SET agg_start_utc = ''2025-07-02 12:00+00'' WHERE timeframe = ''5m''; SELECT run(); ' || change)
$$;
SELECT is(moved($$UPDATE derived_data_bars SET high = 1e6 WHERE timeframe = '5m' AND ts_utc = '2025-07-02 05:00+00'$$), '1h differs high, 5m differs high', 'and stay true');
SELECT is(moved($$DELETE FROM derived_data_bars WHERE timeframe = '5m' AND ts_utc = '2025-07-02 05:00+00'; UPDATE derived_data_bars SET source_candles = 11, quality_score = 1, high = high WHERE timeframe = '1h' AND ts_utc = '2025-07-02 05:00+00'$$) LIKE '%5m%', false, 'none is missing there');
CREATE FUNCTION ahead(change text) RETURNS text LANGUAGE sql AS $$
	SELECT told('UPDATE data_agg_state SET last_agg_bar_ts_utc = ''2025-07-02 12:00+00'' WHERE timeframe = ''1h''; ' || change)
$$;
SELECT is(ahead('SELECT'), 'nothing', 'bars ahead of a cursor are what their source is');
SELECT is(ahead($$UPDATE derived_data_bars SET high = 1e6 WHERE timeframe = '1h' AND ts_utc = '2025-07-02 15:00+00'$$), '1h differs high (pending)', 'or will be');
SELECT is(ahead($$DELETE FROM derived_data_bars WHERE timeframe = '1h' AND ts_utc = '2025-07-02 15:00+00'$$), 'nothing', 'none is missing there either');
SELECT is(ahead($$DELETE FROM derived_data_bars WHERE timeframe = '1h' AND ts_utc = '2025-07-02 05:00+00'$$), '1h missing', 'but after it');

-- Bars of nobody.
SELECT is(told($$INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'OLD', '4h', t, 1, 1, 1, 1 FROM generate_series('2020-01-01 00:00+00'::timestamptz, '2020-01-02 00:00+00', '4 hours') AS t$$), '4h no_task (no_task)', 'bars without a task are named, which is no alarm');
BEGIN;
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) SELECT 'OLD', '4h', t, 1, 1, 1, 1 FROM generate_series('2020-01-01 00:00+00'::timestamptz, '2020-01-02 00:00+00', '4 hours') AS t;
SELECT results_eq($$SELECT ts_utc, stored FROM agg_verify('OLD')$$, $$VALUES ('2020-01-01 00:00+00'::timestamptz, '7')$$, 'the first of them, and how many');
SELECT is_empty($$SELECT * FROM agg_verify('EURUSD')$$, 'with their symbol');
ROLLBACK;

-- Twice the same key, where nothing forbids it.
SELECT is(told($$DROP INDEX derived_data_bars_live_idx; INSERT INTO derived_data_bars SELECT * FROM derived_data_bars WHERE timeframe = '1h' AND ts_utc = '2025-07-02 04:00+00'$$), '1h duplicate, 1h duplicate', 'a bar that is there twice');
SELECT is(told($$ALTER TABLE data_bars DROP CONSTRAINT data_bars_unique_idx; INSERT INTO data_bars SELECT * FROM data_bars WHERE ts_utc = '2025-07-02 04:03+00'; DELETE FROM agg_change_log$$) LIKE '%5m duplicate source%', true, 'a minute that is there twice');

-- The ends of time, and the centuries between.
BEGIN;
SET LOCAL aggregation.tracking = off;
SELECT world.task('FAR', '5m', '-infinity');
SELECT world.minutes('FAR', t::timestamptz, 10) FROM unnest('{4500-01-02 00:00+00 BC,0024-05-05 00:00+00,2024-05-05 00:00+00,200000-01-01 00:00+00}'::text[]) AS t;
UPDATE data_agg_state SET last_agg_bar_ts_utc = '200000-01-02 00:00+00' WHERE canonical_symbol = 'FAR';
SELECT is(count(*), 8::bigint, 'bars that are 200,000 years apart are missed') FROM agg_verify('FAR') WHERE difference = 'missing';
SELECT is((agg_verify_sample(1, '1 hour', 3) ->> 'differences')::int, 8, 'by the sample too');
ROLLBACK;

-- The index's minutes.
BEGIN;
SELECT world.task('DXY', '5m');
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count)
SELECT symbol, '1m', t, 1, 1, 1, 1.5, 1, 1 FROM unnest('{EURUSD,USDJPY,GBPUSD,USDCAD,USDSEK,USDCHF}'::text[]) AS symbol, generate_series('2025-07-03 00:00+00'::timestamptz, '2025-07-03 01:59+00', '1 minute') AS t;
SELECT run();
SELECT is(count(*), 120::bigint, 'two hours of the index') FROM data_bars WHERE canonical_symbol = 'DXY';
SELECT is(told('SELECT'), 'nothing', 'which are right');
SELECT is(told($$UPDATE data_bars SET close = 99, source = 'ingest' WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-03 00:03+00'; SELECT run()$$), 'nothing', 'a minute that a feed delivered is not judged');
SELECT is(told($$SET LOCAL aggregation.tracking = off; UPDATE data_bars SET close = close + 2e-8 WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-03 00:03+00'$$), '1m differs close, 1m differs high, 1m differs low, 1m differs open', 'one that is wrong in the eighth decimal is');
SELECT is(told($$SET LOCAL aggregation.tracking = off; UPDATE data_bars SET trade_count = 5 WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-03 00:03+00'$$), '1m differs trade_count, 5m differs trade_count', 'and one with trades');
SELECT is(told($$SET LOCAL aggregation.tracking = off; DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc = '2025-07-03 00:03+00'$$), '1m surplus', 'one that has lost a part');
SELECT is(told($$DELETE FROM data_bars WHERE canonical_symbol = 'USDCHF' AND ts_utc = '2025-07-03 00:03+00'$$), '1m surplus (pending)', 'is pending while somebody will see to it');
SELECT is(told($$SELECT agg_retire_source('2025-07-03 01:00+00', 'USDCHF'); SELECT run()$$), 'nothing', 'the source of one pair is retired');
SELECT is(told($$SELECT agg_retire_source('2025-07-03 01:00+00'); SELECT run()$$), 'nothing', 'of all');
SELECT is(told($$UPDATE data_bars SET close = 1e-200 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-03 00:03+00'; UPDATE data_bars SET close = 1e300 WHERE canonical_symbol = 'GBPUSD' AND ts_utc = '2025-07-03 00:04+00'; SELECT run()$$), 'nothing', 'absurd prices are computed all the same');
ROLLBACK;

SELECT is(told('SELECT'), 'nothing', 'nothing is wrong in the end');

SELECT * FROM finish();
