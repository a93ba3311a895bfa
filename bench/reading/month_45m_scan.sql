\set day random(1, :days - :month - 1)
SELECT ts_utc, open, high, low, close, vol, vwap, trade_count, quality_score FROM derived_data_bars
WHERE canonical_symbol = 'YEAR' AND timeframe = '15m' AND deleted_at IS NULL AND ts_utc >= timestamptz '2025-07-01 00:00+00' - :day * interval '1 day' - :month * interval '1 day' AND ts_utc < timestamptz '2025-07-01 00:00+00' - :day * interval '1 day'
ORDER BY ts_utc;
