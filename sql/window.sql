-- One window: five minutes make a bar, and how good a bar is.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION IF NOT EXISTS aggregation SCHEMA public;
SELECT count(*) >= 0 AS ready FROM agg_setup();
RESET client_min_messages;

INSERT INTO data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close, vol, vwap, trade_count) VALUES
('EURUSD', '1m', '2025-07-01 10:00+00', 1.10, 1.15, 1.09, 1.12, 10, 1.11, 3),
('EURUSD', '1m', '2025-07-01 10:01+00', 1.12, 1.20, 1.10, 1.13, 30, 1.15, 5),
('EURUSD', '1m', '2025-07-01 10:02+00', 1.13, 1.14, 1.05, 1.06,  0, 1.07, 0),
('EURUSD', '1m', '2025-07-01 10:03+00', 1.06, 1.08, 1.06, 1.07, 20, NULL, 2),
('EURUSD', '1m', '2025-07-01 10:04+00', 1.07, 1.09, 1.01, 1.08, NULL, NULL, NULL);

SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 10:00+00', '2025-07-01 10:05+00');
SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, source, raw, source_timeframe, source_candles, expected_candles, quality_score,
       derivation_version
FROM derived_data_bars WHERE canonical_symbol = 'EURUSD';

-- a row without a price is no candle
UPDATE data_bars SET high = 'NaN' WHERE ts_utc = '2025-07-01 10:01+00';
SELECT aggregate_1m_to_5m_window('EURUSD', '2025-07-01 10:00+00', '2025-07-01 10:05+00');
-- three of five are poor, two of five are no bar: the one that was stored goes
DELETE FROM data_bars WHERE ts_utc = '2025-07-01 10:02+00';
SELECT aggregate_window('EURUSD', '5m', '2025-07-01 10:00+00', '2025-07-01 10:05+00');
DELETE FROM data_bars WHERE ts_utc = '2025-07-01 10:03+00';
SELECT aggregate_window('EURUSD', '5m', '2025-07-01 10:00+00', '2025-07-01 10:05+00');
SELECT deleted_at IS NOT NULL AS deleted, raw FROM derived_data_bars WHERE canonical_symbol = 'EURUSD';

-- an hour is made of twelve five-minute bars; seven are the least
INSERT INTO derived_data_bars (canonical_symbol, timeframe, ts_utc, open, high, low, close)
SELECT 'GBPUSD', '5m', '2025-07-01 10:00+00'::timestamptz + n * interval '5 minutes', n, n, n, n FROM generate_series(1, 7) AS n;
SELECT aggregate_5m_to_1h_window('GBPUSD', '2025-07-01 10:00+00', '2025-07-01 11:00+00');
SELECT open, high, low, close, vol, quality_score FROM derived_data_bars WHERE canonical_symbol = 'GBPUSD' AND timeframe = '1h';

-- weeks begin on Monday; a window must be whole
SELECT aggregate_window('GBPUSD', '1w', '2025-07-01 00:00+00', '2025-07-08 00:00+00');
SELECT aggregate_window('GBPUSD', '1w', '2025-06-30 00:00+00', '2025-07-07 00:00+00');
SELECT aggregate_window('GBPUSD', '1m', '2025-07-01 00:00+00', '2025-07-01 00:01+00');
SELECT aggregate_window('GBPUSD', '5 minutes', '2025-07-01 00:00+00', '2025-07-01 00:05+00');

TRUNCATE data_bars, derived_data_bars, data_agg_state, core_asset_registry_all;
