-- The dollar index: its value against the reference and against the older SQL (exp and ln), minutes that are skipped, and what a second run
-- and a stale bar mean.
\ir include/tap.psql
\ir include/refusals.psql
DO $$ BEGIN PERFORM agg_setup(); END $$;
\ir ../reference/oracle.sql
SELECT no_plan();
\ir include/seeds.psql
INSERT INTO core_asset_registry_all (canonical_symbol) VALUES ('DXY');

CREATE TABLE parts (symbol text PRIMARY KEY, level float8);
INSERT INTO parts VALUES ('EURUSD', 1.08), ('USDJPY', 150), ('GBPUSD', 1.27), ('USDCAD', 1.36), ('USDSEK', 10.5), ('USDCHF', 0.88);
CREATE FUNCTION closes(p_symbol text, at timestamptz, close float8) RETURNS void LANGUAGE sql AS $$
	INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close) VALUES (p_symbol, '1m', at, close, close, close, close)
$$;

-- One minute, by hand.
SELECT closes(symbol, '2025-07-01 10:00+00', level) FROM parts;
SELECT is(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:01+00') - 'unchanged', '{"success": true, "inserted": 1, "updated": 0, "skipped": 0, "version": 1}', 'one minute');
SELECT results_eq($$SELECT timeframe, ts_utc, close, open = close AND high = close AND low = close, vol, vwap, trade_count::bigint, source, raw, is_partial FROM data_bars WHERE canonical_symbol = 'DXY'$$,
	$$VALUES ('1m', '2025-07-01 10:00+00'::timestamptz, round((50.14348112 * 1.08 ^ -0.576 * 150 ^ 0.136 * 1.27 ^ -0.119 * 1.36 ^ 0.091 * 10.5 ^ 0.042 * 0.88 ^ 0.036)::numeric, 8)::float8, true, 0::float8, NULL::float8, 0::bigint, 'synthetic', '{"kind": "dxy", "version": 1}'::jsonb, false)$$,
	'one bar, every column');
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:01+00', 1), '{"success": true, "inserted": 0, "updated": 1, "unchanged": 1, "skipped": 0}', 'again: there already, and as it was');

-- Random days, with minutes missing and closes that are no prices.
DO $$
DECLARE
	s seeds;
BEGIN
	FOR s IN TABLE seeds LOOP
		PERFORM start_of_random(s.seed);
		INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, close)
		SELECT symbol, '1m', minute, CASE WHEN random() < 0.02 THEN oracle.pick(ARRAY[NULL, 'NaN', 'Infinity', '-Infinity', 0, '-0', -1]::float8[]) ELSE level * (1 + (random() - 0.5) / 50) END
		FROM generate_series('2025-08-01 00:00+00'::timestamptz + s.seed % 1000 * interval '7 days', '2025-08-02 12:00+00'::timestamptz + s.seed % 1000 * interval '7 days', interval '1 min') AS minute, parts
		WHERE random() < 0.97
		ON CONFLICT DO NOTHING;
	END LOOP;
END
$$;
CREATE TABLE days AS SELECT DISTINCT '2025-08-01 00:00+00'::timestamptz + seed % 1000 * interval '7 days' + n * interval '12 hours' AS from_utc FROM seeds, generate_series(0, 3) AS n;
CREATE TABLE answers AS SELECT from_utc, calc_dxy_range_1m(from_utc, from_utc + interval '12 hours') AS answer FROM days;
SELECT is(answer - 'unchanged', jsonb_build_object('success', true, 'inserted', (SELECT count(*) FROM oracle.dxy(from_utc, from_utc + interval '12 hours')), 'updated', 0,
	'skipped', oracle.dxy_skipped(from_utc, from_utc + interval '12 hours'), 'version', 1), 'half a day: as many as the reference makes, and skips') FROM answers ORDER BY from_utc;
SELECT cmp_ok(sum((answer ->> 'skipped')::int), '>', 100::bigint, 'many are skipped') FROM answers;
SELECT is_empty($$SELECT ts_utc FROM days, oracle.dxy(from_utc, from_utc + interval '12 hours') EXCEPT SELECT ts_utc FROM data_bars WHERE canonical_symbol = 'DXY'$$, 'the same minutes');
SELECT cmp_ok(max(abs(b.close - r.price)), '<=', 1.000001e-8::float8, 'the same prices, to the last of eight decimals') FROM days, oracle.dxy(from_utc, from_utc + interval '12 hours') AS r JOIN data_bars AS b ON b.canonical_symbol = 'DXY' AND b.ts_utc = r.ts_utc;
SELECT is_empty($$SELECT close FROM data_bars WHERE canonical_symbol = 'DXY' AND close <> round(close::numeric, 8)::float8$$, 'rounded to eight decimals');

