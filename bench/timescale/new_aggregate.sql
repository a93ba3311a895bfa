-- :aggregate, an empty continuous aggregate of 5m bars: what "empty target" means for TimescaleDB.
DROP MATERIALIZED VIEW IF EXISTS :aggregate;
CREATE MATERIALIZED VIEW :aggregate WITH (timescaledb.continuous) AS
SELECT canonical_symbol, time_bucket('5 minutes', ts_utc) AS bucket,
	first(open, ts_utc) AS open, max(high) AS high, min(low) AS low, last(close, ts_utc) AS close,
	sum(vol) AS vol, sum(vwap * vol) / nullif(sum(vol), 0) AS vwap, sum(trade_count) AS trade_count, count(*) AS source_candles
FROM timescale.data_bars
WHERE timeframe = '1m'
GROUP BY canonical_symbol, bucket
WITH NO DATA;
