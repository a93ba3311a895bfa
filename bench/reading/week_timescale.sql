\set day random(1, :days - 8)
SELECT bucket, open, high, low, close, vol, vwap, trade_count, source_candles FROM timescale.bars_15m
WHERE canonical_symbol = 'YEAR' AND bucket >= timestamptz '2025-07-01 00:00+00' - :day * interval '1 day' - interval '7 days' AND bucket < timestamptz '2025-07-01 00:00+00' - :day * interval '1 day'
ORDER BY bucket;
