SELECT DISTINCT ON (canonical_symbol) canonical_symbol, bucket, open, high, low, close, vol, vwap, trade_count, source_candles FROM timescale.bars_5m
WHERE canonical_symbol = ANY ((SELECT symbols FROM bench.watchlist)::text[]) AND bucket > timestamptz '2025-07-01 00:03:20+00' - interval '15 minutes'
ORDER BY canonical_symbol, bucket DESC;
