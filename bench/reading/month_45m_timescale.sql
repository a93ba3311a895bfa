\set day random(1, :days - :month - 1)
SELECT time_bucket('45 minutes', bucket) AS start, first(open, bucket) AS open, max(high) AS high, min(low) AS low, last(close, bucket) AS close, sum(vol) AS vol, sum(vwap * vol) / nullif(sum(vol), 0) AS vwap, sum(trade_count) AS trade_count
FROM timescale.bars_15m
WHERE canonical_symbol = 'YEAR' AND bucket >= timestamptz '2025-07-01 00:00+00' - :day * interval '1 day' - :month * interval '1 day' AND bucket < timestamptz '2025-07-01 00:00+00' - :day * interval '1 day'
GROUP BY 1 ORDER BY 1;
