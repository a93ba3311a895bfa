-- From the first bar to the proof on tables that were there before: every column that the extension knows has a value, whichever way the
-- bar is written, and nothing depends on a default.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir include/market.psql
SELECT no_plan();
SELECT is_empty('SELECT * FROM agg_setup()', 'one setup is enough');

-- Nothing that the extension writes may lean on a default; and what it does not know keeps its own.
DO $$
DECLARE
	wanted record;
BEGIN
	FOR wanted IN SELECT a.attrelid::regclass AS relation, a.attname FROM pg_attribute AS a JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attrelid IN ('data_bars'::regclass, 'derived_data_bars'::regclass) AND a.attname <> 'id' LOOP
		EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT', wanted.relation, wanted.attname);
	END LOOP;
END
$$;
ALTER TABLE derived_data_bars ALTER is_partial SET NOT NULL, ALTER source SET NOT NULL, ALTER ingested_at SET NOT NULL, ALTER raw SET NOT NULL, ALTER created_at SET NOT NULL, ALTER updated_at SET NOT NULL,
	ALTER source_timeframe SET NOT NULL, ALTER source_candles SET NOT NULL, ALTER expected_candles SET NOT NULL, ALTER quality_score SET NOT NULL, ALTER derivation_version SET NOT NULL;
ALTER TABLE derived_data_bars ADD desk text NOT NULL DEFAULT 'fx', ALTER provider_ticker SET DEFAULT 'a feed''s';
CREATE FUNCTION feed(symbol text, from_utc timestamptz, n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO core_asset_registry_all (canonical_symbol) VALUES (symbol) ON CONFLICT DO NOTHING;
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, trade_count, is_partial, source, ingested_at, raw)
	SELECT symbol, '1m', from_utc + make_interval(mins => i), 1 + i, 2 + i, i, 1.5 + i, 3, 4, false, 'ingest', now(), '{}' FROM generate_series(0, n - 1) AS i
$$;
SELECT feed('EURUSD', '2025-07-01 00:00+00', 1440), world.task('EURUSD', tf) FROM unnest(ARRAY['5m', '1h', '1d']) AS tf LIMIT 1;
SELECT world.task('EURUSD', tf) FROM unnest(ARRAY['1h', '1d']) AS tf;
CREATE FUNCTION run() RETURNS void LANGUAGE plpgsql AS $$ BEGIN WHILE (agg_run_batch(p_max_windows => 100000, p_now_utc => '2025-07-09 00:00+00') ->> 'continue')::boolean LOOP NULL; END LOOP; END $$;

SELECT lives_ok('SELECT run()', 'the first bars are stored');
SELECT results_eq($$SELECT timeframe, count(*) FROM derived_data_bars GROUP BY 1 ORDER BY 2$$, $$VALUES ('1d', 1::bigint), ('1h', 24), ('5m', 288)$$, 'many at once and one by one');
SELECT results_eq($$SELECT DISTINCT is_partial, source, ingested_at = updated_at, created_at = updated_at, raw ->> 'rule', derivation_version, deleted_at, desk, provider_ticker IS NULL FROM derived_data_bars$$,
	$$VALUES (false, 'agg', true, true, 'ohlcv', 1, NULL::timestamptz, 'fx', true)$$, 'with every column, and the table''s own at their defaults');
