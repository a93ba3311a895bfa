-- The same minutes for TimescaleDB, and real-time aggregates of 5m and of 15m that hold every window that is over.
SET client_min_messages = warning;
\ir ../timescale/hypertable.sql
INSERT INTO timescale.data_bars SELECT * FROM public.data_bars ORDER BY ts_utc;
SELECT format($$CREATE MATERIALIZED VIEW timescale.%I WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
	SELECT canonical_symbol, time_bucket(%L, ts_utc) AS bucket, first(open, ts_utc) AS open, max(high) AS high, min(low) AS low, last(close, ts_utc) AS close,
		sum(vol) AS vol, sum(vwap * vol) / nullif(sum(vol), 0) AS vwap, sum(trade_count) AS trade_count, count(*) AS source_candles
	FROM timescale.data_bars WHERE timeframe = '1m' GROUP BY canonical_symbol, bucket WITH NO DATA$$, name, width)
FROM (VALUES ('bars_5m', '5 minutes'), ('bars_15m', '15 minutes')) AS v (name, width) \gexec
CALL refresh_continuous_aggregate('timescale.bars_5m', NULL, '2025-07-01 00:00+00');
CALL refresh_continuous_aggregate('timescale.bars_15m', NULL, '2025-07-01 00:00+00');
VACUUM ANALYZE;
