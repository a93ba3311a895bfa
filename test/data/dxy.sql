-- DXY from real daily values of its six pairs, each day taken as one minute, beside the
-- published index. The pairs are snapshots at the start of the day and the index is New
-- York's close, so the formula on one row belongs to the index of the row before.

\ir start.psql

CREATE TABLE daily (n int GENERATED ALWAYS AS IDENTITY, day date, dxy float8, eurusd float8, usdjpy float8, gbpusd float8, usdcad float8, usdsek float8, usdchf float8);
\copy daily (day, dxy, eurusd, usdjpy, gbpusd, usdcad, usdsek, usdchf) FROM PROGRAM 'zcat "$AGGREGATION_DATA/dxy/dxy_constituents.csv.gz"' WITH (FORMAT csv, HEADER)

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT symbol, '1m', timestamptz '2020-01-01 00:00+00' + n * interval '1 minute', price, price, price, price, 1
FROM daily
CROSS JOIN LATERAL (VALUES ('EURUSD', eurusd), ('USDJPY', usdjpy), ('GBPUSD', gbpusd), ('USDCAD', usdcad), ('USDSEK', usdsek), ('USDCHF', usdchf)) p (symbol, price);

SELECT no_plan();

SELECT is(
	calc_dxy_range_1m('2020-01-01 00:00+00', '2020-01-04 00:00+00') - ARRAY['version', 'unchanged'] @> '{"success": true, "inserted": 2618, "updated": 0}',
	true, 'an index value for each of the 2,618 days');

CREATE TABLE compared AS
SELECT later.n, 100 * (x.close - d.dxy) / d.dxy AS percent
FROM daily d
JOIN daily later ON later.n = d.n + 1
JOIN data_bars x ON x.canonical_symbol = 'DXY' AND x.timeframe = '1m' AND x.ts_utc = timestamptz '2020-01-01 00:00+00' + later.n * interval '1 minute';

SELECT is(count(*), 2617::bigint, 'all but the first can be compared') FROM compared;
SELECT cmp_ok(percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(percent)), '<=', 0.06::float8, 'median difference at most 0.06 %') FROM compared;
SELECT cmp_ok(stddev(percent), '<=', 0.13::float8, 'standard deviation as known of these data') FROM compared;
SELECT cmp_ok(max(abs(percent)), '<=', 1.25::float8, 'largest difference as known of these data') FROM compared;

SELECT is_empty(
	$$ SELECT ts_utc FROM data_bars x JOIN daily d ON x.ts_utc = timestamptz '2020-01-01 00:00+00' + d.n * interval '1 minute'
	WHERE x.canonical_symbol = 'DXY' AND (x.source <> 'synthetic' OR x.open <> x.close OR x.high <> x.close OR x.low <> x.close
		OR abs(x.close - 50.14348112 * d.eurusd ^ -0.576 * d.usdjpy ^ 0.136 * d.gbpusd ^ -0.119 * d.usdcad ^ 0.091 * d.usdsek ^ 0.042 * d.usdchf ^ 0.036) > 1e-8) $$,
	'every value is the formula, rounded to 8 decimals');

SELECT * FROM finish();