-- The older SQL's formula.
SELECT cmp_ok(max(abs(b.close - old.price)), '<=', 1.000001e-8::float8, 'exp and ln give the same') FROM data_bars AS b JOIN (
	SELECT ts_utc, (50.14348112 * exp(-0.576 * ln(eur)) * exp(0.136 * ln(jpy)) * exp(-0.119 * ln(gbp)) * exp(0.091 * ln(cad)) * exp(0.042 * ln(sek)) * exp(0.036 * ln(chf)))::decimal(20, 8)::float8 AS price
	FROM (SELECT ts_utc, max(close) FILTER (WHERE canonical_symbol = 'EURUSD') AS eur, max(close) FILTER (WHERE canonical_symbol = 'USDJPY') AS jpy, max(close) FILTER (WHERE canonical_symbol = 'GBPUSD') AS gbp,
			max(close) FILTER (WHERE canonical_symbol = 'USDCAD') AS cad, max(close) FILTER (WHERE canonical_symbol = 'USDSEK') AS sek, max(close) FILTER (WHERE canonical_symbol = 'USDCHF') AS chf
		FROM data_bars WHERE timeframe = '1m' AND oracle.finite(close) AND close > 0 GROUP BY ts_utc) AS closes
	WHERE eur IS NOT NULL AND jpy IS NOT NULL AND gbp IS NOT NULL AND cad IS NOT NULL AND sek IS NOT NULL AND chf IS NOT NULL) AS old USING (ts_utc)
WHERE b.canonical_symbol = 'DXY';

-- A second run writes nothing.
CREATE TABLE before AS SELECT probe.fingerprint() AS digest;
SELECT is(second ->> 'unchanged', answer ->> 'inserted', 'every bar unchanged') FROM (SELECT answer, calc_dxy_range_1m(from_utc, from_utc + interval '12 hours') AS second FROM answers) AS x;
SELECT is(probe.fingerprint(), digest, 'and not a row written') FROM before;

-- A corrected part, a bar by a stale formula, a bar of another version, a bar of another source.
UPDATE data_bars SET close = close * 1.01 WHERE canonical_symbol = 'USDJPY' AND ts_utc = '2025-07-01 10:00+00';
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:01+00'), '{"inserted": 0, "updated": 1, "unchanged": 0}', 'a corrected part: rewritten');
SELECT is(b.close, r.price, 'with the new price') FROM data_bars AS b, oracle.dxy('2025-07-01 10:00+00', '2025-07-01 10:01+00') AS r WHERE b.canonical_symbol = 'DXY' AND b.ts_utc = r.ts_utc;
UPDATE data_bars SET low = 1, vol = 5, source = 'ingest' WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 10:00+00';
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:01+00'), '{"updated": 1, "unchanged": 0}', 'somebody else''s bar: rewritten');
SELECT is(jsonb_build_array(low = close, vol, source), '[true, 0, "synthetic"]', 'whole') FROM data_bars WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 10:00+00';
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:01+00', 2), '{"updated": 1, "unchanged": 0, "version": 2}', 'another version: rewritten');
SELECT is(raw, '{"kind": "dxy", "version": 2}', 'and says so') FROM data_bars WHERE canonical_symbol = 'DXY' AND ts_utc = '2025-07-01 10:00+00';

-- Only closes of whole minutes count; open, high and low of the parts do not matter.
DELETE FROM data_bars;
SELECT closes(symbol, '2025-07-01 10:00+00', level) FROM parts WHERE symbol <> 'USDSEK';
SELECT closes('USDSEK', '2025-07-01 10:00:00.000001+00', 10);
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, close) VALUES ('USDSEK', '5m', '2025-07-01 10:00+00', 10);
SELECT closes('AUDUSD', '2025-07-01 10:02+00', 1);
SELECT is(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:05+00') - 'unchanged', '{"success": true, "inserted": 0, "updated": 0, "skipped": 1, "version": 1}', 'five of six, and one a microsecond later: the minute is skipped; others do not count');
DELETE FROM data_bars;
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, close) SELECT symbol, '1m', '2025-07-01 10:00+00', 'NaN', level FROM parts;
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 09:00+00', '2025-07-01 10:00+00'), '{"inserted": 0, "skipped": 0}', 'the end is not in the range');
SELECT probe.answers(calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 10:00:00.000001+00'), '{"inserted": 1, "skipped": 0}', 'the start is');

-- Extreme closes make no infinite bar.
UPDATE data_bars SET close = CASE WHEN canonical_symbol LIKE 'USD%' THEN 1e308 ELSE 5e-324 END, ts_utc = '2025-07-01 11:00+00' WHERE canonical_symbol <> 'DXY';
SELECT calc_dxy_range_1m('2025-07-01 11:00+00', '2025-07-01 12:00+00') \g /dev/null
SELECT is_empty($$SELECT * FROM data_bars WHERE canonical_symbol = 'DXY' AND NOT oracle.finite(close)$$, 'no infinite bar');

-- DXY goes up the chain like any other symbol.
DELETE FROM data_bars;
SELECT closes(symbol, minute, level) FROM parts, generate_series('2025-07-01 00:00+00', '2025-07-01 00:59+00', interval '1 min') AS minute;
SELECT calc_dxy_range_1m('2025-07-01 00:00+00', '2025-07-01 01:00+00') \g /dev/null
SELECT oracle.make_tasks('DXY', '2025-07-01 00:00+00', 30, ARRAY['5m', '1h']);
SELECT is((SELECT sum(bars_created) FROM agg_aggregate_tasks(ARRAY['DXY', 'DXY'], ARRAY['5m', '1h'], 100, '2025-07-02')), 13::numeric, 'twelve times five minutes, one hour');
SELECT is(jsonb_build_array(vol, vwap, trade_count, quality_score), '[0, null, 0, 2]', 'without volume') FROM derived_data_bars WHERE timeframe = '1h';

SELECT * FROM finish();