BEGIN;
SELECT feed('GBPUSD', '2025-07-01 00:00+00', 1440), world.task('GBPUSD', '5m');
SELECT run();
SELECT results_eq($$SELECT DISTINCT ingested_at = now(), created_at = now(), updated_at = now() FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD'$$, 'VALUES (true, true, true)', 'times are the transaction''s');
COMMIT;

-- A correction moves updated_at and no other time; a retraction and a return.
UPDATE data_bars SET close = 9000, high = 9000 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:02+00';
SELECT run() \g /dev/null
SELECT results_eq($$SELECT timeframe, created_at < updated_at AND ingested_at = created_at FROM derived_data_bars WHERE high = 9000 ORDER BY 1$$, $$VALUES ('1d', true), ('1h', true), ('5m', true)$$, 'a correction');
DELETE FROM data_bars WHERE canonical_symbol = 'EURUSD' AND ts_utc >= '2025-07-01 10:00+00' AND ts_utc < '2025-07-01 10:05+00';
SELECT run() \g /dev/null
SELECT is(count(*), 1::bigint, 'a retraction') FROM derived_data_bars WHERE deleted_at IS NOT NULL;
SELECT feed('EURUSD', '2025-07-01 10:00+00', 5) \g /dev/null
SELECT run() \g /dev/null
SELECT results_eq($$SELECT deleted_at IS NULL, close FROM derived_data_bars WHERE timeframe = '5m' AND canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:00+00' ORDER BY 1$$, $$VALUES (false, 605.5::float8), (true, 5.5)$$, 'a return');
SELECT is_empty('SELECT * FROM agg_verify()', 'and the proof');

-- The index's minutes, in bulk and one by one.
ALTER TABLE data_bars ALTER is_partial SET NOT NULL, ALTER ingested_at SET NOT NULL, ALTER raw SET NOT NULL, ALTER source SET NOT NULL;
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY');
SELECT feed(s, '2025-07-02 00:00+00', 300) FROM unnest(ARRAY['EURUSD', 'USDJPY', 'GBPUSD', 'USDCAD', 'USDSEK', 'USDCHF']) AS s;
SELECT is(calc_dxy_range_1m('2025-07-02 00:00+00', '2025-07-02 00:10+00') -> 'inserted', '10', 'minutes of the index, a few');
SELECT is(calc_dxy_range_1m('2025-07-02 00:00+00', '2025-07-02 05:00+00') -> 'inserted', '290', 'many');
UPDATE data_bars SET close = 5 WHERE canonical_symbol = 'DXY' AND ts_utc < '2025-07-02 00:03+00';
SELECT is(calc_dxy_range_1m('2025-07-02 00:00+00', '2025-07-02 05:00+00'), '{"success": true, "inserted": 0, "updated": 300, "skipped": 0, "version": 1, "unchanged": 297}', 'and once more');
SELECT results_eq($$SELECT DISTINCT is_partial, source, ingested_at IS NOT NULL, created_at IS NOT NULL, updated_at IS NOT NULL, raw ->> 'kind' FROM data_bars WHERE canonical_symbol = 'DXY'$$,
	$$VALUES (false, 'synthetic', true, true, true, 'dxy')$$, 'with every column');
SELECT world.task('DXY', '5m') \g /dev/null
SELECT run() \g /dev/null
SELECT is(count(*), 60::bigint, 'its bars') FROM derived_data_bars WHERE canonical_symbol = 'DXY';
SELECT is_empty('SELECT * FROM agg_verify()', 'and the proof');

-- A count that its column cannot hold is named; nothing is stored of it, and nothing else in its place.
ALTER TABLE derived_data_bars ALTER trade_count TYPE integer;
SELECT world.task('TRADED', '5m'), world.task('TRADED', '1h');
SELECT feed('TRADED', '2025-07-03 00:00+00', 600);
UPDATE data_bars SET trade_count = 1500000000 WHERE canonical_symbol = 'TRADED' AND ts_utc < '2025-07-03 00:02+00';
SELECT probe.refuses($$SELECT catchup_aggregation_range('TRADED', '5m', '2025-07-03 00:00+00', 1000, '2025-07-09')$$, '22003', '%3000000012%trade_count%derived_data_bars%integer%', '%bigint%', 'too many trades for the column: in bulk');
SELECT probe.refuses($$SELECT catchup_aggregation_range('TRADED', '5m', '2025-07-03 00:00+00', 1, '2025-07-09')$$, '22003', '%', '%bigint%', 'and one by one');
ALTER TABLE derived_data_bars ALTER trade_count TYPE bigint;
SELECT is(catchup_aggregation_range('TRADED', '5m', '2025-07-03 00:00+00', 1000, '2025-07-09') -> 'bars_inserted', '120', 'once it is wide enough, they fit');
SELECT is((world.bar('TRADED', '5m', '2025-07-03 00:00+00')).trade_count::bigint, 3000000012, 'to the last one');

-- So is a text that is too long for its column.
DELETE FROM derived_data_bars;
ALTER TABLE derived_data_bars ALTER source_timeframe TYPE varchar(1);
SELECT feed('SHORT', '2025-07-03 00:00+00', 600), world.task('SHORT', '5m');
SELECT probe.refuses($$SELECT catchup_aggregation_range('SHORT', '5m', '2025-07-03 00:00+00', 1000, '2025-07-09')$$, '22001', '%too long%', NULL, 'a text that is too long: in bulk');
SELECT probe.refuses($$SELECT catchup_aggregation_range('SHORT', '5m', '2025-07-03 00:00+00', 1, '2025-07-09')$$, '22001', '%too long%', NULL, 'and one by one');

SELECT * FROM finish();
