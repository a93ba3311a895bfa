-- The U.S. Dollar Index from its six pairs.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT symbol, '1m', '2025-07-01 10:00+00'::timestamptz + n * interval '1 minute', price, price, price, price
FROM (VALUES ('EURUSD', 1.08), ('USDJPY', 150), ('GBPUSD', 1.27), ('USDCAD', 1.36), ('USDSEK', 10.5), ('USDCHF', 0.9)) AS pair (symbol, price),
     generate_series(0, 3) AS n
WHERE NOT (symbol = 'USDSEK' AND n = 2);
UPDATE data_bars SET close = 0 WHERE canonical_symbol = 'USDCHF' AND ts_utc = '2025-07-01 10:03+00';

-- a minute with a part missing, or not above zero, is skipped
SELECT calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 11:00+00');
SELECT ts_utc, open = close AND high = low AND open = high AS flat, close, vol, vwap, trade_count, source, raw
FROM data_bars WHERE canonical_symbol = 'DXY' ORDER BY ts_utc;
SELECT round((50.14348112 * power(1.08, -0.576) * power(150, 0.136) * power(1.27, -0.119) * power(1.36, 0.091) * power(10.5, 0.042)
       * power(0.9, 0.036))::numeric, 8) AS by_the_formula;

-- again: nothing to write; then one price is corrected
SELECT calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 11:00+00');
UPDATE data_bars SET close = 1.09 WHERE canonical_symbol = 'EURUSD' AND ts_utc = '2025-07-01 10:01+00';
SELECT calc_dxy_range_1m('2025-07-01 10:00+00', '2025-07-01 11:00+00');

-- a bad range is an answer, not an error
SELECT calc_dxy_range_1m('2025-07-01 11:00+00', '2025-07-01 10:00+00');

TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
