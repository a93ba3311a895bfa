-- A live market: minutes up to now with holes, a gap of an hour, a minute that came late, odd prices and odd symbols; six pairs and DXY.
SET client_min_messages = warning;
CREATE EXTENSION aggregation;
SELECT agg_setup();
INSERT INTO core_asset_registry_all (canonical_symbol, metadata)
SELECT symbol, jsonb_build_object('agg', jsonb_build_object('start_utc', 'first_bar', 'optional', '["15m"]'::jsonb, 'calendar', calendar))
FROM (VALUES ('EURUSD', 'utc'), ('USDJPY', 'utc'), ('GBPUSD', 'utc'), ('USDCAD', 'utc'), ('USDSEK', 'utc'), ('USDCHF', 'utc'), ('DXY', 'utc'),
	('<script>alert(1)</script>', 'fx'), ('O''Brien "&amp;" \ €😀', 'utc'), ('silent', 'utc')) s(symbol, calendar);
UPDATE core_asset_registry_all SET metadata = jsonb_build_object('agg', jsonb_build_object('start_utc', to_char(now() AT TIME ZONE 'UTC' - interval '9 days', 'YYYY-MM-DD'), 'optional', '["15m", "1d"]'::jsonb, 'calendar', 'fx'))
WHERE canonical_symbol = 'GBPUSD';
SELECT setseed(0.25);
-- (What is drawn in FROM is drawn for each row.)
INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol)
SELECT symbol, '1m', t, price * (1 + a / 1e4), price * (1 + 2e-4), price * (1 - 2e-4), price * (1 + (b - 0.5) / 1e4), CASE WHEN b < 0.9 THEN floor(b * 1000) WHEN b < 0.95 THEN b * 1e22 END
FROM (VALUES ('EURUSD', 1.1::float8), ('USDJPY', 147), ('GBPUSD', 1.3), ('USDCAD', 1.35), ('USDSEK', 9.4), ('USDCHF', 0.8),
	('<script>alert(1)</script>', 1.2345e-7), ('O''Brien "&amp;" \ €😀', 65432.1)) s(symbol, price)
CROSS JOIN LATERAL (SELECT t, random() AS a, random() AS b, random() AS c FROM generate_series(date_trunc('hour', now()) - interval '9 hours', now(), '1 minute') t OFFSET 0) x
WHERE (c > 0.05 OR symbol <> 'EURUSD' OR t = date_trunc('hour', now())) AND NOT (symbol = 'EURUSD' AND t >= date_trunc('hour', now()) - interval '4 hours' AND t < date_trunc('hour', now()) - interval '3 hours');
SELECT sync_agg_state_from_registry();
SELECT calc_dxy_range_1m(now() - interval '9 hours', now());
SELECT agg_run_batch();
SELECT agg_run_batch();
SELECT agg_verify_sample();
UPDATE data_bars SET high = high * 1.001 WHERE canonical_symbol = 'EURUSD' AND ts_utc = date_trunc('hour', now()) - interval '2 hours';
UPDATE data_agg_state SET hard_fail_streak = 2, last_error = '<b>bold</b> & "broken"' WHERE canonical_symbol = 'USDSEK' AND timeframe = '5m';
